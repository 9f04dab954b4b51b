"""What a process is told from outside."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

REQUIRED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS")
SWITCHES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class SettingsError(Exception):
    """Settings that are missing or wrong, all of them named in one message."""


@dataclass(frozen=True)
class Settings:
    """The settings of web, worker and command line, as the environment gave them."""

    database_url: str
    """The role that web and worker connect with."""
    database_owner_url: str
    """The role that owns the schema; migrations only."""
    redis_url: str
    secret_key: str
    encryption_keys: str
    """`id:base64,id:base64`: AES-256 keys; the first one encrypts, all of them decrypt."""
    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path("var")
    signup: str = "open"
    demo: bool = True
    docker_host: str = ""
    """Where the container engine is; empty: at Docker's usual socket, if there is one; "none": nowhere."""
    health_seconds: int = 60
    """How long something that is being deployed may take to become healthy."""
    suspension_grace_hours: int = 72
    secure_cookies: bool = False
    trusted_proxies: int = 0
    """How many proxies in front are believed when they say who asks, over what, and for which host."""

    @property
    def suspension_grace(self) -> timedelta:
        """How long a suspension waits for a top-up before everything that runs is terminated."""
        return timedelta(hours=self.suspension_grace_hours)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check everything at once. Raises SettingsError."""
        wrong = [f"{name} is not set" for name in REQUIRED if not environ.get(name)]
        wrong += _wrong_keys(environ.get("ENCRYPTION_KEYS", ""))
        numbers = {}
        for name, default, least, most in (
            ("PORT", 8000, 1, 65535),
            ("SUSPENSION_GRACE_HOURS", 72, 0, 8760),
            ("TRUSTED_PROXIES", 0, 0, 9),
            ("HEALTH_SECONDS", 60, 1, 3600),
        ):
            given = environ.get(name) or str(default)
            if not given.isdecimal() or not least <= int(given) <= most:
                wrong.append(f"{name} must be a whole number from {least} to {most}")
            else:
                numbers[name] = int(given)
        signup = environ.get("SIGNUP") or "open"
        if signup not in ("open", "invite"):
            wrong.append("SIGNUP must be open or invite")
        switches = {name: SWITCHES.get((environ.get(name) or "0").lower()) for name in ("DEMO", "SECURE_COOKIES")}
        wrong += [f"{name} must be 1 or 0" for name, value in switches.items() if value is None]
        if wrong:
            raise SettingsError("; ".join(wrong))
        return cls(
            database_url=environ["DATABASE_URL"],
            database_owner_url=environ.get("DATABASE_OWNER_URL", ""),
            redis_url=environ["REDIS_URL"],
            secret_key=environ["SECRET_KEY"],
            encryption_keys=environ["ENCRYPTION_KEYS"],
            host=environ.get("HOST") or "127.0.0.1",
            port=numbers["PORT"],
            data_dir=Path(environ.get("DATA_DIR") or "var"),
            signup=signup,
            demo=bool(switches["DEMO"]),
            docker_host=environ.get("DOCKER_HOST", ""),
            health_seconds=numbers["HEALTH_SECONDS"],
            suspension_grace_hours=numbers["SUSPENSION_GRACE_HOURS"],
            secure_cookies=bool(switches["SECURE_COOKIES"]),
            trusted_proxies=numbers["TRUSTED_PROXIES"],
        )


def _wrong_keys(keys: str) -> list[str]:
    for key in filter(None, keys.split(",")):
        identifier, _, encoded = key.partition(":")
        try:
            size = len(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if not identifier.isalnum() or size != 32:
            return ["ENCRYPTION_KEYS must be id:base64 of 32 bytes, separated by commas"]
    return []
