// Keys of a feed: j and k go from row to row, Enter follows the link that has the focus, ? shows them. None of them
// changes anything, and they can be turned off: who speaks to the computer would press them with every word.

const OFF = "keys-off";
const ROWS = "#feed .entry .summary a, #feed .fold summary";

const isOff = () => localStorage.getItem(OFF) !== null;

function isTyping(target) {
  return (
    target.closest?.("input, select, textarea, [contenteditable]") || document.querySelector("#user-menu:popover-open")
  );
}

// What is folded away is passed by.
function shownRows() {
  return [...document.querySelectorAll(ROWS)].filter((each) => each.checkVisibility());
}

// From the row that has the focus; without one, from what is read at the top of the window.
function nextRow(step) {
  const rows = shownRows();
  const holder = document.activeElement?.closest("#feed .entry, #feed .fold summary");
  const here = rows.findIndex((each) => holder?.contains(each));
  if (here >= 0) return rows[here + step];
  const edge = document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
  const inView = rows.findIndex((each) => each.getBoundingClientRect().top >= edge);
  return rows[step > 0 ? inView : inView - 1];
}

document.addEventListener("keydown", (event) => {
  const help = document.getElementById("keys");
  if (!help || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
    return;
  if (event.key === "?") {
    help.togglePopover();
    event.preventDefault();
    return;
  }
  if (isOff() || (event.key !== "j" && event.key !== "k")) return;
  event.preventDefault();
  nextRow(event.key === "j" ? 1 : -1)?.focus();
});

document.addEventListener("change", ({ target }) => {
  if (target.id !== "keys-on") return;
  if (target.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "yes");
});

// Only where scripts run is there anything to show.
function offer() {
  for (const button of document.querySelectorAll(".keys-button")) button.hidden = false;
  const choice = document.getElementById("keys-on");
  if (choice) choice.checked = !isOff();
}

offer();
document.addEventListener("htmx:load", offer);
