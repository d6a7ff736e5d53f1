// Ranks, moves, ties and choices, and undoing them. A ranking is a list of groups of equal cards, the best first; cards
// without a rank come last.
import { cards, choices, current, focusCard, form, isChosen, isRead, letters, rankOf, setRank, touch } from "./comparison.js";
import { byId, say, words } from "./page.js";

const ranking = () => {
  const groups = new Map();
  for (const card of cards()) {
    const rank = rankOf(card) ?? card;
    groups.set(rank, [...(groups.get(rank) ?? []), card]);
  }
  const place = ([rank]) => (typeof rank === "number" ? rank : Infinity);
  return [...groups].sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0)).map(([, group]) => group);
};

const setRanking = (groups) => {
  let rank = 1;
  for (const group of groups) {
    for (const card of group) setRank(card, rank);
    rank += group.length;
  }
};

// The cards in this order, with one of their controls where it was under the eye, and the focus where it was.
const arrange = (order, anchor) => {
  const answers = order[0].parentElement;
  const focused = document.activeElement;
  const top = anchor.getBoundingClientRect().top;
  if (order.some((card, place) => card !== answers.children[place])) answers.append(...order);
  if (focused !== document.activeElement) focused.focus({ preventScroll: true });
  window.scrollBy({ top: anchor.getBoundingClientRect().top - top, behavior: "instant" });
  anchor.scrollIntoView({ block: "nearest" });
};

const sayPlace = (card) => {
  const equal = cards().filter((one) => one !== card && rankOf(one) === rankOf(card));
  const values = { letter: card.dataset.letter, rank: rankOf(card), count: cards().length, others: letters(equal) };
  say(words(equal.length ? "tied" : "moved", values));
};

const settle = (groups, card, anchor) => {
  setRanking(groups);
  arrange(groups.flat(), anchor);
  touch();
  sayPlace(card);
};

// One place up or down: out of a tie, or past the next card or tie.
export const moveCard = (card, step, anchor) => {
  if (!isRead(cards())) return;
  const groups = ranking();
  const here = groups.findIndex((group) => group.includes(card));
  const beyond = here + step;
  if (groups[here].length > 1) {
    groups[here] = groups[here].filter((one) => one !== card);
    groups.splice(step < 0 ? here : beyond, 0, [card]);
  } else if (groups[beyond]) {
    [groups[here], groups[beyond]] = [groups[beyond], groups[here]];
  } else if (cards().every(rankOf)) {
    say(words(step < 0 ? "first" : "last", { letter: card.dataset.letter }));
    return;
  }
  settle(groups, card, anchor);
};

// Dropped between two cards it takes the place between them in the ranking; between equals it is their equal.
// Where the cards around it were not in the order of their ranks, the one it was moved past decides.
export const dropCard = (card, goesUp) => {
  const above = card.previousElementSibling;
  const below = card.nextElementSibling;
  const groups = ranking().map((group) => group.filter((one) => one !== card)).filter((group) => group.length);
  const find = (one) => groups.findIndex((group) => group.includes(one));
  if (above && below && find(above) === find(below)) {
    const group = groups[find(above)];
    group.splice(group.indexOf(below), 0, card);
  } else if (below && (goesUp || !above)) {
    groups.splice(find(below), 0, [card]);
  } else {
    groups.splice(find(above) + 1, 0, [card]);
  }
  settle(groups, card, card.querySelector(".handle"));
};

export const tie = () => {
  const card = current();
  if (!card || choices().length || !isRead([card])) return;
  const list = rankOf(card) ? ranking().flat() : cards();
  const above = list.slice(0, list.indexOf(card)).reverse().find(rankOf);
  if (!above) {
    say(words("noneAbove", { letter: card.dataset.letter }));
  } else if (rankOf(above) === rankOf(card)) {
    say(words("equal", { letter: card.dataset.letter, others: above.dataset.letter }));
  } else {
    setRank(card, rankOf(above));
    touch();
    sayPlace(card);
    goOn(card);
  }
};

// The next card that has no rank yet, if any.
const goOn = (card) => {
  const order = cards();
  const later = [...order.slice(order.indexOf(card) + 1), ...order].find((one) => !rankOf(one));
  focusCard(later || card);
};

// Gives the card in focus this rank, or else the first that has none.
export const rank = (digit) => {
  const card = current() || cards().find((one) => !rankOf(one)) || cards()[0];
  if (!card || digit > cards().length || !isRead([card])) return;
  setRank(card, digit);
  touch();
  say(words("ranked", { letter: card.dataset.letter, rank: digit }));
  goOn(card);
};

export const choose = (choice) => {
  if (!choice || !isRead(cards())) return;
  choice.checked = true;
  touch();
  say(choice.parentElement.textContent.trim());
};

// Undoing takes back ranks, moves and ties on this comparison, the last first; before them there may be a skip.

let past = [];
let last = "";
// The button beside "Skipped.", which outbox.js shows for a while.
const skipUndo = () => byId("undo-skip");

const state = () =>
  JSON.stringify({
    order: cards().map((card) => card.id),
    ranks: Object.fromEntries(cards().map((card) => [card.id, rankOf(card)])),
    chosen: choices().find((one) => one.checked)?.id,
  });

export const forgetPast = () => {
  past = [];
  last = state();
};

export const record = () => {
  const now = state();
  if (now === last) return;
  past.push(last);
  last = now;
};

export const undo = () => {
  if (!past.length) {
    if (skipUndo()) skipUndo().click();
    else say(words("nothing"));
    return;
  }
  const before = JSON.parse(last);
  last = past.pop();
  const { order, ranks, chosen } = JSON.parse(last);
  for (const card of cards()) setRank(card, ranks[card.id]);
  for (const one of choices()) one.checked = one.id === chosen;
  const changed = cards().find((card) => ranks[card.id] !== before.ranks[card.id]);
  const focused = document.activeElement;
  arrange(order.map(byId), focused?.closest("#judgment-form") ? focused : cards()[0]);
  if (changed && focused?.id !== "undo") focusCard(changed);
  touch();
  say(words("undone"));
};

export const showProgress = () => {
  if (!form()) return;
  const ranked = cards().filter(rankOf);
  const isWhole = choices().length ? isChosen() : ranked.length === cards().length;
  for (const card of cards()) card.classList.toggle("ranked", ranked.includes(card));
  byId("send").classList.toggle("early", !isWhole);
  byId("send-hint").textContent = choices().length ? "" : `${ranked.length}/${cards().length}`;
  byId("undo").setAttribute("aria-disabled", !past.length && !skipUndo());
};
