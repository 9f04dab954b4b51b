"""Anchoring: bringing the installation's newest checkpoint to each place outside."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from flask import Flask, current_app

from models import durable
from models.jobs import anchor
from models.jobs.anchor import FILE, AnchorKey, AnchorLease, Place
from models.jobs.places import Places, configured
from models.log import seal as seals
from models.log.proof.note import Note
from models.log.proof.policy import Witness
from models.log.trees import META
from models.settings import Settings
from models.system.attempt import attempt
from models.transaction import transaction
from worker.hint import hint
from worker.witnesses import Contradiction, Unwilling, cosigned

log = logging.getLogger(__name__)
EXTENSION = "anchors"


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` what is configured. Raises SettingsError."""
    app.extensions[EXTENSION] = configured(settings)


def names() -> list[str]:
    """Returns the names of what is configured."""
    found: Places = current_app.extensions[EXTENSION]
    return found.names


def look() -> None:
    """Keep to what is configured, and hint at each anchor that a checkpoint waits for."""
    with transaction():
        anchor.configure(names())
        found = anchor.overdue()
    for key in found:
        hint(key)


def bring(key: AnchorKey) -> None:
    """Bring what is new to an anchor, if it is due and nobody else is at it."""
    found: Places = current_app.extensions[EXTENSION]
    if key.name not in found.names:
        return
    with transaction():
        held = AnchorLease.claim(key)
    if held is None:
        return
    with attempt(held):
        if key.name == FILE:
            assert found.file
            _write(held, found.file)
        else:
            _ask(held, found.witnesses[key.name])


def _ask(held: AnchorLease, witness: Witness) -> None:
    seal = seals.last(META)
    if seal is None:
        return held.release()
    note = Note.parse(seal.note)
    # Without the cosignatures of others, who are none of its business.
    own = str(Note(note.text, [each for each in note.signatures if each.name == seal.origin]))
    known = held.size if held.epoch == seal.epoch else 0
    assert witness.url
    try:
        line = cosigned(
            witness.url,
            witness.verifier,
            own,
            seal.size,
            known,
            lambda old: seals.consistency(seal.tree, old, seal.size),
        )
    except Unwilling as error:
        log.warning("%s: %s", held, error)
        with transaction():
            held.fail(str(error))
    except Contradiction as error:
        log.error("%s CONTRADICTS this log: %s", held, error)
        with transaction():
            held.alarm(str(error))
    else:
        with transaction():
            held.reach(Place(seal.epoch, seal.size))
            anchor.keep_cosignature(Place(seal.epoch, seal.size), held.key.name, line)


def _write(held: AnchorLease, file: Path) -> None:
    published = anchor.published_since(held.reached)
    append(file, [each.note for each in published])
    with transaction():
        held.reach(published[-1].place if published else held.reached)


def append(file: Path, notes: Sequence[str]) -> None:
    """Add notes to a file, each with a blank line behind it; on the disk when this returns. Raises OSError."""
    is_new = not file.exists()
    with file.open("ab+") as opened:
        if opened.tell():
            opened.seek(-1, os.SEEK_END)
            # What a power cut has left of a note stays, and does not run into the next one.
            torn = b"" if opened.read() == b"\n" else b"\n\n"
        else:
            torn = b""
        opened.write(torn + "".join(f"{note}\n" for note in notes).encode())
        opened.flush()
        os.fsync(opened.fileno())
    if is_new:
        durable.sync_folder(file.parent)
