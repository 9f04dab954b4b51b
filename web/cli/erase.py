"""`activity-log erase`."""

import click

from models.errors import DomainError
from models.log.people import shown_as
from models.organisation import by_handle
from models.system import erasure_list
from models.system.erasure import erase as erase_person
from models.system.erasure import find_person
from models.transaction import transaction
from web.cli.billing import OPERATOR
from web.cli.connection import connected


@click.command()
@click.argument("who", metavar="EMAIL|ID")
@click.option("--reason", required=True, help="What the entries say, such as their request. Name nobody.")
@click.option("--org", "handle", metavar="HANDLE", help="In this organisation only; the account stays.")
def erase(who: str, reason: str, handle: str | None) -> None:
    """Erase the name and the addresses of someone who is no member any more, for good: no entry changes.

    Feeds then show them as "erased person 7f3a". Without --org in all organisations, and their account with them.
    """
    with connected() as found:
        organisation = by_handle(handle) if handle else None
        if handle and organisation is None:
            raise click.ClickException(f"There is no organisation with the handle {handle}.")
        try:
            with transaction():
                person = find_person(who)
                done = erase_person(person, OPERATOR, reason, organisation.id if organisation else None)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        names = sum(len(each.people) for each in done)
        shown = f" They are shown as {shown_as(done[0].tag)}." if done else ""
        account = " and the account" if person.user_id is not None and organisation is None else ""
        click.echo(f"Erased {names} names and addresses in {len(done)} organisations{account}.{shown}")
        file = found.list_of_erasures
        try:
            erasure_list.append(file, done)
        except OSError as error:
            raise click.ClickException(
                f"It is done, but {file} cannot be written ({error.strerror}): keep what `activity-log erasures list` "
                "prints, or a backup from before brings the names back."
            ) from None
        click.echo(f"{file} says it, for when an older backup is restored.")
