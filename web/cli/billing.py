"""`activity-log billing`: what an operator does by hand about money and suspensions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from models.billing import suspension
from models.billing.suspension import By
from models.errors import DomainError
from models.hold import Held, hold_organisation_alone
from models.log.actor import SYSTEM_NAME, Actor, Door
from models.log.record import Record
from models.organisation import by_handle
from models.system import charging
from models.transaction import transaction
from web.cli.connection import connected
from worker.hint import hint, hint_all

# No person that the platform knows: an entry says "system", the door "cli", and the reason that was given.
OPERATOR = Actor(None, SYSTEM_NAME, None, Door.CLI)


@click.group()
def billing() -> None:
    """Suspend and resume organisations, and charge without waiting for the scheduler."""


@billing.command()
@click.argument("handle")
@click.option("--reason", required=True, help="What the entry says, such as an unpaid invoice.")
def suspend(handle: str, reason: str) -> None:
    """Suspend the organisation HANDLE until you resume it; a top-up does not lift it."""
    _decide(
        handle,
        lambda held: suspension.suspend(held, By.OPERATOR, reason, actor=OPERATOR),
        "active",
        "suspended",
    )


@billing.command()
@click.argument("handle")
@click.option("--reason", required=True, help="What the entry says, such as an invoice that was paid.")
def resume(handle: str, reason: str) -> None:
    """Resume the organisation HANDLE, whoever suspended it."""
    _decide(handle, lambda held: suspension.resume(held, reason, actor=OPERATOR), "suspended", "resumed")


@billing.command()
def charge() -> None:
    """Do one round of charging here and now, as the scheduler has it done every minute."""
    with connected() as settings:
        charging.charge_round(settings.suspension_grace, hint=hint)
    click.echo("Charged.")


def _decide(handle: str, verb: Callable[[Held], Record | None], before: str, after: str) -> None:
    with connected():
        organisation = by_handle(handle)
        if organisation is None:
            raise click.ClickException(f"There is no organisation {handle}.")
        with _refusals_as_one_line(), transaction() as hints:
            done = verb(hold_organisation_alone(organisation.id))
        hint_all(hints)
    if done is None:
        raise click.ClickException(f"{handle} is not {before}: it is {organisation.state}.")
    click.echo(f"{handle} is {after} (entry {done.number}).")


@contextmanager
def _refusals_as_one_line() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise click.ClickException(str(error)) from None
