// What all parts of the desk share: the page's elements, its words, its messages, and what the browser keeps.

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
