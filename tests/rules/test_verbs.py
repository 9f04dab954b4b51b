"""Every verb that changes something leaves exactly one entry, with its sentence.

A new public method of a Tracked class must be listed here: as a verb with its sentence, or as a question.
"""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from models import project
from models.billing import payment, suspension
from models.billing.account import account_of
from models.billing.cards import add_payment_method
from models.hold import hold_organisation_alone
from models.kinds.catalogue import KINDS, RUNNING
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.log.actor import Actor
from models.log.record import PAST
from models.log.tracked import Owned, Tracked
from models.organisation import Organisation, create_organisation
from models.people.member import accept_invitation, invite_member, resend_invitation, revoke_invitation
from models.people.user import User, sign_up
from models.project import Project
from models.transaction import transaction
from tests.support.kinds import SAMPLES
from tests.support.log import summaries
from tests.support.modules import modules
from tests.support.world import World, complete, created_by, handle_of

MODULES = modules()
REQUEST = UUID("0b5ae0c1-6dbd-4d5b-8f0f-5a2a6f5f6d11")


Verb = tuple[Callable[[World], Any], str]


def about(kind: type[Resource]) -> str:
    """How a sentence about the one of the kind begins."""
    return f"{kind.noun.capitalize()} {SAMPLES[kind].usual.get('name', handle_of(kind))}"


def is_restorable(kind: type[Resource]) -> bool:
    """Whether what was changed in it can be brought back: of what is sealed, the log keeps no value."""
    return any(len(change) == 2 for change in SAMPLES[kind].told.values())


def of_a_kind(kind: type[Resource]) -> dict[str, Verb]:
    """What can be done to a resource of the kind."""

    def update(world: World) -> None:
        thing = world.things[kind]
        thing.update(world.ada, thing.version, **SAMPLES[kind].other)

    def restore(world: World) -> None:
        thing = world.things[kind]
        thing.restore(world.ada, thing.version, created_by(kind))

    verbs: dict[str, Verb] = {
        f"{kind.__name__}.update": (update, f"{about(kind)} updated"),
        f"{kind.__name__}.end": (lambda w: w.things[kind].end(w.ada), f"{about(kind)} {PAST[kind.end_action]}"),
    }
    if is_restorable(kind):
        verbs[f"{kind.__name__}.restore"] = (restore, f"{about(kind)} restored to entry #{created_by(kind)}")
    if kind.runs:
        again = (lambda w: w.things[kind].redeploy(w.ada), f"{about(kind)} to be deployed again")
        verbs[f"{kind.__name__}.redeploy"] = again
    return verbs


VERBS: dict[str, Verb] = {
    "Organisation.create_project": (
        lambda w: w.acme.create_project(w.ada, name="Shop", handle="shop"),
        "Project Shop created",
    ),
    "Organisation.update": (
        lambda w: w.acme.update(w.ada, w.acme.version, email="new@acme.example.com"),
        "Organisation Acme updated",
    ),
    "Organisation.delete": (lambda w: w.acme.delete(w.ada, "acme"), "Organisation Acme deleted"),
    "suspension.suspend": (
        lambda w: suspension.suspend(
            hold_organisation_alone(w.acme.id), suspension.By.OPERATOR, "an unpaid invoice", actor=w.ada
        ),
        "Organisation Acme suspended by an operator: an unpaid invoice",
    ),
    "Project.create": (
        lambda w: w.web.create(w.ada, KINDS[0], **{**SAMPLES[KINDS[0]].usual, "handle": "other"}),
        f"{KINDS[0].noun.capitalize()} {SAMPLES[KINDS[0]].usual.get('name', 'other')} created",
    ),
    "Project.update": (lambda w: w.web.update(w.ada, w.web.version, name="Shop"), "Project Shop updated"),
    "Project.delete": (lambda w: w.web.delete(w.ada, "web"), "Project Web deleted"),
    "Project.deploy_again": (
        lambda w: w.web.deploy_again(w.ada, w.things[RUNNING[0]]),
        f"{about(RUNNING[0])} to be deployed again",
    ),
    "Membership.change_role": (
        lambda w: w.vera.change_role(w.ada, "member"),
        "User Vera Rubin's role changed from viewer to member",
    ),
    "Membership.remove": (lambda w: w.vera.remove(w.ada), "User Vera Rubin removed"),
    "BillingAccount.set_auto_top_up": (
        lambda w: account_of(w.acme.id).set_auto_top_up(w.ada, True, 1000, 5000),
        "Balance: automatic top-up turned on",
    ),
    "PaymentMethod.change_expiry": (
        lambda w: w.first_card.change_expiry(w.ada, expiry_month=2, expiry_year=2099),
        "Payment method Visa ending 4242 updated",
    ),
    "PaymentMethod.make_default": (
        lambda w: w.second_card.make_default(w.ada),
        "Payment method JCB ending 4242 made the default",
    ),
    "PaymentMethod.remove": (lambda w: w.second_card.remove(w.ada), "Payment method JCB ending 4242 removed"),
    # Verbs that are functions, because what they are about does not exist yet or is found by them.
    "member.invite_member": (
        lambda w: invite_member(w.acme.id, w.ada, "mallory@example.com", "viewer", datetime.now(UTC)),
        "Invitation of mallory@example.com as viewer sent",
    ),
    "member.resend_invitation": (
        lambda w: resend_invitation(w.acme.id, w.ada, w.invitation.id, datetime.now(UTC)),
        "Invitation of new@example.com sent again",
    ),
    "member.revoke_invitation": (
        lambda w: revoke_invitation(w.acme.id, w.ada, w.invitation.id, datetime.now(UTC)),
        "Invitation of new@example.com revoked",
    ),
    "Invitation.send_again": (
        lambda w: w.invitation.send_again(w.ada, datetime.now(UTC), by_mail=False),
        "Invitation of new@example.com sent again",
    ),
    "Invitation.end": (
        lambda w: w.invitation.end(w.ada, "expired", datetime.now(UTC)),
        "Invitation of new@example.com expired",
    ),
    "cards.add_payment_method": (
        lambda w: add_payment_method(
            w.acme.id, w.ada, brand="Maestro", last_four="1111", expiry_month=1, expiry_year=2099
        ),
        "Payment method Maestro ending 1111 added",
    ),
    "payment.top_up": (
        lambda w: payment.top_up(w.acme.id, w.ada, 500, w.first_card.id, REQUEST),
        "Balance topped up by €5.00 with Visa ending 4242",
    ),
    "project.create_project": (
        lambda w: project.create_project(w.acme.id, w.ada, name="Shop", handle="shop"),
        "Project Shop created",
    ),
}
for each in KINDS:
    VERBS |= of_a_kind(each)
# Told by the first entry of another log, that of the organisation they found; in a test below; or in no entry: `credit`
# is the end of top_up and of a payment, which `ask` only writes down, and `record` is the door itself. Elsewhere tested
# are `resume`, which wants a suspension first, and `deploy_users`, `rename` and `erase`, which leave an entry for each.
ELSEWHERE = {
    "erasure.erase",
    "erasure.erase_former_member",
    "erasure.erase_known",
    "erasure_list.again",
    "invitation.invite",
    "member.accept_invitation",
    "organisation.create_organisation",
    "payment.ask",
    "payment.credit",
    "record.record",
    "record.record_each",
    "identity.change_email",
    "identity.rename",
    "identity.replace_email",
    "running.deploy_users",
    "suspension.resume",
}

# Steps of verbs, and what only reads: they change nothing by themselves that the log would have to tell.
EVERYWHERE = {"assign", "fill", "fields", "require_version"}
OF_A_KIND = {
    "count",
    "count_no_more",
    "counted",
    "subject_in",
    "created",
    "changed",
    "require_consistent",
    "require_not_ended",
    "sealed",
}
QUESTIONS: dict[str, set[str]] = {
    "Organisation": {"find_project"},
    "Project": {"find", "find_ended", "resources"},
    "Membership": set(),
    "Invitation": {"is_open", "require_for", "close"},
    "BillingAccount": set(),
    "PaymentMethod": {"require_kept", "require_unexpired"},
    **{
        kind.__name__: OF_A_KIND
        | ({"specification"} if kind.runs else set())
        | (set() if is_restorable(kind) else {"restore"})
        for kind in KINDS
    },
}


@pytest.fixture
def world(acme: Organisation, web: Project, ada: Actor, people: dict[str, User]) -> World:
    """One of everything."""
    return complete(acme, web, ada, people)


def tracked(cls: type[Tracked] = Tracked) -> Iterator[type[Tracked]]:
    """Every class of ours whose rows the log speaks of."""
    for each in cls.__subclasses__():
        if each not in (Owned, Resource, Running):
            yield each
        yield from tracked(each)


def public(cls: type[Tracked]) -> set[str]:
    """The public methods it has from us, inherited ones too."""
    ours = [each for each in cls.__mro__ if each.__module__.startswith("models.")]
    return {
        name
        for each in ours
        for name, value in vars(each).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod | staticmethod))
    }


CLASSES = {cls.__name__: cls for cls in tracked()}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_public_method_is_a_verb_with_a_sentence_or_a_question(name: str) -> None:
    verbs = {verb.partition(".")[2] for verb in VERBS if verb.startswith(f"{name}.")}

    assert public(CLASSES[name]) == verbs | QUESTIONS[name] | EVERYWHERE


def test_every_function_that_takes_an_actor_is_a_verb_with_a_sentence() -> None:
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in MODULES
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        if "actor" in inspect.signature(value).parameters and not name.startswith("require_")
    }

    assert found == {name for name in VERBS if name[0].islower()} | ELSEWHERE


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_leaves_exactly_one_entry(world: World, verb: str) -> None:
    call, sentence = VERBS[verb]
    before = len(summaries(world.acme))
    with transaction():
        call(world)

    assert summaries(world.acme)[before:] == [sentence]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_rolled_back_leaves_none(world: World, verb: str) -> None:
    call, _ = VERBS[verb]
    before = len(summaries(world.acme))
    with pytest.raises(InterruptedError), transaction():
        call(world)
        raise InterruptedError

    assert len(summaries(world.acme)) == before


def test_founding_an_organisation_is_the_first_entry_of_its_log(people: dict[str, User], ada: Actor) -> None:
    with transaction():
        globex = create_organisation(people["ada"], ada, name="Globex", handle="globex", email="it@globex.example.com")

    assert summaries(globex) == ["Organisation Globex created"]


def test_accepting_an_invitation_leaves_one_entry(world: World) -> None:
    with transaction():
        noether = sign_up("new@example.com", "Noether", "a good password")
    before = len(summaries(world.acme))
    with transaction():
        accept_invitation(world.invitation, noether, world.ada, datetime.now(UTC))

    assert summaries(world.acme)[before:] == ["User Noether added as member, invited by Ada Lovelace"]
