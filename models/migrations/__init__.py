"""The schema's history, applied by its owner: `activity-log migrate`."""

from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent


def migrate(owner_url: str, app_role: str, revision: str = "head") -> None:
    """Bring the schema up to date as its owner, granting `app_role` what web and worker need and no more."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = owner_url.replace("postgresql://", "postgresql+psycopg://", 1)
    config.attributes["app_role"] = app_role
    command.upgrade(config, revision)


def steps() -> list[str]:
    """Returns the migrations that this version knows, the first one first."""
    found = [each.revision for each in ScriptDirectory(str(FOLDER)).walk_revisions()]
    return found[::-1]


def last_step(connection: "psycopg.Connection[Any]") -> str:
    """Returns the last migration that a database had; empty when it had none."""
    if connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,):
        return ""
    row = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
    return str(row[0] or "") if row else ""
