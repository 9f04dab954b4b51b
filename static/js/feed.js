// The feed after htmx has put rows into it: one heading a day, one line a fold, and how much each entry caused by now.

function dropRepeatedDays() {
  let before = null;
  for (const heading of document.querySelectorAll("#feed > .day")) {
    if (heading.dataset.day === before) heading.remove();
    before = heading.dataset.day;
  }
}

// A fold that came again, with more in it, replaces the one shown before.
function dropOutdatedFolds() {
  const seen = new Set();
  for (const fold of document.querySelectorAll("#feed > .fold")) {
    if (seen.has(fold.id)) fold.remove();
    seen.add(fold.id);
  }
}

// With new rows come, hidden, the rows of what caused them: those that are shown already take over the count.
function updateCauses() {
  for (const causes of document.querySelectorAll("#feed > .causes")) {
    for (const link of causes.querySelectorAll(".caused")) {
      const { id } = link.closest(".entry");
      const shown = document.querySelector(`#feed > li > #${CSS.escape(id)}`);
      const outdated = shown?.querySelector(".caused");
      if (outdated) outdated.textContent = link.textContent;
      else shown?.querySelector(".about").append(link);
    }
    causes.remove();
  }
}

// Each row that was put in is told of by itself, once all of them are in: they are tidied up together, at the first.
let untidy = false;

document.addEventListener("htmx:beforeSwap", () => {
  untidy = true;
});

document.addEventListener("htmx:afterSwap", () => {
  if (!untidy) return;
  untidy = false;
  dropRepeatedDays();
  dropOutdatedFolds();
  updateCauses();
});
