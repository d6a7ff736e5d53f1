// The comparison on the page: its form, its answers as cards, and their texts. Of two answers one choice says which is
// better; of more, each card has its rank.
import { byId, say } from "./page.js";

export const form = () => byId("judgment-form");
export const all = (selector) => [...(form()?.querySelectorAll(selector) ?? [])];

// In the order in which they are on the page.
export const cards = () => all(".answer");
export const choices = () => all(".preferred input");
export const letters = (some) => some.map((card) => card.dataset.letter).join(", ");
export const rankOf = (card) => Number(card.querySelector(".ranks input:checked")?.value) || null;
export const setRank = (card, rank) => {
  for (const one of card.querySelectorAll(".ranks input")) one.checked = Number(one.value) === rank;
};
export const isChosen = () => choices().some((one) => one.checked);
// Of two answers none is moved.
export const isMovable = () => cards().length > 0 && !choices().length;
// The card in focus.
export const current = () => document.activeElement?.closest(".answer") || null;

// As if it had been entered by hand: for the draft, the undoing and the assignment's renewal.
export const touch = () => form().dispatchEvent(new Event("change", { bubbles: true }));

export const focusCard = (card) => {
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
};

const labelOf = (field) =>
  field.type === "textarea" ? field.value
    : field.type === "select-one" ? field.selectedOptions[0].text
      : field.closest("label")?.innerText || field.value;

const neat = (text) => text.trim().replace(/\s+/g, " ");

// What was entered, in the page's own words, for reading again what the server refused.
export const describe = (submitter) => {
  const entered = [...form().elements].filter(
    (field) => (/^(radio|checkbox)$/.test(field.type) && field.checked) || (/^(select-one|textarea|text|number)$/.test(field.type) && field.value),
  );
  const lines = entered.map((field) => {
    const card = field.closest(".answer")?.querySelector("h3")?.textContent;
    const criterion = field.closest(".ratings label")?.querySelector("bdi").textContent;
    return [card, criterion, labelOf(field)].filter(Boolean).map(neat).join(": ");
  });
  return submitter?.name ? [neat(submitter.textContent), ...lines] : lines;
};

// Folds: a long answer is judged once the whole of it was on the page.

export const isUnread = (card) => card.classList.contains("unread");

export const unfold = (fold, open = !fold.classList.contains("open")) => {
  fold.classList.toggle("open", open);
  fold.querySelector(".unfold").setAttribute("aria-expanded", open);
  if (open) fold.closest(".answer")?.classList.remove("unread");
  else fold.scrollIntoView({ block: "nearest" });
};

// A fold that hides nothing counts as open: in a wide window, or in a browser that folds nothing.
export const measureFolds = () => {
  for (const fold of document.querySelectorAll(".fold.long:not(.open)")) {
    const text = fold.querySelector(".folding");
    const [first, last] = [text.firstElementChild, text.lastElementChild].map((one) => one?.getBoundingClientRect());
    const fits = !first || last.bottom - first.top <= text.clientHeight + 1;
    fold.classList.toggle("fits", fits);
    if (fits) fold.closest(".answer")?.classList.remove("unread");
  }
};

// The question stays at hand in one line while it is above the window; opened, the line holds a copy of it.
const watchQuestion = new IntersectionObserver(([{ isIntersecting, boundingClientRect }]) => {
  const line = byId("asked-line");
  line.hidden = isIntersecting || boundingClientRect.top > 0;
  if (line.hidden) line.open = false;
});

export const keepQuestion = () => {
  watchQuestion.disconnect();
  const asked = byId("conversation");
  if (asked && byId("asked-line")) watchQuestion.observe(asked);
};

export const showQuestion = (line) => {
  const copy = byId("conversation").cloneNode(true);
  copy.removeAttribute("id");
  copy.classList.remove("folding");
  byId("asked-again").replaceChildren(...(line.open ? [copy] : []));
};

const askToOpen = (card) => {
  say(card.querySelector(".open-first").textContent);
  card.querySelector(".unfold").focus();
  card.querySelector(".open-first").scrollIntoView({ block: "nearest" });
};

// Whether all these cards were read; if not, the button that shows the rest of the first is in focus.
export const isRead = (some) => {
  const unread = some.find(isUnread);
  if (unread) askToOpen(unread);
  return !unread;
};

// What was judged was read.
export const markRead = () => {
  for (const card of cards()) if (rankOf(card) || isChosen()) card.classList.remove("unread");
};

// What scrolls sideways inside a text can be scrolled with the keyboard.
export const makeScrollable = () => {
  for (const one of document.querySelectorAll(".folding :is(pre, table)")) {
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
  }
};

// A link in a text opens once its whole address was seen.

export const askAboutLink = (link) => {
  let address;
  try {
    address = new URL(link.dataset.address);
  } catch {
    return; // `https://` alone and the like lead nowhere
  }
  if (!/^(https?|mailto):$/.test(address.protocol)) return;
  byId("leave-address").textContent = byId("leave-go").href = address.href;
  byId("leave").showModal();
};

export const offerLinks = () => {
  for (const link of document.querySelectorAll("a[data-address]:not(:empty)")) {
    link.tabIndex = 0;
    link.setAttribute("role", "link");
    link.setAttribute("aria-haspopup", "dialog");
  }
};
