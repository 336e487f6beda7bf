// Settings of this browser, and notes to oneself. Nothing here is sent anywhere.
"use strict";

(() => {
  const { read, write, apply } = window.firstlight;
  for (const field of document.querySelectorAll("[data-setting]")) {
    const known = read(field.dataset.setting, "");
    if ([...field.options].some((option) => option.value === known)) field.value = known;
    field.addEventListener("change", () => {
      write(field.dataset.setting, field.value);
      apply();
    });
  }

  const list = document.querySelector("[data-moods]");
  if (!list) return;
  const says = (text) => (document.querySelector("[data-mood-says]").textContent = text);
  const notes = () => {
    try {
      return JSON.parse(read("moods", "[]"));
    } catch {
      return [];
    }
  };
  const WORDS = { 5: "good", 4: "all right", 3: "tired", 2: "low", 1: "not well" };
  const draw = () => {
    list.replaceChildren(
      ...notes()
        .slice(-14)
        .reverse()
        .map((note) => {
          const line = document.createElement("li");
          line.textContent = `${note.day}: ${WORDS[note.mood] ?? "?"}`;
          return line;
        }),
    );
  };
  for (const button of document.querySelectorAll("[data-mood]")) {
    button.addEventListener("click", () => {
      const mood = Number(button.dataset.mood);
      const day = new Date().toISOString().slice(0, 16).replace("T", " ");
      write("moods", JSON.stringify([...notes(), { day, mood }].slice(-1000)));
      says(mood <= 2 ? "Noted, for you alone. A break, or a colleague, may help: passing a case on needs no reason." : "Noted, for you alone.");
      draw();
    });
  }
  document.querySelector("[data-moods-save]").addEventListener("click", async () => {
    await navigator.clipboard.writeText(notes().map((note) => `${note.day}\t${WORDS[note.mood]}`).join("\n"));
    says("Copied; paste it where you keep your notes.");
  });
  document.querySelector("[data-moods-delete]").addEventListener("click", () => {
    write("moods", "[]");
    says("Deleted.");
    draw();
  });
  draw();
})();
