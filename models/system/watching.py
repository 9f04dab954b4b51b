"""Remembering how things that run fare, with an entry when one begins to fail and one when it has recovered."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from models.database import db
from models.jobs.observation import TABLES, ResourceKey
from models.jobs.watch import Watch, lasting
from models.log.actor import SYSTEM
from models.log.record import Action, ProjectName, Sentence, Subject, record


class Looked(NamedTuple):
    """What was remembered of something before it was looked at, and what is to be remembered now."""

    key: ResourceKey
    before: Watch | None
    after: Watch


def remember(looked: Sequence[Looked], now: datetime) -> None:
    """Write down how things fare, and tell what is news, each once, however many look at the same time.

    Rows are locked in order of their keys, so that two observers wait for each other.
    """
    for each in sorted(looked, key=lambda each: each.key):
        told = _news(each, now)
        thing = _hold(each) if told else None
        if (told and thing is None) or db.session.execute(SAVE, _values(each)).first() is None:
            continue  # it has changed since: it is looked at again
        if told and thing is not None:
            subject = Subject(*each.key, thing.name, ProjectName(thing.project_id, thing.project_name))
            sentence = Sentence(f"{each.key.noun.capitalize()} ", told)
            record(SYSTEM, Action.UPDATE, subject, cause=thing.cause_number, sentence=sentence)


def _news(each: Looked, now: datetime) -> str:
    before, after = each.before, each.after
    if after.began_to_fail(before):
        return f" began to fail: it {after.describe_past()}"
    if before and before.failing_since and after.has_recovered(before):
        return f" has recovered after {lasting(now - before.failing_since)}: it {before.describe_past()}"
    return ""


def _hold(each: Looked) -> Any:
    values = {"organisation": each.key.organisation_id, "id": each.key.id, "revision": each.after.revision}
    return db.session.execute(_holding(each.key.noun), values).first()


def _values(each: Looked) -> dict[str, Any]:
    watch = each.after._asdict()
    return {**each.key._asdict(), **watch, "counted": json.dumps(dict(each.after.counted))}


@cache
def _holding(noun: str) -> TextClause:
    return text(f"""
        SELECT thing.name, project_id, projects.name AS project_name, cause_number FROM {TABLES[noun]} AS thing
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
          JOIN deployments AS deployed
            ON deployed.organisation_id = thing.organisation_id AND deployed.noun = '{noun}'
           AND deployed.resource_id = thing.id AND deployed.revision = deployed_revision
         WHERE thing.organisation_id = :organisation AND thing.id = :id AND thing.ended_at IS NULL
           AND thing.state = 'active' AND deployed_revision = :revision
           FOR UPDATE OF thing
    """)


COLUMNS = Watch._fields
SAVE = text(
    f"""
    INSERT INTO watches (organisation_id, noun, resource_id, {", ".join(COLUMNS)})
    VALUES (:organisation_id, :noun, :id, {", ".join(f":{name}" for name in COLUMNS[:-1])}, 1)
        ON CONFLICT (organisation_id, noun, resource_id) DO UPDATE
       SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[:-1])}, version = watches.version + 1
     WHERE watches.version = :version
 RETURNING version
""".replace(":counted", "CAST(:counted AS jsonb)")
)
