// Whoever is on the link that asks for older entries when they come goes on at the first of them: the link is gone then,
// and the browser would go on behind all that came.

let left = null;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const asked = detail.requestConfig.elt;
  if (!detail.shouldSwap || !asked.matches("li > .older") || asked !== document.activeElement) return;
  const item = asked.closest("li");
  left = { list: item.parentElement, above: item.previousElementSibling };
});

// After static/js/feed.js has tidied up.
document.addEventListener("htmx:afterSettle", () => {
  if (!left) return;
  const { list, above } = left;
  left = null;
  let item = above?.isConnected ? above.nextElementSibling : list.firstElementChild;
  for (; item; item = item.nextElementSibling) {
    const link = item.querySelector(".summary a, summary, .older");
    if (link) return link.focus({ preventScroll: true });
  }
});
