// The poll for new entries (#newer): unchanged answers cost nothing, "Live" is said only while it is true, and the title
// of the tab counts what has arrived and was not looked at yet.

const HIDDEN_MILLISECONDS = 60_000;
const BUSY = [429, 502, 503, 504];

const isPoll = (element) => element.id === "newer";

let asked = 0;
let refocus = false;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const etag = isPoll(detail.elt) && detail.elt.dataset.etag;
  if (etag) detail.headers["If-None-Match"] = etag;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isPoll(event.detail.elt)) return;
  // A page in the background asks rarely, for the count in its title, and at once when it is looked at again.
  if (document.hidden && performance.now() - asked < HIDDEN_MILLISECONDS) event.preventDefault();
  else asked = performance.now();
});

const look = () => document.getElementById("newer")?.dispatchEvent(new Event("look"));
document.addEventListener("visibilitychange", () => document.hidden || look());

function state(status) {
  if (status > 0 && status < 400) return "Live";
  if (status === 401) return "Signed out";
  if (status === 403 || status === 404) return "Not shown to you any more";
  return BUSY.includes(status) ? "Server busy" : "Reconnecting";
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const live = isPoll(detail.requestConfig.elt) && document.querySelector(".live");
  if (!live) return;
  const words = state(detail.xhr.status);
  live.classList.toggle("cut-off", words !== "Live");
  // Written only when it differs: a screen reader reads out what is written.
  if (live.textContent !== words) live.textContent = words;
});

// Swapping the poll away would take the focus from a pill that is being pressed.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!isPoll(detail.requestConfig.elt) || detail.xhr.status !== 200) return;
  refocus = document.activeElement?.matches("#newer .pill");
});

// While the system works on what was just asked for, who waits for it at the top of the page sees it happen.
function isWatching() {
  const reading = window.scrollY >= 200 || document.querySelector(".fold details[open]");
  return document.getElementById("progress") && !reading;
}

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (refocus) document.querySelector("#newer .pill")?.focus({ preventScroll: true });
  refocus = false;
  if (detail.elt.id === "progress") look();
  if (isWatching()) document.querySelector("#newer .pill")?.click();
});

// What the title said before the count was put into it, and what it says since.
let title = { plain: "", counted: "" };
const plainTitle = () => (document.title === title.counted ? title.plain : document.title);

function countInTitle() {
  const plain = plainTitle();
  const count = document.querySelector("#newer .pill")?.dataset.count;
  title = { plain, counted: count ? `(${count}) ${plain}` : plain };
  if (document.title !== title.counted) document.title = title.counted;
}

document.addEventListener("htmx:afterSettle", countInTitle);
document.addEventListener("htmx:historyRestore", countInTitle);
// The page that is kept for Back keeps the title without the count, which is another one by then.
document.addEventListener("htmx:beforeHistorySave", () => {
  document.title = plainTitle();
});
