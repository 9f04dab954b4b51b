"""Real servers once a process; the fixtures are people and places."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import settings as hypothesis
from redis import Redis
from xdist.remote import Producer

from bench import engine as engines
from bench.engine import Engine, Registry
from models import quotas, sealed
from models.billing.cards import PaymentMethod, add_payment_method
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.log.actor import Actor, Door
from models.migrations import migrate
from models.organisation import Organisation, create_organisation
from models.people import password
from models.people.access import Role
from models.people.member import find_member
from models.people.user import User, sign_up
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.invitations import enrol
from tests.support.meddler import Meddler
from tests.support.servers import Servers, start
from tests.support.side_by_side import SideBySide, arrange
from web.application import create_app

PASSWORD = "correct horse battery"
# Tests wait for other processes more than they compute.
PROCESSES_PER_CORE, PROCESSES_MOST = 3, 8
# As costly as it must be for real accounts, which a suite that signs up hundreds of people cannot wait for.
password.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# An example that takes long says how busy the machine is, with so many processes side by side.
hypothesis.register_profile("side by side", deadline=None)
hypothesis.load_profile("side by side")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` starts."""
    return min(PROCESSES_PER_CORE * (os.cpu_count() or 1), PROCESSES_MOST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide:
    """Who decides which process runs which test."""
    config.option.loadscopereorder = False  # they come in the order of `arrange`
    return SideBySide(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of a run in several processes; in one process it stays as it is."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        arrange(items)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey, started by this process and stopped after it."""
    with start(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="session")
def private_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A container engine, started by this process and stopped after it; skips, saying why, where none can be had."""
    try:
        with engines.engine(tmp_path_factory.mktemp("engine")) as running:
            yield running
    except engines.NoEngineHere as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory, private_engine: Engine) -> Iterator[Registry]:
    """A registry with a password, started by this process and stopped after it."""
    with engines.registry(tmp_path_factory.mktemp("registry"), private_engine) as running:
        yield running


@pytest.fixture
def engine(private_engine: Engine) -> Iterator[Engine]:
    """Nothing runs on it before, and nothing after."""
    private_engine.clear()
    yield private_engine
    private_engine.clear()


@pytest.fixture(scope="session")
def settings(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings for the database of this run, its schema up to date."""
    found = servers.settings(tmp_path_factory.mktemp("data"))
    migrate(found.database_owner_url, "activity_log_app")
    return found


@pytest.fixture(scope="session")
def application(settings: Settings) -> Flask:
    """The web application, connected as the role that may only add to the log."""
    return create_app(settings)


@pytest.fixture
def app(application: Flask, servers: Servers, settings: Settings) -> Iterator[Flask]:
    """The application over an empty platform, in an app context."""
    empty(servers.superuser_url)
    Redis.from_url(settings.redis_url).flushdb()
    settings.sealed.unlink(missing_ok=True)
    # Of the process, not of an app: a test before this one may have sealed with the keys of servers of its own.
    for module in (sealed, quotas):
        module.attach(application, settings)
    with application.app_context():
        yield application


@pytest.fixture
def superuser(servers: Servers) -> Iterator[psycopg.Connection]:
    """PostgreSQL as someone who may do anything: for looking at what others must not."""
    with Meddler.connect(servers.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    """Ada, Grace, Linus and Vera have accounts; Mallory has one too and belongs nowhere."""
    with transaction():
        return {
            name: sign_up(f"{name}@example.com", f"{name.capitalize()} {family}", PASSWORD)
            for name, family in (
                ("ada", "Lovelace"),
                ("grace", "Hopper"),
                ("linus", "Pauling"),
                ("vera", "Rubin"),
                ("mallory", "Malory"),
            )
        }


@pytest.fixture
def ada(people: dict[str, User]) -> Actor:
    """Owner of acme."""
    return as_actor(people["ada"], Role.OWNER)


@pytest.fixture
def grace(people: dict[str, User]) -> Actor:
    """Admin of acme."""
    return as_actor(people["grace"], Role.ADMIN)


@pytest.fixture
def linus(people: dict[str, User]) -> Actor:
    """Member of acme."""
    return as_actor(people["linus"], Role.MEMBER)


@pytest.fixture
def acme(ada: Actor, people: dict[str, User]) -> Organisation:
    """Ada's organisation: entry 1. Its members are entries 2 to 4."""
    with transaction():
        organisation = create_organisation(people["ada"], ada, name="Acme", handle="acme", email="ops@acme.example.com")
    for name, role in (("grace", Role.ADMIN), ("linus", Role.MEMBER), ("vera", Role.VIEWER)):
        with transaction():
            enrol(organisation, ada, people[name], role)
    return organisation


@pytest.fixture
def web(acme: Organisation, ada: Actor) -> Project:
    """A project of acme: entry 5."""
    with transaction():
        return acme.create_project(ada, name="Web", handle="web")


@pytest.fixture
def api(web: Project, ada: Actor) -> Container:
    """A container in it: entry 6."""
    with transaction():
        return web.create(ada, Container, name="my-api", handle="my-api", image="nginx:1.27")


@pytest.fixture
def busy(acme: Organisation, web: Project, api: Container, ada: Actor, people: dict[str, User]) -> Project:
    """The project after a few things happened in it, by people."""
    with transaction():
        web.create(ada, Container, name="db-main", handle="db-main", image="postgres:18")
    with transaction():
        web.create(ada, Memcached, name="db-cache", handle="db-cache")
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")
    with transaction():
        find_member(acme.id, people["linus"].id).remove(ada)
    return web


@pytest.fixture
def card(acme: Organisation, ada: Actor) -> PaymentMethod:
    """Acme's card, which pays until September 2099: entry 5, if nothing else was before."""
    with transaction():
        return add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=9, expiry_year=2099)


def as_actor(user: User, role: Role) -> Actor:
    """Someone acting in a role, in a browser."""
    return Actor(user.id, user.name, role, Door.WEB)


def empty(superuser_url: str) -> None:
    """Take everything away between two tests; only a superuser who first takes the log's guards off can."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for _ in range(EMPTY_ATTEMPTS):
            try:
                connection.execute(EMPTY)
            except psycopg.errors.DeadlockDetected:
                continue  # a worker of the test before is still at it
            return
    raise RuntimeError("something goes on changing the platform between two tests")


EMPTY_ATTEMPTS = 5
EMPTY = (Path(__file__).parent / "support" / "empty.sql").read_bytes()
