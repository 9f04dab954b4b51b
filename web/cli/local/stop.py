"""Someone asks us to end. Steps look for it between them: an exception from the signal itself could be lost in one."""

import signal
import subprocess
import threading
from contextlib import suppress

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.05


class Stopped(Exception):
    """Raised once someone has asked us to end."""


class Stop:
    """Waits for things, and gives up when someone asks us to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def listen(self) -> None:
        """From now on a signal is noticed, however often it comes."""
        for asked in ENDINGS:
            # Under nohup, a terminal that closes must not end anything.
            if asked != signal.SIGHUP or signal.getsignal(asked) != signal.SIG_IGN:
                signal.signal(asked, lambda *_: self._asked.set())

    def pause(self, seconds: float) -> None:
        """Wait that long. Raises Stopped."""
        if self._asked.wait(seconds):
            raise Stopped

    def run(self, command: list[str], environ: dict[str, str]) -> int:
        """Run a command to its end, and return its status. Raises Stopped, with the command killed."""
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)  # noqa: S603 (our own programs)
        try:
            while process.poll() is None:
                self.pause(LOOK_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        return process.returncode
