// Keys on lists of judgments and of decisions. Everything here is an addition: the pages work without it.
import { byId, isTyping, keyOf, showList, toggleList, useKeys } from "./desk/page.js";

const stops = () => [...document.querySelectorAll("[data-stop]")];
const current = () => document.activeElement?.closest("[data-stop]");

const walk = (step) => {
  const all = stops();
  const here = all.indexOf(current());
  const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
};

const act = {
  j: () => walk(1),
  k: () => walk(-1),
  "/": () => byId("id_q")?.focus(),
  "?": toggleList,
  "؟": toggleList,
};

// A letter presses the button of the stop in focus that has it; so nothing is decided that is not looked at.
const buttonOf = (name) => current()?.querySelector(`[data-key="${CSS.escape(name)}"]`);

document.addEventListener("keydown", (event) => {
  const name = keyOf(event, act);
  if (!name || isTyping(event) || (name === "Enter" && !event.target.matches("[data-stop]"))) return;
  const button = buttonOf(name);
  if (!button && !act[name]) return;
  event.preventDefault();
  if (button) button.click();
  else act[name]();
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "keys-on") useKeys(target.checked);
});

showList();
