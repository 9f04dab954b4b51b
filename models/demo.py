"""A demo platform, made by calling the verbs that a user's clicks call; its entries bear the time of their making."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar
from uuid import uuid4

from models.billing.account import account_of
from models.billing.cards import add_payment_method
from models.billing.payment import top_up
from models.jobs.job import JobKey
from models.kinds import ports
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor, Door
from models.organisation import Organisation, create_organisation
from models.people.access import Role
from models.people.member import (
    accept_invitation,
    find_member,
    invite_member,
    resend_invitation,
    revoke_invitation,
)
from models.people.user import User, any_user, sign_up
from models.project import Project
from models.system import cascade
from models.transaction import transaction

PEOPLE = {
    "ada": ("Ada Lovelace", Role.OWNER),
    "grace": ("Grace Hopper", Role.ADMIN),
    "linus": ("Linus Pauling", Role.MEMBER),
    "vera": ("Vera Rubin", Role.VIEWER),
}
# Public images that are small and run without being set up, so that with an engine the demo really runs: before an
# update and after it. The last is made up, of a private registry, and ended before anything could pull it.
SERVICES = {
    "api": ("traefik/whoami:v1.10.3", "traefik/whoami:v1.11.0"),
    "frontend": ("nginx:1.27-alpine", "nginx:1.28-alpine"),
    "gateway": ("caddy:2.9-alpine", "caddy:2.10-alpine"),
    "queue": ("valkey/valkey:8.0-alpine", "valkey/valkey:8.1-alpine"),
    "events": ("nats:2.10-alpine", "nats:2.11-alpine"),
    "mailer": ("axllent/mailpit:v1.20", "axllent/mailpit:v1.21"),
    "docs": ("httpd:2.4.62-alpine", "httpd:2.4.63-alpine"),
    "sessions": ("redis:7.2-alpine", "redis:7.4-alpine"),
    "packages": ("registry:2.8.3", "registry:3.0.0"),
    "reports": ("registry.example.com/reports:1.9.0", "registry.example.com/reports:1.9.1"),
}
PRIVATE = "registry.example.com"
STEPS = 151
P = ParamSpec("P")
Done = TypeVar("Done")


@dataclass
class Stage:
    """The people of the demo, and the role that each has in the organisation being filled."""

    people: dict[str, User]
    roles: dict[str, Role]

    def actor(self, who: str) -> Actor:
        """Returns a person as an actor, in the role they have now."""
        person = self.people[who]
        return Actor(person.id, person.name, self.roles[who], Door.CLI)


def fill(password: str | None = None) -> Iterator[str]:
    """Fill an empty platform; yields a word a step (about STEPS of them), the last one being the sign-in."""
    password = password or secrets.token_urlsafe(9)
    stage = Stage({}, {})
    for who, (name, role) in PEOPLE.items():
        stage.people[who] = _do(sign_up, f"{who}@example.com", name, password)
        stage.roles[who] = role
        yield name
    yield from _acme(stage)
    yield from _globex(stage)
    yield from _deleted_organisation(stage)
    yield f"ada@example.com  {password}"


def is_empty() -> bool:
    """Whether nobody has signed up yet."""
    return not any_user()


def _acme(stage: Stage) -> Iterator[str]:
    ada, grace = stage.actor("ada"), stage.actor("grace")
    acme = _do(create_organisation, stage.people["ada"], ada, name="Acme", handle="acme", email="ops@acme.example.com")
    yield "Acme"
    yield from _members(stage, acme)
    yield from _money(ada, acme)
    for name, handle in (("Web shop", "web-shop"), ("Data platform", "data")):
        project = _do(acme.create_project, grace, name=name, handle=handle)
        yield name
        yield from _project(stage, project)
    _do(acme.update, ada, acme.version, name="Acme Corporation", email="platform@acme.example.com")
    yield "Acme Corporation"
    yield from _deleted_project(stage, acme)


def _globex(stage: Stage) -> Iterator[str]:
    stage.roles = {"ada": Role.VIEWER, "grace": Role.OWNER, "linus": Role.ADMIN, "vera": Role.MEMBER}
    grace = stage.actor("grace")
    globex = _do(
        create_organisation, stage.people["grace"], grace, name="Globex", handle="globex", email="it@globex.example.com"
    )
    yield "Globex"
    for who in ("linus", "vera", "ada"):
        _join(stage, globex, grace, who, stage.roles[who])
        yield PEOPLE[who][0]
    # With nothing to fill it, the balance of something that runs is used up within minutes.
    card = _do(
        add_payment_method,
        globex.id,
        grace,
        brand="Mastercard",
        last_four="5100",
        expiry_month=4,
        expiry_year=2032,
    )
    _do(top_up, globex.id, grace, 10_000, card.id, uuid4())
    _do(account_of(globex.id).set_auto_top_up, grace, True, 2_000, 5_000)
    yield "top-up"
    project = _do(globex.create_project, stage.actor("linus"), name="Intranet", handle="intranet")
    yield "Intranet"
    yield from _project(stage, project, who=("linus", "vera"))


def _members(stage: Stage, organisation: Organisation) -> Iterator[str]:
    ada = stage.actor("ada")
    for who in ("grace", "linus", "vera"):
        _join(stage, organisation, ada, who, Role.MEMBER)
        yield PEOPLE[who][0]
    for who, role in (("grace", Role.ADMIN), ("vera", Role.VIEWER)):
        _do(find_member(organisation.id, stage.people[who].id).change_role, ada, role)
        yield role
    _do(find_member(organisation.id, stage.people["vera"].id).remove, ada)
    _join(stage, organisation, ada, "vera", Role.VIEWER)
    yield "Vera Rubin"
    now = datetime.now(UTC)
    asked = _do(invite_member, organisation.id, ada, "contractor@example.com", Role.MEMBER, now).invitation
    _do(resend_invitation, organisation.id, ada, asked.id, now)
    _do(revoke_invitation, organisation.id, ada, asked.id, now)
    yield "contractor@example.com"


def _join(stage: Stage, organisation: Organisation, inviter: Actor, who: str, role: Role) -> None:
    invited = _do(invite_member, organisation.id, inviter, stage.people[who].email, role, datetime.now(UTC))
    person = stage.people[who]
    joining = Actor(person.id, person.name, role, Door.CLI)
    _do(accept_invitation, invited.invitation, person, joining, datetime.now(UTC))


def _money(ada: Actor, organisation: Organisation) -> Iterator[str]:
    first, second, third = (
        _do(
            add_payment_method,
            organisation.id,
            ada,
            brand=brand,
            last_four=last_four,
            expiry_month=9,
            expiry_year=2031,
        )
        for brand, last_four in (("Visa", "4242"), ("Mastercard", "4444"), ("Visa", "1881"))
    )
    yield "payment methods"
    _do(second.make_default, ada)
    _do(third.remove, ada)
    yield "payment methods"
    for cents in (25_000, 5_000, 12_050):
        _do(top_up, organisation.id, ada, cents, first.id, uuid4())
        yield "top-up"
    _do(account_of(organisation.id).set_auto_top_up, ada, True, 2_000, 10_000)
    yield "automatic top-up"


def _project(stage: Stage, project: Project, who: tuple[str, str] = ("grace", "linus")) -> Iterator[str]:
    first, second = stage.actor(who[0]), stage.actor(who[1])
    registry = _do(
        project.create,
        first,
        Registry,
        handle="main",
        server=PRIVATE,
        username="deploy",
        password=secrets.token_urlsafe(18),
    )
    yield "registry"
    password, key = (
        _do(project.create, first, Secret, handle=handle, value=secrets.token_urlsafe(24))
        for handle in ("db-password", "api-key")
    )
    yield "secrets"
    cache = _do(project.create, second, Memcached, name="session-cache", handle="session-cache", memory_mib=256)
    yield "memcached"
    for place, (service, (image, newer)) in enumerate(SERVICES.items()):
        actor = (first, second)[place % 2]
        usual = ports.usual(image)
        container = _do(
            project.create,
            actor,
            Container,
            name=service,
            handle=service,
            image=image,
            port=usual.value if usual else 8080,
            registry_handle="main" if image.startswith(PRIVATE) else None,
            secrets=[password.handle],
            environment="LOG_LEVEL=info\nREGION=eu-central",
        )
        yield service
        _do(container.update, actor, container.version, image=newer)
        yield service
        _do(container.update, second, container.version, memory_mib=320 + 64 * place, cpu_millicores=500)
        yield service
    _do(registry.update, first, registry.version, password=secrets.token_urlsafe(18))
    _do(key.update, second, key.version, value=secrets.token_urlsafe(24))
    _do(cache.update, first, cache.version, nodes=3)
    yield "updates"
    _do(key.end, first)
    _do(container.end, second)
    _do(project.update, first, project.version, name=f"{project.name} (production)")
    yield "endings"


def _deleted_project(stage: Stage, organisation: Organisation) -> Iterator[str]:
    """A project that Ada deletes; the job that follows is run at once, as a worker would."""
    grace = stage.actor("grace")
    project = _do(organisation.create_project, grace, name="Prototype", handle="prototype")
    yield "Prototype"
    for handle in ("old-token", "old-key"):
        _do(project.create, grace, Secret, handle=handle, value=secrets.token_urlsafe(24))
        yield handle
    _do(
        project.create,
        grace,
        Registry,
        handle="scratch",
        server="scratch.example.com",
        username="ci",
        password=secrets.token_urlsafe(18),
    )
    _do(project.create, grace, Memcached, name="scratch-cache", handle="scratch-cache")
    for number in range(1, 13):
        name = f"experiment-{number:02}"
        _do(project.create, grace, Container, name=name, handle=name, image="nginx:1.28")
        yield name
    _delete(project, stage.actor("ada"))
    yield "Prototype"


def _deleted_organisation(stage: Stage) -> Iterator[str]:
    """An organisation that is founded and deleted; its log stays."""
    stage.roles["ada"] = Role.OWNER
    ada = stage.actor("ada")
    trial = _do(
        create_organisation, stage.people["ada"], ada, name="Trial run", handle="trial", email="ada@example.com"
    )
    project = _do(trial.create_project, ada, name="First steps", handle="first-steps")
    _do(project.create, ada, Container, name="hello", handle="hello", image="nginx:1.28")
    yield "Trial run"
    _delete(trial, ada)
    yield "Trial run"


def _delete(thing: Project | Organisation, actor: Actor) -> None:
    with transaction() as hints:
        thing.delete(actor, thing.handle)
    for key in hints:
        assert isinstance(key, JobKey)
        cascade.run(key)


def _do(verb: Callable[P, Done], *arguments: P.args, **named: P.kwargs) -> Done:
    """Call one verb in a transaction of its own, as a click does."""
    with transaction():
        return verb(*arguments, **named)
