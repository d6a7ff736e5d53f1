// What a volunteer submitted, kept in the browser until the server has it. Pages and the service worker share this file.
// Code of our own because Workbox's background sync cannot tell whose entry it sends, and only Chrome's relatives have that sync.
//
// An entry is {key, volunteer, address, fields, isSkip, ...}: it is posted to its address, once `notBefore`, in
// milliseconds since 1970, has come if it has one. What the server refuses stays with {status, words, form} as `refusal`.
import { get, update } from "../../vendor/idb-keyval/index.js";

const NAME = "chorus.queue";
const PATIENCE = 20_000; // milliseconds until a request counts as failed
const LONGEST_KEPT_ALIVE = 60_000; // bytes; browsers refuse more than 64 KiB to requests that outlive their page

// A browser may refuse storage; then what waits is kept as long as the page.
let memory = null;

// One transaction, so that tabs and the service worker cannot undo each other's changes.
const change = async (how) => {
  if (!memory) {
    try {
      return await update(NAME, (kept) => how(kept || []));
    } catch {
      memory = [];
    }
  }
  memory = how(memory);
};

export const all = async () => {
  if (memory) return memory;
  try {
    return (await get(NAME)) || [];
  } catch {
    return [];
  }
};

export const of = async (volunteer) => (await all()).filter((entry) => entry.volunteer === volunteer);

// Whether it is to be sent now: neither refused nor held back.
export const isDue = (entry) => !entry.refusal && !(entry.notBefore > Date.now());

// Takes the place of an earlier one with the same key.
export const add = (entry) => change((kept) => [...kept.filter(({ key }) => key !== entry.key), entry]);

export const remove = (key) => change((kept) => kept.filter((entry) => entry.key !== key));

const edit = (key, values) => change((kept) => kept.map((entry) => (entry.key === key ? { ...entry, ...values } : entry)));

// No longer held back.
export const release = (key) => edit(key, { notBefore: 0 });

// A page of ours in JSON, as {status, body}; status 0 is the way to the sign-in page. Rejects without a connection.
export const ask = async (address, options = {}) => {
  const answer = await fetch(address, {
    ...options,
    headers: { Accept: "application/json", ...options.headers },
    credentials: "same-origin",
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout?.(PATIENCE),
  });
  const isJSON = (answer.headers.get("Content-Type") || "").startsWith("application/json");
  return { status: answer.status, body: isJSON ? await answer.json() : null };
};

// Asks the server at `sender` for the volunteer and token of `who`. Returns what is in the way, or null.
const introduce = async (who, sender) => {
  const { status, body } = await ask(sender);
  if (status === 0) return "signed-out";
  if (!body) return "failed";
  if (who.volunteer && who.volunteer !== body.volunteer) return "someone-else";
  Object.assign(who, body);
  return null;
};

const postOnce = (address, fields, who) => {
  const body = new URLSearchParams([...fields, ["volunteer", who.volunteer]]).toString();
  return ask(address, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": who.token },
    keepalive: body.length < LONGEST_KEPT_ALIVE,
  });
};

// As `ask`, or {hindrance}. A token is refused after signing in anew, and so is what somebody else submitted.
export const post = async (address, fields, who, sender) => {
  const answer = await postOnce(address, fields, who);
  if (answer.status === 0) return { hindrance: "signed-out" };
  if (answer.status !== 403) return answer;
  const hindrance = await introduce(who, sender);
  return hindrance ? { hindrance } : postOnce(address, fields, who);
};

const sendOne = async (entry, who, sender, extra, answered) => {
  let answer;
  try {
    answer = await post(entry.address, [...entry.fields, ...extra(entry)], who, sender);
  } catch {
    return "offline";
  }
  const { status, body, hindrance } = answer;
  if (hindrance) return hindrance;
  if (status === 200 && body) {
    await remove(entry.key);
  } else if (status >= 400 && status < 500 && ![408, 425, 429].includes(status)) {
    // A skip that came too late leaves nothing to keep.
    if (entry.isSkip) await remove(entry.key);
    else await edit(entry.key, { refusal: { status, words: body?.words || "", form: body?.form || "" } });
  } else {
    return "failed";
  }
  await answered(entry, status, body);
  return null;
};

// Of several at work, each waits for the one before; where locks are missing, the server stores a key once anyway.
const alone = (work) => (navigator.locks ? navigator.locks.request(NAME, work) : work());

// Sends what is due, in order, each with the fields of `extra(entry)`, and calls `answered(entry, status, body)` after
// each. Returns what kept some of it from arriving, "offline", "signed-out", "someone-else" or "failed", or null.
export const deliver = (who, sender, { extra = () => [], answered = () => {} } = {}) =>
  alone(async () => {
    let left = null;
    const waits = (entry) => isDue(entry) && (!who.volunteer || entry.volunteer === who.volunteer);
    if (!(await all()).some(waits)) return null;
    if (!who.token) {
      left = await introduce(who, sender).catch(() => "offline");
      if (left) return left;
    }
    for (const entry of (await all()).filter(waits)) {
      const hindrance = await sendOne(entry, who, sender, extra, answered);
      if (hindrance) left = hindrance;
      // What failed on the server's side may be that one's own fault; the others are tried.
      if (hindrance && hindrance !== "failed") break;
    }
    return left;
  });
