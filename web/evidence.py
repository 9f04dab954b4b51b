"""One entry as evidence: exactly what was written, for programs too, and the way to what it speaks of."""

import json
from typing import Any, NamedTuple

from flask import Response, current_app

from models.billing import ledger
from models.kinds.catalogue import BY_NOUN
from models.log.entry import Detail
from models.log.feed import Row
from models.people.access import Permission
from models.people.standing import Here
from models.whereabouts import Whereabouts, whereabouts
from web.access import may
from web.addresses import address
from web.words import iso


class Roads(NamedTuple):
    """Addresses of what an entry speaks of; None where there is nothing to see, or not for this person."""

    actor: str | None
    resource: str | None
    project: str | None
    where: Whereabouts
    movement: str | None = None
    """The line of the ledger that a top-up is."""


def roads(here: Here, row: Row, detail: Detail) -> Roads:
    """Returns where the entry leads; into a deleted organisation only its log does."""
    org = here.handle
    actor = row.actor_id and address("activity.of_person", org=org, user_id=row.actor_id)
    if not may("read"):
        return Roads(actor or None, _person(org, row, detail), None, Whereabouts())
    where = whereabouts(here.id, detail.project_id, row.resource_type, detail.resource_id)
    project = where.project and address("projects.show", org=org, project=where.project)
    return Roads(actor or None, _resource(org, row, detail, where), project, where, _movement(here, row, detail))


def _resource(org: str, row: Row, detail: Detail, where: Whereabouts) -> str | None:
    noun = row.resource_type
    if noun in BY_NOUN:
        if where.handle is None:
            return None
        named = {"org": org, "project": where.project, "kind": BY_NOUN[noun].plural, "handle": where.handle}
        # The handle may be another one's by now.
        ended = {"resource_id": detail.resource_id} if where.has_ended else {}
        return address("resources.ended" if ended else "resources.show", **named, **ended)
    if noun == "project":
        return where.project and address("projects.show", org=org, project=where.project)
    if noun == "organisation":
        return address("orgs.show", org=org)
    if noun == "invitation":
        return address("members.index", org=org)
    if noun == "billing":
        return address("billing.show", org=org) if may(Permission.MANAGE_BILLING) else None
    return _person(org, row, detail)


def _movement(here: Here, row: Row, detail: Detail) -> str | None:
    if row.resource_type != "billing" or "balance_cents" not in detail.changes or not may(Permission.MANAGE_BILLING):
        return None
    below = ledger.below_which(here.id, row.number)
    if below is None:
        return None
    return f"{address('billing.show', org=here.handle)}?before={below}#movement-{row.number}"


def _person(org: str, row: Row, detail: Detail) -> str | None:
    if row.resource_type != "user":
        return None
    return address("activity.of_person", org=org, user_id=detail.resource_id)


def as_json(row: Row, detail: Detail) -> Response:
    """Answers with the data of the entry's page, and nothing that the page does not show."""
    text = json.dumps(_told(row, detail), ensure_ascii=False, indent=2)
    return current_app.response_class(f"{text}\n", mimetype="application/json")


def _told(row: Row, detail: Detail) -> dict[str, Any]:
    organisation = row.organisation
    person = {"email": detail.actor_email} if detail.actor_email and may("read") else {}
    return {
        "organisation": {"handle": organisation.handle, "name": organisation.name},
        "number": row.number,
        "occurred_at": iso(row.occurred_at),
        "summary": row.summary,
        "action": row.action,
        "resource": {"type": row.resource_type, "id": detail.resource_id, "name": row.resource_name},
        "project": None if detail.project_id is None else {"id": detail.project_id, "name": row.project_name},
        "actor": {"id": row.actor_id, "name": row.actor_name, "role": detail.actor_role, **person},
        "door": detail.door,
        "changes": detail.changes,
        "cause": row.cause_number,
        "caused": row.caused or 0,
    }
