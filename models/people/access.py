"""Roles and what each of them may do."""

from enum import StrEnum


class Role(StrEnum):
    """A person's role in one organisation, from most to least."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    AUDITOR = "auditor"
    """Reads the whole log, what is about money too, and what proves it, and nothing else."""


class Permission(StrEnum):
    """One thing that a page or a button needs a role to allow."""

    READ_LOG = "read_log"
    SEE_MONEY = "see_money"
    """Entries about billing, wherever entries are shown."""
    VERIFY_LOG = "verify_log"
    """What proves the log, and having all of it verified."""
    READ = "read"
    READ_OUTPUT = "read_output"
    """What the engine's containers write."""
    MANAGE_RESOURCES = "manage_resources"
    MANAGE_PROJECTS = "manage_projects"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_BILLING = "manage_billing"
    ERASE_MEMBERS = "erase_members"
    """Personal data of former members, for good."""
    UPDATE_ORGANISATION = "update_organisation"
    DELETE_ORGANISATION = "delete_organisation"


_VIEWER = frozenset({Permission.READ_LOG, Permission.READ})
_MEMBER = _VIEWER | {Permission.READ_OUTPUT, Permission.MANAGE_RESOURCES}
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _MEMBER | {Permission.MANAGE_PROJECTS, Permission.MANAGE_MEMBERS},
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _VIEWER,
    Role.AUDITOR: frozenset({Permission.READ_LOG, Permission.SEE_MONEY, Permission.VERIFY_LOG}),
}


OWNERS_TO_GRANT = frozenset({Role.OWNER, Role.AUDITOR})
"""The roles that only an owner gives and takes."""


def allows(role: str | None, permission: Permission) -> bool:
    """Whether the role grants the permission; someone without a role has none."""
    return role is not None and permission in GRANTS[Role(role)]
