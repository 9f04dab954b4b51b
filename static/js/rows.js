// The whole row of an entry leads to its page, by the one link in it: links and selected text in the row stay theirs.

const OWN = "a, button, input, select, label, summary";

document.addEventListener("click", (event) => {
  const row = event.target.closest?.(".entry");
  if (!row || event.button !== 0 || event.target.closest(OWN) || !getSelection().isCollapsed) return;
  const { ctrlKey, metaKey, shiftKey, altKey } = event;
  const options = { bubbles: true, cancelable: true, view: window, ctrlKey, metaKey, shiftKey, altKey };
  row.querySelector(".summary a").dispatchEvent(new MouseEvent("click", options));
});
