"""What `activity-log up` does when something that it runs ends, refuses its work, or when it is to end itself."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.setup.running import MEMBERS, Running, environment_of, finish
from tests.support.clients import Browser
from tests.support.processes import alive
from web.restarts import QUICK_SECONDS


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that is up, and whose processes are killed one by one."""
    folder = tmp_path_factory.mktemp("supervised")
    started = [Running(folder / "data")]
    yield started[0].wait()
    finish(started, folder)


def status(running: Running, path: str) -> int:
    """Of the answer to a page; 0 when nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.mark.parametrize("member", list(MEMBERS))
def test_what_dies_is_started_again_and_all_is_well(running: Running, member: str) -> None:
    first = running.member(member)
    assert first
    first.kill()
    pages: set[int] = set()

    def is_another() -> bool:
        pages.add(status(running, "/login"))
        now = running.member(member)
        return now is not None and now.pid != first.pid

    running.until(is_another)
    running.until(lambda: status(running, "/healthz") == 200)
    assert f"{member} ended with status -9, and is started again." in running.printed
    # While the web starts again, who comes waits.
    assert pages <= ({200, 0} if member == "web" else {200})


def test_pages_answer_while_a_web_process_is_replaced(running: Running) -> None:
    web = running.member("web")
    assert web
    first = web.children()
    for victim in first:
        victim.kill()
        assert [status(running, "/login") for _ in range(10)] == [200] * 10
        running.until(lambda: len(alive(web.children())) == 2)

    assert web.is_running()
    assert not {each.pid for each in web.children()} & {each.pid for each in first}


@pytest.mark.parametrize("refusal", [("maxmemory", "1"), ("min-replicas-to-write", "1")])
def test_a_broker_that_refuses_to_write_is_one_that_is_down(running: Running, refusal: tuple[str, str]) -> None:
    """Out of memory, or too few replicas: errors like the one of a full disk."""
    broker = Redis.from_url(environment_of(running)["REDIS_URL"])
    broker.config_set(*refusal)
    try:
        # Also for those that start meanwhile.
        for member in ("worker", "runtime", "scheduler"):
            victim = running.member(member)
            assert victim
            victim.kill()
        visitor = Browser(int(running.port))
        address = f"{refusal[0]}@example.com"
        signed_up = visitor.send("/signup", name="Ada", email=address, password="correct horse battery")
        made = visitor.send("/orgs/new", name="Acme", handle=refusal[0], email=address)
        deleted = visitor.send(f"/orgs/{refusal[0]}/settings", to=f"/orgs/{refusal[0]}/delete", confirm=refusal[0])
        running.until(lambda: all(running.member(member) for member in MEMBERS))
        time.sleep(QUICK_SECONDS)

        assert (signed_up.status, made.status, deleted.status) == (302, 302, 302)
        assert status(running, "/healthz") == 503
        family = {member: running.member(member) for member in MEMBERS}
    finally:
        broker.config_set(refusal[0], "0")
    # None of them has ended; the work is done by the worker that waited for the broker.
    assert family == {member: running.member(member) for member in MEMBERS}
    running.until(lambda: b"deleted" in visitor.get("/orgs").body or visitor.get(f"/orgs/{refusal[0]}").status == 404)
    running.until(lambda: status(running, "/healthz") == 200)
