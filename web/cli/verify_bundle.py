"""`activity-log verify-bundle`: what a bundle proves, found out without a database, a network or any configuration."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from models.log.proof.bundle import BadBundle, BundleCheck
from models.log.proof.finding import Verdict, exit_code
from models.log.proof.note import BadNote, Verifier
from models.log.proof.policy import BadPolicy, Policy

LINE_MOST = 32 * 1024 * 1024
"""An entry has some hundred bytes; a longer line is none."""


@click.command("verify-bundle")
@click.argument("file", type=click.File("rb"))
@click.option("--key", "keys", multiple=True, required=True, metavar="VKEY", help="Whose checkpoints you believe.")
@click.option(
    "--pin",
    "pins",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that you kept earlier; any number of them.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which witnesses must have cosigned (c2sp.org/tlog-policy).",
)
def verify_bundle(file: BinaryIO, keys: tuple[str, ...], pins: tuple[Path, ...], policy: Path | None) -> None:
    """Check a bundle of entries that `activity-log bundle` has written, all by itself.

    What is wrong is a line of JSON each. Ends with 0 when nothing is, 1 when the bundle contradicts itself or its
    checkpoint, 2 when it was called wrongly, 3 when it contradicts a checkpoint that was kept, 4 when it cannot tell.
    """
    try:
        wanted = Policy.parse(policy.read_text()) if policy else None
        check = BundleCheck([Verifier.parse(each) for each in keys], [each.read_text() for each in pins], wanted)
    except (BadNote, BadPolicy, UnicodeDecodeError) as error:
        raise click.UsageError(str(error)) from None
    verdicts: set[Verdict] = set()
    try:
        for each in check.findings(_lines(file)):
            verdicts.add(each.verdict)
            click.echo(str(each))
    except BadBundle as error:
        raise click.UsageError(f"This is no bundle: {error}") from None
    for sentence in _told(check, verdicts):
        click.echo(sentence, err=True)
    sys.exit(exit_code(verdicts))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE_MOST):
        yield line


def _told(check: BundleCheck, verdicts: set[Verdict]) -> Iterator[str]:
    """What this proves and what it does not, in sentences."""
    header, checkpoint = check.header, check.checkpoint
    if Verdict.TAMPERED in verdicts or header is None or checkpoint is None:
        yield "This bundle proves nothing: see what is wrong above."
        return
    yield f"{check.entries} entries of organisation {header.organisation}, checkpoint {checkpoint.origin}."
    if header.complete:
        yield f"Shown: these are all entries up to #{checkpoint.size}; none is missing, added, changed or moved."
    else:
        yield f"Shown: each of these is in the log of {checkpoint.size} entries. Not shown: that no others matter."
    yield f"Shown: {check.names} names are those that were committed to when the entries were written."
    if check.in_meta:
        yield "Shown: the installation's own log has this checkpoint, with those of all other organisations."
    if check.is_cosigned:
        yield "Shown: a quorum of the policy's witnesses has seen the installation's own log only grow, up to this."
    if check.pins_held:
        yield f"Shown: {check.pins_held} checkpoints that you kept are of this log."
    else:
        yield "Not shown: that nobody with the signing key wrote the log anew; a checkpoint kept earlier would show it."
    yield "Not shown: that an entry is true. Whoever could write to the log could write what was not so."
