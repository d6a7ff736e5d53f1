// The list of what the server refused, each with its reason, to look at again or to discard.
import { byId } from "./page.js";

const { gone, refused, nothingEntered } = byId("outbox").dataset;

const item = ({ key, question, lines = [], refusal }, { lookAgain, discard }) => {
  const content = byId("refused-answer").content.cloneNode(true);
  const fallback = [403, 404].includes(refusal.status) ? gone : refused;
  content.querySelector(".why").textContent = refusal.words || fallback;
  content.querySelector(".question").textContent = question;
  content.querySelector(".entered").append(
    ...(lines.length ? lines : [nothingEntered]).map((line) => {
      const part = document.createElement("li");
      part.textContent = line;
      part.dir = "auto";
      return part;
    }),
  );
  content.querySelector(".change").hidden = !refusal.form;
  content.querySelector(".change").addEventListener("click", () => lookAgain(key, refusal.form));
  content.querySelector(".discard").addEventListener("click", () => discard(key));
  return content;
};

export const list = (entries, acts) => entries.map((entry) => item(entry, acts));
