"""The one place where something is committed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.database import db
from models.errors import EntryOwed, StaleVersion, UnrecordedCommit
from models.jobs import outbox
from models.jobs.queue import Hinted
from models.log import record
from models.log.record import Record

OPEN = "transaction.open"
COMMITTING = "transaction.committing"
RECORDED = "transaction.recorded"
# What COMMIT fails with when an entry is owed; 0023_owed.sql.
ENTRY_OWED = "AL001"


@contextmanager
def transaction(written: list[Record] | None = None) -> Iterator[list[Hinted]]:
    """Do everything in the block or nothing: changes, then entries (numbered), then jobs, then COMMIT.

    Yields a list that holds what to hint at once the block has ended. Raises StaleVersion when a row was changed
    by someone else since it was read, EntryOwed when something was changed that no entry tells of; whatever the verbs
    raise passes through, and nothing of the block is kept.
    `written` is given the records of the entries, numbered, once they are committed.
    """
    info = db.session.info
    if info.get(OPEN):
        raise UnrecordedCommit("transactions do not nest: verbs never open one")
    info[OPEN] = True
    hints: list[Hinted] = []
    try:
        yield hints
        db.session.flush()
        records = record.write()
        hints += outbox.flush()
        info[COMMITTING] = True
        db.session.commit()
        if records:
            info[RECORDED] = True
        if written is not None:
            written += records
    except StaleDataError as error:
        db.session.rollback()
        raise StaleVersion from error
    except DatabaseError as error:
        db.session.rollback()
        if getattr(error.orig, "sqlstate", None) == ENTRY_OWED:
            raise EntryOwed(str(error.orig)) from error
        raise
    except BaseException:
        db.session.rollback()
        raise
    finally:
        record.forget()
        outbox.clear()
        info.pop(OPEN, None)
        info.pop(COMMITTING, None)


def has_recorded() -> bool:
    """Whether this session has committed entries since it was asked last."""
    return bool(db.session.info.pop(RECORDED, False))


@event.listens_for(Session, "before_commit")
def refuse_other_commits(session: Session) -> None:
    """A commit that does not pass through `transaction()` would pass the log by. Hooks may refuse, never act."""
    if session.get_transaction() is not None and session.get_transaction().nested:  # type: ignore[union-attr]
        raise UnrecordedCommit("no savepoints: let the whole transaction go")
    if not session.info.get(COMMITTING):
        raise UnrecordedCommit("commit through models.transaction.transaction()")
