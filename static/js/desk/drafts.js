// What is entered and not sent yet. A draft survives a lost connection, a new sign-in and a reload of the tab.
import { all, cards, choices, form, rankOf } from "./comparison.js";
import { byId, store } from "./page.js";

const DRAFT = "chorus.draft";
const NOT_ENTERED = ["csrfmiddlewaretoken", "key"];

// The keys of comparisons about whose order, left as shown, the volunteer was asked.
const asked = new Set();

// A correction has another key each time, so there is nothing to find its draft by.
const key = () => form().elements.key.value;
const hasDraft = () => Boolean(byId("desk") && form() && key());

export const keepDraft = () => {
  if (!hasDraft()) return;
  const entered = [...new FormData(form())].filter(([name]) => !NOT_ENTERED.includes(name));
  const order = cards().map((card) => card.id);
  store("sessionStorage", DRAFT, JSON.stringify({ key: key(), entered, order, asked: asked.has(key()) }));
};

export const restoreDraft = () => {
  const draft = hasDraft() && JSON.parse(store("sessionStorage", DRAFT) || "null");
  if (!draft) return;
  if (draft.key !== key()) {
    store("sessionStorage", DRAFT, null);
    return;
  }
  if (draft.asked) asked.add(draft.key);
  const order = (draft.order || []).map(byId);
  if (order.length && order.every(Boolean)) order[0].parentElement.append(...order);
  if (byId("desk-error")) return;
  for (const [name, value] of draft.entered) {
    for (const field of document.getElementsByName(name)) {
      if (/^(textarea|select-one)$/.test(field.type)) field.value = value;
      else if (field.value === value) field.checked = true;
      if (field.value) field.closest("details")?.toggleAttribute("open", true);
    }
  }
};

// Whether to ask if the ranks are meant so: they follow the order of the page, and it was not asked before.
export const isAsShown = () =>
  !choices().length && !asked.has(key()) && cards().every((card) => rankOf(card) === Number(card.dataset.place));

export const noteAsked = () => {
  asked.add(key());
  keepDraft();
};

// An answer of one's own begins as the best one, or as another that was chosen, and follows that choice until
// it is changed. Left as it began it is nothing, and is not sent.

let begun = "";
const sources = () => all("#rewrite-box template");
const sourceOf = (place) => sources().find((one) => one.dataset.answer === place)?.content.textContent ?? "";

const best = () => {
  const choice = choices().find((one) => one.checked)?.value;
  if (choice) return choice.startsWith("b") ? "2" : "1";
  const ranked = cards().filter(rankOf).sort((a, b) => rankOf(a) - rankOf(b) || a.dataset.place - b.dataset.place);
  return ranked[0]?.dataset.place;
};

export const beginRewrite = () => {
  const field = byId("rewrite");
  if (!field || field.value !== begun || !(begun || byId("rewrite-box").open)) return;
  field.value = begun = sourceOf(byId("rewrite-of").value || best());
};

export const noteRewrite = () => {
  if (begun && byId("rewrite").value !== begun && !byId("rewrite-of").value) byId("rewrite-of").value = best();
};

export const resumeRewrite = () => {
  const text = byId("rewrite")?.value ?? "";
  begun = sources().some((one) => one.content.textContent === text) ? text : "";
  beginRewrite();
};

export const dropUnchangedRewrite = () => {
  const field = byId("rewrite");
  if (field && begun && field.value === begun) field.value = begun = "";
};
