"""What is sent to the database, noted at the driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yields a list of the statements sent in the block, whoever sends them."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(cursor: Any, query: Any, *more: Any, **options: Any) -> Any:
        sent.append(" ".join(str(query).split()))
        return execute(cursor, query, *more, **options)

    psycopg.Cursor.execute = noted  # type: ignore[method-assign, assignment]
    try:
        yield sent
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]
