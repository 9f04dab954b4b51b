"""The schema's history, applied by its owner: `activity-log migrate`."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def migrate(owner_url: str, app_role: str, revision: str = "head") -> None:
    """Bring the schema up to date as its owner, granting `app_role` what web and worker need and no more."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = owner_url.replace("postgresql://", "postgresql+psycopg://", 1)
    config.attributes["app_role"] = app_role
    command.upgrade(config, revision)
