"""`activity-log demo`."""

from pathlib import Path

import click
from tqdm import tqdm

from models.demo import STEPS, fill, is_empty
from web.cli.connection import connected
from web.cli.local.alone import SIGN_IN


@click.command()
@click.option("--if-empty", is_flag=True, help="Do nothing when someone has signed up already.")
def demo(if_empty: bool) -> None:
    """Fill an empty platform with two organisations, four people and some two hundred entries."""
    with connected() as found:
        if not is_empty():
            if if_empty:
                return
            raise click.ClickException("The platform is not empty; the demo would mix with what is there.")
        *_, sign_in = tqdm(fill(), total=STEPS, desc="Filling the demo", unit="step", leave=False)
        _save(found.data_dir / SIGN_IN, sign_in)
        click.echo(f"Demo sign-in: {sign_in}")


def _save(file: Path, sign_in: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(f"{sign_in}\n")
