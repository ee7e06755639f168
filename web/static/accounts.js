// Log-in passkeys: asks the server for a question, lets the authenticator answer, hands the answer in.
"use strict";
(() => {
  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const bytesOf = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  async function send(address, body) {
    const field = document.querySelector('input[name="token"]');
    const response = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-Form-Token": field ? field.value : "" },
      body: JSON.stringify(body || {}),
    });
    const told = await response.json();
    if (!response.ok) {
      if (told.confirm) {
        window.location.assign(told.confirm);
      }
      throw new Error(told.detail || told.title || String(response.status));
    }
    return told;
  }

  async function use(box) {
    const question = await send(box.dataset.question);
    const found = await navigator.credentials.get({
      publicKey: {
        ...question,
        challenge: toBytes(question.challenge),
        allowCredentials: bytesOf(question.allowCredentials),
      },
    });
    return {
      id: found.id,
      rawId: toText(found.rawId),
      type: found.type,
      response: {
        authenticatorData: toText(found.response.authenticatorData),
        clientDataJSON: toText(found.response.clientDataJSON),
        signature: toText(found.response.signature),
        userHandle: found.response.userHandle ? toText(found.response.userHandle) : null,
      },
    };
  }

  async function make(box) {
    const question = await send(box.dataset.question);
    const made = await navigator.credentials.create({
      publicKey: {
        ...question,
        challenge: toBytes(question.challenge),
        user: { ...question.user, id: toBytes(question.user.id) },
        excludeCredentials: bytesOf(question.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: toText(made.rawId),
      type: made.type,
      response: {
        attestationObject: toText(made.response.attestationObject),
        clientDataJSON: toText(made.response.clientDataJSON),
      },
    };
  }

  function prepare(id, answer) {
    const box = document.getElementById(id);
    if (!box || !window.PublicKeyCredential) {
      return;
    }
    box.hidden = false;
    const error = document.getElementById(`${id}-error`);
    const button = document.getElementById(`${id}-button`);
    button.type = "button";
    button.addEventListener("click", async () => {
      error.hidden = true;
      button.disabled = true;
      try {
        const given = await answer(box);
        const next = box.dataset.next ? `?next=${encodeURIComponent(box.dataset.next)}` : "";
        const told = await send(box.dataset.answer + next, given);
        window.location.assign(told.next);
      } catch (reason) {
        // the person closed the dialogue, has no passkey here, or the server refused: the same advice fits
        error.textContent = box.dataset.failed;
        error.hidden = false;
        button.disabled = false;
      }
    });
  }

  prepare("passkey", use);
  prepare("new-passkey", make);
})();
