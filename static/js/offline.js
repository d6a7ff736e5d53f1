// The page without a connection: how much waits, and back to the desk as soon as there is one.
(async () => {
  "use strict";

  const line = document.getElementById("waiting");
  const count = (await self.queue.all()).filter((entry) => !entry.refusal).length;
  line.textContent = count ? line.dataset.words.replace("{count}", count) : "";
  document.getElementById("again").addEventListener("click", () => window.location.reload());
  window.addEventListener("online", () => window.location.reload());
})();
