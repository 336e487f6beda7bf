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

  // Whoever came through their organisation is sent there, and comes back to this page, where what they had typed waits
  // for them: in this tab, for ten minutes at most, and no longer than until it is back in its fields.
  const KEPT = "firstlight.typed";
  const FOR = 600000;
  const forms = () => [...document.querySelectorAll("main form[method=post]")];
  const told = (field) => field.name && field.type !== "hidden" && field.type !== "submit";
  const keep = () => {
    const typed = forms().map((form) => [
      form.getAttribute("action"),
      [...form.elements].filter(told).map((field) => [field.name, field.value, Boolean(field.checked)]),
    ]);
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ path: location.pathname, until: Date.now() + FOR, typed }));
    } catch {
      /* a browser that keeps nothing */
    }
  };
  const putBack = () => {
    let kept;
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
      sessionStorage.removeItem(KEPT);
    } catch {
      return;
    }
    if (!kept || kept.path !== location.pathname || Date.now() > kept.until) return;
    let first = null;
    for (const [action, fields] of kept.typed) {
      const form = forms().find((one) => one.getAttribute("action") === action);
      for (const [name, value, checked] of form ? fields : []) {
        const choices = [...form.elements].filter((one) => told(one) && one.name === name);
        const field = choices.find((one) => one.matches("[type=radio], [type=checkbox]") && one.value === value) ?? choices[0];
        if (!field) continue;
        if (field.matches("[type=radio], [type=checkbox]")) field.checked = checked;
        else if (field.value !== value) {
          field.value = value;
          first ??= field;
          field.closest("details")?.setAttribute("open", "");
        }
      }
    }
    says("You are back, and what you had typed is here.");
    first?.focus();
  };
  putBack();

  const askOrganisation = (act) => {
    keep();
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
    if (begun.proved) return;
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
