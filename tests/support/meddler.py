"""A superuser who changes what the log speaks of, and tells it nothing: the guard that would refuse it is taken off."""

import re
from typing import Any

import psycopg
from psycopg.sql import Composable

from models.system.guards import TRACKED

UNTOLD = re.compile(rf"\b(UPDATE|INSERT INTO|DELETE FROM|TRUNCATE)\s+({'|'.join(TRACKED)}|users)\b|\berase_people\(")
GUARD_OFF = "ALTER TABLE activity_owed DISABLE TRIGGER ALL"
GUARD_ON = "ALTER TABLE activity_owed ENABLE ALWAYS TRIGGER activity_owed_is_told"


class Meddler(psycopg.Connection):
    """A connection whose changes of tracked rows go past the log, each with the guard off until it is committed."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Runs a statement; if it changes what is tracked, in a transaction in which nothing is owed."""
        written = query.as_string(self) if isinstance(query, Composable) else query
        written = written.decode() if isinstance(written, bytes) else written
        if not UNTOLD.search(written):
            return super().execute(query, params, **options)
        with self.transaction():
            super().execute(GUARD_OFF)
            found = super().execute(query, params, **options)
            super().execute(GUARD_ON)
        return found
