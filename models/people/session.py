"""Sessions: in which browsers a person is signed in. The cookie names one, and dies with it."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Integer, String, delete, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db
from models.people.standing import LONGEST, Person
from models.people.user import User

BROWSER_MOST = 300
ADDRESS_MOST = 45
LISTED_MOST = 100
# What a browser says of itself, the more telling first: each names those below it too.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


class Session(Model):
    """A browser in which a person signed in, until they sign out or end it from another one."""

    __tablename__ = "sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    """The account's when it began; worthless once that is another one."""
    browser: Mapped[str] = mapped_column(String(300))
    """What the browser said of itself."""
    address: Mapped[str] = mapped_column(String(45))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    @property
    def described(self) -> str:
        """The browser in two words, as far as it can be told."""
        browser = next((name for mark, name in BROWSERS.items() if mark in self.browser), "Another browser")
        system = next((name for mark, name in SYSTEMS.items() if mark in self.browser), None)
        return f"{browser} on {system}" if system else browser


def begin_session(user: User, browser: str, address: str) -> Person:
    """Sign the person in with one more browser, and clear away what can no longer be used."""
    over = or_(Session.epoch != user.session_epoch, Session.started_at <= datetime.now(UTC) - LONGEST)
    db.session.execute(delete(Session).where(Session.user_id == user.id, over))
    begun = Session(
        user_id=user.id,
        epoch=user.session_epoch,
        browser="".join(filter(str.isprintable, browser))[:BROWSER_MOST],
        address=address[:ADDRESS_MOST],
    )
    db.session.add(begun)
    db.session.flush()
    return Person(user.id, user.name, user.email, user.session_epoch, begun.id)


def sessions_of(person: Person) -> list[Session]:
    """Returns where the person is signed in, newest first."""
    mine = select(Session).where(
        Session.user_id == person.id,
        Session.epoch == person.session_epoch,
        Session.started_at > datetime.now(UTC) - LONGEST,
    )
    return list(db.session.scalars(mine.order_by(Session.id.desc()).limit(LISTED_MOST)))


def end_session(user_id: int, session_id: int) -> None:
    """Sign the person out of one browser; doing so twice is fine."""
    db.session.execute(delete(Session).where(Session.user_id == user_id, Session.id == session_id))
