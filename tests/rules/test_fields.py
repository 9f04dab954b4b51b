"""Every column of what is tracked is declared with what the log may say of it, or is known bookkeeping."""

from pathlib import Path

import pytest
from sqlalchemy import inspect

from models.field import Logged, Shape
from models.jobs.observation import TABLES
from models.kinds.catalogue import BY_PLURAL, KINDS
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.log.record import Action
from models.log.tracked import Tracked
from models.sealed import Sealed
from tests.rules.test_verbs import CLASSES

# What the platform itself keeps: nobody types it, and the entry's own columns tell it.
BOOKKEEPING = {"organisation_id", "id", "project_id", "version", "state", "created_at", "ended_at"}
# What a deployment and the worker's look at the engine keep of what runs.
BOOKKEEPING |= {"revision", "deployed_revision", "status", "status_reason", "deployed_uses"}
# What verbs of their own change, each telling it in the changes of its entry.
BY_VERB = {
    "Membership": {"user_id", "role"},
    # What charging keeps: a charge is a row of the ledger, not an action.
    "BillingAccount": {
        "balance_cents",
        "cpu_millicores",
        "memory_mib",
        "cache_mib",
        "charged_until",
        "booked_until",
        "owed_microcents",
        "exhausted",
        "retry_at",
        "low_told_at",
    },
    "PaymentMethod": {"is_default", "removed_at", "request_id"},
    # An invitation is made of what members and sessions have already, and its token.
    "Invitation": {"email", "role", "token_hash", "mailed", "inviter_id", "invited_by", "expires_at", "used_at"},
}
CHOSEN = {"brand"}
"""One of a list, which billing checks."""
ICONS = Path(__file__).resolve().parent.parent.parent / "node_modules/lucide-static/icons"
classes = pytest.mark.parametrize("name", sorted(CLASSES))
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)


def columns(cls: type[Tracked]) -> set[str]:
    """The attributes that are stored."""
    return {each.key for each in inspect(cls).column_attrs}


@classes
def test_every_column_is_declared_or_bookkeeping(name: str) -> None:
    cls = CLASSES[name]

    assert columns(cls) - set(cls.fields()) - BY_VERB.get(name, set()) <= BOOKKEEPING


@classes
def test_bookkeeping_is_not_declared_as_something_to_type(name: str) -> None:
    assert not set(CLASSES[name].fields()) & (BOOKKEEPING | BY_VERB.get(name, set()))


@classes
def test_what_is_sealed_is_logged_as_a_fact_alone(name: str) -> None:
    cls = CLASSES[name]
    sealed = {name for name in cls.fields() if isinstance(cls.__table__.c[name].type, Sealed)}

    assert {name for name, declared in cls.fields().items() if declared.logged is Logged.FACT} == sealed


@classes
def test_a_secret_is_sealed_and_what_is_sealed_is_loaded_only_when_asked_for(name: str) -> None:
    cls = CLASSES[name]
    sealed = {each.key for each in inspect(cls).column_attrs if isinstance(each.columns[0].type, Sealed)}
    secrets = {name for name, declared in cls.fields().items() if declared.shape in (Shape.SECRET, Shape.LINES)}

    assert secrets == sealed
    assert all(inspect(cls).column_attrs[each].deferred for each in sealed)


@classes
def test_a_form_shows_nothing_sealed(name: str) -> None:
    cls = CLASSES[name]
    sealed = [each for key, each in cls.fields().items() if isinstance(cls.__table__.c[key].type, Sealed)]

    assert [each.label for each in sealed if each.shape is not Shape.SECRET and each.masked is None] == []


@classes
def test_a_sealed_column_is_bound_to_its_own_place(name: str) -> None:
    for column in CLASSES[name].__table__.columns:
        if isinstance(column.type, Sealed):
            assert column.type.context == f"{column.table.name}.{column.name}"


@classes
def test_what_is_declared_fits_into_its_column(name: str) -> None:
    cls = CLASSES[name]
    for each, declared in cls.fields().items():
        length = getattr(cls.__table__.c[each].type, "length", None)
        if declared.shape in (Shape.TEXT, Shape.HANDLE) and length is not None and each not in CHOSEN:
            assert declared.most is None or declared.most <= length, each
            assert declared.most is not None or declared.pattern, each


@kinds
def test_a_kind_is_declared_in_full(kind: type[Resource]) -> None:
    assert kind.noun
    assert kind.plural == kind.__tablename__
    assert BY_PLURAL[kind.plural] is kind
    assert kind.end_action in (Action.TERMINATE, Action.DELETE)
    assert kind.called_by in kind.fields()
    assert kind.blurb.endswith(".")
    assert (ICONS / f"{kind.icon}.svg").is_file()


@kinds
def test_what_a_kind_refers_to_is_a_kind_and_its_fields_say_how(kind: type[Resource]) -> None:
    for name, declared in kind.fields().items():
        assert (declared.shape in (Shape.REFERENCE, Shape.REFERENCES)) == bool(declared.refers_to), name
        assert not declared.refers_to or declared.refers_to in BY_PLURAL, name


def test_every_kind_is_among_the_kinds() -> None:
    assert {*Resource.__subclasses__(), *Running.__subclasses__()} - {Running} == set(KINDS)


@kinds
def test_a_kind_that_is_paid_for_while_it_runs_is_one_that_is_deployed(kind: type[Resource]) -> None:
    assert kind.runs == issubclass(kind, Running)
    assert TABLES.get(kind.noun) == (kind.plural if kind.runs else None)


@kinds
def test_every_label_begins_with_a_capital(kind: type[Resource]) -> None:
    assert all(declared.label[0].isupper() for declared in kind.fields().values())
