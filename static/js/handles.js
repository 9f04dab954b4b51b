// A handle proposed from the name that is being typed, until the person writes one of their own.

const HANDLE_MOST = 51;

function proposed(name) {
  const plain = name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase();
  return plain
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, HANDLE_MOST)
    .replace(/^-+|-+$/g, "");
}

document.addEventListener("input", ({ target, isTrusted }) => {
  if (!target.form) return;
  if (target.hasAttribute("data-handle-from")) {
    if (isTrusted) target.dataset.edited = target.value ? "yes" : "";
    return;
  }
  for (const handle of target.form.querySelectorAll("input[data-handle-from]")) {
    const isSource = handle.dataset.handleFrom === target.name;
    if (isSource && !handle.dataset.edited) handle.value = proposed(target.value);
  }
});

// A handle that came with the page and is not what the name would give was somebody's choice.
function respectChosen(within) {
  for (const handle of within.querySelectorAll("input[data-handle-from]")) {
    const name = handle.form?.elements.namedItem(handle.dataset.handleFrom);
    if (handle.value && name && handle.value !== proposed(name.value)) handle.dataset.edited = "yes";
  }
}

respectChosen(document);
document.addEventListener("htmx:load", ({ detail }) => respectChosen(detail.elt));
