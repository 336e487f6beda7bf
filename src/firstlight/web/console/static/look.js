// Looking: a picture is asked for when the button or Space goes down, and gone when it comes up. Nothing is fetched
// before. How long it was on the screen is told to the server, which believes no more than its own clock.
"use strict";

(() => {
  const room = document.querySelector("[data-look]");
  const button = room?.querySelector("[data-hold]");
  if (!button) return;
  const pane = room.querySelector("[data-pane]");
  const cover = room.querySelector("[data-cover]");
  const edge = room.querySelector("[data-edge]");
  const colour = room.querySelector("[data-colour]");
  const says = (text) => (room.querySelector("[data-says]").textContent = text);
  const LONGEST = 60000;
  const byPress = window.firstlight.read("hold", "hold") === "press";
  let look = null;

  edge.value = window.firstlight.read("edge", "320");
  colour.checked = window.firstlight.read("colour", "grey") === "colour";
  if (byPress) button.firstChild.textContent = "Press to look ";

  const post = (address, body, keepalive = false) =>
    fetch(address, {
      method: "POST",
      keepalive,
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    });

  const ask = async () => {
    const body = {
      edge: Number(edge.value),
      colour: colour.checked,
      part: Number(room.querySelector("[name=part]:checked")?.value ?? 0),
    };
    let answer = await post(room.dataset.look, body);
    let found = await answer.json();
    if (found.code === "refused.step-up") {
      says("Your device asks who you are.");
      await window.firstlightStepUp(found.facts.act);
      says("Confirmed. Hold again to look.");
      return null;
    }
    if (!answer.ok) throw new Error([found.detail, found.hint].filter(Boolean).join(" "));
    return found;
  };

  const show = async () => {
    if (look) return;
    const mine = { since: 0, hide: "", image: null, timer: 0 };
    look = mine;
    says("");
    button.setAttribute("aria-pressed", "true");
    try {
      const found = await ask();
      if (!found) {
        if (look === mine) end();
        return;
      }
      if (look !== mine) return; // let go before anything was fetched: nothing was shown
      mine.hide = found.hide;
      const image = new Image();
      image.alt = `Item ${room.dataset.number}, as it was asked for`;
      image.draggable = false;
      image.addEventListener("load", () => {
        if (look !== mine) return;
        mine.since = performance.now();
        cover.hidden = true;
        pane.append(image);
        says("Shown.");
      });
      image.addEventListener("error", () => {
        if (look !== mine) return;
        end();
        says("It cannot be shown. The file is kept as it is; decide from the facts.");
      });
      mine.image = image;
      mine.timer = setTimeout(end, LONGEST);
      image.src = found.picture;
    } catch (error) {
      if (look === mine) end();
      says(error.name === "NotAllowedError" ? "Nothing was confirmed, and nothing is shown." : error.message);
    }
  };

  const end = () => {
    const was = look;
    look = null;
    button.removeAttribute("aria-pressed");
    if (!was) return;
    clearTimeout(was.timer);
    const seconds = was.since ? (performance.now() - was.since) / 1000 : 0;
    if (was.image) {
      was.image.remove();
      was.image.removeAttribute("src");
    }
    cover.hidden = false;
    if (was.since) says(`Hidden. It was shown for ${seconds.toFixed(1)} seconds.`);
    if (was.hide) post(was.hide, { seconds }, true).catch(() => {});
  };

  const toggle = () => (look ? end() : show());
  if (byPress) {
    button.addEventListener("click", toggle);
  } else {
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      show();
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, end);
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  const isSpace = (event) => event.key === " " && !event.ctrlKey && !event.metaKey && !event.altKey;
  const ours = (target) =>
    target === button ||
    target.matches?.("[name=part]") ||
    (window.firstlight.read("keys", "on") === "on" && !target.closest?.("a, button, input, select, textarea, summary, dialog"));
  document.addEventListener("keydown", (event) => {
    if (!isSpace(event) || !ours(event.target) || document.getElementById("keys")?.open) return;
    event.preventDefault();
    if (event.repeat) return;
    byPress ? toggle() : show();
  });
  document.addEventListener("keyup", (event) => {
    if (!isSpace(event) || !ours(event.target)) return;
    event.preventDefault();
    if (!byPress) end();
  });
  for (const name of ["blur", "pagehide"]) addEventListener(name, end);
  document.addEventListener("visibilitychange", () => document.hidden && end());

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || window.firstlight.read("keys", "on") !== "on") return;
    if (event.target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
    const by = { "+": 1, "=": 1, "-": -1 }[event.key];
    if (by) {
      edge.selectedIndex = Math.min(edge.options.length - 1, Math.max(0, edge.selectedIndex + by));
      says(`The next look: ${edge.selectedOptions[0].textContent}.`);
    } else if (event.key === "g") {
      colour.checked = !colour.checked;
      says(`The next look: ${colour.checked ? "in colour" : "grey"}.`);
    } else {
      return;
    }
    event.preventDefault();
  });
})();
