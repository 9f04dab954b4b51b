"""What workers do, done here and now."""

from collections.abc import Sequence

from models.database import db
from models.jobs import job
from models.jobs.job import JobKey
from models.jobs.queue import Hinted
from models.system import cascade


def job_of(hinted: Sequence[Hinted]) -> JobKey:
    """Returns the one job that a transaction has left behind."""
    [key] = hinted
    assert isinstance(key, JobKey)
    return key


def jobs_of(hinted: Sequence[Hinted]) -> list[JobKey]:
    """Returns the jobs that a transaction has left behind."""
    return [each for each in hinted if isinstance(each, JobKey)]


def run(hinted: Hinted) -> None:
    """Runs the job, if it is one, as a worker does that was hinted at it."""
    if isinstance(hinted, JobKey):
        cascade.run(hinted)


def work() -> None:
    """Runs every job that is due."""
    for key in job.overdue():
        cascade.run(key)
    db.session.rollback()
