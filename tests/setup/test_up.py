"""`activity-log up` as a person meets it: first start, second start, Ctrl-C, kill -9, another user."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.setup.running import Running, ended, nobody, signed_up
from tests.support.processes import command_line, of_each

OURS = ("web.serving", "worker.working", "valkey-server", "postgres")


def test_a_first_start_fills_the_demo_a_second_keeps_it_and_ctrl_c_ends_every_process(
    up: Callable[..., Running], tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with spaces" / ("deep" * 30)
    first = up(folder, DEMO="1").wait()
    family = first.family()
    kinds = {kind for kind in OURS for each in family if kind in " ".join(command_line(each))}
    sign_in = re.search(r"Demo sign-in:\s+(\S+@\S+)\s+(\S+)", first.printed)
    people = signed_up(first)
    first.process.send_signal(signal.SIGINT)
    assert first.status() == 0

    assert (folder / "lock").read_text() == ""
    assert kinds == set(OURS)
    assert sign_in
    assert people == 4
    assert ended(family)

    second = up(folder, DEMO="1").wait()
    assert signed_up(second) == 4
    assert sign_in[2] in second.printed
    # As when its terminal is closed.
    second.process.send_signal(signal.SIGHUP)
    assert second.status() == 0


def test_after_a_kill_9_of_everything_in_the_middle_of_the_demo_the_next_start_fills_it_whole_and_keeps_it(
    up: Callable[..., Running],
) -> None:
    first = up(DEMO="1")
    while "schema is up to date" not in first.printed:
        assert first.process.poll() is None, first.printed
        time.sleep(0.05)
    while not any("demo" in command_line(each) and signed_up(first) for each in first.family()):
        time.sleep(0.05)
    first.kill_everything()

    second = up(DEMO="1").wait()
    sign_in = second.folder.joinpath("demo-sign-in.txt").read_text()
    assert signed_up(second) == 4
    second.kill_everything()

    third = up(DEMO="1").wait()
    assert signed_up(third) == 4
    assert third.folder.joinpath("demo-sign-in.txt").read_text() == sign_in


def test_after_a_kill_9_of_up_alone_all_it_started_ends_and_the_next_start_finds_the_way_free(
    up: Callable[..., Running],
) -> None:
    first = up().wait()
    family = first.family()
    first.process.kill()
    first.process.wait()
    # At once: what is left of the first one may still be ending.
    second = up(PORT=first.port).wait()

    assert second.process.poll() is None
    assert ended(family[1:])


def test_a_folder_that_cannot_be_used_is_told(up: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = up(tmp_path / "file" / "data", log=tmp_path / "refused.log")

    assert refused.status() == 1
    assert "Set another DATA_DIR" in refused.printed


def test_a_terminal_that_closes_does_not_end_it_under_nohup(up: Callable[..., Running]) -> None:
    kept = up(nohup=True).wait()
    kept.process.send_signal(signal.SIGHUP)

    with pytest.raises(subprocess.TimeoutExpired):
        kept.process.wait(2)


def test_an_ordinary_user_starts_it_too(up: Callable[..., Running], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        # Then every other test here has shown it.
        assert up().wait().process.poll() is None
        return
    open_to_all = Path("/tmp") / f"activity-log-{os.getpid()}"  # noqa: S108 (removed below)
    open_to_all.mkdir()
    os.chown(open_to_all, *nobody())
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(open_to_all / "closed.sock"))
            listening.listen()
            (open_to_all / "closed.sock").chmod(0o600)
            running = up(open_to_all / "data", as_nobody=True, DOCKER_HOST=f"unix://{open_to_all}/closed.sock").wait()
        owners = set(of_each(running.family(), psutil.Process.username))
        running.process.send_signal(signal.SIGINT)
        assert running.status() == 0
        assert owners == {"nobody"}
        assert "cannot be used (its socket may not be opened by this user), so nothing is run." in running.printed
    finally:
        subprocess.run(["rm", "-rf", str(open_to_all)], check=True)  # noqa: S603, S607
