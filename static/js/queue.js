// What a volunteer said, kept in the browser until the server has it. Pages and the service worker share this file.
self.queue = (() => {
  "use strict";

  const NAME = "chorus.queue";
  const PATIENCE = 20_000; // milliseconds until a request counts as failed
  const LONGEST_KEPT_ALIVE = 60_000; // bytes; browsers refuse more than 64 KiB to requests that outlive their page

  // A browser may refuse storage; then what waits is kept as long as the page.
  let memory = null;

  // One transaction, so that tabs and the service worker cannot undo each other's changes.
  const change = async (how) => {
    if (!memory) {
      try {
        return await idbKeyval.update(NAME, (kept) => how(kept || []));
      } catch {
        memory = [];
      }
    }
    memory = how(memory);
  };

  const all = async () => {
    if (memory) return memory;
    try {
      return (await idbKeyval.get(NAME)) || [];
    } catch {
      return [];
    }
  };

  const of = async (volunteer) => (await all()).filter((entry) => entry.volunteer === volunteer);

  // Said anew under the same key, it takes the place of what was said before.
  const add = (entry) => change((kept) => [...kept.filter(({ key }) => key !== entry.key), entry]);

  const remove = (key) => change((kept) => kept.filter((entry) => entry.key !== key));

  const refuse = (key, refusal) =>
    change((kept) => kept.map((entry) => (entry.key === key ? { ...entry, refusal } : entry)));

  // A page of ours in JSON, as {status, body}; status 0 is the way to the sign-in page. Rejects without a connection.
  const ask = async (address, options = {}) => {
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

  // Learns volunteer and token of `who` from the server, whose page `sender` tells. Answers what is in the way, if anything.
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

  // As `ask`, or {hindrance}. A token is refused after signing in anew, and so is what somebody else has said.
  const post = async (address, fields, who, sender) => {
    const answer = await postOnce(address, fields, who);
    if (answer.status === 0) return { hindrance: "signed-out" };
    if (answer.status !== 403) return answer;
    const hindrance = await introduce(who, sender);
    return hindrance ? { hindrance } : postOnce(address, fields, who);
  };

  const sendOne = async (entry, who, sender, extra, told) => {
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
      else await refuse(entry.key, { status, words: body?.words || "", form: body?.form || "" });
    } else {
      return "failed";
    }
    await told(entry, status, body);
    return null;
  };

  // Of several at work, each waits for the one before; where locks are missing, the server stores a key once anyway.
  const alone = (work) => (navigator.locks ? navigator.locks.request(NAME, work) : work());

  // Sends what waits, in order, each with the fields of `extra(entry)`. Answers what kept some of it from arriving: "offline", "signed-out", "someone-else" or
  // "failed"; null when nothing did. `told(entry, status, body)` hears of each that was answered.
  const deliver = (who, sender, { extra = () => [], told = () => {} } = {}) =>
    alone(async () => {
      let left = null;
      const waits = (entry) => !entry.refusal && (!who.volunteer || entry.volunteer === who.volunteer);
      if (!(await all()).some(waits)) return null;
      if (!who.token) {
        left = await introduce(who, sender).catch(() => "offline");
        if (left) return left;
      }
      for (const entry of (await all()).filter(waits)) {
        const hindrance = await sendOne(entry, who, sender, extra, told);
        if (hindrance) left = hindrance;
        // What failed on the server's side may be that one's own fault; the others are tried.
        if (hindrance && hindrance !== "failed") break;
      }
      return left;
    });

  return { all, of, add, remove, ask, post, deliver };
})();
