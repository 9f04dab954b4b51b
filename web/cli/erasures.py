"""`activity-log erasures`: what was erased, and doing it again once an older backup is back."""

from pathlib import Path

import click

from models.errors import DomainError
from models.log.people import shown_as
from models.system import erasure_list
from models.transaction import transaction
from web.cli.billing import OPERATOR
from web.cli.connection import connected


@click.group()
def erasures() -> None:
    """What was erased of former members."""


@erasures.command("list")
def listed() -> None:
    """Print the list of erasures as the database knows it, a line of JSON each, without a name."""
    with connected():
        for each in erasure_list.in_database():
            click.echo(erasure_list.written(each))


@erasures.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def apply(file: Path | None) -> None:
    """Erase again what FILE says was erased; without FILE, what this installation's list says."""
    with connected() as found:
        if not apply_list(file or found.list_of_erasures):
            raise click.exceptions.Exit(1)


def apply_list(file: Path) -> bool:
    """Erases again what a list says, in a transaction each; whether nothing is left of it."""
    done, left = 0, []
    try:
        lines = [each for each in file.read_text(encoding="ascii").splitlines() if each.strip()]
        told = [erasure_list.parse(each) for each in lines]
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from None
    for each in told:
        try:
            with transaction():
                done += erasure_list.again(each, OPERATOR)
        except DomainError as error:
            left.append(f"{shown_as(each.tag)} in organisation {each.organisation_id}: {error}")
    click.echo(f"Erased again what {done} of {len(told)} lines of {file} say; of the others nothing was left.")
    for sentence in left:
        click.echo(f"Not erased: {sentence}", err=True)
    return not left
