"""Who gets mail about an organisation: members who have proven their address and have not switched that mail off."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db
from models.people.access import GRANTS, Permission, Role


class Recipient(NamedTuple):
    """A member who is told."""

    user_id: int
    email: str
    told_all: bool
    """Whether they are told of everything, and not only of what they did themselves."""


def told_of_deployments(organisation_id: int, asked: Collection[int]) -> list[Recipient]:
    """Returns who is told of failed deployments: owners and admins, and those of `asked` who may see resources."""
    return _told(DEPLOYMENTS, organisation_id, Permission.MANAGE_PROJECTS, asked)


def told_of_balance(organisation_id: int) -> list[Recipient]:
    """Returns who is told of a low balance: those who can top it up."""
    return _told(BALANCE, organisation_id, Permission.MANAGE_BILLING, ())


def told_of_checkpoints(organisation_id: int) -> list[Recipient]:
    """Returns who is sent checkpoints of the log: those who could delete the organisation."""
    return _told(CHECKPOINTS, organisation_id, Permission.DELETE_ORGANISATION, ())


def _told(query: TextClause, organisation_id: int, all_for: Permission, asked: Collection[int]) -> list[Recipient]:
    values = {"organisation": organisation_id, "all_for": _roles(all_for), "readers": _roles(Permission.READ)}
    return [Recipient(*row) for row in db.session.execute(query, {**values, "asked": list(asked)})]


def _roles(permission: Permission) -> list[str]:
    return [str(role) for role in Role if permission in GRANTS[role]]


def _query(switch: str) -> TextClause:
    return text(f"""
        SELECT users.id, users.email, role = ANY(CAST(:all_for AS varchar[]))
          FROM memberships JOIN users ON users.id = memberships.user_id
         WHERE memberships.organisation_id = :organisation AND verified_at IS NOT NULL AND {switch}
           AND (role = ANY(CAST(:all_for AS varchar[]))
                OR role = ANY(CAST(:readers AS varchar[])) AND users.id = ANY(CAST(:asked AS integer[])))
         ORDER BY users.id
    """)


DEPLOYMENTS = _query("mails_deployments")
BALANCE = _query("mails_balance")
CHECKPOINTS = _query("mails_checkpoints")
