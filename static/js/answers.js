// What the server answers: a new page takes the focus, an error is shown, and an address that only takes forms never
// gets into the address bar.

// As it appears, or again and again: nobody has asked.
const asksByItself = (element) => /\b(load|every)\b/.test(element.getAttribute("hx-trigger"));

// What says in its own place how it fares.
const saysItself = (element) => element.id === "newer" || element.id === "progress";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { status } = detail.xhr;
  if (detail.boosted && status >= 400 && status !== 422) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});

document.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
  if (detail.xhr.status === 422 || (detail.xhr.status >= 400 && detail.requestConfig.verb !== "get")) {
    detail.history.type = "replace";
    detail.history.path = location.pathname + location.search;
  }
});

// A part of a page that is asked for by someone who is signed out meanwhile: the page stays as it is and says so, once,
// until an answer shows that they are signed in again.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.boosted || detail.xhr.status !== 401) return;
  detail.isError = false;
  if (document.getElementById("signed-out")) return;
  detail.target = document.getElementById("now");
  detail.swapOverride = "afterbegin";
  detail.shouldSwap = detail.target !== null;
});

// What went wrong is said until it is over: the next answer that someone asks for ends it. One that a part of a page asks
// for by itself ends what was about that part or the way to the server, once that could be read.
const READ_MILLISECONDS = 4000;
const WAY = [0, 429, 502, 503, 504];

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { status } = detail.xhr;
  if (status < 200 || status >= 400) return;
  document.getElementById("signed-out")?.remove();
  const told = document.querySelector("#now .notice");
  if (!told) return;
  const { elt } = detail.requestConfig;
  const isRead = performance.now() - told.dataset.since >= READ_MILLISECONDS;
  const isOver = told.hasAttribute("data-way") || told.dataset.part === elt.id;
  if (!asksByItself(elt) || (isRead && isOver)) told.remove();
});

// The first field that is wrong, or the first one of a form that is.
function wrongField() {
  return document.querySelector(
    ":is(.field:has(> .error), .notice-wrong ~ .field) :is(input, select, textarea):not([readonly])",
  );
}

// What is wrong with a form comes first, else the page itself, so that a screen reader starts there.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (!detail.boosted || detail.target !== document.body) return;
  const wrong = wrongField();
  const wanted = wrong ?? document.querySelector("[autofocus]") ?? document.getElementById("main");
  wanted?.focus({ preventScroll: !wrong });
});
wrongField()?.focus();

function announce(words, status, element) {
  const notice = document.createElement("p");
  notice.className = "notice notice-wrong";
  notice.setAttribute("role", "alert");
  notice.dataset.since = performance.now();
  notice.dataset.part = element.id;
  notice.toggleAttribute("data-way", WAY.includes(status));
  notice.textContent = words;
  document.getElementById("now")?.replaceChildren(notice);
}

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (!saysItself(detail.elt)) announce("The server cannot be reached. Try again in a moment.", 0, detail.elt);
});

document.addEventListener("htmx:responseError", ({ detail }) => {
  const { elt, xhr } = detail;
  if (saysItself(elt)) return;
  const words = WAY.includes(xhr.status) ? "The server is busy." : "That did not work.";
  announce(`${words} Try again in a moment.`, xhr.status, elt);
});

// Signing out takes the pages along that htmx keeps for the back button, and those that the browser keeps whole.
document.addEventListener("submit", ({ target }) => {
  if (!target.hasAttribute("data-forgets")) return;
  sessionStorage.removeItem("htmx-history-cache");
  sessionStorage.removeItem("followed");
  localStorage.setItem("signed-out", Date.now());
});

window.addEventListener("pageshow", ({ persisted }) => {
  const isFromBefore = Number(localStorage.getItem("signed-out")) > performance.timeOrigin;
  if (persisted && isFromBefore) location.reload();
});
