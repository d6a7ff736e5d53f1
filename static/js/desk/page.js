// What all parts of the desk share, and other pages with keys: the page's elements, its words, its messages, what the
// browser keeps, and what keys are called.

export const byId = (id) => document.getElementById(id);

// A browser may refuse storage; then drafts and choices last as long as the page.
const kept = new Map();

// Reads what `storage`, "localStorage" or "sessionStorage", has under a name, or with a value writes it; null removes it.
export const store = (storage, name, value) => {
  if (value !== undefined) kept.set(name, value);
  else if (kept.has(name)) return kept.get(name);
  try {
    if (value === undefined) return window[storage].getItem(name);
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch {}
  return null;
};

// One of the page's sentences, with the gaps filled.
export const words = (name, values = {}) =>
  byId("desk-words").dataset[name].replace(/\{(\w+)\}/g, (gap, key) => values[key] ?? gap);

// The line of status: what the last act did.
export const say = (...content) => byId("desk-status").replaceChildren(...content);

// The box for what is in the way. `trouble` is its kind: "entry" for what is missing in the form, else what keeps the
// outbox from sending, which has a template.
let trouble = "";

const showTrouble = (kind, ...content) => {
  trouble = kind;
  byId("desk-trouble").replaceChildren(...content);
  byId("desk-trouble").hidden = !kind;
};

export const hasTrouble = () => trouble !== "";
export const complain = (text) => showTrouble("entry", text);
export const warn = (kind) => showTrouble(kind, byId(`trouble-${kind}`).content.cloneNode(true));

// Without an argument whatever the kind.
export const calmDown = (kind = trouble) => {
  if (trouble === kind) showTrouble("");
};

// A message goes with what it is about: none of these is about the comparison that comes now.
export const clearMessages = () => {
  say();
  calmDown("entry");
  byId("messages").replaceChildren();
};

// The list of keys, which readers may hide, and turn off with the keys.
const SHOWN = "chorus.keys.shown";
const USED = "chorus.keys.used";

export const showList = () => {
  const isOff = document.documentElement.dataset.shortcuts === "off";
  byId("keys").hidden = isOff;
  byId("keys-list").hidden = store("localStorage", SHOWN) === "no";
  byId("keys-on").checked = !isOff && store("localStorage", USED) !== "no";
};

export const useKeys = (isUsed) => store("localStorage", USED, isUsed ? "yes" : "no");

export const toggleList = () => {
  store("localStorage", SHOWN, byId("keys-list").hidden ? "yes" : "no");
  showList();
  if (!byId("keys-list").hidden) byId("keys").scrollIntoView({ block: "nearest" });
};

// The digit row of a French keyboard has digits only with Shift, and an Arabic one has no Latin letters.
const nameOf = ({ key, code, shiftKey }, act) => {
  if (/^Digit\d$/.test(code) && !shiftKey && !act[key]) return code.slice(-1);
  if (/^Key[A-Z]$/.test(code) && key > "\u007f") return code.slice(-1).toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
};

// The name of a key that is meant for the page, where `act` has what keys do by their names; else nothing.
export const keyOf = (event, act) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return "";
  if (!byId("keys-on").checked || document.querySelector("dialog[open]")) return "";
  return nameOf(event, act);
};

export const isTyping = ({ target }) => Boolean(target.closest("textarea, select, dialog, input:not([type=radio], [type=checkbox])"));
