"""Suspended and resumed: what a used-up balance, or an operator, does to an organisation."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import usage
from models.billing.account import locked_account
from models.database import Model, db
from models.field import Field
from models.hold import Held, change_state, hold_organisation_alone
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
    """Returns the suspension that an organisation is under, as it is stored now."""
    mine = select(Suspension).where(Suspension.organisation_id == organisation_id, Suspension.ended_at.is_(None))
    return db.session.scalar(mine.execution_options(populate_existing=True))


def suspend_if_exhausted(organisation_id: int, grace: timedelta) -> Record | None:
    """Suspend an organisation whose balance is used up; None when a top-up came first. Raises NotFound."""
    held = hold_organisation_alone(organisation_id)
    if not locked_account(organisation_id).exhausted:
        return None
    return suspend(held, By.BALANCE, grace=grace)


def suspend(
    held: Held,
    by: By,
    reason: str = USED_UP,
    grace: timedelta | None = None,
    actor: Actor = SYSTEM,
    cause: Record | None = None,
) -> Record | None:
    """Let nothing run any more; None when it is not active. Raises Invalid.

    What was used until now is charged first. After `grace` everything that runs is terminated; without one, never.
    """
    if held.state != "active":
        return None
    reason = _checked(reason)
    now = datetime.now(UTC)
    usage.charge(held.id, usage.full_minute(now))
    usage.clear_exhausted(held.id)
    change_state(held.id, "active", "suspended", now)
    job.stop(held.id)
    clean_up_at = now + grace if grace is not None else None
    db.session.add(Suspension(organisation_id=held.id, by=by, reason=reason, began_at=now, clean_up_at=clean_up_at))
    suspended = record(
        actor,
        Action.UPDATE,
        _subject(held),
        {"state": ["active", "suspended"], "reason": [None, reason]},
        cause,
        Sentence("Organisation ", f" suspended{' by an operator' if by is By.OPERATOR else ''}: {reason}"),
    )
    job.enqueue(job.Work.SUSPEND, suspended)
    return suspended


def resume(
    held: Held, reason: str, actor: Actor = SYSTEM, cause: Record | None = None, by: By | None = None
) -> Record | None:
    """Let everything run again that was not terminated; None when there is nothing to resume. Raises Invalid.

    With `by`, only a suspension by those: a top-up does not lift what an operator decided.
    """
    if held.state != "suspended":
        return None
    suspension = current(held.id)
    if suspension is None or (by is not None and suspension.by != by):
        return None
    reason = _checked(reason)
    now = datetime.now(UTC)
    suspension.ended_at = now
    usage.skip_until(held.id, usage.full_minute(now))
    change_state(held.id, "suspended", "active", now)
    job.stop(held.id)
    resumed = record(
        actor,
        Action.UPDATE,
        _subject(held),
        {"state": ["suspended", "active"]},
        cause,
        Sentence("Organisation ", f" resumed{' by an operator' if actor.door is Door.CLI else ''}: {reason}"),
    )
    job.enqueue(job.Work.RESUME, cause or resumed)
    return resumed


def clean_up(organisation_id: int, running: str) -> Record | None:
    """Terminate what runs once the grace period is over, and nothing else; None when that is not due (any more).

    `running` says what that is, for the entry, in the plural.
    """
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
        _subject(held),
        {"clean_up": [None, f"{running} are terminated"]},
        db.session.execute(SUSPENDED_BY, {"organisation": organisation_id}).scalar_one(),
        Sentence("Organisation ", f" cleaned up: suspended for {hours} hours without a top-up"),
    )
    job.stop(organisation_id)
    job.enqueue(job.Work.CLEAN_UP, began)
    return began


def _subject(held: Held) -> Subject:
    return Subject(held.id, "organisation", held.id, held.name)


def _checked(reason: str) -> str:
    return str(Field("Reason", most=REASON_MOST).check(reason))


# The job that the suspension enqueued names the entry of the suspension.
SUSPENDED_BY = text("""
    SELECT max(cause_number) FROM jobs WHERE organisation_id = :organisation AND work = 'suspend'
""")
# The active organisations whose balance a charge has found used up.
EXHAUSTED = """
    SELECT organisation_id FROM billing_accounts JOIN organisations ON organisations.id = organisation_id
     WHERE exhausted AND state = 'active' ORDER BY organisation_id
"""
# The organisations whose grace period is over, the longest over first.
DUE = """
    SELECT organisation_id FROM suspensions JOIN organisations ON organisations.id = organisation_id
     WHERE suspensions.ended_at IS NULL AND cleaning_since IS NULL AND clean_up_at <= :now AND state = 'suspended'
     ORDER BY clean_up_at
"""
