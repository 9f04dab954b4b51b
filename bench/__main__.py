"""`python -m bench [--write] [name ...]`: all ratios, or those of the files named."""

import sys

import click

from bench import (
    audited_update,
    cascade,
    deployments,
    feed_depth,
    feed_page,
    idle,
    moment,
    page_servers,
    pages,
    personal_feed,
    report,
    sealing,
    search,
    verifying,
)
from bench.ground import ground

ALL = {
    module.__name__.rpartition(".")[2]: module.rows
    for module in (
        audited_update,
        feed_depth,
        moment,
        feed_page,
        page_servers,
        pages,
        personal_feed,
        search,
        sealing,
        verifying,
        cascade,
        deployments,
        idle,
    )
}


@click.command()
@click.option("--write", is_flag=True, help="Put the rows into the table of docs/performance.md.")
@click.argument("names", nargs=-1, type=click.Choice(list(ALL)))
def main(write: bool, names: tuple[str, ...]) -> None:
    """Measure ratios, each within this run, against a baseline of this run."""
    click.echo("Filling a million entries ...", err=True)
    with ground() as made:
        found = []
        for name in names or ALL:
            click.echo(f"{name} ...", err=True)
            found += list(ALL[name](made))
        click.echo(f"{report.conditions(made, names)}\n\n{report.table(found)}")
        if write:
            report.write(found, made, names)
    sys.exit(any(row.goal and not row.goal.met_by(row.ratio) for row in found))


if __name__ == "__main__":
    main()
