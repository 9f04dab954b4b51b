"""Verifications that the worker carries out: those that somebody asked for, and each log's own after a week."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from models.jobs import verification
from models.jobs.verification import VerificationKey, VerificationLease
from models.log.proof.finding import Finding
from models.system.attempt import attempt
from models.system.verification import Asked, entries_of, verify
from models.transaction import transaction

# A log of which nothing fits any more would fill the row; what comes first says where it begins.
KEPT_MOST = 100
OF_ALL = "The checkpoints of this installation are not those that were made: its operator can say more."


def run(key: VerificationKey) -> None:
    """Carry out a verification, if it is due and nobody else is at it."""
    with transaction():
        held = VerificationLease.claim(key)
    if held is None:
        return
    with attempt(held):
        findings = list(islice(_findings(held), KEPT_MOST))
        with transaction():
            held.end(findings)


def ask_for_due(now: datetime) -> list[VerificationKey]:
    """Leave a verification of each log that was not verified for a week; returns what to hint at."""
    with transaction() as hints:
        for organisation_id in verification.organisations_due(now):
            verification.ask(organisation_id, None)
    return [VerificationKey(*each) for each in hints]


def _findings(held: VerificationLease) -> Iterator[str]:
    """What is wrong with the organisation's log, as its page says it; of other organisations it says nothing."""
    organisation_id = held.key.organisation_id
    asked = Asked(organisations=[organisation_id])
    size, done = entries_of(asked), 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        with transaction():
            held.renew(done=min(done, size), size=size)

    tell(0)
    is_said = False
    for each in verify(asked, tell):
        if each.organisation == organisation_id:
            yield _told(each)
        elif each.organisation is None and not is_said:
            is_said = True
            yield OF_ALL


def _told(finding: Finding) -> str:
    """ "#7: …", or "#7 to #12: …" where it is about several."""
    if finding.number is None:
        return finding.says
    several = f" to #{finding.until:,}" if finding.until not in (None, finding.number) else ""
    return f"#{finding.number:,}{several}: {finding.says}"
