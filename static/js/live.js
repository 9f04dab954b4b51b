// The poll for new entries (#newer) and the pill it shows: unchanged answers cost nothing, "Live" is said only while it
// is true, and pressing the pill moves neither what is being read nor the focus.

const isPoll = (element) => element.id === "newer";
const isPill = (element) => element.classList.contains("pill");

let held = null;
let refocus = null;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const etag = isPoll(detail.elt) && detail.elt.dataset.etag;
  if (etag) detail.headers["If-None-Match"] = etag;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  // A page in the background asks again once it is looked at.
  if (isPoll(event.detail.elt) && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const live = isPoll(detail.requestConfig.elt) && document.querySelector(".live");
  if (!live) return;
  const { status } = detail.xhr;
  const answered = status > 0 && status < 400;
  live.classList.toggle("cut-off", !answered);
  live.textContent = answered ? "Live" : status === 401 ? "Signed out" : "Reconnecting";
});

// Remembers where the topmost row in view stands, before rows are inserted above it.
function holdPlace() {
  if (window.scrollY === 0) return;
  const edge = document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
  const rows = [...document.querySelectorAll("#feed .entry")];
  const row = rows.find((each) => each.getBoundingClientRect().bottom > edge);
  held = row ? { row, top: row.getBoundingClientRect().top } : null;
}

function regainPlace() {
  if (held?.row.isConnected) {
    window.scrollBy({ top: held.row.getBoundingClientRect().top - held.top, behavior: "instant" });
  }
  held = null;
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  // `detail.elt` is what is swapped into; who asked is in the request.
  const asked = detail.requestConfig.elt;
  const focused = document.activeElement;
  if (isPoll(asked) && detail.xhr.status === 200) {
    // Swapping the poll away would take the focus from a pill that is being pressed.
    refocus = focused && isPill(focused) ? ".newer .pill" : null;
  }
  if (isPill(asked) && detail.shouldSwap) {
    holdPlace();
    refocus = focused === asked ? "#feed" : null;
  }
});

// While the system works on what was just asked for, who waits for it at the top of the page sees it happen.
function isWatching() {
  const reading = window.scrollY >= 200 || document.querySelector(".fold details[open]");
  return document.getElementById("progress") && !reading;
}

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  regainPlace();
  if (refocus) document.querySelector(refocus)?.focus({ preventScroll: true });
  refocus = null;
  if (detail.elt.id === "progress") document.getElementById("newer")?.dispatchEvent(new Event("look"));
  if (isWatching()) document.querySelector("#newer .pill")?.click();
});
