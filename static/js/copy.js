// Buttons with data-copy="ID" copy the value of that field. They are hidden until this runs, as they
// cannot work without it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  field.addEventListener("focus", () => field.select());
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Plain http on another host than localhost has no clipboard: the field is selected, Ctrl+C works.
      return;
    }
    button.textContent = button.dataset.copied;
  });
}
