// Ranking by keys.
import { cards, choices, current, focusCard, form } from "./comparison.js";
import { byId, isTyping, keyOf, showList, toggleList } from "./page.js";
import { choose, moveCard, rank, tie, undo } from "./ranks.js";

export const showKeys = () => {
  showList();
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
  const next = (chosen < 0 ? (all.length - 1) / 2 : chosen) + (document.documentElement.dir === "rtl" ? -step : step);
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
  "?": toggleList,
  "؟": toggleList,
};

// Where a key has a meaning of its own.
const isTaken = (name, event) => {
  const { target, shiftKey } = event;
  if (isTyping(event)) return true;
  if (name === "Enter") return Boolean(target.closest("a, button, summary, input[type=checkbox]"));
  if (name.startsWith("Arrow")) {
    return (target.matches("input[type=radio]") && !shiftKey) || (/Left|Right/.test(name) && !choices().length);
  }
  return false;
};

export const onKey = (event) => {
  const name = keyOf(event, act);
  if (!name) return;
  const digit = /^[1-9]$/.test(name) && Number(name) <= (choices().length || cards().length) ? Number(name) : 0;
  const button = document.querySelector(`main :is([data-key="${CSS.escape(name)}"], [accesskey="${CSS.escape(name)}"])`);
  if (isTaken(name, event) || !(digit || button || act[name])) return;
  event.preventDefault();
  if (button) button.click();
  else if (act[name]) act[name](event);
  else if (choices().length) choose(choices()[digit - 1]);
  else rank(digit);
};
