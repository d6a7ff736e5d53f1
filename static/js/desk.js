// How one ranks: by taps, by keys, by moving cards. Everything here is an addition: the form works without it.
// What is entered is sent by outbox.js, which leaves a submit alone that was prevented here and dispatches
// `desk:arrive` once it has put the next comparison on the page.
(() => {
  "use strict";

  const DRAFT = "chorus.draft";
  const HELP = "chorus.keys.shown";
  const KEYS = "chorus.keys.used";
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const form = () => byId("judgment-form");
  const all = (selector) => [...(form()?.querySelectorAll(selector) ?? [])];

  // A browser may refuse storage; then drafts and choices last as long as the page.
  const kept = new Map();
  const store = (storage, name, value) => {
    if (value !== undefined) kept.set(name, value);
    else if (kept.has(name)) return kept.get(name);
    try {
      if (value === undefined) return window[storage].getItem(name);
      if (value === null) window[storage].removeItem(name);
      else window[storage].setItem(name, value);
    } catch {}
    return null;
  };

  // Words: the page has them, here their gaps are filled.

  const words = (name, values = {}) =>
    byId("desk-words").dataset[name].replace(/\{(\w+)\}/g, (gap, key) => values[key] ?? gap);

  const say = (text) => {
    byId("desk-status").textContent = text;
  };

  let complaint = "";
  const complain = (text) => {
    complaint = text;
    byId("desk-trouble").textContent = text;
    byId("desk-trouble").hidden = !text;
  };
  // What outbox.js says there stays.
  const calmDown = () => complaint && byId("desk-trouble").textContent === complaint && complain("");

  // Cards, in the order in which they are on the page. Of two answers one choice says it all; of more, each
  // card has its rank.

  const cards = () => all(".answer");
  const choices = () => all(".preferred input");
  const letters = (some) => some.map((card) => card.dataset.letter).join(", ");
  const rankOf = (card) => Number(card.querySelector(".ranks input:checked")?.value) || null;
  const setRank = (card, rank) => {
    for (const one of card.querySelectorAll(".ranks input")) one.checked = Number(one.value) === rank;
  };
  const current = () => document.activeElement?.closest(".answer") || null;
  // As if it had been entered by hand: for the draft, the undoing and the assignment's renewal.
  const touch = () => form().dispatchEvent(new Event("change", { bubbles: true }));

  const focusCard = (card) => {
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  };

  // Folds: a long answer is judged once the whole of it was on the page.

  const isUnread = (card) => card.classList.contains("unread");

  const unfold = (fold, open = !fold.classList.contains("open")) => {
    fold.classList.toggle("open", open);
    fold.querySelector(".unfold").setAttribute("aria-expanded", open);
    if (open) fold.closest(".answer")?.classList.remove("unread");
    else fold.scrollIntoView({ block: "nearest" });
  };

  // A fold that hides nothing here is none: a wide window, or a browser that folds nothing.
  const measureFolds = () => {
    for (const fold of document.querySelectorAll(".fold.long:not(.open)")) {
      const text = fold.querySelector(".folding");
      const [first, last] = [text.firstElementChild, text.lastElementChild].map((one) => one?.getBoundingClientRect());
      const fits = !first || last.bottom - first.top <= text.clientHeight + 1;
      fold.classList.toggle("fits", fits);
      if (fits) fold.closest(".answer")?.classList.remove("unread");
    }
  };

  const askToOpen = (card) => {
    say(card.querySelector(".open-first").textContent);
    card.querySelector(".unfold").focus();
    card.querySelector(".open-first").scrollIntoView({ block: "nearest" });
  };

  // Whether all that an act judges was read; if not, where to read on is in focus.
  const isRead = (some) => {
    const unread = some.find(isUnread);
    if (unread) askToOpen(unread);
    return !unread;
  };

  const scrollers = () => {
    for (const one of document.querySelectorAll(".folding :is(pre, table)")) {
      if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    }
  };

  // Ranks. A ranking is a list of groups of equal cards, the best first; cards without a rank come last.

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
  const moveCard = (card, step, anchor) => {
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
  const dropCard = (card, goesUp) => {
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

  const tie = () => {
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

  const rank = (digit) => {
    const card = current() || cards().find((one) => !rankOf(one)) || cards()[0];
    if (!card || digit > cards().length || !isRead([card])) return;
    setRank(card, digit);
    touch();
    say(words("ranked", { letter: card.dataset.letter, rank: digit }));
    goOn(card);
  };

  const choose = (choice) => {
    if (!choice || !isRead(cards())) return;
    choice.checked = true;
    touch();
    say(choice.parentElement.textContent.trim());
  };

  // Undoing takes back ranks, moves and ties on this comparison, the last first.

  let past = [];
  let last = "";
  const state = () =>
    JSON.stringify({
      order: cards().map((card) => card.id),
      ranks: Object.fromEntries(cards().map((card) => [card.id, rankOf(card)])),
      chosen: choices().find((one) => one.checked)?.id,
    });

  const record = () => {
    const now = state();
    if (now === last) return;
    past.push(last);
    last = now;
  };

  const undo = () => {
    if (!past.length) {
      say(words("nothing"));
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

  const showProgress = () => {
    if (!form()) return;
    const ranked = cards().filter(rankOf);
    const isWhole = choices().length ? choices().some((one) => one.checked) : ranked.length === cards().length;
    for (const card of cards()) card.classList.toggle("ranked", ranked.includes(card));
    byId("send").classList.toggle("early", !isWhole);
    byId("send-hint").textContent = choices().length ? "" : `${ranked.length}/${cards().length}`;
    byId("undo").setAttribute("aria-disabled", !past.length);
  };

  // Drafts: what was entered survives a lost connection, a new sign-in and a reload of the tab. A correction
  // has another key each time, so there is nothing to find it by.

  const key = () => form().elements.key.value;
  const hasDraft = () => Boolean(byId("desk") && form() && key());
  const asked = new Set();

  const keepDraft = () => {
    if (!hasDraft()) return;
    const entered = [...new FormData(form())].filter(([name]) => /^(rank|flags|rating)_|^(preferred|rationale|reason|rewrite|rewrite_of)$/.test(name));
    const order = cards().map((card) => card.id);
    store("sessionStorage", DRAFT, JSON.stringify({ key: key(), entered, order, asked: asked.has(key()) }));
  };

  const restoreDraft = () => {
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

  // Submitting: what is not whole yet stays here with words, and an order that was left as shown is asked about.

  const whatIsMissing = (verdict) => {
    if (verdict === "cannot_rank") return byId("reason").value ? null : [words("reasonless"), byId("reason")];
    if (choices().length) return choices().some((one) => one.checked) ? null : [words("undecided"), choices()[0]];
    const without = cards().filter((card) => !rankOf(card));
    return without.length ? [words("missing", { letters: letters(without) }), without[0]] : null;
  };

  const isAsShown = () => !choices().length && cards().every((card) => rankOf(card) === Number(card.dataset.place));

  document.addEventListener(
    "submit",
    (event) => {
      const button = event.submitter;
      const verdict = button?.name === "verdict" ? button.value : "";
      if (event.target !== form() || button?.id === "skip" || verdict === "all_bad") return;
      const missing = whatIsMissing(verdict);
      if (missing) {
        event.preventDefault();
        complain(missing[0]);
        if (missing[1].matches(".answer")) focusCard(missing[1]);
        else missing[1].focus();
      } else if (!verdict && isAsShown() && !asked.has(key())) {
        event.preventDefault();
        asked.add(key());
        keepDraft();
        byId("as-shown").showModal();
      }
    },
    true,
  );

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

  const beginRewrite = () => {
    const field = byId("rewrite");
    if (!field || field.value !== begun || !(begun || byId("rewrite-box").open)) return;
    field.value = begun = sourceOf(byId("rewrite-of").value || best());
  };

  const noteRewrite = () => {
    if (begun && byId("rewrite").value !== begun && !byId("rewrite-of").value) byId("rewrite-of").value = best();
  };

  const resumeRewrite = () => {
    const text = byId("rewrite")?.value ?? "";
    begun = sources().some((one) => one.content.textContent === text) ? text : "";
    beginRewrite();
  };

  document.addEventListener(
    "submit",
    (event) => {
      const field = event.target === form() && !event.defaultPrevented && byId("rewrite");
      if (field && begun && field.value === begun) field.value = begun = "";
    },
    true,
  );

  document.addEventListener("toggle", (event) => event.target.id === "rewrite-box" && beginRewrite(), true);

  // A link in a text opens once its whole address was seen.
  const askAboutLink = (link) => {
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

  const offerLinks = () => {
    for (const link of document.querySelectorAll("a[data-address]:not(:empty)")) {
      link.tabIndex = 0;
      link.setAttribute("role", "link");
      link.setAttribute("aria-haspopup", "dialog");
    }
  };

  // Dragging. While a card is dragged, all are cut to a few lines, so that there is somewhere to go.

  const isStill = () => root.dataset.motion === "on" || matchMedia("(prefers-reduced-motion: reduce)").matches;

  const shorten = (answers, handle, isShort) => {
    const top = handle.getBoundingClientRect().top;
    answers.classList.toggle("sorting", isShort);
    answers.style.paddingTop = "";
    const moved = handle.getBoundingClientRect().top - top;
    window.scrollBy({ top: moved, behavior: "instant" });
    // At the top of the page there is nothing to scroll by.
    const rest = top - handle.getBoundingClientRect().top;
    if (isShort && rest > 0) answers.style.paddingTop = `${rest}px`;
  };

  // Of two answers none is moved.
  const isMovable = () => cards().length && !choices().length;

  const sortCards = () => {
    const answers = cards()[0]?.parentElement;
    if (!isMovable() || !window.Sortable || window.Sortable.get(answers)) return;
    const handleOf = (event) => event.item.querySelector(".handle");
    window.Sortable.create(answers, {
      handle: ".handle",
      draggable: ".answer",
      forceFallback: true,
      fallbackOnBody: true,
      animation: isStill() ? 0 : 120,
      filter: (event) => Boolean(event.target.closest(".handle")) && cards().some(isUnread),
      onFilter: () => isRead(cards()),
      onClone: (event) => shorten(answers, handleOf(event), true),
      onEnd: (event) => {
        shorten(answers, handleOf(event), false);
        focusCard(event.item);
        // Later, because Sortable then puts back the radio buttons as they were when the drag began.
        if (event.oldIndex !== event.newIndex) setTimeout(dropCard, 0, event.item, event.newIndex < event.oldIndex);
      },
    });
  };

  // Sortable is no part of what one waits for: it is fetched when a hand comes near, long before it can drag.
  const GESTURES = ["pointermove", "pointerdown", "touchstart", "scroll", "keydown"];
  const fetchSortable = () => {
    if (!isMovable()) return;
    for (const name of GESTURES) removeEventListener(name, fetchSortable, true);
    const script = document.createElement("script");
    script.src = byId("desk-words").dataset.sortable;
    script.onload = sortCards;
    document.head.append(script);
  };
  for (const name of GESTURES) addEventListener(name, fetchSortable, { capture: true, passive: true });

  // Keys

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
    const five = choices();
    const chosen = five.findIndex((one) => one.checked);
    const next = (chosen < 0 ? 2 : chosen) + (root.dir === "rtl" ? -step : step);
    choose(five[Math.min(Math.max(next, 0), five.length - 1)]);
  };

  const showKeys = () => {
    const isOff = root.dataset.shortcuts === "off";
    byId("keys").hidden = isOff;
    byId("keys-list").hidden = store("localStorage", HELP) === "no";
    byId("keys-on").checked = !isOff && store("localStorage", KEYS) !== "no";
    byId("keys-last").textContent = cards().length;
    const shown = {
      "of-pairs": choices().length,
      "of-ranks": cards().length && !choices().length,
      "of-skip": byId("skip"),
      "of-guidelines": document.querySelector("main [accesskey=g]"),
    };
    for (const [name, isShown] of Object.entries(shown)) {
      for (const line of document.getElementsByClassName(name)) line.hidden = !isShown;
    }
  };

  const help = () => {
    store("localStorage", HELP, byId("keys-list").hidden ? "yes" : "no");
    showKeys();
    if (!byId("keys-list").hidden) byId("keys").scrollIntoView({ block: "nearest" });
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
    "?": help,
    "؟": help,
  };

  // What a key means on any keyboard: the digit row of a French one has digits only with Shift, and an Arabic
  // one has no Latin letters.
  const nameOf = ({ key, code, shiftKey }) => {
    if (/^Digit\d$/.test(code) && !shiftKey && !act[key]) return code.at(-1);
    if (/^Key[A-Z]$/.test(code) && key > "\u007f") return code.at(-1).toLowerCase();
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

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    const name = nameOf(event);
    if (!byId("keys-on").checked || document.querySelector("dialog[open]")) return;
    const digit = /^[1-8]$/.test(name) ? Number(name) : 0;
    const button = document.querySelector(`main :is([data-key="${CSS.escape(name)}"], [accesskey="${CSS.escape(name)}"])`);
    if (isTaken(name, event) || !(digit || button || act[name])) return;
    event.preventDefault();
    if (button) button.click();
    else if (act[name]) act[name](event);
    else if (choices().length) choose(choices()[digit - 1]);
    else rank(digit);
  };

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("a[data-address]")) {
      onKey(event);
      return;
    }
    event.preventDefault(); // or the key would press the button that the question puts in focus
    askAboutLink(event.target);
  });

  // Taps

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
    const fold = event.target.closest(".folding")?.closest(".fold.long:not(.open)");
    if (fold) unfold(fold, true);
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "keys-on") {
      store("localStorage", KEYS, event.target.checked ? "yes" : "no");
    } else if (form()?.contains(event.target)) {
      calmDown();
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

  // A comparison, on load and when outbox.js has put one in the place of the last

  // The bar at the bottom grows with the size of the text; what is in focus stays clear of it, and a bar that
  // would take much of the window is an ordinary part of the page.
  const watchBar = new ResizeObserver(([{ target }]) => {
    target.classList.toggle("tall", target.offsetHeight > window.innerHeight / 4);
    root.style.scrollPaddingBottom = `${target.classList.contains("tall") ? 16 : target.offsetHeight + 16}px`;
  });

  const setUp = () => {
    restoreDraft();
    resumeRewrite();
    for (const card of cards()) if (rankOf(card) || choices().some((one) => one.checked)) card.classList.remove("unread");
    past = [];
    last = state();
    measureFolds();
    scrollers();
    offerLinks();
    sortCards();
    showKeys();
    showProgress();
    watchBar.disconnect();
    for (const bar of all(".send-bar")) watchBar.observe(bar);
  };

  document.addEventListener("desk:arrive", () => {
    complaint = "";
    setUp();
    const target = byId("desk-error") || byId("desk-heading");
    window.scrollTo(0, 0);
    target.focus({ preventScroll: target.id === "desk-heading" });
  });
  window.addEventListener("resize", measureFolds);
  setUp();
})();
