// What the pages do beyond htmx: tell how long ago, keep the reader's place, and spare them small annoyances.
// Everything works without this file; it only listens, so that htmx may replace the body under it.
"use strict";

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const REFRESH_MILLISECONDS = 15_000;
const HANDLE_MOST = 51;

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// -- Times: "3 minutes ago" beside the exact one, which is the title too. ------------------------------------------

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(moment, now) {
  const seconds = Math.round((now - moment) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < MINUTE) return relative.format(-seconds, "second");
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  const days = Math.floor(seconds / DAY);
  if (days < 30) return relative.format(-days, "day");
  return days < 365 ? relative.format(-Math.floor(days / 30), "month") : relative.format(-Math.floor(days / 365), "year");
}

function tellTimes() {
  const now = Date.now();
  for (const time of all("time[data-relative]")) {
    const moment = Date.parse(time.dateTime);
    if (Number.isNaN(moment)) continue;
    let told = time.querySelector(".ago");
    if (!told) {
      time.title = `${time.textContent.trim()} · ${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;
      told = document.createElement("span");
      told.className = "ago";
      time.prepend(told, " ");
    }
    const words = ago(moment, now);
    if (told.textContent !== words) told.textContent = words;
  }
}

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes(`tz=${zone}`)) {
    document.cookie = `tz=${zone}; Path=/; SameSite=Lax; Max-Age=31536000`;
  }
}

// -- The feed: one heading a day, and rows that arrive above without moving what is being read. ---------------------

function tidyDays() {
  let before = null;
  for (const heading of all("#feed > .day")) {
    if (heading.dataset.day === before) heading.remove();
    before = heading.dataset.day;
  }
}

// A fold that came again, with more in it, replaces the one shown before.
function tidyFolds() {
  const seen = new Set();
  for (const fold of all("#feed > .fold")) {
    if (seen.has(fold.id)) fold.remove();
    seen.add(fold.id);
  }
}

// Rows shown before say how many entries they have caused by now.
function tellCauses() {
  for (const causes of all("#feed > .causes")) {
    for (const link of all(".caused", causes)) {
      const id = link.closest(".entry").id;
      const shown = all("#feed > li > .entry").find((each) => each.id === id);
      const before = shown?.querySelector(".caused");
      if (before) before.textContent = link.textContent;
      else shown?.querySelector(".about").append(link);
    }
    causes.remove();
  }
}

// While the system works on what was just asked for, who waits for it at the top of the page sees it happen.
const watching = () => document.querySelector("#progress") && window.scrollY < 200 && !document.querySelector(".fold details[open]");

let held = null;
let refocus = null;

// Remembers where the topmost row in view stands, before rows are inserted above it.
function holdPlace() {
  if (window.scrollY === 0) return;
  const header = document.querySelector(".top");
  const edge = header ? header.getBoundingClientRect().bottom : 0;
  const row = all("#feed .entry").find((each) => each.getBoundingClientRect().bottom > edge);
  held = row ? { row, top: row.getBoundingClientRect().top } : null;
}

function regainPlace() {
  if (held?.row.isConnected) window.scrollBy({ top: held.row.getBoundingClientRect().top - held.top, behavior: "instant" });
  held = null;
}

const isPoll = (element) => element.id === "newer";
const isPill = (element) => element.classList?.contains("pill");

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const etag = detail.elt.dataset?.etag;
  if (isPoll(detail.elt) && etag) detail.headers["If-None-Match"] = etag;
});

// "Live" is only said while the polls are answered.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const live = isPoll(detail.requestConfig.elt) && document.querySelector(".live");
  if (!live) return;
  const answered = detail.xhr.status > 0 && detail.xhr.status < 400;
  live.classList.toggle("cut-off", !answered);
  live.textContent = answered ? "Live" : "Reconnecting";
});

document.addEventListener("htmx:beforeRequest", (event) => {
  // A page in the background asks again once it is looked at.
  if (isPoll(event.detail.elt) && document.hidden) event.preventDefault();
});

// -- Answers: errors are shown, and an address that only takes forms never gets into the address bar. ---------------

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  // `detail.elt` is what is swapped into; who asked is in the request.
  const asked = detail.requestConfig.elt;
  if (isPoll(asked) && detail.xhr.status === 200) {
    // Swapping the poll away would take the focus from a pill that is being pressed.
    refocus = document.activeElement && isPill(document.activeElement) ? ".newer .pill" : null;
  }
  if (isPill(asked) && detail.shouldSwap) {
    holdPlace();
    refocus = document.activeElement === asked ? "#feed" : null;
  }
  if (detail.boosted && detail.xhr.status >= 400 && detail.xhr.status !== 422) {
    detail.shouldSwap = true;
    detail.isError = false;
  }
});

document.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
  if (detail.xhr.status === 422) {
    detail.history.type = "replace";
    detail.history.path = location.pathname + location.search;
  }
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  tidyDays();
  tidyFolds();
  tellCauses();
  regainPlace();
  if (refocus) document.querySelector(refocus)?.focus({ preventScroll: true });
  refocus = null;
  if (detail.boosted && detail.target === document.body) arrive();
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  refresh();
  if (detail.elt?.id === "progress" && document.getElementById("newer")) htmx.trigger("#newer", "look");
  if (watching()) document.querySelector("#newer .pill")?.click();
});

document.addEventListener("htmx:sendError", ({ detail }) => {
  if (!isPoll(detail.elt) && detail.elt.id !== "progress") announce("The server cannot be reached. Try again in a moment.");
});

document.addEventListener("htmx:responseError", ({ detail }) => {
  if (!isPoll(detail.elt) && detail.elt.id !== "progress") announce("That did not work. Try again in a moment.");
});

// A new page: what is wrong with a form comes first, else the page itself, so that a screen reader starts there.
function arrive() {
  const wrong = document.querySelector("[aria-invalid='true'], .notice-wrong ~ .field :is(input, select, textarea)");
  const wanted = wrong ?? document.querySelector("[autofocus]");
  (wanted ?? document.getElementById("main"))?.focus({ preventScroll: !wrong });
}

function announce(words) {
  const notices = document.getElementById("notices");
  if (!notices) return;
  const notice = document.createElement("p");
  notice.className = "notice notice-wrong";
  notice.setAttribute("role", "alert");
  notice.textContent = words;
  notices.replaceChildren(notice);
}

// -- Forms: sent once, a handle proposed, a link copied. -------------------------------------------------------------

function busy(form, is) {
  for (const button of all("button[type='submit'], button:not([type])", form)) button.disabled = is;
  form.toggleAttribute("data-sending", is);
}

const release = () => all("form[data-sending]").forEach((form) => busy(form, false));

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.hasAttribute("data-forgets")) sessionStorage.removeItem("htmx-history-cache");
  // After this event, or the browser would leave the pressed button out of what it sends.
  if (form.method === "post") setTimeout(() => busy(form, true));
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.requestConfig?.elt;
  if (form?.matches("form")) setTimeout(() => busy(form, false));
});
document.addEventListener("htmx:beforeHistorySave", release);
window.addEventListener("pageshow", release);

function proposed(name) {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").slice(0, HANDLE_MOST).replace(/^-+|-+$/g, "");
}

document.addEventListener("input", ({ target, isTrusted }) => {
  if (!target.form) return;
  if (target.hasAttribute("data-handle-from")) {
    if (isTrusted) target.dataset.edited = target.value ? "yes" : "";
    return;
  }
  for (const handle of all("input[data-handle-from]", target.form)) {
    const mine = handle.dataset.handleFrom === target.name && !handle.dataset.edited;
    if (mine) handle.value = proposed(target.value);
  }
});

// A handle that came with the page and is not what the name would give was somebody's choice.
function respectHandles() {
  for (const handle of all("input[data-handle-from]")) {
    const name = handle.form?.elements.namedItem(handle.dataset.handleFrom);
    if (handle.value && name && handle.value !== proposed(name.value)) handle.dataset.edited = "yes";
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  source.select();
  try {
    await navigator.clipboard.writeText(source.value);
  } catch {
    // Without https there is no clipboard; the link stays selected for a copy by hand.
    if (!document.execCommand("copy")) return;
  }
  button.querySelector("span").textContent = "Copied";
});

// -- Each page, however it came. -------------------------------------------------------------------------------------

function refresh() {
  tidyDays();
  tellTimes();
  respectHandles();
  for (const button of all("[data-copy]")) button.hidden = false;
}

document.addEventListener("htmx:historyRestore", () => {
  release();
  refresh();
});
document.addEventListener("visibilitychange", () => document.hidden || tellTimes());
setInterval(tellTimes, REFRESH_MILLISECONDS);
tellZone();
refresh();
