// Keys of the judgments browser. Everything here is an addition: the page works without it.
import { byId, isTyping, keyOf, showList, toggleList, useKeys } from "./desk/page.js";

const judgments = () => [...document.querySelectorAll(".judgment")];
const current = () => document.activeElement?.closest(".judgment");

const walk = (step) => {
  const all = judgments();
  const here = all.indexOf(current());
  const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
};

const act = {
  j: () => walk(1),
  k: () => walk(-1),
  Enter: () => current()?.querySelector(".question a").click(),
  "/": () => byId("id_q").focus(),
  "?": toggleList,
  "؟": toggleList,
};

document.addEventListener("keydown", (event) => {
  const name = keyOf(event, act);
  if (!act[name] || isTyping(event)) return;
  if (name === "Enter" && !event.target.matches(".judgment")) return;
  event.preventDefault();
  act[name]();
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "keys-on") useKeys(target.checked);
});

showList();
