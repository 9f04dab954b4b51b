"""`activity-log bundle` and `activity-log prove`: what others need to verify the log, or an entry, without us."""

from pathlib import Path
from typing import TextIO

import click

from models.log import bundles
from models.organisation import by_handle
from web.cli.connection import connected


@click.command()
@click.argument("organisation")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True))
@click.option("--from", "first", type=click.IntRange(1), help="The first entry; without it, all that are sealed.")
@click.option("--to", "last", type=click.IntRange(1), help="The last one, which must be sealed.")
def bundle(organisation: str, file: TextIO, first: int | None, last: int | None) -> None:
    """Write entries of ORGANISATION with all that proves them to FILE, or to - for standard output.

    A bundle of all entries proves that none is missing, also those of a deleted organisation. It holds names; keep it
    from others. `activity-log verify-bundle` checks it, and docs/log.md describes it.
    """
    if (first is None) != (last is None):
        raise click.UsageError("Name both --from and --to, or neither.")
    with connected():
        of = _organisation(organisation)
        lines = bundles.complete(of) if first is None or last is None else bundles.ranging(of, first, last)
        if lines is None:
            raise click.ClickException(
                "Not all of these entries are sealed, or there are none. Try again in some seconds."
            )
        for each in lines:
            file.write(f"{each}\n")


@click.command()
@click.argument("organisation")
@click.argument("number", type=click.IntRange(1))
@click.option("--leaf", type=click.Path(dir_okay=False, path_type=Path), help="Write what is hashed to this file.")
def prove(organisation: str, number: int, leaf: Path | None) -> None:
    """Print the proof that entry NUMBER of ORGANISATION is in its log, as a file of C2SP's tlog-proof."""
    with connected():
        found = bundles.proof(_organisation(organisation), number)
    if found is None:
        raise click.ClickException(f"Entry {number} is not sealed, or not there. Try again in some seconds.")
    click.echo(str(found[0]), nl=False)
    if leaf:
        leaf.write_bytes(found[1])


def _organisation(handle: str) -> int:
    found = by_handle(handle)
    if found is None:
        raise click.UsageError(f"There is no organisation {handle}.")
    return found.id
