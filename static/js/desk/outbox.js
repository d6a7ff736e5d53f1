// Sending from the ranking desk: what was submitted waits in the browser until the server has it, and the next comparison
// is there at once, because it was fetched ahead. Without this script the form posts and the page loads anew.
import { describe } from "./comparison.js";
import {
  ahead, asItIs, current, dropAhead, isAllDone, isRenewalDue, keepTime, markJudged, receive, showFirst, showNext,
  unmarkJudged,
} from "./held.js";
import { byId, calmDown, hasTrouble, say, store, warn, words } from "./page.js";
import * as queue from "./queue.js";
import { showProgress } from "./ranks.js";

const { term, ahead: aheadAddress, renew: renewAddress, sender, worker, ...ids } = byId("outbox").dataset;
const volunteer = Number(ids.volunteer);
const who = { volunteer, token: document.querySelector("[name=csrfmiddlewaretoken]").value };
const desk = byId("desk");
const SLOW = 3_000; // milliseconds after which the page shows that something waits
const RETRY = [2_000, 5_000, 15_000, 60_000];
const UNDO = 15_000; // milliseconds for which a skip can be taken back
const UNTIL_IDLE = 1_000; // milliseconds after loading, so that nothing here delays what there is to read
const WAITING = "chorus.waiting";

let entries = []; // of this volunteer, sent or refused, as the queue had them last
let hindrance = null; // what kept the last try from arriving
let isShort = false; // whether more may be had ahead than is at hand

const waiting = () => entries.filter((entry) => !entry.refusal);
const isWaiting = () => entries.some(queue.isDue);
const conditions = () => ({ isOffline: hindrance === "offline", isWaiting: isWaiting() });
const keysAtHand = (but) =>
  [current, ...ahead, ...entries].filter((one) => one && one.key !== but).map(({ key }) => key).join(",");

// What waits and what was refused

const showWaiting = (isSlow = false) => {
  const { offline, count } = byId("outbox-waiting").dataset;
  const number = waiting().length;
  const parts = [
    hindrance === "offline" ? offline : "",
    number && (hindrance || isSlow) ? count.replace("{count}", number) : "",
  ];
  byId("outbox-waiting").textContent = parts.filter(Boolean).join(" ");
};

const lookAgain = (key, html) => showFirst({ key, html, until: Infinity });

const discard = async (key) => {
  unmarkJudged(key);
  await queue.remove(key);
  await refresh();
  if (!current) fetchMore();
};

const showRefused = async () => {
  const refused = entries.filter((entry) => entry.refusal);
  byId("outbox-refused").hidden = !refused.length;
  if (!refused.length) {
    calmDown("refused");
    return;
  }
  const { list } = await import("./refused.js");
  byId("outbox-refused").querySelector("ul").replaceChildren(...list(refused, { lookAgain, discard }));
};

const refresh = async () => {
  entries = await queue.of(volunteer);
  store("localStorage", WAITING, entries.length ? "yes" : null);
  showWaiting();
  sendLater();
  await showRefused();
};

// Sending and fetching

const goOnWith = (body) => {
  receive(body, { known: entries.map(({ key }) => key), isWaiting: isWaiting() });
  if (!current) showNext(conditions());
};

const answered = async (entry, status, body) => {
  await refresh();
  // Of what was fetched ahead some may be gone, too, with its round.
  if (status === 409) {
    dropAhead();
    isShort = true;
  }
  if (body?.ahead) goOnWith(body);
  if (entry.isSkip) return; // what there is to know of it was shown when it was skipped
  if (status === 200) say(body?.words || "");
  else warn("refused");
};

// Fetches what can be held ahead. Returns what is in the way, or null.
const refill = async () => {
  try {
    const address = `${aheadAddress}?have=${keysAtHand()}&volunteer=${volunteer}`;
    const { status, body } = await queue.ask(address);
    if (status !== 200 || !body) return { 0: "signed-out", 403: "someone-else" }[status] || "failed";
    isShort = false;
    goOnWith(body);
    return null;
  } catch {
    return "offline";
  }
};

const sendAndFetch = async () => {
  const slow = setTimeout(() => {
    showWaiting(true);
    sendWhenClosed();
  }, SLOW);
  const extra = (entry) => [["have", keysAtHand(entry.key)]];
  let left = await queue.deliver(who, sender, { extra, answered });
  clearTimeout(slow);
  await refresh();
  if (!left && (isShort || (!current && !isAllDone()))) left = await refill();
  showHindrance(left);
};

// What is held back is sent when its time comes.
let later = 0;
const sendLater = () => {
  clearTimeout(later);
  const times = entries.map(({ notBefore = 0 }) => notBefore - Date.now()).filter((wait) => wait > 0);
  if (times.length) later = setTimeout(flush, Math.min(...times));
};

let working = Promise.resolve();
const flush = () => (working = working.then(sendAndFetch).catch(console.error));

const fetchMore = () => {
  isShort = true;
  return flush();
};

let tries = 0;
let retry = 0;
const showHindrance = (kind) => {
  const before = hindrance;
  hindrance = kind;
  clearTimeout(retry);
  if (kind === "offline" || kind === "failed") {
    retry = setTimeout(flush, RETRY[Math.min(tries++, RETRY.length - 1)]);
    sendWhenClosed();
  } else {
    tries = 0;
  }
  // What stands there already is not read out anew with every try.
  if (!kind || kind === "offline") calmDown(before);
  else if (kind !== before || !hasTrouble()) warn(kind);
  showWaiting();
  if (!current && (kind || before)) showNext(conditions());
};

// The service worker sends after the last tab has closed, in browsers that wake it for that.
const sendWhenClosed = () => {
  if (!waiting().length) return;
  navigator.serviceWorker?.ready.then(({ sync }) => sync?.register("queue")).catch(() => {});
};

// Submitting

const entryOf = (form, submitter) => {
  const data = new FormData(form);
  if (submitter?.name) data.set(submitter.name, submitter.value);
  const spent = current ? Math.max(0, (Date.now() - current.shown) / 1_000) : 0;
  data.delete("csrfmiddlewaretoken");
  if (spent) data.set("seconds", spent.toFixed(1));
  return {
    key: data.get("key"),
    volunteer,
    address: submitter?.getAttribute("formaction") || form.getAttribute("action"),
    isSkip: submitter?.id === "skip",
    fields: [...data],
    question: desk.querySelector(".conversation > :last-child")?.textContent.trim().slice(0, 300) || "",
    lines: describe(submitter),
  };
};

const taken = new Set();
const take = async (form, submitter) => {
  const entry = entryOf(form, submitter);
  if (taken.has(entry.key)) return; // a second click
  taken.add(entry.key);
  if (!hindrance) calmDown();
  begin();
  await sendSkip();
  // Later than it can be taken back, as clocks and timers are not exact.
  if (entry.isSkip) entry.notBefore = Date.now() + UNDO + 1_000;
  await queue.add(entry);
  markJudged(entry.key);
  await refresh();
  taken.delete(entry.key);
  const comparison = asItIs();
  if (current?.key === entry.key) showNext(conditions());
  if (entry.isSkip) offerUndo(comparison);
  flush();
};

// Taking back a skip: it is held back for a while, or until something else is submitted.

let skipped = null; // {comparison, timer}

const offerUndo = (comparison) => {
  byId("desk-skipped").replaceChildren(byId("skipped").content.cloneNode(true));
  skipped = { comparison, timer: setTimeout(endUndo, UNDO) };
  showProgress();
};

const endUndo = () => {
  const hadFocus = byId("desk-skipped").contains(document.activeElement);
  clearTimeout(skipped.timer);
  skipped = null;
  byId("desk-skipped").replaceChildren();
  if (hadFocus) byId("desk-heading").focus({ preventScroll: true });
  showProgress();
};

const sendSkip = async () => {
  if (!skipped) return;
  const { key } = skipped.comparison;
  endUndo();
  await queue.release(key);
};

const undoSkip = async () => {
  const { comparison } = skipped;
  endUndo();
  await queue.remove(comparison.key);
  await refresh();
  showFirst(comparison);
  say(words("undone"));
};

document.addEventListener("click", (event) => {
  if (skipped && event.target.id === "undo-skip") undoSkip();
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.id !== "judgment-form" || !desk.contains(event.target)) return;
  event.preventDefault();
  take(event.target, event.submitter);
});

// Keeping assignments while the volunteer is at work

let isRenewing = false;
const renew = async () => {
  isRenewing = true;
  try {
    const { status, body } = await queue.post(renewAddress, [], who, sender);
    if (status === 200 && body && keepTime(body.held)) fetchMore();
  } catch {}
  // At most once in a while, also where it fails.
  setTimeout(() => (isRenewing = false), term * 60_000 / 20);
};

const beActive = () => {
  begin();
  if (!isRenewing && isRenewalDue()) renew();
};
for (const kind of ["pointerdown", "wheel", "keydown", "input", "change"]) {
  document.addEventListener(kind, beActive, { capture: true, passive: true });
}

// Beginning, and coming back

let hasBegun = false;
const begin = async () => {
  if (hasBegun) return;
  hasBegun = true;
  await refresh();
  // It was submitted already, and the server does not know yet.
  if (current && waiting().some(({ key }) => key === current.key)) showNext(conditions());
  await (current ? fetchMore() : flush());
  // A browser without modules in service workers sends while a page is open.
  navigator.serviceWorker?.register(worker, { type: "module" }).catch(() => {});
};

const comeBack = () => {
  if (!hasBegun) begin();
  else if (waiting().length || hindrance) flush();
};
window.addEventListener("online", comeBack);
document.addEventListener("visibilitychange", () => document.hidden || comeBack());
// The service worker was quicker, and the server answered it instead of the page.
navigator.serviceWorker?.addEventListener("message", () => (hasBegun ? fetchMore() : begin()));

if (store("localStorage", WAITING)) begin();
else if (document.readyState === "complete") setTimeout(begin, UNTIL_IDLE);
else window.addEventListener("load", () => setTimeout(begin, UNTIL_IDLE));
