// Activity over time: whoever draws over several bars chooses all of them. Each bar is a link without it.

let first = null;
let drawn = false;

const barOf = ({ target, clientX, clientY }) =>
  (document.elementFromPoint(clientX, clientY) ?? target).closest?.(".bars .bar");

function between(one, other) {
  const bars = [...one.parentNode.querySelectorAll(".bar")];
  const [from, to] = [bars.indexOf(one), bars.indexOf(other)].sort((a, b) => a - b);
  return bars.slice(from, to + 1);
}

// A bar may be a range itself, such as a week.
function addressOf(bars) {
  const { feed, query } = bars[0].closest(".bars").dataset;
  const [from] = bars[0].dataset.at.split("..");
  const to = bars.at(-1).dataset.at.split("..").at(-1);
  return `${feed}?${new URLSearchParams({ q: `${query} at:${from}..${to}`.trim() })}`;
}

function unmark() {
  for (const bar of document.querySelectorAll(".bar-drawn")) bar.classList.remove("bar-drawn");
}

document.addEventListener("pointerdown", (event) => {
  first = event.button === 0 && event.isPrimary ? event.target.closest?.(".bars .bar") : null;
  drawn = false;
});

document.addEventListener("pointermove", (event) => {
  const bar = first && barOf(event);
  if (!bar || bar.parentNode !== first.parentNode) return;
  unmark();
  drawn = bar !== first;
  if (drawn) for (const each of between(first, bar)) each.classList.add("bar-drawn");
});

document.addEventListener("pointerup", () => {
  const bars = drawn ? [...document.querySelectorAll(".bar-drawn")] : [];
  first = null;
  unmark();
  if (bars.length) location.assign(addressOf(bars));
});

for (const ended of ["pointercancel", "blur"]) {
  window.addEventListener(ended, () => {
    first = null;
    drawn = false;
    unmark();
  });
}

// A link that is drawn over is neither dragged away nor followed.
document.addEventListener("dragstart", (event) => event.target.closest?.(".bars") && event.preventDefault());
document.addEventListener("click", (event) => {
  if (drawn && event.target.closest?.(".bars")) event.preventDefault();
  drawn = false;
});
