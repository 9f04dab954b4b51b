// Output (#output) asks for itself while someone looks at its end; whoever reads further up or selects is not disturbed.

function isRead(output) {
  const lines = output.querySelector(".output-lines");
  const selected = document.getSelection();
  // The box is reversed: its end is where it is not scrolled.
  return (lines && lines.scrollTop < -4) || (!selected.isCollapsed && output.contains(selected.anchorNode));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const output = event.detail.elt;
  if (output.id !== "output") return;
  const isOpen = output.closest("details")?.open ?? true;
  const reading = isRead(output);
  const live = output.querySelector(".output-live");
  if (live) live.textContent = reading ? "Paused while you read" : "Live";
  if (document.hidden || !isOpen || reading) event.preventDefault();
});
