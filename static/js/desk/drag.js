// Moving cards with a finger or the mouse. While a card is dragged, all are cut to a few lines, so that there is
// somewhere to go.
import "../../vendor/sortable/Sortable.min.js";
import { cards, focusCard, isMovable, isRead, isUnread } from "./comparison.js";
import { dropCard } from "./ranks.js";

const root = document.documentElement;
const isStill = () => root.dataset.motion === "on" || matchMedia("(prefers-reduced-motion: reduce)").matches;

const shorten = (answers, handle, isShort) => {
  const top = handle.getBoundingClientRect().top;
  answers.classList.toggle("sorting", isShort);
  answers.style.paddingTop = "";
  const moved = handle.getBoundingClientRect().top - top;
  window.scrollBy({ top: moved, behavior: "instant" });
  // At the top of the page there is nothing to scroll by.
  const rest = top - handle.getBoundingClientRect().top;
  if (isShort && rest > 0) answers.style.paddingTop = `${rest}px`;
};

// Sortable keeps what it sorts in a list of its own until it is destroyed.
let sorted = null;

export const sortCards = () => {
  const answers = cards()[0]?.parentElement;
  if (sorted?.el === answers) return;
  sorted?.destroy();
  sorted = null;
  if (!isMovable()) return;
  const handleOf = (event) => event.item.querySelector(".handle");
  sorted = window.Sortable.create(answers, {
    handle: ".handle",
    draggable: ".answer",
    forceFallback: true,
    fallbackOnBody: true,
    animation: isStill() ? 0 : 120,
    filter: (event) => Boolean(event.target.closest(".handle")) && cards().some(isUnread),
    onFilter: () => isRead(cards()),
    onClone: (event) => shorten(answers, handleOf(event), true),
    onEnd: (event) => {
      shorten(answers, handleOf(event), false);
      focusCard(event.item);
      // Later, because Sortable then puts back the radio buttons as they were when the drag began.
      if (event.oldIndex !== event.newIndex) setTimeout(dropCard, 0, event.item, event.newIndex < event.oldIndex);
    },
  });
};
