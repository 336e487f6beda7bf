// Counts down what can still be undone, in calm steps; when it is over, what waited for it can be done.
"use strict";

(() => {
  const place = document.querySelector("[data-undo]");
  for (const form of document.querySelectorAll("[data-no-enter]")) {
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.target.matches("textarea, summary, a")) event.preventDefault();
    });
  }
  if (!place) return;
  const waits = place.querySelector("[data-when-settled]");
  if (waits) waits.disabled = true;
  const ends = performance.now() + Number(place.dataset.undo) * 1000;
  const left = place.querySelector("[data-left]");
  const step = () => {
    const seconds = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    if (left) left.textContent = String(seconds);
    if (seconds) {
      setTimeout(step, 1000);
      return;
    }
    if (waits) {
      waits.disabled = false;
      left.closest("p").textContent = "The decision stands; the report can be sent.";
      return;
    }
    place.hidden = true;
    const over = document.querySelector("[data-undo-over]");
    if (over) over.hidden = false;
  };
  step();
})();
