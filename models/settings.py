"""What a process is told from outside: the settings, read from the environment and checked."""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from models.numbers import whole_number

REQUIRED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS")
# Whoever needs less than the pages is given no more.
OF_WORKER = ("DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS")
OF_SEALER = (*OF_WORKER, "SIGNING_KEYS")
OF_SCHEDULER = ("REDIS_URL",)
OF_OWNER = ("DATABASE_URL", "DATABASE_OWNER_URL")
FILE = "_FILE"
"""A setting can also be the content of a file, which the variable of this ending names."""
SWITCHES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]")


class SettingsError(Exception):
    """Settings that are missing or wrong, all of them named in one message."""


@dataclass(frozen=True)
class Settings:
    """The settings of every process; each is read from the variable of its name in capitals."""

    database_url: str = ""
    """The role that web and worker connect with."""
    redis_url: str = ""
    secret_key: str = ""
    encryption_keys: str = ""
    """`id:base64,id:base64`: AES-256 keys; the first one encrypts, all of them decrypt."""
    signing_keys: str = ""
    """`id:base64,id:base64`: the seeds of Ed25519 keys; the first one signs checkpoints of the log."""
    seal_file: str = ""
    """Where the last checkpoint of all is kept outside of the database; empty: `sealed` in DATA_DIR."""
    database_owner_url: str = ""
    """The role that owns the schema; migrations only."""
    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path("var")
    signup: str = "open"
    demo: bool = True
    """Whether `up` fills an empty platform."""
    docker_host: str = ""
    """Where the container engine is; empty: at Docker's usual socket, if there is one; "none": nowhere."""
    health_seconds: int = 60
    """How long something that is being deployed may take to become healthy."""
    suspension_grace_hours: int = 72
    secure_cookies: bool = False
    public_url: str = ""
    """Where people reach the dashboard: what links in mails, and those to be handed over, begin with."""
    trusted_hosts: tuple[str, ...] = ()
    """The hosts that the pages answer for, a leading dot for all of a domain; none: whatever is asked for."""
    smtp_url: str = ""
    """`smtp://user:password@host:587` or `smtps://…`; empty: no mail is sent, and links are shown once."""
    mail_from: str = ""
    """The sender of every mail."""
    erasures_file: str = ""
    """The list of what was erased of former members; empty: erasures.jsonl in DATA_DIR."""
    witnesses: Path | None = None
    """A policy (c2sp.org/tlog-policy): the witnesses that it gives an address for are asked to cosign; None: nobody."""
    anchor_file: Path | None = None
    """What every checkpoint of the installation is added to; None: nothing."""
    alive_file: str = ""
    """What worker, runtime and scheduler touch while they are at work, for health checks; empty: nothing."""
    trusted_proxies: int = 0
    """How many proxies in front are believed when they say who asks, over what, and for which host."""
    organisations_most: int = 100
    """How many organisations one person may own."""
    projects_most: int = 1000
    """Of an organisation, as the following."""
    resources_most: int = 20_000
    """Of all kinds together, in all projects."""
    members_most: int = 1000
    """Together with open invitations."""
    payment_methods_most: int = 50
    creations_a_minute: int = 600
    """How many of each of these may be added within a minute."""

    @property
    def sealed(self) -> Path:
        """The file of the last checkpoint of all."""
        return Path(self.seal_file) if self.seal_file else self.data_dir / "sealed"

    @property
    def suspension_grace(self) -> timedelta:
        """How long a suspension waits for a top-up before everything that runs is terminated."""
        return timedelta(hours=self.suspension_grace_hours)

    @property
    def list_of_erasures(self) -> Path:
        """Where the list of erasures is, beside the data and not in the database that it is for."""
        return Path(self.erasures_file) if self.erasures_file else self.data_dir / "erasures.jsonl"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], needed: Collection[str] = REQUIRED) -> "Settings":
        """Read and check everything at once; what is empty or not set has its default. Raises SettingsError."""
        wrong: list[str] = []
        environ = _with_files(environ, wrong)
        wrong += [f"{name} is not set" for name in needed if not environ.get(name)]
        wrong += _wrong_keys("ENCRYPTION_KEYS", environ) + _wrong_keys("SIGNING_KEYS", environ)
        values: dict[str, Any] = {}
        for setting in fields(cls):
            name = setting.name.upper()
            if given := environ.get(name):
                try:
                    values[setting.name] = READERS.get(setting.name, str)(given)
                except ValueError as error:
                    wrong.append(f"{name} must be {error}")
        if values.get("smtp_url") and not (values.get("mail_from") and values.get("public_url")):
            wrong.append("SMTP_URL needs MAIL_FROM and PUBLIC_URL: mails have a sender, and their links lead somewhere")
        if wrong:
            raise SettingsError("; ".join(wrong))
        return cls(**values)


def with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment with each setting that a file holds. Raises SettingsError."""
    wrong: list[str] = []
    found = _with_files(environ, wrong)
    if wrong:
        raise SettingsError("; ".join(wrong))
    return found


def is_told(environ: Mapping[str, str], name: str) -> bool:
    """Whether a setting is set, by itself or by a file."""
    return bool(environ.get(name) or environ.get(name + FILE))


def _with_files(environ: Mapping[str, str], wrong: list[str]) -> dict[str, str]:
    found = dict(environ)
    for name in (setting.name.upper() for setting in fields(Settings)):
        if file := environ.get(name + FILE):
            if environ.get(name):
                wrong.append(f"{name} and {name}{FILE} are both set")
            try:
                found[name] = Path(file).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                wrong.append(f"{name}{FILE} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})")
    return found


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(given: str) -> int:
        try:
            number = whole_number(given, most)
        except ValueError:
            number = least - 1
        if number < least:
            raise ValueError(f"a whole number from {least} to {most}")
        return number

    return read


def _switch(given: str) -> bool:
    if given.lower() not in SWITCHES:
        raise ValueError("1 or 0")
    return SWITCHES[given.lower()]


def _signup(given: str) -> str:
    if given not in ("open", "invite"):
        raise ValueError("open or invite")
    return given


def _url(*schemes: str) -> Callable[[str], str]:
    def read(given: str) -> str:
        parts = urlsplit(given)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"an address that begins with {' or '.join(f'{each}://' for each in schemes)}")
        return given

    return read


def _hosts(given: str) -> tuple[str, ...]:
    hosts = tuple(each.strip() for each in given.split(","))
    if not all(HOST.fullmatch(each) for each in hosts):
        raise ValueError("names of hosts, separated by commas")
    return hosts


QUOTAS = (
    *("organisations_most", "projects_most", "resources_most", "members_most", "payment_methods_most"),
    "creations_a_minute",
)
# What is not a text, or not any text. Each raises ValueError with what the setting must be.
READERS: dict[str, Callable[[str], Any]] = {
    "port": _number(1, 65535),
    "data_dir": Path,
    "witnesses": Path,
    "anchor_file": Path,
    "signup": _signup,
    "demo": _switch,
    "health_seconds": _number(1, 3600),
    "suspension_grace_hours": _number(0, 8760),
    "secure_cookies": _switch,
    "public_url": _url("https", "http"),
    "trusted_hosts": _hosts,
    "smtp_url": _url("smtp", "smtps"),
    "trusted_proxies": _number(0, 9),
    **dict.fromkeys(QUOTAS, _number(1, 1_000_000)),
}


def _wrong_keys(name: str, environ: Mapping[str, str]) -> list[str]:
    for key in filter(None, environ.get(name, "").split(",")):
        identifier, _, encoded = key.partition(":")
        try:
            size = len(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if not identifier.isalnum() or size != 32:
            return [f"{name} must be id:base64 of 32 bytes, separated by commas"]
    return []
