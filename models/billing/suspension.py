"""Suspended and resumed: what a used-up balance, or an operator, does to an organisation."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import usage
from models.database import Model, db
from models.field import Field
from models.hold import hold_organisation_alone
from models.jobs import job
from models.log.actor import SYSTEM, Actor, Door
from models.log.record import Action, Record, Sentence, Subject, record

REASON_MOST = 200
USED_UP = "its balance is used up"


class By(StrEnum):
    """Who suspended: what a top-up resumes, or what only an operator does."""

    BALANCE = "balance"
    OPERATOR = "operator"


class Suspension(Model):
    """One suspension of an organisation; over once it has ended."""

    __tablename__ = "suspensions"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    by: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(REASON_MOST))
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    clean_up_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When everything that runs is terminated; None for an operator's, which waits for the operator."""
    cleaning_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def current(organisation_id: int) -> Suspension | None:
    """The suspension an organisation is under, as it is stored now."""
    mine = select(Suspension).where(Suspension.organisation_id == organisation_id, Suspension.ended_at.is_(None))
    return db.session.scalar(mine.execution_options(populate_existing=True))


def suspend(
    organisation_id: int,
    by: By,
    reason: str = USED_UP,
    grace: timedelta | None = None,
    actor: Actor = SYSTEM,
    cause: Record | int | None = None,
) -> Record | None:
    """Let nothing run any more; None when it is not active. Raises Invalid, NotFound.

    What was used until now is charged first. After `grace` everything that runs is terminated; without one, never.
    """
    reason = _checked(reason)
    held = hold_organisation_alone(organisation_id)
    if held.state != "active":
        return None
    now = datetime.now(UTC)
    usage.charge(organisation_id, usage.full_minute(now))
    usage.stop(organisation_id)
    _turn(organisation_id, "active", "suspended")
    clean_up_at = now + grace if grace is not None else None
    db.session.add(
        Suspension(organisation_id=organisation_id, by=by, reason=reason, began_at=now, clean_up_at=clean_up_at)
    )
    who = " by an operator" if by is By.OPERATOR else ""
    suspended = record(
        actor,
        Action.UPDATE,
        Subject(organisation_id, "organisation", organisation_id, held.name),
        {"state": ["active", "suspended"], "reason": [None, reason]},
        cause,
        Sentence("Organisation ", f" suspended{who}: {reason}"),
    )
    job.promise(job.Work.SUSPEND, suspended)
    return suspended


def resume(
    organisation_id: int, reason: str, actor: Actor = SYSTEM, cause: Record | None = None, by: By | None = None
) -> Record | None:
    """Let everything run again that was not terminated; None when there is nothing to resume. Raises Invalid, NotFound.

    With `by`, only a suspension by those: a top-up does not lift what an operator decided.
    """
    reason = _checked(reason)
    held = hold_organisation_alone(organisation_id)
    suspension = current(organisation_id)
    if suspension is None or held.state != "suspended" or (by is not None and suspension.by != by):
        return None
    now = datetime.now(UTC)
    suspension.ended_at = now
    usage.start(organisation_id, usage.full_minute(now))
    _turn(organisation_id, "suspended", "active")
    resumed = record(
        actor,
        Action.UPDATE,
        Subject(organisation_id, "organisation", organisation_id, held.name),
        {"state": ["suspended", "active"]},
        cause,
        Sentence("Organisation ", f" resumed{' by an operator' if actor.door is Door.CLI else ''}: {reason}"),
    )
    job.promise(job.Work.RESUME, cause or resumed)
    return resumed


def clean_up(organisation_id: int) -> Record | None:
    """After the grace period: terminate what runs, and nothing else; None when it is not (any more) due."""
    held = hold_organisation_alone(organisation_id)
    suspension = current(organisation_id)
    now = datetime.now(UTC)
    if held.state != "suspended" or suspension is None or suspension.cleaning_since is not None:
        return None
    if suspension.clean_up_at is None or suspension.clean_up_at > now:
        return None
    suspension.cleaning_since = now
    hours = round((suspension.clean_up_at - suspension.began_at) / timedelta(hours=1))
    began = record(
        SYSTEM,
        Action.UPDATE,
        Subject(organisation_id, "organisation", organisation_id, held.name),
        {"clean_up": [None, "containers and memcached are terminated"]},
        db.session.execute(SUSPENDED_BY, {"organisation": organisation_id}).scalar_one(),
        Sentence("Organisation ", f" cleaned up: suspended for {hours} hours without a top-up"),
    )
    job.stop(organisation_id)
    job.promise(job.Work.CLEAN_UP, began)
    return began


def due_for_clean_up() -> list[int]:
    """The organisations whose grace period is over."""
    return list(db.session.execute(DUE, {"now": datetime.now(UTC)}).scalars())


def _checked(reason: str) -> str:
    return str(Field("Reason", most=REASON_MOST).check(reason))


def _turn(organisation_id: int, before: str, after: str) -> None:
    values = {"organisation": organisation_id, "before": before, "after": after}
    db.session.execute(TURN, values)
    job.stop(organisation_id)


TURN = text("""
    UPDATE organisations SET state = :after, version = version + 1 WHERE id = :organisation AND state = :before
""")
# The promise that the suspension made names its entry.
SUSPENDED_BY = text("""
    SELECT max(cause_number) FROM jobs WHERE organisation_id = :organisation AND work = 'suspend'
""")
DUE = text("""
    SELECT organisation_id FROM suspensions JOIN organisations ON organisations.id = organisation_id
     WHERE suspensions.ended_at IS NULL AND cleaning_since IS NULL AND clean_up_at <= :now AND state = 'suspended'
     ORDER BY clean_up_at
""")
