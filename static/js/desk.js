// Keys, drafts and focus for the ranking desk. Everything here is an addition: the form works without it.
(() => {
  "use strict";

  const DRAFT = "chorus.draft";
  const HELP = "chorus.keys.shown";
  const KEYS = "chorus.keys.used";
  const byId = (id) => document.getElementById(id);
  const form = () => byId("judgment-form");
  const cards = () => [...document.querySelectorAll("#desk .answer")];
  const isRanked = (card) => card.querySelector(".ranks input:checked") !== null;

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

  // Of two answers one choice says it all; of more, each card has its rank.
  const choices = () => [...document.querySelectorAll("#desk .preferred input")];

  const showProgress = () => {
    if (!form()) return;
    if (choices().length) {
      byId("send").classList.toggle("early", !choices().some((one) => one.checked));
      return;
    }
    const all = cards();
    const ranked = all.filter(isRanked);
    all.forEach((card) => card.classList.toggle("ranked", isRanked(card)));
    byId("send").classList.toggle("early", ranked.length < all.length);
    byId("send-hint").textContent = `${ranked.length}/${all.length}`;
  };

  // Drafts: what was entered survives a lost connection, a new sign-in and a reload of the tab.

  const key = () => form().elements.key.value;

  const keepDraft = () => {
    const entered = [...new FormData(form())].filter(([name]) => /^(rank|flags|rating)_|^(preferred|rationale|reason)$/.test(name));
    store("sessionStorage", DRAFT, JSON.stringify({ key: key(), entered }));
  };

  const restoreDraft = () => {
    const draft = JSON.parse(store("sessionStorage", DRAFT) || "null");
    if (!form() || !draft) return;
    if (draft.key !== key()) {
      store("sessionStorage", DRAFT, null);
      return;
    }
    if (byId("desk-error")) return;
    for (const [name, value] of draft.entered) {
      for (const field of document.getElementsByName(name)) {
        if (/^(textarea|select-one)$/.test(field.type)) field.value = value;
        else if (field.value === value) field.checked = true;
        if (field.value) field.closest("details")?.toggleAttribute("open", true);
      }
    }
  };

  // Keys

  const current = () => document.activeElement?.closest(".answer") || null;

  const focusCard = (card) => {
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  };

  const move = (step) => {
    const all = cards();
    const here = all.indexOf(current());
    const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step;
    if (all[next]) focusCard(all[next]);
  };

  const rank = (digit) => {
    if (choices().length) {
      const one = choices()[digit - 1];
      if (!one) return;
      one.checked = true;
      one.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    const all = cards();
    const card = current() || all.find((one) => !isRanked(one)) || all[0];
    const choice = card?.querySelector(`.ranks input[value="${digit}"]`);
    if (!choice) return;
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    const later = [...all.slice(all.indexOf(card) + 1), ...all].find((one) => !isRanked(one));
    focusCard(later || card);
  };

  const showKeys = () => {
    byId("keys").hidden = false;
    byId("keys-list").hidden = store("localStorage", HELP) === "no";
    byId("keys-on").checked = store("localStorage", KEYS) !== "no";
  };

  const act = {
    ArrowDown: () => move(1),
    j: () => move(1),
    ArrowUp: () => move(-1),
    k: () => move(-1),
    Enter: () => form()?.requestSubmit(byId("send")),
    s: () => byId("skip")?.click(),
    "?": () => {
      store("localStorage", HELP, byId("keys-list").hidden ? "yes" : "no");
      showKeys();
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (!byId("keys-on").checked || event.target.closest("textarea, select, a, input[type=text]")) return;
    if (event.key === "Enter" && event.target.closest("button, summary, input[type=checkbox]")) return;
    const action = /^[1-8]$/.test(event.key) ? () => rank(event.key) : act[event.key] || act[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // A comparison that outbox.js has put in the place of the last one

  const setUp = () => {
    restoreDraft();
    showProgress();
  };

  const arrive = () => {
    setUp();
    const target = byId("desk-error") || byId("desk-heading");
    window.scrollTo(0, 0);
    target.focus({ preventScroll: target.id === "desk-heading" });
  };

  document.addEventListener("desk:arrive", arrive);
  document.addEventListener("change", (event) => {
    if (event.target.id === "keys-on") {
      store("localStorage", KEYS, event.target.checked ? "yes" : "no");
    } else if (form()?.contains(event.target)) {
      keepDraft();
      showProgress();
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "rationale") keepDraft();
  });
  showKeys();
  setUp();
})();
