"""Without an engine, or with one that does not answer."""

from dataclasses import replace

import pytest
from flask import Flask

from bench.engine import Engine
from models import installation
from models.installation import Engine as Reported
from models.jobs import deployment_history
from models.kinds.container import Container
from models.organisation import Organisation
from models.settings import Settings
from tests.runtime.conftest import observed
from tests.support.log import entries
from worker.engine import connection, reconcile
from worker.engine.interface import CannotDeploy, EngineDown, NoEngine, engine_host


def test_without_an_engine_everything_waits_and_nothing_is_claimed(
    settings: Settings, app: Flask, acme: Organisation, api: Container
) -> None:
    told = len(entries(acme))
    connection.attach(app, replace(settings, docker_host="none"))
    found = connection.report()
    assert isinstance(found, NoEngine)
    reconcile.converge(found, api.key)
    reconcile.converge_all(found)

    assert len(entries(acme)) == told
    assert observed(api) == (None, None)
    assert deployment_history.history(api.key)[0].status == "provisioning"
    assert installation.engine().engine == "none"


def test_an_engine_that_does_not_answer_is_reported(settings: Settings, app: Flask, engine: Engine) -> None:
    connection.attach(app, replace(settings, docker_host="unix:///nowhere.sock"))
    assert connection.report() is None
    found = installation.engine()
    assert isinstance(found, Reported)
    assert found.error == "nothing listens there"
    connection.attach(app, replace(settings, docker_host=engine.host))
    assert connection.report() is not None
    assert installation.engine().error is None


@pytest.mark.parametrize(
    ("docker_host", "socket", "expected"),
    [
        ("", "/nowhere.sock", None),
        ("none", "/", None),
        ("tcp://engine:2376", "/nowhere.sock", "tcp://engine:2376"),
        ("", "/", "unix:///"),
    ],
)
def test_where_the_engine_is(docker_host: str, socket: str, expected: str | None) -> None:
    assert engine_host(docker_host, {"DOCKER_SOCKET": socket}) == expected


def test_nothing_can_be_deployed_where_there_is_no_engine() -> None:
    with pytest.raises(EngineDown):
        NoEngine().deploy(None, None, lambda: None)  # type: ignore[arg-type]
    assert issubclass(CannotDeploy, Exception)
