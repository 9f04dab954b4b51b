"""`activity-log verify`: whether the log is what was ever sealed of it, and goes on from checkpoints that were kept."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import psycopg
from sqlalchemy.exc import OperationalError
from tqdm import tqdm

from models.log import quorum, signing
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.finding import Finding, Verdict, exit_code
from models.log.proof.note import BadNote, Verifier
from models.log.proof.policy import BadPolicy, Policy
from models.organisation import by_handle
from models.settings import Settings
from models.system import published, verification
from models.system.verification import Asked
from web.cli.connection import connected


@click.command()
@click.option("--org", "handles", multiple=True, metavar="HANDLE", help="Of this organisation alone.")
@click.option("--since", default=1, type=click.IntRange(1), help="From this entry on; before it, tiles are believed.")
@click.option(
    "--pin",
    "pins",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that you kept earlier; any number of them.",
)
@click.option("--key", "keys", multiple=True, metavar="VKEY", help="Whose signature you believe, beside SIGNING_KEYS.")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which witnesses must have cosigned (c2sp.org/tlog-policy).",
)
def verify(
    handles: tuple[str, ...], since: int, pins: tuple[Path, ...], keys: tuple[str, ...], policy_file: Path | None
) -> None:
    """Compute the whole log again, and compare it with its checkpoints and with those that were kept.

    What is wrong is a line of JSON each. Ends with 0 when nothing is, 1 when the log was tampered with, 2 when it was
    called wrongly, 3 when it contradicts a checkpoint that was kept, 4 when it cannot tell.
    """
    try:
        kept = [verification.pinned(each.read_text()) for each in pins]
        publics = [Verifier.parse(each).public for each in keys]
        policy = Policy.parse(policy_file.read_text()) if policy_file else None
    except (BadNote, BadPolicy, UnicodeDecodeError) as error:
        raise click.UsageError(str(error)) from None
    try:
        with connected() as settings:
            signing.SIGNING_KEYS.load(settings.signing_keys)
            publics += [each.public for each in signing.SIGNING_KEYS.publics()]
            agreed, missing = _agreed(policy)
            asked = Asked(_ids(handles), since, [*kept, *_published(settings), *agreed], publics)
            verdicts = _told(asked) | missing
    except (OperationalError, psycopg.OperationalError) as error:
        click.echo(str(Finding(Verdict.UNKNOWN, None, f"The database does not answer: {error}")))
        verdicts = {Verdict.UNKNOWN}
    sys.exit(exit_code(verdicts))


def _agreed(policy: Policy | None) -> tuple[list[Checkpoint], set[Verdict]]:
    """What a quorum of witnesses has seen last, which is as good as a checkpoint that was kept."""
    if policy is None:
        return [], set()
    try:
        found = quorum.newest_agreed(policy)
    except BadNote as error:
        says = Finding(Verdict.TAMPERED, None, f"A cosignature that is kept is not good: {error}.")
    else:
        if found:
            click.echo(f"Witnesses have agreed on {found.size} checkpoints, the last sealed {found.at}.", err=True)
            return [verification.pinned(found.note)], set()
        says = Finding(
            Verdict.UNKNOWN, None, "No quorum of the policy's witnesses has cosigned the installation's log."
        )
    click.echo(str(says))
    return [], {says.verdict}


def _told(asked: Asked) -> set[Verdict]:
    verdicts = set()
    total = verification.entries_of(asked)
    with tqdm(total=total, desc="Verifying", unit="entry", leave=False) as bar:
        for each in verification.verify(asked, bar.update):
            verdicts.add(each.verdict)
            with bar.external_write_mode():
                click.echo(str(each))
    if not asked.trusted:
        click.echo("No key is known from outside of the database: set SIGNING_KEYS, or name one with --key.", err=True)
    if not verdicts:
        click.echo(f"{total} entries and {len(asked.pins)} kept checkpoints: nothing is wrong.", err=True)
    return verdicts


def _ids(handles: Sequence[str]) -> list[int]:
    found = [by_handle(each) for each in handles]
    for handle, each in zip(handles, found, strict=True):
        if each is None:
            raise click.UsageError(f"There is no organisation {handle}.")
    return [each.id for each in found if each]


def _published(settings: Settings) -> list[Checkpoint]:
    """What this machine has kept itself, if it is the one that seals."""
    try:
        note = published.read(settings.sealed)
        return [] if note is None else [verification.pinned(note)]
    except (OSError, UnicodeDecodeError, BadNote) as error:
        raise click.UsageError(f"{settings.sealed} cannot be read: {error}") from None
