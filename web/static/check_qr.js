// The secret of a print stands in the fragment of its QR's address, which no server ever sees unless this
// page hands it over. The fragment is taken out of the address bar first: it must not stay in the history.
const form = document.querySelector("[data-secret]");
const secret = decodeURIComponent(window.location.hash.slice(1));
if (form && /^[A-Za-z2-7]{26}$/.test(secret)) {
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  form.querySelector("[name=secret]").value = secret;
  form.submit();
}
