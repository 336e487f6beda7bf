// An approval is signed by a passkey over exactly the act that is approved.
"use strict";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-act]");
  if (!form || form.dataset.signed) return;
  event.preventDefault();
  const place = document.querySelector("[data-passkey-says]");
  place.textContent = "You are asked who you are.";
  try {
    await window.firstlightStepUp(form.dataset.act);
    form.dataset.signed = "yes";
    form.submit();
  } catch (error) {
    place.textContent = error.name === "NotAllowedError" ? "Nothing was confirmed, and nothing is approved." : error.message;
  }
});
