// The search field above a feed: "/" goes to it, Escape empties it, its suggestions are chosen with arrows, and a click
// with Alt on something in a row excludes it.

const field = () => document.getElementById("feed-query");
const list = () => document.getElementById("suggestions");
const choices = () => [...(list()?.querySelectorAll("button") ?? [])];

function hide() {
  if (list()) list().hidden = true;
}

function choose(button) {
  field().value = button.dataset.query;
  hide();
  field().focus();
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

function isTyping(target) {
  return target.closest?.("input, select, textarea, [contenteditable]");
}

// From the field to the first suggestion, from one to the next, and back.
function move(from, step) {
  const around = [field(), ...choices()];
  around[around.indexOf(from) + step]?.focus();
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!field() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const within = target === field() || list()?.contains(target);
  if (key === "/" && !isTyping(target)) {
    field().focus();
    field().select();
  } else if (key === "Escape" && within) {
    if (!list().hidden) hide();
    else field().value = "";
    field().focus();
  } else if ((key === "ArrowDown" || key === "ArrowUp") && within && !list().hidden) {
    move(target, key === "ArrowDown" ? 1 : -1);
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("#suggestions button");
  if (button) choose(button);
  else if (!target.closest?.(".finder-form")) hide();
});

// Before htmx sees it.
document.addEventListener(
  "click",
  (event) => {
    const link = event.altKey && event.target.closest?.(".entry a[href^='?']");
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    const address = new URL(link.href);
    for (const name of ["add", "of"]) {
      const value = address.searchParams.get(name);
      if (value) address.searchParams.set(name, `-${value}`);
    }
    location.assign(address);
  },
  true,
);
