// Passkeys: sign in (data-passkey="sign-in" on a button), register (on a form), prove anew who one is for one act
// (window.firstlightStepUp(digest), which other scripts of the console call before what asks for it).
"use strict";

(() => {
  const says = (text) => {
    const place = document.querySelector("[data-passkey-says]");
    if (place) place.textContent = text;
  };

  const post = async (address, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });
    const found = await answer.json();
    if (!answer.ok) {
      const error = new Error([found.detail, found.hint].filter(Boolean).join(" "));
      error.code = found.code;
      throw error;
    }
    return found;
  };

  const needed = () => {
    if (!window.PublicKeyCredential) throw new Error("This browser knows no passkeys.");
  };

  const signIn = async () => {
    needed();
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(await post("/sign-in/begin", {}));
    const credential = await navigator.credentials.get({ publicKey: options });
    const found = await post("/sign-in/finish", { credential: credential.toJSON() });
    location.assign(found.next);
  };

  const register = async (form) => {
    needed();
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(await post("/account/passkeys/begin", {}));
    const credential = await navigator.credentials.create({ publicKey: options });
    const name = new FormData(form).get("name");
    const found = await post("/account/passkeys/finish", { credential: credential.toJSON(), name });
    location.assign(found.next);
  };

  // Whoever came through their organisation is sent there, and comes back to this page.
  const askOrganisation = (act) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = "/step-up/oidc";
    for (const [name, value] of Object.entries({ act, after: location.pathname })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
    return new Promise(() => {});
  };

  window.firstlightStepUp = async (act) => {
    let begun;
    try {
      begun = await post("/step-up/begin", { act });
    } catch (error) {
      if (error.code === "state.provider") return askOrganisation(act);
      throw error;
    }
    needed();
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(begun);
    const credential = await navigator.credentials.get({ publicKey: options });
    await post("/step-up/finish", { credential: credential.toJSON() });
  };

  const tried = async (act) => {
    says("Your device asks you now.");
    try {
      await act();
      says("");
    } catch (error) {
      says(error.name === "NotAllowedError" ? "Nothing was confirmed. Try again." : error.message);
    }
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-passkey="sign-in"]')) tried(signIn);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest('[data-passkey="register"]');
    if (!form) return;
    event.preventDefault();
    tried(() => register(form));
  });
})();
