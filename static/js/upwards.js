// A feed that begins below its newest entry: whoever scrolls up finds the newer ones above, and what they were reading
// stays where it was.

// So far above the window the next page is asked for, in heights of the window.
const AHEAD = 1.5;
const UPWARDS = ["ArrowUp", "PageUp", "Home"];
const isNewer = (element) => element.classList.contains("newer-entries");

let before = window.scrollY;
let touched = 0;
let held = null;
let refocus = false;

function lookUp() {
  const link = document.querySelector("#feed > .newer-more > .newer-entries:not(.htmx-request)");
  if (link && link.getBoundingClientRect().bottom > -AHEAD * window.innerHeight) link.dispatchEvent(new Event("up"));
}

document.addEventListener(
  "scroll",
  () => {
    if (window.scrollY < before) lookUp();
    before = window.scrollY;
  },
  { passive: true },
);
// At its top, a page does not scroll: what is meant shows in the wheel, the finger or the key.
document.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && lookUp(), { passive: true });
document.addEventListener(
  "touchstart",
  ({ touches }) => {
    touched = touches[0].clientY;
  },
  { passive: true },
);
document.addEventListener("touchmove", ({ touches }) => touches[0].clientY > touched + 8 && lookUp(), {
  passive: true,
});
document.addEventListener("keydown", ({ key, target }) => {
  if (UPWARDS.includes(key) && !target.closest("input, textarea, select")) lookUp();
});

// The topmost row that is in view, and where it stands.
function hold() {
  const edge = document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
  const rows = document.querySelectorAll("#feed > li:is(:has(> .entry), .fold)");
  const row = [...rows].find((each) => each.getBoundingClientRect().bottom > edge);
  return row && { row, top: row.getBoundingClientRect().top };
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const asked = detail.requestConfig.elt;
  if (!isNewer(asked) || !detail.shouldSwap) return;
  held = hold();
  refocus = document.activeElement === asked;
});

// Before anything is painted, and after static/js/feed.js has tidied up.
document.addEventListener("htmx:afterSettle", () => {
  if (!held) return;
  const { row, top } = held;
  held = null;
  if (row.isConnected) window.scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
  if (refocus) document.getElementById("feed")?.focus({ preventScroll: true });
});
