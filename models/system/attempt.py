"""An attempt at a job: how it went wrong is written to its row, and the job is tried again later."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from models.errors import LeaseLost
from models.jobs.lease import Lease
from models.transaction import transaction

log = logging.getLogger(__name__)


@contextmanager
def attempt(lease: Lease[Any]) -> Iterator[None]:
    """Work on a job in the block. Nothing that goes wrong there passes through, except the end of the process."""
    try:
        yield
    except LeaseLost as lost:
        log.warning("%s", lost)
    except Exception as error:
        log.exception("%s failed", lease)
        with suppress(LeaseLost), transaction():
            lease.fail(f"{type(error).__name__}: {error}")
