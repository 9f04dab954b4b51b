"""The log: an organisation's feed, a person's own, and the page of one entry."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, request

from models.log import feed, personal
from models.log.boundary import began
from models.log.entry import entry_of
from models.log.histogram import Stretch
from models.log.keys import BadQuery
from models.log.query import parse
from models.people.access import Permission
from models.people.standing import Belongings, Here, belongings_of
from web import rebuilt
from web.access import Answer, Open, me, needs
from web.addresses import address
from web.changes import describe, restored
from web.evidence import as_json, roads
from web.feeds import answer
from web.fragments import render, wants_fragment
from web.histogram import FeedBelow, seconds_kept, shown
from web.mailing import external
from web.moments import asked
from web.namesakes import namesakes
from web.proofs import proof_of
from web.sources import OrganisationFeed, PersonFeed

bp = Blueprint("activity", __name__)
USER_MOST = 2**31 - 1


@bp.get("/activity")
@needs(Open.TO_SIGNED_IN)
def mine() -> Answer:
    """What one did, across all organisations one belongs to now."""
    source = PersonFeed(me().id, belongings_of(me().id))
    return answer(source, address("activity.mine"), "activity/mine.html", dict)


@bp.get("/orgs/<org>/activity")
@needs(Permission.READ_LOG, even_when_deleted=True, lists_views=True)
def of_organisation(here: Here) -> Answer:
    """Everything that happened in the organisation."""
    source = OrganisationFeed(feed.whole(here.named, here.sees_money))

    def context() -> dict[str, Any]:
        # Of a deleted organisation nothing is saved any more.
        saved = {} if here.state in ("deleting", "deleted") else {"views": here.views}
        return {"sees_money": here.sees_money, **saved}

    return answer(source, address("activity.of_organisation", org=here.handle), "activity/feed.html", context)


@bp.get("/orgs/<org>/activity/histogram")
@needs(Permission.READ_LOG, even_when_deleted=True)
def over_time(here: Here) -> Answer:
    """How much happened in each hour, day, week or month; the feed's page asks for it once it is there."""
    given = request.args.get
    until, moment = asked(given("until", "")), asked(given("at", ""))
    since, now = began(here.id), datetime.now(UTC)
    try:
        over = Stretch(given("over", "")) if given("over") else None
        below = FeedBelow(here, parse(given("q", "")), moment)
        found = shown(below, over, until.start, since, now) if since else None
    except (ValueError, BadQuery):
        abort(400, "This link to activity over time is broken. Start again from the feed.")
    if until.error:
        abort(400, until.error)
    shows = render("activity/histogram.html", "activity/_histogram.html", histogram=found)
    if "head" in request.args and wants_fragment():
        # Its address names the newest entry, and whoever signs in next has another cookie, with which it varies: while
        # nothing is newer, the browser need not ask for it again.
        shows.cache_control.private, shows.cache_control.max_age = True, seconds_kept(now)
    return shows


@bp.get("/orgs/<org>/members/<int:user_id>/activity")
@needs(Permission.READ_LOG, even_when_deleted=True)
def of_person(here: Here, user_id: int) -> Answer:
    """Everything that one person did in the organisation, whether they still belong to it or not."""
    if user_id > USER_MOST:
        abort(404)
    moneyless = frozenset() if here.sees_money else frozenset({here.id})
    source = PersonFeed(user_id, Belongings([here.named], moneyless), "Their first entry.")

    def context() -> dict[str, Any]:
        name = personal.name_of(here.id, user_id)
        if name is None:
            abort(404)
        return {"person_id": user_id, "person_name": name, "sees_money": here.sees_money}

    return answer(
        source, address("activity.of_person", org=here.handle, user_id=user_id), "activity/person.html", context
    )


@bp.get("/orgs/<org>/activity/<int:number>")
@needs(Permission.READ_LOG, even_when_deleted=True)
def entry(here: Here, number: int) -> Answer:
    """One entry: who, when, through which door, what changed, what caused it and what it caused."""
    if number > feed.LATEST:
        abort(404)
    found = entry_of(here.named, number, here.sees_money)
    if found is None:
        abort(404)
    row, detail = found
    if request.args.get("format") == "json":
        return as_json(row, detail)
    cause = None
    if row.cause_number is not None:
        cause, _ = entry_of(here.named, row.cause_number, here.sees_money) or (None, None)
    effects = OrganisationFeed(feed.of_cause(here.named, number, here.sees_money))

    def context() -> dict[str, Any]:
        changes = describe(row.resource_type, detail.changes)
        beside = namesakes([row, cause] if cause else [row])
        leads = roads(here, row, detail)
        return {
            "entry": row,
            "detail": detail,
            "changes": changes,
            "restores": restored(detail.changes),
            "cause": cause,
            "namesakes": beside,
            "sees_money": here.sees_money,
            "roads": leads,
            "proof": proof_of(here, number),
            **rebuilt.after(here, row, detail, leads.where),
            "permalink": external("activity.entry", org=here.handle, number=number),
        }

    at = address("activity.entry", org=here.handle, number=number)
    return answer(effects, at, "activity/entry.html", context)
