// The decision's form: the live check, and Enter that decides nothing. Escape leaves a field, so that keys work again.
"use strict";

(() => {
  for (const form of document.querySelectorAll("[data-no-enter]")) {
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.target.matches("textarea, summary, a")) event.preventDefault();
    });
  }
  const form = document.querySelector("[data-decide]");
  const place = document.querySelector("[data-check]");
  if (!form || !place) return;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("textarea, input, select")) event.target.blur();
  });

  const WORDS = { invalid: "Invalid", untrue: "Not on record", thin: "Missing" };
  const made = (tag, text, name = "") => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const draw = (found) => {
    const parts = [];
    if (found.unmet) parts.push(made("p", found.unmet, "quiet"));
    for (const report of found.reports) {
      parts.push(made("h3", `${report.account || "Account not known"}: ${report.completeness} of 100 complete`));
      for (const one of report.findings) {
        const note = made("div", "", `note ${one.kind === "thin" ? "warn" : "stop"}`);
        note.append(made("strong", `${WORDS[one.kind]}: ${one.says}`));
        for (const more of [one.why, one.do]) if (more) note.append(made("span", more, "small"));
        parts.push(note);
      }
      if (!report.findings.length) parts.push(made("p", "Nothing is missing.", "note good"));
    }
    if (!parts.length) parts.push(made("p", "Nothing is reported, so nothing is lacking.", "quiet"));
    place.replaceChildren(...parts);
  };

  const visible = () => {
    const report = form.querySelector("[name=finding]:checked")?.value !== "not-reportable";
    for (const part of form.querySelectorAll("[data-report-only]")) part.hidden = !report;
  };
  let asked = 0;
  let timer = 0;
  const check = async () => {
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.decide, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      if (!answer.ok) return;
      const found = await answer.json();
      if (mine === asked) draw(found);
    } catch {
      /* the check of the server stands in any case */
    }
  };
  form.addEventListener("input", () => {
    visible();
    clearTimeout(timer);
    timer = setTimeout(check, 400);
  });
  visible();
  check();
})();
