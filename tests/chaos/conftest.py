"""A fleet of its own for each test: its servers get killed."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from models import quotas
from tests.chaos import fleet as fleets
from tests.chaos.fleet import Fleet
from tests.support.meddler import Meddler

LONG = os.environ.get("CHAOS") == "long"


@pytest.fixture(autouse=True)
def no_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Furnishes faster than a person may; an app that another test of this process made has brought quotas along."""
    monkeypatch.setattr(quotas.IN_FORCE, "settings", None)


@pytest.fixture
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """PostgreSQL and Valkey, empty but for the schema."""
    with fleets.fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture
def superuser(fleet: Fleet) -> Iterator[psycopg.Connection]:
    """Of this fleet's PostgreSQL."""
    with Meddler.connect(fleet.superuser_url, autocommit=True) as connection:
        yield connection
