// What the page holds for the volunteer: the comparison before them, those fetched ahead, and how long they are held.
import { byId, store } from "./page.js";

const SHOWN = "chorus.shown";
const desk = byId("desk");
const { term } = byId("outbox").dataset; // minutes that an assignment is held

// A comparison is {key, html or nodes, until, shown}, both times in milliseconds since 1970.
export let current = null;
export let ahead = [];
let nothingLeft = ""; // the page's words when the server has no more
let instead = ""; // what stands in the place of a comparison
const judged = new Set(); // keys, so that an answer that was long on its way brings none of them again

const until = (seconds) => Date.now() + 1_000 * seconds;

// Whether the server was asked for more and had none.
export const isAllDone = () => nothingLeft !== "";

// What is shown

const put = (...content) => {
  desk.replaceChildren(...content);
  document.dispatchEvent(new CustomEvent("desk:arrive"));
};

const parsed = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
};

// After a reload the time that a comparison was before the volunteer still counts from the first moment.
const shownSince = (key) => {
  const last = JSON.parse(store("sessionStorage", SHOWN) || "{}");
  if (last.key === key) return last.shown;
  store("sessionStorage", SHOWN, JSON.stringify({ key, shown: Date.now() }));
  return Date.now();
};

const show = (comparison) => {
  instead = "";
  current = { ...comparison, shown: shownSince(comparison.key) };
  put(...(comparison.nodes || [parsed(comparison.html)]));
  showTime();
};

// The next comparison, or why there is none. `isWaiting` is whether something was not delivered yet.
export const showNext = ({ isOffline, isWaiting }) => {
  if (ahead.length) return show(ahead.shift());
  current = null;
  showTime();
  const kind = isOffline ? "desk-none-ahead" : "desk-coming";
  const html = nothingLeft && !isWaiting ? nothingLeft : byId(kind).innerHTML;
  // What stands there already is not read out anew.
  if (html !== instead) put(parsed(html));
  instead = html;
};

// The comparison before the volunteer as it is now, with what was entered.
export const asItIs = () => ({ ...current, nodes: [...desk.childNodes] });

// Shows this one; what was before the volunteer comes next, as it is.
export const showFirst = (comparison) => {
  judged.delete(comparison.key);
  if (current && current.key !== comparison.key) ahead.unshift(asItIs());
  show(comparison);
};

// What comes and goes

export const markJudged = (key) => judged.add(key);
export const unmarkJudged = (key) => judged.delete(key);

export const dropAhead = () => {
  ahead = [];
};

const showRound = (html) => {
  const progress = byId("desk-progress");
  const focused = progress.contains(document.activeElement) ? document.activeElement.id : "";
  progress.replaceChildren(parsed(html));
  byId(focused)?.focus({ preventScroll: true });
};

// Takes in what the server answered; the keys in `known` are in the outbox.
export const receive = (body, { known, isWaiting }) => {
  // There is something to read before the next one. Those at hand stay held and come back after it.
  if (body.to_read) ahead = [];
  if (current && body.judged?.includes(current.key)) {
    judged.add(current.key);
    current = null;
  }
  const keys = [current, ...ahead].filter(Boolean).map(({ key }) => key).concat(known);
  for (const { key, html, seconds_left } of body.ahead) {
    if (!keys.includes(key) && !judged.has(key)) ahead.push({ key, html, until: until(seconds_left) });
  }
  if (body.progress) showRound(body.progress);
  // Nothing may be left because the volunteer holds all that one may; that counts once they hold nothing.
  nothingLeft = current || ahead.length || isWaiting ? "" : body.nothing_left;
};

// Time

let timer = 0;
const showTime = () => {
  clearTimeout(timer);
  const { soon, over } = byId("desk-time").dataset;
  const left = current ? current.until - Date.now() : Infinity;
  const warning = Math.min(120, term * 12) * 1_000;
  byId("desk-time").textContent = left <= 0 ? over : left <= warning ? soon : "";
  const next = left > warning ? left - warning : left;
  if (left > 0 && left < Infinity) timer = setTimeout(showTime, Math.min(next, 2 ** 31 - 1) + 100);
};

// Whether a quarter of the time of one is over.
export const isRenewalDue = () => {
  const times = [current, ...ahead].filter(Boolean).map((one) => one.until);
  return times.length > 0 && Math.min(...times) < until(0.75 * term * 60);
};

// `held` has the seconds left of each key. Returns whether one that was fetched ahead has gone to someone else.
export const keepTime = (held) => {
  for (const one of [current, ...ahead]) {
    if (one) one.until = one.key in held ? until(held[one.key]) : 0;
  }
  const before = ahead.length;
  ahead = ahead.filter((one) => one.until);
  showTime();
  return ahead.length < before;
};

// What the page came with.
const key = desk.querySelector("[name=key]")?.value;
if (key) current = { key, until: until(Number(desk.dataset.secondsLeft || 0)), shown: shownSince(key) };
else instead = nothingLeft = desk.innerHTML;
showTime();
