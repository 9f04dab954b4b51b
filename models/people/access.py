"""Roles and what each of them may do."""

from enum import StrEnum


class Role(StrEnum):
    """A person's role in one organisation, from most to least."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(StrEnum):
    """One thing that a page or a button needs a role to allow."""

    READ = "read"
    MANAGE_RESOURCES = "manage_resources"
    MANAGE_PROJECTS = "manage_projects"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_BILLING = "manage_billing"
    UPDATE_ORGANISATION = "update_organisation"
    DELETE_ORGANISATION = "delete_organisation"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(
        {Permission.READ, Permission.MANAGE_RESOURCES, Permission.MANAGE_PROJECTS, Permission.MANAGE_MEMBERS}
    ),
    Role.MEMBER: frozenset({Permission.READ, Permission.MANAGE_RESOURCES}),
    Role.VIEWER: frozenset({Permission.READ}),
}


def allows(role: str | None, permission: Permission) -> bool:
    """Whether the role grants the permission; someone without a role has none."""
    return role is not None and permission in GRANTS[Role(role)]
