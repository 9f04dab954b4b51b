"""What `up` tells of the container engine: which one it found, what it will do there, and what goes on in the end."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

LOOK = [sys.executable, "-m", "worker.engine.by_hand", "look"]
START_SECONDS, END_SECONDS, LOOK_SECONDS = 30, 10, 0.05


class Notice:
    """Asks for the engine in a process of its own, so that nothing waits for it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._asking: subprocess.Popen[bytes] | None = self._ask()
        self._found: dict[str, Any] = {}

    def begin(self, pause: Callable[[float], object]) -> str:
        """Says which engine there is, and what will be done there. `pause` waits, and may raise to give up."""
        self._found = self._answer(START_SECONDS, pause)
        host, name, error = (self._found.get(each) for each in ("host", "name", "error"))
        if error:
            return f"Container engine: {host} cannot be used ({error}), so nothing is run. {_advice(str(error))}"
        if not self._found:
            return "Container engine: it has not answered yet; the pages say once it does."
        if host is None:
            why = (
                "DOCKER_HOST=none"
                if self._environ.get("DOCKER_HOST")
                else "no Docker socket; DOCKER_HOST names another"
            )
            return f"Container engine: none ({why}). What should run is recorded, and nothing is run."
        return (
            f"Container engine: {name} at {host}. What should run is really run there; "
            f"{self._found['running']} containers run there now. None is touched but those with the label "
            f"activity-log.platform={self._found['installation']}; DOCKER_HOST=none leaves it alone."
        )

    def end(self) -> str:
        """Says how many containers go on running; nothing where there never was an engine."""
        if not self._found.get("installation") or self._found.get("error"):
            return ""
        self._asking = self._ask("--installation", str(self._found["installation"]))
        running, name = self._answer(END_SECONDS, time.sleep).get("running"), self._found["name"]
        if running is None:
            return f"{name} does not answer: how many containers go on running there is not known."
        if not running:
            return f"No containers go on running on {name}."
        go = "container goes" if running == 1 else "containers go"
        return f"{running} {go} on running on {name}; `activity-log engine down` ends that."

    def close(self) -> None:
        """Stop asking."""
        if self._asking:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None

    def _ask(self, *more: str) -> "subprocess.Popen[bytes]":
        # In a session of its own: Ctrl-C reaches `up` alone.
        return subprocess.Popen(  # noqa: S603 (our own program)
            [*LOOK, *more],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _answer(self, seconds: float, pause: Callable[[float], object]) -> dict[str, Any]:
        if self._asking is None:
            return {}
        end = time.monotonic() + seconds
        while self._asking.poll() is None and time.monotonic() < end:
            pause(LOOK_SECONDS)
        self._asking.kill()
        said, _ = self._asking.communicate()
        self._asking = None
        try:
            found: dict[str, Any] = json.loads(said)
        except ValueError:
            return {}
        return found


def _advice(error: str) -> str:
    if "may not be opened" in error:
        return (
            "Let this user open it (on Debian: usermod --append --groups docker), and sign in anew; DOCKER_HOST=none "
            "leaves it alone."
        )
    return "It is asked again by itself; DOCKER_HOST=none leaves it alone."
