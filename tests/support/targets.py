"""What is to be pressed on a page, and whether a finger hits it: 24 by 24 pixels at least (WCAG 2.2, 2.5.8)."""

from playwright.sync_api import Page, ViewportSize

LEAST = 24
WIDTHS = (ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844))
# A link within other words is as high as their line, which the criterion allows. Where a link is stretched over a row
# or a cell, that is what one presses; a box that is ticked is pressed with its label.
SMALL = """least => {
  const stretched = each => {
    const over = getComputedStyle(each, "::after");
    return over.content !== "none" && over.position === "absolute" && over.top === "0px" && over.bottom === "0px";
  };
  const withinWords = each => {
    if (getComputedStyle(each).display !== "inline") return false;
    const block = each.parentElement.closest("p, li, dd, dt, td, th, span, div, h1, h2, h3, h4");
    return block.textContent.trim().length > each.textContent.trim().length;
  };
  const pressed = each => {
    if (stretched(each)) return each.offsetParent ?? each;
    return each.matches("[type=checkbox], [type=radio]") ? (each.labels[0] ?? each) : each;
  };
  const found = [];
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [tabindex='0']";
  for (const each of document.querySelectorAll(all)) {
    if (!each.checkVisibility({ visibilityProperty: true }) || each.closest(".unseen") || withinWords(each)) continue;
    const { width, height } = pressed(each).getBoundingClientRect();
    if (width && Math.min(width, height) < least - 0.5) {
      found.push(`${Math.round(width)} x ${Math.round(height)}: ${each.outerHTML.slice(0, 160)}`);
    }
  }
  return found;
}"""


def small_targets(page: Page) -> list[str]:
    """Returns the size and the element of everything that is too small, on a desktop and on a phone."""
    before, found = page.viewport_size, []
    for size in WIDTHS:
        page.set_viewport_size(size)
        found += [f"at {size['width']} pixels, {each}" for each in page.evaluate(SMALL, LEAST)]
    if before:
        page.set_viewport_size(before)
    return found
