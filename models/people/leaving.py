"""What is left of someone who is gone, outside of the log: whether they are, and how it is emptied."""

from collections.abc import Sequence

from sqlalchemy import text

from models.database import db, read
from models.errors import Forbidden
from models.log.people import shown_as

# A name that no mail reaches (RFC 2606).
NOWHERE = "erased.invalid"


def address_of(user_id: int) -> str | None:
    """Returns the address of an account; None where there is none."""
    found = read(ADDRESS, {"user": user_id})
    return str(found[0][0]) if found else None


def is_free(address: str, user_id: int) -> bool:
    """Whether no other account has the address."""
    return not read(OTHERS, {"email": address.lower(), "user": user_id})


def require_gone(user_id: int | None, addresses: Sequence[str], organisations: Sequence[int]) -> None:
    """Raises Forbidden while someone is a member of one of the organisations, or is or has invited there."""
    scope = {"organisations": list(organisations), "user": user_id or 0}
    member = [row[0] for row in read(MEMBER, scope)]
    if member:
        raise Forbidden(f"They are still a member of {', '.join(member)}: remove them first.")
    invited = [row[0] for row in read(INVITED, {**scope, "addresses": list(addresses)})]
    if invited:
        raise Forbidden(f"An invitation to them or from them is open in {', '.join(invited)}: revoke it first.")


def empty_invitations(organisation_id: int, user_id: int | None, tag: str, addresses: Sequence[str]) -> None:
    """Take someone's addresses and name out of the invitations of an organisation, all of which are closed."""
    values = {"organisation": organisation_id, "user": user_id or 0, "addresses": list(addresses)}
    db.session.execute(EMPTY_INVITATIONS, values | _instead(tag))


def empty_account(user_id: int, tag: str, addresses: Sequence[str]) -> None:
    """Leave of an account no name, no address, no password, no session, no link and no mail."""
    values = {"user": user_id, "addresses": list(addresses)}
    db.session.execute(END_SESSIONS, values)
    db.session.execute(EMPTY_LINKS, values)
    db.session.execute(EMPTY_MAILS, values)
    db.session.execute(EMPTY_ACCOUNT, values | _instead(tag))


def _instead(tag: str) -> dict[str, str]:
    """What stands in the place of an address and of a name."""
    return {"nowhere": f"{tag}@{NOWHERE}", "shown": shown_as(tag)}


ADDRESS = text("SELECT email FROM users WHERE id = :user")
OTHERS = text("SELECT FROM users WHERE email = :email AND id <> :user")
MEMBER = text("""
    SELECT organisations.handle FROM memberships JOIN organisations ON organisations.id = memberships.organisation_id
     WHERE memberships.organisation_id = ANY(CAST(:organisations AS integer[])) AND memberships.user_id = :user
     ORDER BY 1
""")
INVITED = text("""
    SELECT DISTINCT organisations.handle FROM invitations
      JOIN organisations ON organisations.id = invitations.organisation_id
     WHERE invitations.organisation_id = ANY(CAST(:organisations AS integer[])) AND invitations.used_at IS NULL
       AND (invitations.email = ANY(CAST(:addresses AS text[])) OR invitations.inviter_id = :user)
       AND organisations.state IN ('active', 'suspended')
     ORDER BY 1
""")
EMPTY_INVITATIONS = text("""
    UPDATE invitations
       SET email = CASE WHEN email = ANY(CAST(:addresses AS text[])) THEN :nowhere ELSE email END,
           invited_by = CASE WHEN inviter_id = :user THEN :shown ELSE invited_by END
     WHERE organisation_id = :organisation
       AND (email = ANY(CAST(:addresses AS text[])) OR inviter_id = :user)
""")
END_SESSIONS = text("DELETE FROM sessions WHERE user_id = :user")
EMPTY_LINKS = text("""
    UPDATE account_links SET email = '', used_at = COALESCE(used_at, clock_timestamp()) WHERE user_id = :user
""")
# What was not sent yet is not sent any more.
EMPTY_MAILS = text("""
    UPDATE mails SET recipient = '', content = '', error = NULL,
                     state = CASE state WHEN 'ready' THEN 'finished' ELSE state END,
                     finished_at = COALESCE(finished_at, clock_timestamp())
     WHERE recipient = ANY(CAST(:addresses AS text[]))
""")
# No password has this hash.
EMPTY_ACCOUNT = text("""
    UPDATE users SET name = :shown, email = :nowhere, password_hash = '', verified_at = NULL,
                     mails_deployments = false, mails_balance = false, session_epoch = session_epoch + 1
     WHERE id = :user
""")
