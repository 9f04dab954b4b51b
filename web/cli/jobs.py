"""`activity-log jobs`: the work that follows from deletions and suspensions."""

import click

from models.jobs import job
from models.numbers import whole_number
from models.system import cascade
from models.transaction import transaction
from web.cli.connection import connected


@click.group()
def jobs() -> None:
    """Look at and repair the work that follows from deletions and suspensions."""


@jobs.command("list")
def list_jobs() -> None:
    """Show what is unfinished or stuck."""
    with connected():
        found = job.unfinished()
    if not found:
        click.echo("Nothing is unfinished.")
    for each in found:
        total = "?" if each.total is None else each.total
        click.echo(
            f"{each.organisation_id}/{each.id}  {each.handle}  {each.work}  {each.state}  {each.done} of {total}  "
            f"attempts {each.attempts}  {each.error or ''}".rstrip()
        )


@jobs.command()
def run() -> None:
    """Run every cascade that is due, here and now, without a broker."""
    done = 0
    with connected():
        while due := job.overdue():
            done += sum(cascade.run(key) for key in due)
    click.echo(f"{done} jobs done.")


@jobs.command()
@click.argument("address")
def retry(address: str) -> None:
    """Try a stuck job again; ADDRESS is organisation/job as `jobs list` shows it."""
    organisation_id, _, job_id = address.partition("/")
    try:
        key = job.JobKey(whole_number(organisation_id), whole_number(job_id))
    except ValueError:
        raise click.BadParameter("give organisation/job, such as 3/17") from None
    with connected(), transaction():
        if not job.revive(key):
            raise click.ClickException(f"There is no stuck job {address}.")
    click.echo("It will be tried again.")
