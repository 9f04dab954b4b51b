"""The ring around what has the focus: outside of it, whole, and told apart from what lies behind it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from models.kinds.container import Container

CONTRAST_LEAST = 3  # WCAG 2.2, 1.4.11
WIDTH_LEAST = 2
STOPS_MOST = 600
# What fills a box that would cut the ring off has it inside.
INSIDE = ".tabs a, .fold summary, .count"
PAGES = (
    "/orgs/acme",
    "/orgs/acme/activity/1",
    "/orgs/acme/members",
    "/orgs/acme/billing",
    "/orgs/acme/projects/web",
    "/orgs/acme/projects/web/containers/new",
    "/orgs/acme/projects/web/containers/my-api",
    "/orgs/acme/projects/web/settings",
    "/account",
)
MEASURE = """([inside, which]) => {
  const element = document.activeElement;
  // What fills its whole cell has its ring around the cell.
  const filling = getComputedStyle(element).outlineStyle === "none" ? "::after" : null;
  const style = getComputedStyle(element, filling);
  const width = parseFloat(style.outlineWidth), offset = parseFloat(style.outlineOffset);
  const ring = (filling ? element.offsetParent : element).getBoundingClientRect(), out = width + offset;
  const colour = of => getComputedStyle(of).backgroundColor;
  let behind = offset < 0 ? element : element.parentElement;
  while (behind.parentElement && colour(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  let cut = false;
  for (let box = element.parentElement; box !== document.body; box = box.parentElement) {
    if (getComputedStyle(box).overflowX === "visible") continue;
    const edge = box.getBoundingClientRect();
    cut ||= ring.left - out < edge.left || ring.right + out > edge.right;
    cut ||= ring.top - out < edge.top || ring.bottom + out > edge.bottom;
  }
  return {
    what: element.outerHTML.slice(0, 120), kind: element.localName,
    wanted: element.matches(which), inside: element.matches(inside), width, offset, cut,
    line: style.outlineStyle, colour: style.outlineColor, behind: colour(behind),
  };
}"""


# Whether the focus is where it never was, has gone round, or is within the same element as before.
WHERE = """() => {
  const now = document.activeElement, last = document.querySelector("[data-seen=last]");
  if (now === last) return "within";
  if (now === document.body || now.dataset.seen) return "over";
  if (last) last.dataset.seen = "before";
  now.dataset.seen = "last";
  return "new";
}"""


@dataclass(frozen=True)
class Ring:
    """What the browser draws around the element that has the focus; lengths in pixels."""

    what: str
    kind: str
    wanted: bool
    inside: bool
    line: str
    width: float
    offset: float
    cut: bool
    colour: str
    behind: str

    @property
    def is_whole_and_in_its_place(self) -> bool:
        """Outside of the element; inside, but not on its edge, where the outside is cut off."""
        placed = self.offset <= -self.width if self.inside else self.offset >= 0
        return self.line == "solid" and self.width >= WIDTH_LEAST and placed and not self.cut


def stops(page: Page, which: str) -> Iterator[Ring]:
    """The ring of everything that the Tab key reaches, in its order."""
    seen: set[str] = set()
    for _ in range(STOPS_MOST):
        page.keyboard.press("Tab")
        where = page.evaluate(WHERE)
        if where == "within":  # as from day to month of a date
            continue
        if where == "over":
            return
        ring = Ring(**page.evaluate(MEASURE, [INSIDE, which]))
        seen.add(ring.what)
        yield ring
    raise AssertionError(f"more than {STOPS_MOST} stops: {seen}")


def luminance(colour: str) -> float:
    """The relative luminance of `rgb(r, g, b)`, as WCAG defines it."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def require_rings(page: Page, which: str = "*") -> set[str]:
    """Fails with the first ring that is not as it should be; returns the kinds of elements that were seen."""
    found = [ring for ring in stops(page, which) if ring.wanted]
    for ring in found:
        assert ring.is_whole_and_in_its_place, ring
        assert contrast(ring.colour, ring.behind) >= CONTRAST_LEAST, ring
    return {"inside" if ring.inside else ring.kind for ring in found}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_ring_is_outside_whole_and_told_apart(
    signed_in: Callable[..., Page], api: Container, scheme: str
) -> None:
    page = signed_in("ada", color_scheme=scheme)
    kinds: set[str] = set()
    for address in PAGES:
        page.goto(address)
        page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
        kinds |= require_rings(page)

    assert kinds >= {"a", "button", "input", "select", "textarea", "summary", "inside"}


def test_a_fold_has_its_ring_inside_and_its_entries_outside(signed_in: Callable[..., Page], folded: None) -> None:
    page = signed_in("ada")
    page.goto("/orgs/acme/activity")
    page.locator("li.fold details").evaluate("each => { each.open = true }")
    expect(page.locator("li.fold article.entry")).to_have_count(12)

    assert require_rings(page, ".fold summary, .fold a") == {"inside", "a"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_menus_rings_are_outside_too(signed_in: Callable[..., Page], scheme: str) -> None:
    page = signed_in("ada", color_scheme=scheme)
    page.locator(".menu-button").press("Enter")
    expect(page.locator("#user-menu")).to_be_visible()

    assert require_rings(page) >= {"a", "button"}


def test_a_ring_inside_a_button_would_be_noticed(signed_in: Callable[..., Page]) -> None:
    page = signed_in("ada")
    page.evaluate("document.adoptedStyleSheets[0] = new CSSStyleSheet()")  # the policy refuses a style element
    page.evaluate("document.adoptedStyleSheets[0].replaceSync(':focus-visible { outline-offset: -3px !important }')")

    with pytest.raises(AssertionError):
        require_rings(page)


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)
