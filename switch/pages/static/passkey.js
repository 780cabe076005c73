// A button with data-passkey="get" or "create" asks the browser for a passkey with the options in data-options, puts
// its response as JSON into the field `passkey` of its form, and sends the form. Without scripts, or in a browser that
// has no passkeys, the buttons stay hidden and the code of the authenticator is used.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const read = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && {
      excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
    }),
  });
  const written = (credential) => {
    const response = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature"])
      if (credential.response[name]) response[name] = text(credential.response[name]);
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const form = button.form;
    const problem = form.querySelector("[data-passkey-problem]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      problem.hidden = true;
      const fields = [...form.elements].filter((field) => !("instead" in field.dataset));
      if (!fields.every((field) => field.reportValidity())) return;
      try {
        const publicKey = read(JSON.parse(button.dataset.options));
        const credential = await navigator.credentials[button.dataset.passkey]({ publicKey });
        form.elements.passkey.value = written(credential);
        form.submit();
      } catch { // refused by the person, or no passkey of this site
        problem.hidden = false;
      }
    });
  }
})();
