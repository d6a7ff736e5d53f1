// The chat without reloads: a question is stored first, then its answer is read as it is written. Everything
// here is a form that works by itself, too; what a turn looks like is the server's to say.
import { lines } from "./lines.js";

const log = document.getElementById("log");
const compose = document.getElementById("compose");
const status = document.getElementById("status");
const words = compose?.dataset ?? {};

const say = (text) => {
  if (status && status.textContent !== text) status.textContent = text;
};

const put = (turn, html, asks = false) => {
  const holder = document.createElement("template");
  holder.innerHTML = html; // rendered and escaped by the server
  const made = holder.content.querySelector(".turn");
  if (!made) return turn?.remove();
  const focused = turn?.contains(document.activeElement) ? document.activeElement.id : "";
  if (turn) turn.replaceWith(made);
  else log.append(made);
  window.htmx?.process(made);
  prepare(made, asks);
  if (focused) (document.getElementById(focused) ?? document.getElementById("question"))?.focus();
  return made;
};

const post = (form, accept) =>
  fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: accept } });

const busy = (turn, isBusy) => {
  log.setAttribute("aria-busy", isBusy);
  if (compose) compose.elements.send.disabled = isBusy;
  for (const button of turn?.querySelectorAll("form:not(.stop) button") ?? []) button.disabled = isBusy;
  const stop = turn?.querySelector(".stop");
  if (stop) stop.hidden = !isBusy;
};

// The place where the answer appears while it is written: plain text, until the server sends it rendered.
const placeFor = (turn, form) => {
  const place = document.createElement("div");
  place.className = "message assistant writing";
  place.dir = "auto";
  const old = turn.querySelector(".message.assistant");
  if (old && form.querySelector("[id^=again]")) old.replaceWith(place);
  else turn.querySelector(".stop").before(place);
  return place;
};

const stream = async (form) => {
  const turn = form.closest(".turn");
  const request = post(form, "application/x-ndjson");
  busy(turn, true);
  const place = placeFor(turn, form);
  say(words.writing);
  try {
    const response = await request;
    if (!response.ok) throw new Error(response.status);
    for await (const event of lines(response)) {
      if (event.place) say(`${words.place} ${event.place}`);
      if (event.text) {
        place.append(event.text);
        say(words.writing);
      }
      if (event.turn !== undefined) {
        log.setAttribute("aria-busy", false);
        put(turn, event.turn);
        say(event.error ?? event.said);
        busy(null, false);
        return;
      }
    }
    throw new Error("The answer ended too early.");
  } catch {
    await recover(turn);
  }
};

// What the server has of a turn whose answer was lost on its way.
const recover = async (turn) => {
  busy(turn, false);
  try {
    const response = await fetch(turn.querySelector(".stop").dataset.turn);
    if (!response.ok) throw new Error(response.status);
    put(turn, await response.text());
    say(words.lost);
  } catch {
    say(navigator.onLine ? words.lost : words.offline);
  }
};

const send = async () => {
  const body = new FormData(compose);
  if (!body.get("question").trim()) return;
  body.set("script", "1");
  compose.elements.send.disabled = true;
  try {
    const response = await fetch(compose.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = response.ok || response.status === 422 ? await response.json() : {};
    if (answer.url) return location.assign(answer.url);
    if (!answer.turn) return say(answer.error ?? words.failed);
    compose.elements.question.value = "";
    for (const old of log.querySelectorAll(".turn [data-stream]")) old.remove(); // only the last can be answered anew
    put(null, answer.turn, true);
  } catch {
    say(words.offline);
  } finally {
    if (log.getAttribute("aria-busy") !== "true") compose.elements.send.disabled = false;
  }
};

const copy = async (button) => {
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copyText).innerText);
    button.textContent = button.dataset.copied;
  } catch {
    // Plain http on another host than localhost has no clipboard.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copyText));
  }
};

// What only scripts can do, in a turn that came into the page; a new one without an answer asks for it.
const prepare = (turn, asks) => {
  for (const button of turn.querySelectorAll("[data-copy-text]")) button.hidden = false;
  const open = turn.querySelector("[data-open]");
  if (open && asks && compose) stream(open);
};

document.addEventListener("submit", (event) => {
  if (event.target === compose) {
    event.preventDefault();
    send();
  } else if (event.target.matches("[data-stream]") && compose) {
    event.preventDefault();
    stream(event.target);
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copyText) copy(button);
  if (button?.closest(".stop")) post(button.form, "*/*").catch(() => say(words.offline));
});
document.body.addEventListener("htmx:afterSwap", () => {
  for (const turn of log.querySelectorAll(".turn")) prepare(turn, false);
});
compose?.elements.question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !matchMedia("(pointer: fine)").matches) return;
  event.preventDefault();
  compose.requestSubmit();
});
if (compose && matchMedia("(pointer: fine)").matches) document.getElementById("keys").hidden = false;
for (const turn of log.querySelectorAll(".turn")) prepare(turn, true);
