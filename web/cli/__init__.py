"""`activity-log`: one program for everything that is started or repaired by hand."""

import os
from importlib import import_module

import click

# A command is imported when it is asked for: `up` stays as long as all it runs, and goes without what they need.
COMMANDS = {
    "up": "local.up",
    "migrate": "migrate",
    "demo": "demo",
    "backup": "backup",
    "restore": "restore",
    "doctor": "doctor",
    "web": "serve",
    "worker": "serve",
    "runtime": "serve",
    "scheduler": "serve",
    "reconcile": "reconcile",
    "engine": "engine",
    "logs": "logs",
    "jobs": "jobs",
    "billing": "billing",
    "keys": "keys",
    "epoch": "epoch",
    "users": "users",
    "witness": "witness",
    "prove": "bundle",
    "bundle": "bundle",
    "verify": "verify",
    "verify-bundle": "verify_bundle",
    "erase": "erase",
    "erasures": "erasures",
}
"""The module of each, inside this package; the command bears the same name there, with `_` for `-`."""


class Program(click.Group):
    """The commands of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """In the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"web.cli.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found


@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="activity-log")
@click.pass_context
def main(context: click.Context) -> None:
    """Activity Log: a dashboard for a container platform with a permanent, read-only log.

    `activity-log up` starts everything on this machine. The other commands are its parts, for running it for real;
    they take their settings from the environment (see docs/operations.md). Those that look, repair or decide also
    find the servers of an `up` that runs over DATA_DIR.
    """
    # Whoever looks at PostgreSQL's connections sees whose each is. libpq reads it, and processes inherit it.
    os.environ["PGAPPNAME"] = f"activity-log {context.invoked_subcommand}"
