"""What an engine answers is told by kind, and never in its own words."""

import pytest

from models.jobs.fault import WORDS, Fault
from worker.engine.faults import recognised

HOST = "/var/lib/docker/overlay2/3f2a-init/diff"


@pytest.mark.parametrize(
    ("status", "said", "fault"),
    [
        (500, f"mkdir {HOST}: no space left on device", Fault.DISK_FULL),
        (400, "invalid environment variable: =no space left on device", Fault.REFUSED),
        (500, "could not find an available, non-overlapping IPv4 address pool among the defaults", Fault.NO_NETWORKS),
        (403, "all predefined address pools have been fully subnetted", Fault.NO_NETWORKS),
        (500, f"open {HOST}/etc/passwd: no such file or directory", Fault.FAILED),
        (500, "driver failed programming external connectivity", Fault.FAILED),
        (400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", Fault.TOO_MANY_CPUS),
        (400, "Minimum memory limit allowed is 6MB", Fault.TOO_LITTLE_MEMORY),
        (400, 'OCI runtime create failed: exec: "x": executable file not found in $PATH', Fault.NO_PROGRAM),
        (500, 'OCI runtime create failed: exec: "/x": permission denied: unknown', Fault.NO_RIGHT),
        (500, "linux spec user: unable to find user app: no matching entries in passwd file", Fault.BAD_IMAGE),
        (403, "error while removing network: network web has active endpoints", Fault.IN_USE),
        (404, "network 3f2a not found", Fault.REFUSED),
    ],
)
def test_each_fault_is_known_by_what_engines_say(status: int, said: str, fault: Fault) -> None:
    assert recognised(status, said) is fault


def test_every_fault_has_words_and_none_names_a_path() -> None:
    assert set(WORDS) == set(Fault)
    assert not [words for words in WORDS.values() if "/" in words]


def test_the_engine_s_own_faults_are_those_that_time_mends() -> None:
    assert {each for each in Fault if each.is_engines} == {Fault.DISK_FULL, Fault.NO_NETWORKS, Fault.FAILED}
