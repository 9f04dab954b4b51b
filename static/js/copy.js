// Buttons that copy a field, the address of a link or a text. They come hidden: without scripts there is nothing they could do.

function show(within) {
  for (const button of within.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  if (source.select) source.select();
  else getSelection().selectAllChildren(source);
  try {
    await navigator.clipboard.writeText(source.value ?? source.href ?? source.textContent);
  } catch {
    // Without https there is no clipboard; the text stays selected for a copy by hand.
    if (!document.execCommand("copy")) return;
  }
  button.querySelector("span").textContent = "Copied";
});

show(document);
document.addEventListener("htmx:load", ({ detail }) => show(detail.elt));
