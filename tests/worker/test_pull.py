"""Why an image is not to be had, from an engine's words."""

import pytest

from models.jobs.fault import Fault
from models.kinds.specification import Credentials, Specification
from worker.engine import pull
from worker.engine.faults import EngineFault


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("manifest for acme/tls:1 not found: manifest unknown: manifest unknown", "image acme/tls:1 not found"),
        ("Get https://r/v2/: dial tcp: lookup r on 1.1.1.1:53: no such host", "registry r cannot be reached"),
        ("Get https://r/v2/: tls: first record does not look like a TLS handshake", "registry r cannot be reached"),
        ("Get https://r/v2/: x509: certificate signed by unknown authority", "registry r cannot be reached"),
        ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "registry r cannot be reached"),
        ("Head https://r/v2/acme/tls/manifests/1: unauthorized: authentication required", "refused the credentials"),
        ("Get https://r/v2/: no basic auth credentials", "refused the credentials of main"),
        (
            "unknown: no space left on device, password pw-7f3a",
            "image acme/tls:1 could not be pulled: registry r answers",
        ),
    ],
)
def test_why_an_image_is_not_to_be_had_is_told_apart(said: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    credentials = Credentials("r", "main", "ci", "pw-7f3a")
    wanted = Specification("r/acme/tls:1", "acme/tls:1", 80, 64, credentials=credentials)

    assert reason in pull.reason(said, wanted)
    assert "pw-7f3a" not in pull.reason(said, wanted) + caplog.text


@pytest.mark.parametrize(
    "said",
    [
        "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
        "failed to register layer: Error processing tar file(exit status 1): write /bin/sh: no space left on device",
    ],
)
def test_a_full_disk_is_the_engine_s_fault_and_not_the_image_s(said: str) -> None:
    with pytest.raises(EngineFault) as told:
        pull.reason(said, Specification("acme/api:9", "acme/api:9", 80, 64))

    assert told.value.fault is Fault.DISK_FULL


def test_an_image_without_credentials_that_is_denied_may_be_missing_too() -> None:
    wanted = Specification("acme/api:9", "acme/api:9", 80, 64)
    said = "pull access denied for acme/api, repository does not exist or may require 'docker login': denied: requested"

    assert pull.reason(said, wanted) == "image acme/api:9 not found, or its registry wants credentials"
