// How one ranks: by taps, by keys, by moving cards. Everything here is an addition: the form works without it.
// What is entered is sent by outbox.js, which leaves a submit alone that was prevented here and dispatches
// `desk:arrive` once it has put the next comparison on the page.
import {
  all, askAboutLink, cards, choices, focusCard, form, isChosen, isMovable, isRead, keepQuestion, letters, makeScrollable,
  markRead, measureFolds, offerLinks, rankOf, showQuestion, unfold,
} from "./comparison.js";
import {
  beginRewrite, dropUnchangedRewrite, isAsShown, keepDraft, noteAsked, noteRewrite, restoreDraft, resumeRewrite,
} from "./drafts.js";
import { onKey, showKeys } from "./keys.js";
import { byId, calmDown, clearMessages, complain, useKeys, words } from "./page.js";
import { forgetPast, moveCard, record, showProgress, undo } from "./ranks.js";

// Submitting: what is not whole yet stays here with words, and an order that was left as shown is asked about.

const whatIsMissing = (verdict) => {
  if (verdict === "cannot_rank") return byId("reason").value ? null : [words("reasonless"), byId("reason")];
  if (choices().length) return isChosen() ? null : [words("undecided"), choices()[0]];
  const without = cards().filter((card) => !rankOf(card));
  return without.length ? [words("missing", { letters: letters(without) }), without[0]] : null;
};

const isReady = (verdict) => {
  const missing = verdict === "all_bad" ? null : whatIsMissing(verdict);
  if (missing) {
    const [text, place] = missing;
    complain(text);
    if (place.matches(".answer")) focusCard(place);
    else place.focus();
  } else if (!verdict && isAsShown()) {
    noteAsked();
    byId("as-shown").showModal();
    return false;
  }
  return !missing;
};

document.addEventListener(
  "submit",
  (event) => {
    const button = event.submitter;
    if (event.target !== form() || button?.id === "skip") return;
    if (isReady(button?.name === "verdict" ? button.value : "")) dropUnchangedRewrite();
    else event.preventDefault();
  },
  true,
);

// Keys and taps

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("a[data-address]")) {
    onKey(event);
    return;
  }
  event.preventDefault(); // or the key would press the button that the question puts in focus
  askAboutLink(event.target);
});

document.addEventListener(
  "click",
  (event) => {
    const radio = event.target.closest(".ranks input, .preferred input");
    if (radio && !isRead(radio.name === "preferred" ? cards() : [radio.closest(".answer")])) event.preventDefault();
  },
  true,
);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-address]");
  const button = event.target.closest("button, #leave-go");
  if (link) askAboutLink(link);
  else if (button?.matches(".unfold")) unfold(button.closest(".fold"));
  else if (button?.matches(".move")) moveCard(button.closest(".answer"), Number(button.dataset.step), button);
  else if (button?.id === "undo") undo();
  else if (button?.matches("[data-close], #leave-go, #as-shown-yes")) button.closest("dialog").close();
  if (button?.id === "as-shown-yes") form().requestSubmit(byId("send"));
});

document.addEventListener("focusin", (event) => {
  // The tabs are one line that scrolls on a phone; a browser leaves one there of which a corner is seen.
  if (event.target.closest(".tabs")) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  const fold = event.target.closest(".folding")?.closest(".fold.long:not(.open)");
  if (fold) unfold(fold, true);
});

document.addEventListener("change", (event) => {
  if (event.target.id === "keys-on") {
    useKeys(event.target.checked);
  } else if (form()?.contains(event.target)) {
    calmDown("entry");
    record();
    beginRewrite();
    keepDraft();
    showProgress();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "rewrite") noteRewrite();
  if (event.target.matches("#judgment-form textarea")) keepDraft();
});

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (target.id === "rewrite-box") beginRewrite();
    if (target.id === "asked-line") showQuestion(target);
  },
  true,
);

// Dragging is no part of what one waits for: it is fetched when a hand comes near, long before it can drag.

let drag = null;
const GESTURES = ["pointermove", "pointerdown", "touchstart", "scroll", "keydown"];
const fetchDrag = async () => {
  if (!isMovable()) return;
  for (const name of GESTURES) removeEventListener(name, fetchDrag, true);
  try {
    drag = await import("./drag.js");
  } catch {
    return; // without a connection cards are moved by keys and buttons
  }
  drag.sortCards();
};
for (const name of GESTURES) addEventListener(name, fetchDrag, { capture: true, passive: true });

// A comparison, on load and when outbox.js has put one in the place of the last

// The bar at the bottom grows with the size of the text; what is in focus stays clear of it, and a bar that
// would take much of the window is an ordinary part of the page.
const watchBar = new ResizeObserver(([{ target }]) => {
  target.classList.toggle("tall", target.offsetHeight > window.innerHeight / 4);
  const height = target.classList.contains("tall") ? 0 : target.offsetHeight;
  document.documentElement.style.scrollPaddingBottom = `${height + 16}px`;
});

const setUp = () => {
  restoreDraft();
  resumeRewrite();
  markRead();
  forgetPast();
  measureFolds();
  keepQuestion();
  makeScrollable();
  offerLinks();
  drag?.sortCards();
  showKeys();
  showProgress();
  watchBar.disconnect();
  for (const bar of all(".send-bar")) watchBar.observe(bar);
};

document.addEventListener("desk:arrive", () => {
  clearMessages();
  setUp();
  keepDraft();
  const target = byId("desk-error") || byId("desk-heading");
  window.scrollTo(0, 0);
  target.focus({ preventScroll: target.id === "desk-heading" });
});
window.addEventListener("resize", measureFolds);
setUp();
