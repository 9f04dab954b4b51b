// Pressing the pill leads to the new rows, marks them for a moment, and offers the way back to what was being read, which
// then stands where it stood. Where the top of the feed is in view, nothing moves: they appear there.

const MARKED_MILLISECONDS = 6000;
const FRAMES_MOST = 10;

let byHand = false;
let pressed = null;
let left = null;

const edge = () => document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
const topOf = (element) => element.getBoundingClientRect().top;
const linkOf = (row) => row.querySelector(".summary a, summary") ?? row;

// The topmost row in view, and where it stands.
function place() {
  const rows = document.querySelectorAll("#feed .entry, #feed .fold summary");
  const row = [...rows].find((each) => each.getBoundingClientRect().bottom > edge());
  return row && { row, top: topOf(row) };
}

// Rows that come into view take their height only then: looked at again until the row stands still.
function standAgain({ row, top }, frames = FRAMES_MOST) {
  window.scrollBy({ top: topOf(row) - top, behavior: "instant" });
  if (frames > 0) requestAnimationFrame(() => row.isConnected && standAgain({ row, top }, frames - 1));
}

function withdraw() {
  seen.disconnect();
  left = null;
  const button = document.getElementById("back-to-row");
  if (button) button.hidden = true;
}

// Who has scrolled back there by hand needs no way back.
const seen = new IntersectionObserver((found) => {
  if (found.some((each) => each.isIntersecting)) withdraw();
});

function offerBack(where) {
  const button = document.getElementById("back-to-row");
  if (!button || !where?.row.isConnected) return;
  withdraw();
  left = where;
  const { row } = where;
  const number = row.querySelector(".number")?.textContent ?? "what you read";
  button.querySelector("span").textContent = `Back to ${number}`;
  button.hidden = false;
  seen.observe(row);
}

function mark(rows) {
  for (const row of rows) row.classList.add("fresh");
  setTimeout(() => {
    for (const row of rows) row.classList.remove("fresh");
  }, MARKED_MILLISECONDS);
}

document.addEventListener("click", ({ target, isTrusted }) => {
  if (target.closest?.("#newer .pill")) byHand = isTrusted;
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const pill = detail.requestConfig.elt;
  const feed = document.getElementById("feed");
  if (!feed || !detail.shouldSwap || !pill.matches("#newer .pill")) return;
  const isFarDown = topOf(feed) < edge();
  pressed = {
    known: new Set(feed.children),
    where: isFarDown ? place() : null,
    focused: document.activeElement === pill,
  };
});

function arrive({ known, where, focused }) {
  const feed = document.getElementById("feed");
  const rows = [...feed.children].filter((each) => !known.has(each) && each.matches(":has(> .entry), .fold"));
  mark(rows);
  // Nobody is taken elsewhere who did not ask for it: static/js/live.js presses the pill too.
  if (where && !byHand) return standAgain(where);
  if (where) {
    feed.scrollIntoView({ block: "start", behavior: "instant" });
    offerBack(where);
  }
  if (focused && rows.length) linkOf(rows[0]).focus({ preventScroll: true });
}

document.addEventListener("htmx:afterSettle", () => {
  const what = pressed;
  pressed = null;
  if (what) arrive(what);
});

document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("#back-to-row") || !left) return;
  const where = left;
  withdraw();
  if (!where.row.isConnected) return;
  standAgain(where);
  linkOf(where.row).focus({ preventScroll: true });
});

// What is kept of a page for Back is neither marked nor under way.
document.addEventListener("htmx:beforeHistorySave", () => {
  withdraw();
  for (const row of document.querySelectorAll(".fresh")) row.classList.remove("fresh");
});
