"""PostgreSQL and Valkey for a run of the tests, started by itself from the embedded binaries."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.settings import Settings
from web.cli.local import embedded

KEY = base64.b64encode(b"k" * 32).decode()
SEED = base64.b64encode(b"s" * 32).decode()


@dataclass(frozen=True)
class Servers:
    """Where they are."""

    database: embedded.Database
    redis_url: str

    @property
    def superuser_url(self) -> str:
        """For looking at what others must not, and for emptying the platform between two tests."""
        return self.database.superuser_url

    def settings(self, data_dir: Path) -> Settings:
        """Settings for processes that use them."""
        return Settings(
            database_url=self.database.url,
            database_owner_url=self.database.owner_url,
            redis_url=self.redis_url,
            secret_key="a key of the tests",
            encryption_keys=f"k1:{KEY}",
            signing_keys=f"s1:{SEED}",
            data_dir=data_dir,
        )


@contextmanager
def start(folder: Path) -> Iterator[Servers]:
    """Both of them while the block runs."""
    kept = embedded.Secrets.kept_in(folder)
    with embedded.postgresql(folder, kept, for_tests=True) as database, embedded.valkey(folder, kept) as redis_url:
        yield Servers(database, redis_url)
