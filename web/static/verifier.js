// A camera that was open stays open for the next card: one press for the first, none for the others.
const KEY = "scan-in-series";
const box = document.querySelector("[data-scan]");
if (box) {
  box.querySelector("[data-scan-start]").addEventListener("click", () => sessionStorage.setItem(KEY, "1"));
  box.querySelector("[data-scan-stop]").addEventListener("click", () => sessionStorage.removeItem(KEY));
  window.addEventListener("load", () => {
    const start = box.querySelector("[data-scan-start]");
    if (sessionStorage.getItem(KEY) && !start.hidden) start.click();
  });
}
// A hand scanner types where the cursor stands: into the field of QR texts.
const field = document.getElementById("text");
if (field && !document.querySelector(".govuk-error-summary")) field.focus({ preventScroll: true });
