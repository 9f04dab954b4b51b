// Times: "3 minutes ago" above the exact time, and the cookie that tells the server the reader's time zone.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const REFRESH_MILLISECONDS = 15_000;

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function ago(moment, now) {
  const seconds = Math.round((now - moment) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < MINUTE) return words.format(-seconds, "second");
  if (seconds < HOUR) return words.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return words.format(-Math.floor(seconds / HOUR), "hour");
  const days = Math.floor(seconds / DAY);
  if (days < 30) return words.format(-days, "day");
  return days < 365 ? words.format(-Math.floor(days / 30), "month") : words.format(-Math.floor(days / 365), "year");
}

function addAgo(time, moment) {
  const exact = new Date(moment).toISOString().slice(0, 19).replace("T", " ");
  time.title = `${time.textContent.trim()} · ${exact} UTC`;
  const added = document.createElement("span");
  added.className = "ago";
  time.prepend(added, " ");
  return added;
}

function showAgo(within) {
  const now = Date.now();
  for (const time of within.querySelectorAll("time[data-relative]")) {
    const moment = Date.parse(time.dateTime);
    if (Number.isNaN(moment)) continue;
    const shown = time.querySelector(".ago") ?? addAgo(time, moment);
    const text = ago(moment, now);
    if (shown.textContent !== text) shown.textContent = text;
  }
}

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes(`tz=${zone}`)) {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is there with https only
    document.cookie = `tz=${zone}; Path=/; SameSite=Lax; Max-Age=31536000`;
  }
}

tellZone();
showAgo(document);
document.addEventListener("htmx:load", ({ detail }) => showAgo(detail.elt));
document.addEventListener("visibilitychange", () => document.hidden || showAgo(document));
setInterval(() => showAgo(document), REFRESH_MILLISECONDS);
