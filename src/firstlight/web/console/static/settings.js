// What one browser remembers for its user: theme, single keys, and how a picture is held. None of it leaves the browser.
"use strict";

window.firstlight = (() => {
  const read = (name, otherwise) => {
    try {
      return localStorage.getItem(`firstlight.${name}`) ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  const write = (name, value) => {
    try {
      localStorage.setItem(`firstlight.${name}`, value);
    } catch {
      /* a browser that keeps nothing: the setting lasts as long as the page */
    }
  };
  const apply = () => {
    const theme = read("theme", "");
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.documentElement.dataset.keys = read("keys", "on");
  };
  apply();
  return { read, write, apply };
})();
