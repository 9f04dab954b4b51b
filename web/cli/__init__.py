"""`activity-log`: one program for everything that is started or repaired by hand."""

import click

from web.cli.billing import billing
from web.cli.demo import demo
from web.cli.engine import engine
from web.cli.jobs import jobs
from web.cli.keys import keys
from web.cli.local.up import up
from web.cli.logs import logs
from web.cli.migrate import migrate
from web.cli.reconcile import reconcile
from web.cli.serve import runtime, scheduler, web, worker
from web.cli.users import users


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="activity-log")
def main() -> None:
    """Activity Log: a dashboard for a container platform with a permanent, read-only log.

    `activity-log up` starts everything on this machine. The other commands are its parts, for running it for real;
    they take their settings from the environment (see docs/operations.md). Those that look, repair or decide also
    find the servers of an `up` that runs over DATA_DIR.
    """


for command in (
    up,
    migrate,
    demo,
    web,
    worker,
    runtime,
    scheduler,
    reconcile,
    engine,
    logs,
    jobs,
    billing,
    keys,
    users,
):
    main.add_command(command)
