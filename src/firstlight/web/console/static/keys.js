// Single keys: an element with data-key="x" is pressed by x. Switchable; never while somebody types; never with Enter.
"use strict";

(() => {
  const TYPING = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";
  const typing = (element) => element instanceof Element && element.closest(TYPING);
  const GO = { n: "/next", q: "/queue", "/": "/search", b: "/break" };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (window.firstlight.read("keys", "on") !== "on" || event.key === "Enter") return;
    const dialog = document.getElementById("keys");
    if (event.key === "?" && dialog) {
      event.preventDefault();
      dialog.open ? dialog.close() : dialog.showModal();
      return;
    }
    if (dialog && dialog.open) return;
    const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]:not([disabled])`);
    if (wanted) {
      event.preventDefault();
      if (wanted.dataset.keyDoes === "focus" || wanted.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) wanted.focus();
      else wanted.click();
      if (wanted.matches("input") && !wanted.closest("[data-look]")) wanted.focus();
      return;
    }
    if (event.repeat) return;
    if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1);
    } else if (GO[event.key]) {
      const link = document.querySelector(`.nav a[href="${GO[event.key]}"]`);
      if (link || GO[event.key] === "/break") location.assign(GO[event.key]);
    }
  });

  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    (next.matches("a, button, input") ? next : next.querySelector("a, button, input"))?.focus();
  };
})();
