// Sending from the ranking desk: what is said waits in the browser until the server has it, and the next comparison is
// there at once, because it was fetched ahead. Without this script the form posts and the page loads anew.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const { term, ahead: aheadAddress, renew: renewAddress, sender, worker, ...words } = byId("outbox").dataset;
  const volunteer = Number(words.volunteer);
  const who = { volunteer, token: document.querySelector("[name=csrfmiddlewaretoken]").value };
  const desk = byId("desk");
  const SLOW = 3_000; // milliseconds after which it is said that something waits
  const RETRY = [2_000, 5_000, 15_000, 60_000];
  const UNTIL_IDLE = 1_000; // milliseconds after loading, so that nothing here delays what there is to read
  const SHOWN = "chorus.shown";
  const WAITING = "chorus.waiting";

  // What the page holds: a comparison is {key, html, until, shown}, both times in milliseconds since 1970.
  let current = null;
  let ahead = [];
  let nothingLeft = "";
  let instead = ""; // what stands in the place of a comparison
  let isShort = false; // whether more may be had ahead than is at hand
  const judged = new Set(); // keys, so that an answer that was long on its way brings none of them again
  let entries = []; // of this volunteer, sent or not taken, as the queue had them last
  let hindrance = null;
  let tries = 0;

  const until = (seconds) => Date.now() + 1_000 * seconds;
  const waiting = () => entries.filter((entry) => !entry.refusal);
  const keysAtHand = (but) =>
    [current, ...ahead, ...entries].filter((one) => one && one.key !== but).map(({ key }) => key).join(",");

  // What is said to the volunteer

  const say = (kind) => {
    byId("desk-trouble").replaceChildren(...(kind ? [byId(`trouble-${kind}`).content.cloneNode(true)] : []));
    byId("desk-trouble").hidden = !kind;
  };

  const sayWhatWaits = (isSlow = false) => {
    const { offline, count } = byId("outbox-waiting").dataset;
    const number = waiting().length;
    const parts = [
      hindrance === "offline" ? offline : "",
      number && (hindrance || isSlow) ? count.replace("{count}", number) : "",
    ];
    byId("outbox-waiting").textContent = parts.filter(Boolean).join(" ");
  };

  const showRefused = () => {
    const refused = entries.filter((entry) => entry.refusal);
    byId("outbox-refused").hidden = !refused.length;
    byId("outbox-refused").querySelector("ul").replaceChildren(...refused.map(refusedItem));
  };

  const refusedItem = ({ key, question, said, refusal }) => {
    const item = byId("refused-answer").content.cloneNode(true);
    const fallback = [403, 404].includes(refusal.status) ? words.gone : words.refused;
    item.querySelector(".why").textContent = refusal.words || fallback;
    item.querySelector(".question").textContent = question;
    item.querySelector(".said").append(
      ...(said.length ? said : [words.nothingSaid]).map((line) => {
        const part = document.createElement("li");
        part.textContent = line;
        part.dir = "auto";
        return part;
      }),
    );
    item.querySelector(".change").hidden = !refusal.form;
    item.querySelector(".change").addEventListener("click", () => lookAgain(key, refusal.form));
    item.querySelector(".discard").addEventListener("click", () => discard(key));
    return item;
  };

  const refresh = async () => {
    entries = await queue.of(volunteer);
    try {
      if (entries.length) localStorage.setItem(WAITING, "yes");
      else localStorage.removeItem(WAITING);
    } catch {}
    sayWhatWaits();
    showRefused();
  };

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
    try {
      const last = JSON.parse(sessionStorage.getItem(SHOWN) || "{}");
      if (last.key === key) return last.shown;
      sessionStorage.setItem(SHOWN, JSON.stringify({ key, shown: Date.now() }));
    } catch {}
    return Date.now();
  };

  const show = (comparison) => {
    instead = "";
    current = { ...comparison, shown: shownSince(comparison.key) };
    put(...(comparison.nodes || [parsed(comparison.html)]));
    sayTime();
  };

  const showNext = () => {
    if (ahead.length) return show(ahead.shift());
    current = null;
    sayTime();
    const kind = hindrance === "offline" ? "desk-none-ahead" : "desk-coming";
    const html = nothingLeft && !waiting().length ? nothingLeft : byId(kind).innerHTML;
    // What stands there already is not said anew.
    if (html !== instead) put(parsed(html));
    instead = html;
  };

  const lookAgain = (key, html) => {
    if (current && current.key !== key) ahead.unshift({ ...current, nodes: [...desk.childNodes] });
    show({ key, html, until: Infinity });
  };

  const discard = async (key) => {
    judged.delete(key);
    await queue.remove(key);
    await refresh();
    if (!current) fetchMore();
  };

  // What comes back

  const showProgress = (html) => {
    const progress = byId("desk-progress");
    const focused = progress.contains(document.activeElement) ? document.activeElement.id : "";
    progress.replaceChildren(parsed(html));
    byId(focused)?.focus({ preventScroll: true });
  };

  const receive = (body) => {
    // There is something to read before the next one. Those at hand stay held and come back after it.
    if (body.to_read) ahead = [];
    if (current && body.judged?.includes(current.key)) {
      judged.add(current.key);
      current = null;
    }
    const known = keysAtHand().split(",");
    for (const { key, html, seconds_left } of body.ahead) {
      if (!known.includes(key) && !judged.has(key)) ahead.push({ key, html, until: until(seconds_left) });
    }
    if (body.progress) showProgress(body.progress);
    // Nothing may be left because the volunteer holds all that one may; that counts once they hold nothing.
    nothingLeft = current || ahead.length || waiting().length ? "" : body.nothing_left;
    if (!current) showNext();
  };

  const told = async (entry, status, body) => {
    await refresh();
    // Of what was fetched ahead some may be gone, too, with its round.
    if (status === 409) [ahead, isShort] = [[], true];
    if (entry.isSkip || status === 200) byId("desk-status").textContent = body?.words || "";
    else say("refused");
    if (body?.ahead) receive(body);
  };

  // Fetches what can be held ahead. Answers what is in the way, if anything.
  const refill = async () => {
    try {
      const address = `${aheadAddress}?have=${keysAtHand()}&volunteer=${volunteer}`;
      const { status, body } = await queue.ask(address);
      if (status !== 200 || !body) return { 0: "signed-out", 403: "someone-else" }[status] || "failed";
      isShort = false;
      receive(body);
      return null;
    } catch {
      return "offline";
    }
  };

  // What is sent

  const goOn = async () => {
    const slow = setTimeout(() => {
      sayWhatWaits(true);
      sendWhenClosed();
    }, SLOW);
    const extra = (entry) => [["have", keysAtHand(entry.key)]];
    let left = await queue.deliver(who, sender, { extra, told });
    clearTimeout(slow);
    await refresh();
    if (!left && (isShort || (!current && !nothingLeft))) left = await refill();
    hindered(left);
  };

  let working = Promise.resolve();
  const flush = () => (working = working.then(goOn).catch(console.error));

  const fetchMore = () => {
    isShort = true;
    return flush();
  };

  let retry = 0;
  const hindered = (kind) => {
    const before = hindrance;
    hindrance = kind;
    clearTimeout(retry);
    if (kind === "offline" || kind === "failed") {
      retry = setTimeout(flush, RETRY[Math.min(tries++, RETRY.length - 1)]);
      sendWhenClosed();
    } else {
      tries = 0;
    }
    // What is said already is not said anew with every try.
    if (!kind || kind === "offline") {
      if (before && before !== "offline") say(null);
    } else if (kind !== before || byId("desk-trouble").hidden) {
      say(kind);
    }
    sayWhatWaits();
    if (!current && (kind || before)) showNext();
  };

  // The service worker sends after the last tab has closed, in browsers that wake it for that.
  const sendWhenClosed = () => {
    if (!waiting().length) return;
    navigator.serviceWorker?.ready.then(({ sync }) => sync?.register("queue")).catch(() => {});
  };

  const labelOf = (field) =>
    field.type === "textarea" ? field.value
      : field.type === "select-one" ? field.selectedOptions[0].text
        : field.closest("label")?.innerText || field.value;

  const neat = (text) => text.trim().replace(/\s+/g, " ");

  // In the page's own words, for reading again what could not be taken.
  const describe = (form, submitter) => {
    const entered = [...form.elements].filter(
      (field) => (/^(radio|checkbox)$/.test(field.type) && field.checked) || (/^(select-one|textarea)$/.test(field.type) && field.value),
    );
    const lines = entered.map((field) => {
      const card = field.closest(".answer")?.querySelector("h3")?.textContent;
      const criterion = field.closest(".ratings label")?.querySelector("bdi").textContent;
      return [card, criterion, labelOf(field)].filter(Boolean).map(neat).join(": ");
    });
    return submitter?.name ? [neat(submitter.textContent), ...lines] : lines;
  };

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
      said: describe(form, submitter),
    };
  };

  const taken = new Set();
  const take = async (form, submitter) => {
    const entry = entryOf(form, submitter);
    if (taken.has(entry.key)) return; // a second click
    taken.add(entry.key);
    if (!hindrance) say(null);
    try {
      await begin();
    } catch {
      taken.delete(entry.key);
      return say("half-loaded");
    }
    await queue.add(entry);
    judged.add(entry.key);
    await refresh();
    taken.delete(entry.key);
    if (current?.key === entry.key) showNext();
    flush();
  };

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.id !== "judgment-form" || !desk.contains(event.target)) return;
    event.preventDefault();
    take(event.target, event.submitter);
  });

  // The time that assignments are held

  let timer = 0;
  const sayTime = () => {
    clearTimeout(timer);
    const { soon, over } = byId("desk-time").dataset;
    const left = current ? current.until - Date.now() : Infinity;
    const warning = Math.min(120, term * 12) * 1_000;
    byId("desk-time").textContent = left <= 0 ? over : left <= warning ? soon : "";
    const next = left > warning ? left - warning : left;
    if (left > 0 && left < Infinity) timer = setTimeout(sayTime, Math.min(next, 2 ** 31 - 1) + 100);
  };

  let isRenewing = false;
  const renew = async () => {
    isRenewing = true;
    try {
      await begin();
      const { status, body } = await queue.post(renewAddress, [], who, sender);
      if (status === 200 && body) keepTime(body.held);
    } catch {}
    // At most once in a while, also where it fails.
    setTimeout(() => (isRenewing = false), term * 60_000 / 20);
  };

  const keepTime = (held) => {
    for (const one of [current, ...ahead]) {
      if (one) one.until = one.key in held ? until(held[one.key]) : 0;
    }
    const before = ahead.length;
    ahead = ahead.filter(({ until }) => until);
    sayTime();
    if (ahead.length < before) fetchMore();
  };

  const beActive = () => {
    begin().catch(() => {});
    const held = [current, ...ahead].filter(Boolean).map((one) => one.until);
    if (!isRenewing && held.length && Math.min(...held) < until(0.75 * term * 60)) renew();
  };
  for (const kind of ["pointerdown", "wheel", "keydown", "input", "change"]) {
    document.addEventListener(kind, beActive, { capture: true, passive: true });
  }

  // Beginning, and coming back

  const load = (address) =>
    new Promise((loaded, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: address, onload: loaded, onerror: failed });
      document.head.append(script);
    });

  const catchUp = async () => {
    await (current ? fetchMore() : flush());
    navigator.serviceWorker?.register(worker).catch(() => {});
  };

  const start = async () => {
    await Promise.all([load(words.store), load(words.queue)]);
    await refresh();
    // It was said already, and the server does not know yet.
    if (current && waiting().some(({ key }) => key === current.key)) showNext();
    catchUp();
  };

  let ready = null;
  const begin = () =>
    (ready ??= start().catch((error) => {
      ready = null;
      throw error;
    }));

  const isWaited = () => {
    try {
      return localStorage.getItem(WAITING) !== null;
    } catch {
      return true;
    }
  };

  const comeBack = () => {
    if (waiting().length || hindrance) flush();
    else begin().catch(() => {});
  };
  window.addEventListener("online", comeBack);
  document.addEventListener("visibilitychange", () => document.hidden || comeBack());
  // The service worker was quicker, and what the server answered it went by the page.
  navigator.serviceWorker?.addEventListener("message", () => begin().then(fetchMore).catch(() => {}));

  const key = desk.querySelector("[name=key]")?.value;
  if (key) current = { key, until: until(Number(desk.dataset.secondsLeft || 0)), shown: shownSince(key) };
  else instead = nothingLeft = desk.innerHTML;
  sayTime();
  if (isWaited()) begin().catch(() => {});
  else window.addEventListener("load", () => setTimeout(() => begin().catch(() => {}), UNTIL_IDLE));
})();
