// Shows the buttons that copy a text area, where the browser can: without this, one selects and copies.

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copies]")) {
    const area = document.getElementById(button.dataset.copies);
    const said = button.parentElement.querySelector("[role=status]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      area.select();
      try {
        await navigator.clipboard.writeText(area.value);
        said.textContent = button.dataset.done;
      } catch {
        area.focus();
      }
    });
  }
}
