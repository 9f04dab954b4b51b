"""What proves the log of an organisation: its checkpoints, to look at and to take along."""

from typing import NamedTuple

from flask import Blueprint, abort, redirect, request

from models.errors import NotFound
from models.jobs import anchor, verification
from models.log import feed, seal
from models.log.entry import entry_of
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import Note
from models.log.seal import Seal
from models.log.trees import Tree
from models.numbers import whole_number
from models.people.access import Permission
from models.people.standing import Here
from web.access import Answer, me, needs
from web.acting import acting
from web.addresses import address
from web.fragments import render, wants_fragment
from web.proofs import as_file, proof_file

bp = Blueprint("proof", __name__)
# Of the verifications, the last ones.
SHOWN_MOST = 5


class Line(NamedTuple):
    """A checkpoint in the list of all."""

    seal: Seal
    root: str
    """As the note has it."""
    url: str
    """Where it is downloaded."""


@bp.get("/orgs/<org>/proof")
@needs(Permission.VERIFY_LOG, even_when_deleted=True)
def show(here: Here) -> Answer:
    """The newest checkpoint, those before it, and how to verify the log with them."""
    before = _place(request.args.get("before"))
    found = seal.history(here.id, before) if before else seal.history(here.id)
    newest = seal.last(here.id)
    older = f"{found[-1].epoch}.{found[-1].size}" if len(found) == seal.PAGE else None
    return render(
        "proof/show.html",
        newest=newest,
        anchors_are_late=anchor.are_late(),
        lines=[_line(here, each) for each in found],
        older_url=older and f"{address('proof.show', org=here.handle)}?before={older}",
        is_first_page=before is None,
        keys=seal.verifiers(newest.origin) if newest else [],
        verifications=verification.verifications_of(here.id, SHOWN_MOST),
        checkpoint_url=address("proof.checkpoint", org=here.handle),
    )


@bp.post("/orgs/<org>/proof/verify")
@needs(Permission.VERIFY_LOG)
def verify(here: Here) -> Answer:
    """Have the worker verify all of the log; while it does so, asking again changes nothing."""
    with acting():
        verification.ask(here.id, me().id)
    return redirect(address("proof.show", org=here.handle), 303)


@bp.get("/orgs/<org>/proof/verification")
@needs(Permission.VERIFY_LOG, even_when_deleted=True)
def verification_now(here: Here) -> Answer:
    """How far the verification is, for the part of the page that asks."""
    if not wants_fragment():
        return redirect(address("proof.show", org=here.handle))
    return render("proof/_verification.html", verifications=verification.verifications_of(here.id, SHOWN_MOST))


@bp.get("/orgs/<org>/proof/checkpoint")
@needs(Permission.VERIFY_LOG, even_when_deleted=True)
def checkpoint(here: Here) -> Answer:
    """A checkpoint as a file: the newest one, or that of an epoch and size."""
    of = _place(request.args.get("of"))
    found = seal.at_size(Tree(here.id, of[0]), of[1]) if of else seal.last(here.id)
    if found is None:
        abort(404)
    return as_file(found.note, f"{here.handle}-{found.epoch}-{found.size}.checkpoint")


@bp.get("/orgs/<org>/activity/<int:number>/proof")
@needs(Permission.READ_LOG, even_when_deleted=True)
def of_entry(here: Here, number: int) -> Answer:
    """The proof that an entry is in the log of a checkpoint, as a file."""
    if number > feed.LATEST or entry_of(here.named, number, here.sees_money) is None:
        abort(404)
    found = proof_file(here, number)
    if found is None:
        raise NotFound("This entry is not sealed yet. Try again in some seconds.")
    return as_file(str(found), f"{here.handle}-{number}.tlog-proof")


def _line(here: Here, found: Seal) -> Line:
    root = str(Checkpoint.parse(Note.parse(found.note).text)).split("\n")[2]
    return Line(found, root, f"{address('proof.checkpoint', org=here.handle)}?of={found.epoch}.{found.size}")


def _place(written: str | None) -> tuple[int, int] | None:
    """Reads an epoch and a size: "1.1284"."""
    if written is None:
        return None
    epoch, _, size = written.partition(".")
    try:
        return whole_number(epoch, feed.LATEST), whole_number(size, feed.LATEST)
    except ValueError:
        abort(400, "This link to a checkpoint is broken. Start again from the newest one.")
