"""A demo platform, made by calling the verbs that a user's clicks call; its entries bear the time of their making."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

from models import billing, cascade, member
from models.access import Role
from models.actor import Actor, Door
from models.container import Container
from models.job import JobKey
from models.member import Membership
from models.memcached import Memcached
from models.organisation import Organisation, create_organisation
from models.project import Project
from models.registry import Registry
from models.secret import Secret
from models.transaction import transaction
from models.user import User, any_user, sign_up

PEOPLE = {
    "ada": ("Ada Lovelace", Role.OWNER),
    "grace": ("Grace Hopper", Role.ADMIN),
    "linus": ("Linus Pauling", Role.MEMBER),
    "vera": ("Vera Rubin", Role.VIEWER),
}
SERVICES = ("api", "worker", "frontend", "gateway", "search", "mailer", "billing", "reports", "auth", "media")
STEPS = 148


@dataclass
class Stage:
    """Who and what the demo plays with."""

    people: dict[str, User]
    roles: dict[str, Role]

    def actor(self, who: str) -> Actor:
        """Someone acting in the role they have."""
        person = self.people[who]
        return Actor(person.id, person.name, self.roles[who], Door.WEB)


def fill(password: str | None = None) -> Iterator[str]:
    """Fill an empty platform; yields a word a step (about STEPS of them), the last one being the sign-in."""
    password = password or secrets.token_urlsafe(9)
    stage = Stage({}, {})
    for who, (name, role) in PEOPLE.items():
        with transaction():
            stage.people[who], stage.roles[who] = sign_up(f"{who}@example.com", name, password), role
        yield name
    yield from _acme(stage)
    yield from _globex(stage)
    yield f"ada@example.com  {password}"


def is_empty() -> bool:
    """Whether nobody has signed up yet."""
    return not any_user()


def _acme(stage: Stage) -> Iterator[str]:
    with transaction():
        acme = create_organisation(
            stage.people["ada"], stage.actor("ada"), name="Acme", handle="acme", email="ops@acme.example.com"
        )
    yield "Acme"
    yield from _members(stage, acme)
    yield from _money(stage, acme)
    for name, handle, services in (("Web shop", "web-shop", 10), ("Data platform", "data", 7)):
        with transaction():
            project = acme.create_project(stage.actor("grace"), name=name, handle=handle)
        yield name
        yield from _project(stage, project, SERVICES[:services])
    with transaction():
        acme.update(
            stage.actor("ada"), acme.version, name="Acme Corporation", email="platform@acme.example.com"
        )
    yield "Acme Corporation"
    yield from _deleted_project(stage, acme)


def _globex(stage: Stage) -> Iterator[str]:
    stage.roles = {"ada": Role.VIEWER, "grace": Role.OWNER, "linus": Role.ADMIN, "vera": Role.MEMBER}
    with transaction():
        globex = create_organisation(
            stage.people["grace"],
            stage.actor("grace"),
            name="Globex",
            handle="globex",
            email="it@globex.example.com",
        )
    yield "Globex"
    for who in ("linus", "vera", "ada"):
        with transaction():
            member.add_member(globex.id, stage.actor("grace"), stage.people[who].email, stage.roles[who])
        yield PEOPLE[who][0]
    with transaction():
        project = globex.create_project(stage.actor("linus"), name="Intranet", handle="intranet")
    yield "Intranet"
    yield from _project(stage, project, SERVICES[:4], who=("linus", "vera"))


def _members(stage: Stage, organisation: Organisation) -> Iterator[str]:
    ada = stage.actor("ada")
    for who in ("grace", "linus", "vera"):
        with transaction():
            member.add_member(organisation.id, ada, stage.people[who].email, Role.MEMBER)
        yield PEOPLE[who][0]
    for who, role in (("grace", Role.ADMIN), ("vera", Role.VIEWER)):
        with transaction():
            _membership(organisation, stage.people[who]).change_role(ada, role)
        yield role
    with transaction():
        _membership(organisation, stage.people["vera"]).remove(ada)
    with transaction():
        member.add_member(organisation.id, ada, stage.people["vera"].email, Role.VIEWER)
    yield "Vera Rubin"


def _money(stage: Stage, organisation: Organisation) -> Iterator[str]:
    ada = stage.actor("ada")
    cards = []
    for brand, last_four in (("Visa", "4242"), ("Mastercard", "4444"), ("Visa", "1881")):
        with transaction():
            cards.append(
                billing.add_payment_method(
                    organisation.id, ada, brand=brand, last_four=last_four, expiry_month=9, expiry_year=2031
                )
            )
        yield brand
    with transaction():
        cards[1].make_default(ada)
    with transaction():
        cards[2].remove(ada)
    for cents in (25_000, 5_000, 12_050):
        with transaction():
            billing.top_up(organisation.id, ada, cents, cards[0].id, uuid4())
        yield "top-up"
    with transaction():
        billing.account_of(organisation.id).set_auto_top_up(ada, True, 2_000, 10_000)


def _project(
    stage: Stage, project: Project, services: tuple[str, ...], who: tuple[str, str] = ("grace", "linus")
) -> Iterator[str]:
    first, second = stage.actor(who[0]), stage.actor(who[1])
    yield _do(
        lambda: project.create(
            first,
            Registry,
            handle="main",
            server="registry.example.com",
            username="deploy",
            password=secrets.token_urlsafe(18),
        )
    )
    for handle in ("db-password", "api-key"):
        yield _do(
            lambda handle=handle: project.create(
                first, Secret, handle=handle, value=secrets.token_urlsafe(24)
            )
        )
    yield _do(
        lambda: project.create(
            second, Memcached, name="session-cache", handle="session-cache", memory_mib=256
        )
    )
    for place, service in enumerate(services):
        actor = (first, second)[place % 2]
        container = _created(
            project,
            actor,
            name=service,
            handle=service,
            image=f"registry.example.com/{service}:1.{place}.0",
            registry_handle="main",
            secrets=["db-password"],
            environment="LOG_LEVEL=info\nREGION=eu-central",
        )
        yield service
        yield _do(
            lambda c=container, a=actor, p=place: c.update(
                a, c.version, image=f"registry.example.com/{c.handle}:1.{p}.1"
            )
        )
        yield _do(
            lambda c=container, a=second, p=place: c.update(
                a, c.version, memory_mib=512 + 128 * p, cpu_millicores=500
            )
        )
    yield _do(lambda: project.find(Registry, "main").update(first, 1, password=secrets.token_urlsafe(18)))
    yield _do(lambda: project.find(Secret, "api-key").update(second, 1, value=secrets.token_urlsafe(24)))
    yield _do(lambda: project.find(Memcached, "session-cache").update(first, 1, nodes=3))
    yield _do(lambda: project.find(Secret, "api-key").end(first))
    yield _do(lambda: project.find(Container, services[-1]).end(second))
    yield _do(lambda: project.update(first, project.version, name=f"{project.name} (production)"))


def _deleted_project(stage: Stage, organisation: Organisation) -> Iterator[str]:
    """A project that Ada deletes: what follows is done by the system, as a worker does it."""
    grace = stage.actor("grace")
    with transaction():
        project = organisation.create_project(grace, name="Prototype", handle="prototype")
    yield "Prototype"
    for handle in ("old-token", "old-key"):
        yield _do(
            lambda handle=handle: project.create(
                grace, Secret, handle=handle, value=secrets.token_urlsafe(24)
            )
        )
    yield _do(
        lambda: project.create(
            grace,
            Registry,
            handle="scratch",
            server="scratch.example.com",
            username="ci",
            password=secrets.token_urlsafe(18),
        )
    )
    yield _do(lambda: project.create(grace, Memcached, name="scratch-cache", handle="scratch-cache"))
    for number in range(1, 13):
        name = f"experiment-{number:02}"
        _created(project, grace, name=name, handle=name, image="nginx:1.28")
        yield name
    with transaction() as promised:
        project.delete(stage.actor("ada"), "prototype")
    for key in promised:
        cascade.keep(JobKey(*key))
    yield "Prototype"


def _created(project: Project, actor: Actor, **values: object) -> Container:
    with transaction():
        return project.create(actor, Container, **values)


def _do(verb: Callable[[], object]) -> str:
    with transaction():
        verb()
    return "entry"


def _membership(organisation: Organisation, user: User) -> Membership:
    return member.find_member(organisation.id, user.id)
