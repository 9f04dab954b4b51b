// What the server answers: a new page takes the focus, an error is shown, and an address that only takes forms never
// gets into the address bar.

const asksByItself = (element) => element.id === "newer" || element.id === "progress";

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

// What went wrong is said until it is over: the next answer that is asked for ends it, and one that a page asks for by
// itself ends what was about the way to the server, once that could be read.
const READ_MILLISECONDS = 4000;
const WAY = [0, 429, 502, 503, 504];

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { status } = detail.xhr;
  if (status < 200 || status >= 400) return;
  document.getElementById("signed-out")?.remove();
  const told = document.querySelector("#now .notice");
  const isRead = told && performance.now() - told.dataset.since >= READ_MILLISECONDS;
  if (!asksByItself(detail.requestConfig.elt) || (isRead && told.hasAttribute("data-way"))) told?.remove();
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

function announce(words, status) {
  const notice = document.createElement("p");
  notice.className = "notice notice-wrong";
  notice.setAttribute("role", "alert");
  notice.dataset.since = performance.now();
  notice.toggleAttribute("data-way", WAY.includes(status));
  notice.textContent = words;
  document.getElementById("now")?.replaceChildren(notice);
}

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (!asksByItself(detail.elt)) announce("The server cannot be reached. Try again in a moment.", 0);
});

document.addEventListener("htmx:responseError", ({ detail }) => {
  if (asksByItself(detail.elt)) return;
  const { status } = detail.xhr;
  announce(`${WAY.includes(status) ? "The server is busy." : "That did not work."} Try again in a moment.`, status);
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
