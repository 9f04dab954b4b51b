"""On paper, and where the system chooses the colours: everything that counts is still there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from models.kinds.container import Container
from tests.browser.test_rings import contrast

FEED = "/orgs/acme/activity"
EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
CONTRAST_LEAST = 3  # WCAG 2.2, 1.4.11


@pytest.fixture
def printed(signed_in: Callable[..., Page], api: Container) -> Page:
    """A feed as it comes to paper."""
    page = signed_in("ada", timezone_id="Europe/Zurich")
    page.goto(FEED)
    expect(page.locator("time .ago").first).to_be_visible()
    page.emulate_media(media="print")
    return page


def test_a_printed_feed_bears_numbers_and_exact_times_in_utc(printed: Page) -> None:
    entries = printed.locator("article.entry")
    told = entries.first.aria_snapshot()
    [moment] = EXACT.findall(told)

    assert moment == entries.first.locator("time").get_attribute("datetime")
    assert f"#{entries.first.get_attribute('data-number')}" in told
    expect(printed.locator("time .ago").first).to_be_hidden()


def test_a_print_says_whose_it_is_where_it_is_from_and_when_it_was_made(printed: Page) -> None:
    printed.evaluate("dispatchEvent(new Event('beforeprint'))")
    told = printed.locator(".printed").inner_text()

    assert "Acme" in told
    assert printed.url in told
    assert re.search(r"read [\d-]+ [\d:]+ UTC, printed [\d-]+ [\d:]+ UTC$", told)


def test_what_can_only_be_pressed_is_not_printed(printed: Page) -> None:
    for place in (".top", ".tabs", ".newer-place", ".keys-button"):
        expect(printed.locator(place).first).to_be_hidden()


def test_on_a_screen_nothing_of_it_is_shown(printed: Page) -> None:
    printed.emulate_media(media="screen")

    expect(printed.locator(".printed")).to_be_hidden()
    assert not EXACT.search(printed.locator("article.entry").first.aria_snapshot())


def test_a_feed_is_printed_in_pages(printed: Page, tmp_path: Path) -> None:
    made = printed.pdf(path=tmp_path / "feed.pdf", format="A4", prefer_css_page_size=True)

    assert made.startswith(b"%PDF")
    assert re.search(rb"/Type\s*/Page\b", made)


@pytest.fixture
def forced(signed_in: Callable[..., Page], api: Container) -> Page:
    """A feed in the system's own colours."""
    page = signed_in("ada", forced_colors="active")
    page.goto(FEED)
    return page


STYLE = """(element) => {
  const style = getComputedStyle(element);
  const canvas = getComputedStyle(document.documentElement).backgroundColor;
  return [style.outlineStyle, parseFloat(style.outlineWidth), style.outlineColor, canvas];
}"""


def test_in_forced_colours_a_chip_has_an_edge(forced: Page, tmp_path: Path) -> None:
    chip = forced.locator("article.entry .action").first
    line, width, colour, canvas = chip.evaluate(STYLE)

    assert line == "solid"
    assert width >= 1
    assert contrast(colour, canvas) >= CONTRAST_LEAST
    with_edge = chip.screenshot(path=tmp_path / "chip.png")
    chip.evaluate("chip => { chip.style.outline = 'none'; }")
    assert chip.screenshot() != with_edge, "and it is drawn"


def test_in_forced_colours_the_ring_is_seen(forced: Page, tmp_path: Path) -> None:
    row = forced.locator("article.entry").first
    plain = row.screenshot()
    forced.locator("#feed").focus()
    forced.keyboard.press("Tab")
    link = row.locator(".summary a")
    expect(link).to_be_focused()
    line, width, colour, canvas = link.evaluate(STYLE)

    assert line == "solid"
    assert width >= 2
    assert contrast(colour, canvas) >= CONTRAST_LEAST
    assert row.screenshot(path=tmp_path / "ring.png") != plain


def test_who_wants_no_motion_gets_none(signed_in: Callable[..., Page], api: Container) -> None:
    page = signed_in("ada", reduced_motion="reduce")
    page.goto(FEED)
    moving = page.evaluate(
        "() => [...document.querySelectorAll('*')].filter((each) => { const style = getComputedStyle(each); "
        "return style.animationName !== 'none' || style.transitionDuration !== '0s'; }).length"
    )

    assert moving == 0
