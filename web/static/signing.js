// Signing by people: a form with data-sign asks what to sign, a passkey or wallet signs it, the page leads on.
// data-enrol makes a new key. No third party, nothing kept; words come from data-* of the page.
"use strict";
(() => {
  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  class Told extends Error {}

  const words = () => document.getElementById("signing-words").dataset;

  function tell(kind, title, advice) {
    const box = document.getElementById("signing-message");
    box.className = `notice notice--${kind}`;
    box.hidden = false;
    box.replaceChildren();
    for (const [text, name] of [[title, "notice__title"], [advice, "notice__body"]]) {
      if (!text) continue;
      const line = document.createElement("p");
      line.className = name;
      line.textContent = text;
      box.append(line);
    }
    if (kind === "bad") box.focus();
  }

  const fill = (sentence, values) => sentence.replace(/\[(\w+)\]/g, (all, name) => values[name] ?? all);

  // Every refusal of the browser or key in plain words.
  function explain(error) {
    const said = words();
    if (error instanceof Told) return [error.message, error.advice];
    const name = error && error.name;
    if (name === "NotAllowedError" || name === "AbortError") return [said.cancelled, said.cancelledAdvice];
    if (name === "InvalidStateError") return [said.known, said.knownAdvice];
    if (name === "NotSupportedError" || name === "ConstraintError") return [said.unfit, said.unfitAdvice];
    if (name === "SecurityError") return [said.site, said.siteAdvice];
    if (error && error.code === 4001) return [said.cancelled, said.walletCancelledAdvice];
    if (error && (error.code === 4100 || error.code === 4900 || error.code === 4901)) return [said.wallet, said.walletAdvice];
    if (error && /chain ?id/i.test(String(error.message))) return [said.chain, said.chainAdvice];
    return [said.failed, said.failedAdvice];
  }

  function told(title, advice) {
    const error = new Told(title);
    error.advice = advice;
    return error;
  }

  async function post(path, body, token) {
    const headers = { Accept: "application/json", "X-Form-Token": token };
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method: "POST", body, headers, credentials: "same-origin", redirect: "follow" });
    } catch {
      throw told(words().offline, words().offlineAdvice);
    }
    if (response.redirected) {
      location.assign(response.url);
      return new Promise(() => {});
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (answer.confirm) {
      location.assign(answer.confirm);
      return new Promise(() => {});
    }
    throw told(answer.title || words().failed, answer.detail || words().failedAdvice);
  }

  async function withPasskey(asked) {
    if (!window.PublicKeyCredential) throw told(words().none, words().noneAdvice);
    const signatures = [];
    for (const [at, challenge] of asked.challenges.entries()) {
      tell("info", fill(words().touch, { number: at + 1, count: asked.count }), words().touchAdvice);
      const found = await navigator.credentials.get({
        publicKey: {
          challenge: toBytes(challenge),
          rpId: asked.rpId,
          allowCredentials: [{ type: "public-key", id: toBytes(asked.credential) }],
          userVerification: "required",
          timeout: 120000,
        },
      });
      signatures.push({
        credential: toText(found.rawId),
        authenticatorData: toText(found.response.authenticatorData),
        clientDataJSON: toText(found.response.clientDataJSON),
        signature: toText(found.response.signature),
      });
    }
    return signatures;
  }

  async function account() {
    if (!window.ethereum) throw told(words().noWallet, words().noWalletAdvice);
    const accounts = await window.ethereum.request({ method: "eth_requestAccounts" });
    if (!accounts.length) throw told(words().wallet, words().walletAdvice);
    return accounts;
  }

  const typed = (address, data) =>
    window.ethereum.request({ method: "eth_signTypedData_v4", params: [address, JSON.stringify(data)] });

  async function withWallet(asked) {
    const accounts = await account();
    if (!accounts.some((one) => one.toLowerCase() === asked.address)) {
      throw told(words().account, fill(words().accountAdvice, { address: asked.address }));
    }
    const signatures = [];
    for (const [at, data] of asked.typed.entries()) {
      tell("info", fill(words().confirm, { number: at + 1, count: asked.count }), words().confirmAdvice);
      signatures.push({ wallet: await typed(asked.address, data) });
    }
    return signatures;
  }

  async function sign(form) {
    const token = form.elements.token.value;
    tell("info", words().preparing, "");
    const asked = await post(form.action, new FormData(form), token);
    const signatures = await (asked.kind === "passkey" ? withPasskey(asked) : withWallet(asked));
    tell("info", words().sending, "");
    const done = await post(asked.complete, JSON.stringify({ signatures }), token);
    location.assign(done.location);
  }

  // Whoever is sent to confirm who they are comes back to this address: the name is in it and is not typed twice.
  function keepLabel(label) {
    const here = new URL(location.href);
    here.searchParams.delete("done");
    here.searchParams.set("label", label);
    history.replaceState(null, "", here);
  }

  async function enrolPasskey(form) {
    if (!window.PublicKeyCredential) throw told(words().none, words().noneAdvice);
    const token = form.elements.token.value;
    const label = form.elements.label.value;
    keepLabel(label);
    const asked = await post(form.action, new FormData(form), token);
    const options = asked.publicKey;
    options.challenge = toBytes(options.challenge);
    options.user.id = toBytes(options.user.id);
    for (const known of options.excludeCredentials) known.id = toBytes(known.id);
    tell("info", words().create, words().createAdvice);
    const made = await navigator.credentials.create({ publicKey: options });
    const id = toText(made.rawId);
    const credential = JSON.stringify({
      id,
      rawId: id,
      type: "public-key",
      response: {
        clientDataJSON: toText(made.response.clientDataJSON),
        attestationObject: toText(made.response.attestationObject),
      },
    });
    const body = JSON.stringify({ request: asked.request, credential, label });
    location.assign((await post(asked.finish, body, token)).location);
  }

  async function enrolWallet(form) {
    const token = form.elements.token.value;
    const label = form.elements.label.value;
    keepLabel(label);
    const [address] = await account();
    form.elements.address.value = address;
    const asked = await post(form.action, new FormData(form), token);
    tell("info", words().prove, "");
    const signature = await typed(address, asked.typed);
    const body = JSON.stringify({ request: asked.request, signature, label });
    location.assign((await post(asked.finish, body, token)).location);
  }

  const acts = { sign, passkey: enrolPasskey, wallet: enrolWallet };
  let busy = false;
  for (const form of document.querySelectorAll("form[data-sign]")) {
    form.addEventListener("submit", async (event) => {
      const key = form.querySelector("[name=key]:checked, [name=key][type=hidden]");
      if (key && key.dataset.kind === "server") return; // a key file on the server: an ordinary form
      event.preventDefault();
      if (busy) return;
      busy = true;
      const buttons = form.querySelectorAll("button");
      for (const button of buttons) button.disabled = true;
      try {
        await acts[form.dataset.sign](form);
      } catch (error) {
        tell("bad", ...explain(error));
      } finally {
        busy = false;
        for (const button of buttons) button.disabled = false;
      }
    });
  }
})();
