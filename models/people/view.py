"""Saved views: names for queries of the log, a person's own or shared in the organisation. No entry tells of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Integer, String, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from models.database import UNIQUE_VIOLATION, Model, add, db, read
from models.errors import Forbidden, NameTaken, NotFound, QuotaReached
from models.field import NAME_MOST, Field
from models.log.keys import BadQuery
from models.log.query import LENGTH, Term, parse, query
from models.people.access import Permission, allows

NAME = Field("Name", most=NAME_MOST)
QUERY = Field("Query", most=LENGTH.characters, most_bytes=LENGTH.in_bytes)
MOST = 50
"""How many a person may have of their own, and an organisation of shared ones."""
LATEST = 2**63 - 1
# What a view asks for of which nothing else is left.
NOTHING_ELSE = "number:1"


class SavedView(Model):
    """A query under a name."""

    __tablename__ = "saved_views"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(Integer)
    """Of whoever saved it."""
    name: Mapped[str] = mapped_column(String(77))
    query: Mapped[str] = mapped_column(String(500))
    """In its canonical form, as it was understood when it was saved."""
    shared: Mapped[bool] = mapped_column(Boolean)
    """Whether everyone in the organisation has it."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    def change(self, user_id: int, role: str, name: str, query: str, shared: bool) -> None:
        """Give it another name or query, or share it or no longer. Raises what `save_view` raises."""
        self.require_may_change(user_id, role)
        if shared != self.shared:
            _require_may_share(role, shared)
            _require_room(self.organisation_id, self.user_id, shared)
        self.name, self.query, self.shared = _name(name), _query(query), shared
        try:
            db.session.flush()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION:
                raise _taken(name) from error
            raise

    def remove(self, user_id: int, role: str) -> None:
        """Forget it. Raises Forbidden."""
        self.require_may_change(user_id, role)
        db.session.delete(self)

    def require_may_change(self, user_id: int, role: str) -> None:
        """Raises Forbidden for who neither saved it nor manages the people it is shared with."""
        if self.user_id != user_id and not allows(role, Permission.MANAGE_MEMBERS):
            raise Forbidden("Only who saved this view, an admin or an owner can change it.")


class ViewName(NamedTuple):
    """A saved view as pages list it."""

    id: int
    user_id: int
    name: str
    query: str
    shared: bool


def views_of(organisation_id: int, user_id: int) -> list[ViewName]:
    """Reads a person's own views and the shared ones, by name."""
    return [ViewName(*row) for row in read(LISTED, {"organisation": organisation_id, "user": user_id})]


def listed(column: list[list[Any]] | None) -> tuple[ViewName, ...]:
    """Returns the views of COLUMN."""
    return tuple(ViewName(*each) for each in column or ())


def save_view(organisation_id: int, user_id: int, role: str, name: str, query: str, shared: bool) -> SavedView:
    """Save a query under a name. Raises Invalid, BadQuery, Forbidden, NameTaken, QuotaReached."""
    _require_may_share(role, shared)
    view = SavedView(
        organisation_id=organisation_id, user_id=user_id, name=_name(name), query=_query(query), shared=shared
    )
    _require_room(organisation_id, user_id, shared)
    add(view, _taken(name))
    return view


def find_view(organisation_id: int, view_id: int, user_id: int) -> SavedView:
    """Returns a view of a person's own or a shared one. Raises NotFound."""
    key = {"organisation_id": organisation_id, "id": view_id}
    found = db.session.get(SavedView, key) if view_id <= LATEST else None
    if found is None or not (found.shared or found.user_id == user_id):
        raise NotFound("There is no such view.")
    return found


def erase_from_views(organisation_id: int, user_id: int | None, names: Sequence[str], shown: str) -> None:
    """Forget someone's own views, and have the others ask for what they are shown as, no longer for their names."""
    mine = SavedView.organisation_id == organisation_id
    db.session.execute(delete(SavedView).where(mine, SavedView.user_id == user_id, ~SavedView.shared))
    sought = {name.lower() for name in names}
    for each in db.session.scalars(select(SavedView).where(mine).order_by(SavedView.id)):
        if any(name in each.query.lower().replace("\\", "") for name in sought):
            each.query = _without(each.query, sought, shown)


def _without(asked: str, sought: set[str], shown: str) -> str:
    terms = [
        Term(
            each.key,
            tuple(shown if value.lower().removesuffix("*") in sought else value for value in each.values),
            each.excluded,
        )
        for each in parse(asked).terms
    ]
    try:
        return str(query(terms))
    except BadQuery:
        return NOTHING_ELSE


def _name(given: str) -> str:
    checked: str = NAME.check(given)
    return checked


def _query(given: str) -> str:
    query = parse(given)
    if not query:
        raise BadQuery("", "Say what the view is to find.")
    return str(query)


def _taken(name: str) -> NameTaken:
    return NameTaken(f"There is a view with the name “{name.strip()}” already.")


def _require_may_share(role: str, shared: bool) -> None:
    if shared and not allows(role, Permission.MANAGE_RESOURCES):
        raise Forbidden("Your role in this organisation does not share views. Save it for yourself.")


def _require_room(organisation_id: int, user_id: int, shared: bool) -> None:
    """Raises QuotaReached; who save at the same moment do not see each other, and no one is made to wait for that."""
    theirs = SavedView.shared if shared else (SavedView.user_id == user_id) & ~SavedView.shared
    counted = select(func.count()).where(SavedView.organisation_id == organisation_id, theirs)
    if (db.session.scalar(counted) or 0) >= MOST:
        whose = "This organisation shares" if shared else "You have"
        raise QuotaReached(f"{whose} {MOST} views, the most there may be. Delete one that is no longer needed.")


def _listed(organisation: str) -> str:
    return f"""
    SELECT id, user_id, name, query, shared FROM saved_views
     WHERE organisation_id = {organisation} AND (shared OR user_id = :user)
     ORDER BY lower(name), id LIMIT {2 * MOST}"""


LISTED = text(_listed(":organisation"))
# For a query that reads other things too: what `listed` understands, of the organisation that the query has joined.
COLUMN = f"""
    (SELECT jsonb_agg(jsonb_build_array(id, user_id, name, query, shared) ORDER BY lower(name), id)
       FROM ({_listed("organisations.id")}) AS listed)"""
