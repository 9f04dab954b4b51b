"""Who is asking and what they are where they ask: one query, on every page."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.feed import OrganisationName
from models.log.seal import STANDING_COLUMNS, STANDING_FROM
from models.log.seal import Standing as Seal
from models.numbers import whole_number
from models.people.access import Permission, allows
from models.people.view import COLUMN, ViewName, listed

BIGINT = 2**63 - 1
# After that, even someone who comes every day signs in again.
LONGEST = timedelta(days=90)


class Person(NamedTuple):
    """Someone signed in, as pages need them; `models.people.user.User` is the account that verbs change."""

    id: int
    name: str
    email: str
    session_epoch: int
    session: int
    """The id of their session in this browser."""

    @property
    def in_cookie(self) -> str:
        """What the cookie keeps: worthless once the session has ended or the password has changed."""
        return f"{self.id}.{self.session_epoch}.{self.session}"


class ProjectHere(NamedTuple):
    """The project that an address names."""

    id: int
    handle: str
    name: str
    state: str


class Here(NamedTuple):
    """The organisation that an address names, and the person's role in it."""

    id: int
    handle: str
    name: str
    state: str
    role: str
    project: ProjectHere | None
    """The project that the address names too; None where it names none, or one that the organisation does not have."""
    views: tuple[ViewName, ...] = ()
    """The views that the person can choose from, on a page that lists them."""

    @property
    def named(self) -> OrganisationName:
        """The organisation as rows of a feed name it."""
        return OrganisationName(self.id, self.handle, self.name)

    @property
    def sees_money(self) -> bool:
        """Whether entries about billing are shown to this person."""
        return allows(self.role, Permission.SEE_MONEY)


class Standing(NamedTuple):
    """The person, and where they stand; None where they do not belong, whether it exists or not."""

    person: Person
    here: Here | None
    seal: Seal | None = None
    """How far the log of the organisation is sealed."""


def standing(
    cookie: str, organisation: str | None, project: str | None = None, with_views: bool = False
) -> Standing | None:
    """Reads whose session it is and where they stand at an address with these handles; None once it has ended."""
    try:
        user_id, epoch, session = (whole_number(each, BIGINT) for each in cookie.split("."))
    except ValueError:
        return None
    values = {"user": user_id, "epoch": epoch, "session": session, "since": datetime.now(UTC) - LONGEST}
    found = read(STANDING, {**values, "organisation": organisation, "project": project, "views": with_views})
    if not found:
        return None
    person, here, within, views, sealed = found[0][:5], found[0][5:10], found[0][10:14], found[0][14], found[0][15:]
    if here[0] is None:
        return Standing(Person(*person), None)
    project_here = None if within[0] is None else ProjectHere(*within)
    return Standing(Person(*person), Here._make([*here, project_here, listed(views)]), Seal(*sealed))


class Belongings(NamedTuple):
    """The organisations that someone belongs to now."""

    organisations: list[OrganisationName]
    moneyless: frozenset[int]
    """The ids of those whose entries about billing they may not see."""


def belongings_of(user_id: int) -> Belongings:
    """Reads what someone belongs to, and in which role."""
    found = [(OrganisationName(*name), role) for *name, role in read(ORGANISATIONS, {"user": user_id})]
    moneyless = frozenset(name.id for name, role in found if not allows(role, Permission.SEE_MONEY))
    return Belongings([name for name, _ in found], moneyless)


def organisations_of(user_id: int) -> list[OrganisationName]:
    """Reads the names of the organisations that someone belongs to now."""
    return belongings_of(user_id).organisations


# With how far the log is sealed, and with views, so that no page asks for those alone: each part is found by a key.
STANDING = text(f"""
    SELECT users.id, users.name, users.email, users.session_epoch, sessions.id,
           organisations.id, organisations.handle, organisations.name, organisations.state, memberships.role,
           projects.id, projects.handle, projects.name, projects.state,
           CASE WHEN :views THEN {COLUMN} END,
           {STANDING_COLUMNS}
      FROM users
      JOIN sessions ON sessions.user_id = users.id AND sessions.id = :session AND sessions.started_at > :since
      LEFT JOIN (memberships JOIN organisations ON organisations.id = memberships.organisation_id)
        ON memberships.user_id = users.id AND organisations.handle = :organisation
      LEFT JOIN projects ON projects.organisation_id = organisations.id AND projects.handle = :project
      LEFT JOIN activity_heads AS head ON head.organisation_id = organisations.id
      {STANDING_FROM}
     WHERE users.id = :user AND users.session_epoch = :epoch
""")
ORGANISATIONS = text("""
    SELECT organisations.id, handle, name, role FROM organisations
      JOIN memberships ON memberships.organisation_id = organisations.id WHERE user_id = :user
""")
