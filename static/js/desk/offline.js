// The page without a connection: how much waits, and back to the desk as soon as there is one.
import { all, ask } from "./queue.js";

const EVERY = 10_000; // milliseconds; a browser may think that it is connected before it is
const line = document.getElementById("waiting");

const showCount = async () => {
  const count = (await all()).filter((entry) => !entry.refusal).length;
  line.textContent = count ? line.dataset.words.replace("{count}", count) : "";
};

const lookAgain = async () => {
  if (document.hidden) return;
  try {
    await ask(line.dataset.sender);
    window.location.reload();
  } catch {}
};

document.getElementById("again").addEventListener("click", () => window.location.reload());
window.addEventListener("online", lookAgain);
setInterval(lookAgain, EVERY);
showCount();
