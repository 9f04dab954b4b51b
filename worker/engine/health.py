"""Whether what was started has come up: it stays up, or answers its health check."""

import logging
import re
import time
from collections.abc import Collection
from typing import Any

from docker.errors import APIError

from models.kinds.specification import Specification
from worker.engine.interface import CannotDeploy, Tick
from worker.engine.masking import masked

log = logging.getLogger(__name__)
# A container without a health check has come up when it has stayed up for so long.
STAYS_UP_SECONDS = 1.0
POLL_SECONDS = 0.2
PROBE_POLL_SECONDS = 0.03
PROBE_SECONDS = 3
INTERVAL_SECONDS = 15
NANOSECONDS = 1_000_000_000
# The address is an argument, so that no path is read as shell. A time limit of our own: Debian's busybox wget crashes
# with -T.
PROBE = """
if command -v wget >/dev/null 2>&1; then wget -q -O /dev/null "$1" &
elif command -v curl >/dev/null 2>&1; then curl -fsS -o /dev/null "$1" &
else echo "the image has neither wget nor curl" >&2; exit 64; fi
asked=$!
(sleep "$2"; kill "$asked") >/dev/null 2>&1 &
wait "$asked"
"""
# The exit statuses of the script above, of busybox' and GNU's wget, and of curl.
NO_TOOL = 64
ANSWERS = {
    None: "no answer in time",
    1: "nothing there, or an error",
    4: "nothing listens there",
    7: "nothing listens there",
    8: "it answers with an error",
    22: "it answers with an error",
    NO_TOOL: "the image has neither wget nor curl",
    126: "the image has no shell",
    127: "the image has no shell",
    143: "no answer in time",
}
# Waiting mends none of these.
HOPELESS = {NO_TOOL, 126, 127}
NO_SHELL = re.compile(r"executable file not found|no such file or directory|permission denied", re.IGNORECASE)


def check(wanted: Specification) -> dict[str, Any] | None:
    """The health check that the engine goes on asking, as Docker declares one; None when none is wanted."""
    if not wanted.health_path:
        return None
    return {
        "test": ["CMD", *_probe(wanted)],
        "interval": INTERVAL_SECONDS * NANOSECONDS,
        "timeout": 2 * PROBE_SECONDS * NANOSECONDS,
        "retries": 3,
    }


def wait(api: Any, containers: Collection[str], wanted: Specification, tick: Tick, patience_seconds: int) -> None:
    """Wait until all of them have come up. Raises CannotDeploy."""
    begin = time.monotonic()
    waiting = list(containers)
    said = "nothing answered"
    while waiting:
        tick()
        for each in list(waiting):
            _require_running(api, each, wanted)
            if not wanted.health_path:
                healthy = time.monotonic() - begin >= STAYS_UP_SECONDS
            else:
                healthy, said = ask(api, each, wanted)
            if healthy:
                waiting.remove(each)
        if waiting and time.monotonic() - begin > max(patience_seconds, STAYS_UP_SECONDS):
            for each in waiting:
                _require_running(api, each, wanted)
            raise CannotDeploy(
                f"health check failed: {wanted.health_path} on port {wanted.port} did not answer well within "
                f"{patience_seconds} s ({said})"
            )
        if waiting:
            time.sleep(POLL_SECONDS)


def ask(api: Any, container: str, wanted: Specification) -> tuple[bool, str]:
    """Run the health check once, and tell what it said; the engine itself first asks after a whole interval.

    Raises CannotDeploy when it can never be run.
    """
    try:
        asked = api.exec_create(container, _probe(wanted), stdout=False, stderr=False)["Id"]
        # Not waited for on the connection: what the image calls `sh` may never end.
        api.exec_start(asked, detach=True)
        end = time.monotonic() + PROBE_SECONDS + 1
        while (found := api.exec_inspect(asked))["Running"] and time.monotonic() < end:
            time.sleep(PROBE_POLL_SECONDS)
    except APIError as error:
        told = str(error.explanation or error)
        if NO_SHELL.search(told):
            _require_running(api, container, wanted)
            raise CannotDeploy(f"health check failed: {ANSWERS[127]}") from None
        log.warning("a health check is not run: %s", masked(told, wanted.confidential))
        return False, "the engine did not ask"
    status = None if found["Running"] else found["ExitCode"]
    if status in HOPELESS:
        _require_running(api, container, wanted)
        raise CannotDeploy(f"health check failed: {ANSWERS[status]}")
    return status == 0, ANSWERS.get(status, f"it says {status}")


def _require_running(api: Any, container: str, wanted: Specification) -> None:
    state = api.inspect_container(container)["State"]
    if state.get("OOMKilled"):
        raise CannotDeploy(f"out of memory: it needs more than its {wanted.memory_mib} MiB")
    if not state["Running"]:
        raise CannotDeploy(f"it ended at once, with status {state['ExitCode']}")


def _probe(wanted: Specification) -> list[str]:
    return ["sh", "-c", PROBE, "sh", f"http://127.0.0.1:{wanted.port}{wanted.health_path}", str(PROBE_SECONDS)]
