"""Which of the installation's checkpoints witnesses have agreed on."""

from sqlalchemy import text

from models.database import read
from models.log import seal
from models.log.proof.note import Note
from models.log.proof.policy import NONE, Policy, satisfied
from models.log.seal import Seal
from models.log.trees import META, Tree

LOOKED_AT_MOST = 1000


def newest_agreed(policy: Policy) -> Seal | None:
    """Returns the newest checkpoint of the installation that a quorum has cosigned; None when there is none.

    Raises BadNote when a cosignature that is kept is not its witness's.
    """
    if policy.quorum == NONE:
        found = seal.last(META)
        return found if found and satisfied(Note.parse(found.note), policy) else None
    for epoch, size in read(COSIGNED, {"meta": META, "most": LOOKED_AT_MOST}):
        found = seal.at_size(Tree(META, epoch), size)
        if found and satisfied(Note.parse(found.note), policy):
            return found
    return None


COSIGNED = text("""
    SELECT DISTINCT epoch, size FROM activity_cosignatures WHERE organisation_id = :meta
     ORDER BY epoch DESC, size DESC LIMIT :most
""")
