// After Back the focus is on the link that one had followed: whoever reads row by row goes on where they were.

const FOLLOWED = "followed";
const KEPT_MOST = 20;

const here = () => location.pathname + location.search;

function followed() {
  try {
    return JSON.parse(sessionStorage.getItem(FOLLOWED)) ?? {};
  } catch {
    return {};
  }
}

// The last pages alone, of each the last link: its address, and the row that it is in.
function remember(link) {
  const kept = Object.entries(followed()).filter(([page]) => page !== here());
  kept.push([here(), { href: link.getAttribute("href"), row: link.closest("main [id]")?.id }]);
  sessionStorage.setItem(FOLLOWED, JSON.stringify(Object.fromEntries(kept.slice(-KEPT_MOST))));
}

function focusFollowed() {
  const link = followed()[here()];
  if (!link) return;
  const place = document.getElementById(link.row) ?? document.getElementById("main");
  const found = [...(place?.querySelectorAll("a[href]") ?? [])].find((each) => each.getAttribute("href") === link.href);
  // Where the page is scrolled to is restored by itself, and stays.
  found?.focus({ preventScroll: true });
}

document.addEventListener("click", ({ target, button }) => {
  const link = target.closest?.("main a[href]");
  if (link && button === 0) remember(link);
});

document.addEventListener("htmx:historyRestore", focusFollowed);
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") focusFollowed();
