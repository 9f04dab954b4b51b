"""One of everything, for what must hold of each."""

from typing import Any, NamedTuple

from models.billing.cards import PaymentMethod
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.invitation import Invitation
from models.people.member import Membership, find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.invitations import invite
from tests.support.kinds import SAMPLES, create
from tests.support.money import add_card


class World(NamedTuple):
    """What there is to act on."""

    acme: Organisation
    web: Project
    things: dict[type[Resource], Any]
    """One of each kind."""
    first_card: PaymentMethod
    second_card: PaymentMethod
    vera: Membership
    invitation: Invitation
    people: dict[str, User]
    ada: Actor


def handle_of(kind: type[Resource]) -> str:
    """Returns the handle of the one of the kind: what runs is reached by it, so no two have the same."""
    return f"it-{kind.noun}"


def created_by(kind: type[Resource]) -> int:
    """Returns the number of the entry of its creation: it follows five of the organisation's."""
    return 6 + KINDS.index(kind)


def complete(acme: Organisation, web: Project, ada: Actor, people: dict[str, User]) -> World:
    """Adds one of each kind, changed once, an invitation and two cards."""
    things = {kind: create(web, ada, kind, handle=handle_of(kind)) for kind in KINDS}
    for kind, thing in things.items():
        with transaction():
            thing.update(ada, thing.version, **SAMPLES[kind].changed)
    invited = invite(acme, ada).invitation
    first, second = (add_card(acme, ada, brand=brand) for brand in ("Visa", "JCB"))
    return World(acme, web, things, first, second, find_member(acme.id, people["vera"].id), invited, people, ada)
