"""Strays: instances on the engine that bear our labels and that no deployment in this database has made.

A restored database knows nothing of what was deployed after its dump, and hands out the same revisions again. So what
is not known by its stamp is stopped, told, kept for a day in case someone needs what is in it, and then removed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db, read
from models.jobs.deployment import short
from models.jobs.observation import TABLES, ResourceKey
from models.log.actor import SYSTEM
from models.log.record import Action, ProjectName, Sentence, Subject, record

KEPT = timedelta(hours=24)


class Seen(NamedTuple):
    """An instance as its labels and the engine describe it."""

    instance: str
    key: ResourceKey
    revision: int
    stamp: str
    """Empty on those that the version before has made, which are known by their number alone."""
    image_id: str


class Stray(NamedTuple):
    """A stray that is still on the engine, as an operator sees it."""

    instance: str
    key: ResourceKey
    revision: int
    image_id: str
    found_at: datetime

    @property
    def removed_at(self) -> datetime:
        """When it will be removed."""
        return self.found_at + KEPT


def among(seen: Sequence[Seen]) -> dict[str, bool]:
    """Returns which of these instances are strays, and whether each is written down already.

    Asked after the engine: none is unknown for being too new.
    """
    return {str(instance): bool(kept) for instance, kept in read(AMONG, _columns(seen))}


def keep(seen: Sequence[Seen], now: datetime) -> list[Seen]:
    """Write down that these were found and stopped, each once; an entry tells it where the thing is alive.

    Returns those that were not known before. What asked for its newest deployment is why the engine was looked at.
    """
    found = {str(each) for each in db.session.execute(KEEP, {**_columns(seen), "now": now}).scalars()}
    news = [each for each in seen if each.instance in found]
    for each in news:
        _tell(each)
    return news


def to_remove(seen: Sequence[Seen], now: datetime) -> set[str]:
    """Returns which of these instances have been kept for long enough."""
    found = read(TO_REMOVE, {**_columns(seen), "until": now - KEPT})
    return {str(instance) for (instance,) in found}


def removed(gone: Sequence[Seen | Stray], now: datetime) -> None:
    """Write down that these are gone from the engine."""
    organisations = [each.key.organisation_id for each in gone]
    values = {"organisations": organisations, "instances": [each.instance for each in gone], "now": now}
    db.session.execute(REMOVED, values)


def kept() -> list[Stray]:
    """The strays that are still on the engine, oldest first."""
    return [Stray(row[0], ResourceKey(*row[1:4]), *row[4:]) for row in read(KEPT_NOW, {})]


def _tell(stray: Seen) -> None:
    if stray.key.noun not in TABLES:
        return
    values = {"organisation": stray.key.organisation_id, "id": stray.key.id}
    thing = db.session.execute(_named_thing(stray.key.noun), values).first()
    if thing is None:
        return
    subject = Subject(*stray.key, thing.name, ProjectName(thing.project_id, thing.project_name))
    what = f"revision {stray.revision}, {short(stray.image_id)}"
    told = f" had an instance on the engine that no deployment in this log has made ({what}); it was stopped"
    sentence = Sentence(f"{stray.key.noun.capitalize()} ", told)
    record(SYSTEM, Action.UPDATE, subject, cause=thing.cause_number, sentence=sentence)


def _columns(seen: Sequence[Seen]) -> dict[str, list[object]]:
    return {
        "instances": [each.instance for each in seen],
        "organisations": [each.key.organisation_id for each in seen],
        "nouns": [each.key.noun for each in seen],
        "ids": [each.key.id for each in seen],
        "revisions": [each.revision for each in seen],
        "stamps": [each.stamp for each in seen],
        "images": [each.image_id for each in seen],
    }


@cache
def _named_thing(noun: str) -> TextClause:
    return text(f"""
        SELECT thing.name, project_id, projects.name AS project_name, cause_number FROM {TABLES[noun]} AS thing
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
          JOIN deployments AS newest
            ON newest.organisation_id = thing.organisation_id AND newest.noun = '{noun}'
           AND newest.resource_id = thing.id AND newest.revision = thing.revision
         WHERE thing.organisation_id = :organisation AND thing.id = :id AND thing.ended_at IS NULL
    """)


SEEN = """
    unnest(CAST(:instances AS varchar[]), CAST(:organisations AS integer[]), CAST(:nouns AS varchar[]),
           CAST(:ids AS bigint[]), CAST(:revisions AS integer[]), CAST(:stamps AS text[]), CAST(:images AS varchar[]))
        AS seen (instance, organisation_id, noun, resource_id, revision, stamp, image_id)
"""
# Whoever was once a stray stays one, although a revision of its number may be deployed here meanwhile.
AMONG = text(f"""
    SELECT seen.instance, strays.instance IS NOT NULL FROM {SEEN}
      LEFT JOIN strays ON strays.organisation_id = seen.organisation_id AND strays.instance = seen.instance
     WHERE strays.instance IS NOT NULL
        OR NOT EXISTS (
           SELECT FROM deployments AS known
            WHERE known.organisation_id = seen.organisation_id AND known.noun = seen.noun
              AND known.resource_id = seen.resource_id AND known.revision = seen.revision
              AND seen.stamp IN ('', known.stamp::text))
""")
KEEP = text(f"""
    INSERT INTO strays (organisation_id, instance, noun, resource_id, revision, image_id, found_at)
    SELECT organisation_id, instance, noun, resource_id, revision, image_id, :now FROM {SEEN} ORDER BY 1, 2
        ON CONFLICT DO NOTHING
 RETURNING instance
""")
TO_REMOVE = text(f"""
    SELECT instance FROM strays JOIN {SEEN} USING (organisation_id, instance)
     WHERE removed_at IS NULL AND found_at <= :until
""")
REMOVED = text("""
    UPDATE strays SET removed_at = :now
      FROM unnest(CAST(:organisations AS integer[]), CAST(:instances AS varchar[]))
           AS gone (organisation_id, instance)
     WHERE strays.organisation_id = gone.organisation_id AND strays.instance = gone.instance
       AND removed_at IS NULL
""")
KEPT_NOW = text("""
    SELECT instance, organisation_id, noun, resource_id, revision, image_id, found_at FROM strays
     WHERE removed_at IS NULL ORDER BY found_at, instance
""")
