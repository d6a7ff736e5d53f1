// Ranking by keys, and the list of them.
import { cards, choices, current, focusCard, form } from "./comparison.js";
import { byId, store } from "./page.js";
import { choose, moveCard, rank, tie, undo } from "./ranks.js";

const HELP = "chorus.keys.shown";
const KEYS = "chorus.keys.used";
const root = document.documentElement;

export const showKeys = () => {
  const isOff = root.dataset.shortcuts === "off";
  byId("keys").hidden = isOff;
  byId("keys-list").hidden = store("localStorage", HELP) === "no";
  byId("keys-on").checked = !isOff && store("localStorage", KEYS) !== "no";
  byId("keys-last").textContent = cards().length;
  const shown = {
    "of-answers": cards().length,
    "of-pairs": choices().length,
    "of-ranks": cards().length && !choices().length,
    "of-skip": byId("skip"),
    "of-guidelines": document.querySelector("main [accesskey=g]"),
  };
  for (const [name, isShown] of Object.entries(shown)) {
    for (const line of document.getElementsByClassName(name)) line.hidden = !isShown;
  }
};

export const useKeys = (isUsed) => store("localStorage", KEYS, isUsed ? "yes" : "no");

const toggleHelp = () => {
  store("localStorage", HELP, byId("keys-list").hidden ? "yes" : "no");
  showKeys();
  if (!byId("keys-list").hidden) byId("keys").scrollIntoView({ block: "nearest" });
};

const walk = (step) => {
  const order = cards();
  const here = order.indexOf(current());
  const next = here < 0 ? (step > 0 ? 0 : order.length - 1) : here + step;
  if (order[next]) focusCard(order[next]);
};

const upOrDown = (step, event) => {
  if (!event.shiftKey) walk(step);
  else if (!choices().length && current()) moveCard(current(), step, document.activeElement);
};

const leftOrRight = (step) => {
  const all = choices();
  const chosen = all.findIndex((one) => one.checked);
  const next = (chosen < 0 ? (all.length - 1) / 2 : chosen) + (root.dir === "rtl" ? -step : step);
  choose(all[Math.min(Math.max(next, 0), all.length - 1)]);
};

const act = {
  ArrowDown: (event) => upOrDown(1, event),
  ArrowUp: (event) => upOrDown(-1, event),
  ArrowRight: () => leftOrRight(1),
  ArrowLeft: () => leftOrRight(-1),
  j: () => walk(1),
  k: () => walk(-1),
  Enter: () => form()?.requestSubmit(byId("send")),
  "=": tie,
  u: undo,
  "?": toggleHelp,
  "؟": toggleHelp,
};

// What a key means on any keyboard: the digit row of a French one has digits only with Shift, and an Arabic
// one has no Latin letters.
const nameOf = ({ key, code, shiftKey }) => {
  if (/^Digit\d$/.test(code) && !shiftKey && !act[key]) return code.slice(-1);
  if (/^Key[A-Z]$/.test(code) && key > "\u007f") return code.slice(-1).toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
};

// Where a key has a meaning of its own.
const isTaken = (name, { target, shiftKey }) => {
  if (target.closest("textarea, select, dialog, input:not([type=radio], [type=checkbox])")) return true;
  if (name === "Enter") return Boolean(target.closest("a, button, summary, input[type=checkbox]"));
  if (name.startsWith("Arrow")) {
    return (target.matches("input[type=radio]") && !shiftKey) || (/Left|Right/.test(name) && !choices().length);
  }
  return false;
};

export const onKey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  const name = nameOf(event);
  if (!byId("keys-on").checked || document.querySelector("dialog[open]")) return;
  const digit = /^[1-9]$/.test(name) && Number(name) <= (choices().length || cards().length) ? Number(name) : 0;
  const button = document.querySelector(`main :is([data-key="${CSS.escape(name)}"], [accesskey="${CSS.escape(name)}"])`);
  if (isTaken(name, event) || !(digit || button || act[name])) return;
  event.preventDefault();
  if (button) button.click();
  else if (act[name]) act[name](event);
  else if (choices().length) choose(choices()[digit - 1]);
  else rank(digit);
};
