"""What a browser has to do for our pages: what it fetches, how long it is busy, and what moves meanwhile."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MILLISECONDS = 120_000
ROWS = "article.entry"
# What a page begins by itself once it is there: it looks for new entries.
POLL = "after="
SHIFTS = """
  window.shifted = 0;
  const add = (each) => { if (!each.hadRecentInput) window.shifted += each.value; };
  new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type: "layout-shift", buffered: true });
"""
# From a click until the frame that shows the page it leads to, in seconds.
CLICK = """(link) => new Promise((done) => {
  const start = performance.now();
  const painted = () => requestAnimationFrame(() => setTimeout(() => done((performance.now() - start) / 1000)));
  document.addEventListener("htmx:afterSettle", painted, { once: true });
  link.click();
})"""


class Visit(NamedTuple):
    """What one visit of a page fetched over the network."""

    requests: int
    received: int
    """In bytes, heads included."""


class Scrolled(NamedTuple):
    """What the main thread of a page did while a feed was scrolled, in seconds of its CPU."""

    longest: float
    """Its longest task."""
    busy: float
    """All of its tasks."""


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium where it is installed, else Playwright's own."""
    found = environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


def signed_in(chromium: Browser, address: str, email: str, password: str) -> StorageState:
    """Returns the cookies of someone who has signed in."""
    with fresh(chromium, address) as page:
        page.goto("/login")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/orgs")
        return page.context.storage_state()


@contextmanager
def fresh(chromium: Browser, address: str, state: StorageState | None = None, **options: Any) -> Iterator[Page]:
    """A browser that keeps nothing yet, and counts what moves on its pages."""
    options = {"viewport": {"width": 1280, "height": 800}, **options}
    context = chromium.new_context(base_url=address, storage_state=state, **options)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    context.add_init_script(SHIFTS)
    yield context.new_page()
    context.close()


def visits(page: Page, path: str, accepts: str | None = None) -> tuple[Visit, Visit]:
    """Opens a page twice: the first time the browser may have nothing of it, the second time it has what it keeps.

    `accepts` is what it says that it can unpack, instead of what it says by itself.
    """
    received: dict[str, int] = {}

    def begin(event: dict[str, Any]) -> None:
        if POLL not in event["request"]["url"]:
            received[event["requestId"]] = 0

    def forget(event: dict[str, Any]) -> None:
        received.pop(event["requestId"], None)

    def answer(event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            forget(event)

    def end(event: dict[str, Any]) -> None:
        if event["requestId"] in received:
            received[event["requestId"]] = int(event["encodedDataLength"])

    def visit() -> Visit:
        received.clear()
        page.goto(path, wait_until="networkidle")
        return Visit(len(received), sum(received.values()))

    session = page.context.new_cdp_session(page)
    session.on("Network.requestWillBeSent", begin)
    session.on("Network.requestServedFromCache", forget)
    session.on("Network.responseReceived", answer)
    session.on("Network.loadingFinished", end)
    session.send("Network.enable")
    if accepts is not None:
        session.send("Network.setExtraHTTPHeaders", {"headers": {"Accept-Encoding": accepts}})
    found = visit(), visit()
    session.detach()
    return found


def scroll(page: Page, path: str, entries: int) -> None:
    """Opens a feed and scrolls down, as fast as older entries come, until so many are there."""
    page.goto(path, wait_until="networkidle")
    shown = page.locator(ROWS).count()
    while shown < entries:
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function("([rows, shown]) => document.querySelectorAll(rows).length > shown", arg=[ROWS, shown])
        shown = page.locator(ROWS).count()


def scrolled(chromium: Browser, page: Page, path: str, entries: int) -> Scrolled:
    """Scrolls a feed, and tells what that cost the page's main thread."""
    chromium.start_tracing(page=page, categories=["toplevel", "__metadata"])
    scroll(page, path, entries)
    return _tasks(json.loads(chromium.stop_tracing()))


def _tasks(trace: dict[str, Any]) -> Scrolled:
    events: list[dict[str, Any]] = trace["traceEvents"]
    mains = {(each["pid"], each["tid"]) for each in events if _names_a_page(each)}
    taken: dict[tuple[int, int], list[int]] = {main: [0] for main in mains}
    for each in events:
        if each.get("ph") == "X" and each["name"] in TASKS and (each["pid"], each["tid"]) in mains:
            taken[each["pid"], each["tid"]].append(each.get("tdur", 0))
    busiest = max(taken.values(), key=sum)
    return Scrolled(max(busiest) / 1e6, sum(busiest) / 1e6)


TASKS = ("ThreadControllerImpl::RunTask", "RunTask")


def _names_a_page(event: dict[str, Any]) -> bool:
    return bool(event["name"] == "thread_name" and event["args"].get("name") == "CrRendererMain")


def clicked(page: Page, link: str) -> float:
    """Follows a link of the page; returns the seconds until its page is painted."""
    seconds: float = page.eval_on_selector(link, CLICK)
    return seconds


def shifted(page: Page) -> float:
    """How much has moved on the page by itself since it was opened: the sum of its layout shifts."""
    found: float = page.evaluate("window.shifted")
    return found
