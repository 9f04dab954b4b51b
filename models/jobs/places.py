"""The places outside that checkpoints are brought to, as the settings name them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from models.jobs.anchor import FILE
from models.log.proof.policy import BadPolicy, Policy, Witness
from models.settings import Settings, SettingsError


class Places(NamedTuple):
    """All of them."""

    witnesses: Mapping[str, Witness]
    """By the names of their anchors."""
    file: Path | None

    @property
    def names(self) -> list[str]:
        """The names of all anchors."""
        return [*([FILE] if self.file else []), *self.witnesses]


def configured(settings: Settings) -> Places:
    """Returns what the settings name; of a policy, the witnesses that have an address. Raises SettingsError."""
    known = _policy(settings.witnesses).witnesses.values() if settings.witnesses else ()
    named = {f"{each.verifier.name}+{each.verifier.key_id.hex()}": each for each in known if each.url}
    for name, each in named.items():
        if not (each.url or "").startswith(("http://", "https://")):
            raise SettingsError(f"WITNESSES: the address of {name} must begin with https:// or http://")
    return Places(named, settings.anchor_file)


def _policy(file: Path) -> Policy:
    try:
        return Policy.parse(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"WITNESSES: {file} cannot be read ({reason})") from None
    except BadPolicy as error:
        raise SettingsError(f"WITNESSES: {file} is no policy as c2sp.org/tlog-policy says: {error}") from None
