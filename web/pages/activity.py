"""The log: an organisation's feed, a person's own, and the page of one entry."""

from typing import Any

from flask import Blueprint, abort

from models.billing import amounts
from models.billing.account import BillingAccount
from models.billing.cards import PaymentMethod
from models.kinds.catalogue import KINDS
from models.log import feed
from models.log.tracked import Tracked
from models.organisation import Organisation
from models.people.access import Permission
from models.people.standing import Here, belongings_of
from models.project import Project
from web.access import Answer, Open, me, needs
from web.addresses import address
from web.feeds import OrganisationFeed, PersonFeed, answer
from web.namesakes import namesakes

bp = Blueprint("activity", __name__)
SPOKEN_OF: tuple[type[Tracked], ...] = (*KINDS, Project, Organisation, BillingAccount, PaymentMethod)
LABELS = {name: declared.label for kind in SPOKEN_OF for name, declared in kind.fields().items()}
MONEY = "_cents"


@bp.get("/activity")
@needs(Open.TO_SIGNED_IN)
def mine() -> Answer:
    """What one did, across all organisations one belongs to now."""
    source = PersonFeed(me().id, belongings_of(me().id))
    return answer(source, address("activity.mine"), "activity/mine.html", dict)


@bp.get("/orgs/<org>/activity")
@needs(Permission.READ_LOG, even_when_deleted=True)
def of_organisation(here: Here) -> Answer:
    """Everything that happened in the organisation."""
    source = OrganisationFeed(feed.whole(here.named, here.sees_money))
    return answer(source, address("activity.of_organisation", org=here.handle), "activity/feed.html", dict)


@bp.get("/orgs/<org>/activity/<int:number>")
@needs(Permission.READ_LOG, even_when_deleted=True)
def entry(here: Here, number: int) -> Answer:
    """One entry: who, when, through which door, what changed, what caused it and what it caused."""
    if number > feed.LATEST:
        abort(404)
    found = feed.entry(here.named, number, here.sees_money)
    if found is None:
        abort(404)
    row, detail = found
    cause = None
    if row.cause_number is not None:
        cause, _ = feed.entry(here.named, row.cause_number, here.sees_money) or (None, None)
    effects = OrganisationFeed(feed.of_cause(here.named, number, here.sees_money))

    def context() -> dict[str, Any]:
        changes = [_describe_change(name, values) for name, values in detail.changes.items()]
        beside = namesakes([row, cause] if cause else [row])
        return {"entry": row, "detail": detail, "changes": changes, "cause": cause, "namesakes": beside}

    at = address("activity.entry", org=here.handle, number=number)
    return answer(effects, at, "activity/entry.html", context)


def _describe_change(name: str, values: list[Any]) -> tuple[str, str | None, str | None]:
    """A change for people: label, old, new; both None where the log only says that it changed."""
    label = LABELS.get(name, name.removesuffix(MONEY).replace("_", " ").capitalize())
    if len(values) != 2:
        return label, None, None
    old, new = (_written(value, name) for value in values)
    return label, old, new


def _written(value: Any, name: str) -> str:
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return amounts.shown(value) if name.endswith(MONEY) else str(value)
