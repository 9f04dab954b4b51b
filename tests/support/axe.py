"""axe-core in a page of the browser: what it finds wrong, in both colour schemes."""

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = ("color-contrast", "link-in-text-block")
RUN = """async ([what]) => {
  const found = await axe.run(document, { runOnly: what, resultTypes: ["violations"] });
  return found.violations.flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 200)}`));
}"""


def faults(page: Page) -> list[str]:
    """Returns the rule and the element of everything that is wrong; colours are looked at in light and in dark."""
    # Not as a script element, which the page's policy refuses.
    page.evaluate(AXE.read_text())
    found = _look(page, {"type": "tag", "values": TAGS}, SCHEMES[0])
    return found + _look(page, {"type": "rule", "values": COLOURS}, SCHEMES[1])


def _look(page: Page, what: dict[str, Any], scheme: Literal["light", "dark"]) -> list[str]:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    return [f"{scheme}, {each}" for each in page.evaluate(RUN, [what])]
