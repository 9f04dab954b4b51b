"""`activity-log witness`: cosigns the checkpoints of other installations, on a machine of its own."""

import logging
import sys
from collections import defaultdict
from pathlib import Path

import click

from models.log.proof.checkpoint import cosigner
from models.log.proof.note import ED25519, BadNote, Signer, Verifier
from web.serving.listening import listen
from web.serving.processes import serve_application
from web.witness import key
from web.witness.answering import Witness


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="What it is called, such as witness.example.com/one; needed on the first start.")
@click.option("--log", "logs", multiple=True, metavar="VKEY", help="A log that it cosigns; any number of them.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", default=8100, show_default=True)
def witness(folder: Path, name: str | None, logs: tuple[str, ...], host: str, port: int) -> None:
    """Cosign checkpoints of other installations' logs, as long as each has only grown (c2sp.org/tlog-witness).

    FOLDER keeps its key and what it has cosigned. It needs no database and no settings.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    signer = _signer(folder, name)
    known: defaultdict[str, list[Verifier]] = defaultdict(list)
    for each in logs:
        verifier = _log(each)
        known[verifier.name].append(verifier)
    try:
        listening = listen(host, port)
    except (OSError, OverflowError) as error:
        raise click.ClickException(f"It cannot listen on {host}:{port}: {error}") from None
    click.echo(f"{cosigner(signer)}")
    if not known:
        click.echo("It knows no log yet: name some with --log.", err=True)
    sys.exit(serve_application(listening, 1, Witness(signer, dict(known), folder)))


def _signer(folder: Path, name: str | None) -> Signer:
    file = folder / "key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            if not name:
                raise click.UsageError("A new witness needs a name: --name witness.example.com/one")
            return key.make(file, name)
        found = key.load(file)
    except (BadNote, key.WrongKey, OSError) as error:
        raise click.ClickException(str(error)) from None
    if name not in (None, found.name):
        raise click.ClickException(f"The witness in {folder} is called {found.name}: a name and its key stay together.")
    return found


def _log(written: str) -> Verifier:
    try:
        found = Verifier.parse(written)
    except BadNote as error:
        raise click.UsageError(f"--log: {error}") from None
    if found.type != ED25519:
        raise click.UsageError(f"--log: {found.name} is the key of a witness, not of a log")
    return found
