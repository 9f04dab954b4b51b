"""Processes of the product, started as an operator starts them, and the CPU they use."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import executable

import psutil

PROGRAM = str(Path(executable).with_name("activity-log"))
PATIENCE_SECONDS = 30


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """The command until the block ends; what it says goes to `log`."""
    with log.open("wb") as said:
        process = psutil.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                process.kill()


@dataclass(frozen=True)
class Server:
    """A web server on this machine, and how to ask it one page again and again."""

    process: psutil.Process
    port: int
    path: str
    headers: dict[str, str]

    def cpu_seconds(self) -> float:
        """User and system time of its worker processes so far."""
        times = [child.cpu_times() for child in self.process.children(recursive=True)]
        return float(sum(each.user + each.system for each in times))

    def ask(self, times: int) -> bytes:
        """The last of `times` answers over one connection; anything but 200 is an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = b""
        for _ in range(times):
            connection.request("GET", self.path, headers=self.headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != http.client.OK:
                raise RuntimeError(f"{self.path} answered {response.status}")
        connection.close()
        return body

    def cpu_per_request(self, times: int) -> float:
        """CPU seconds of the workers for one request."""
        before = self.cpu_seconds()
        self.ask(times)
        return (self.cpu_seconds() - before) / times

    def wait(self) -> None:
        """Until it accepts connections. Raises TimeoutError."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patience:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"nothing listens on port {self.port}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
