"""Payment methods: the cards that top-ups are paid with, and the default one among them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Integer, String, Uuid, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models import quotas
from models.billing.account import account_of, forget_decline
from models.database import add, db
from models.errors import AlreadyDone, AlreadyEnded, Invalid, NotFound
from models.field import Field, Shape, column
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.log.record import Action, Record, Sentence, Subject, record
from models.log.tracked import Owned

ADDED_BEFORE = "This payment method was already added."
BRANDS = ("Visa", "Mastercard", "American Express", "Discover", "JCB", "Maestro")


class PaymentMethod(Owned):
    """A card: brand, last four digits and expiry, never a full number."""

    __tablename__ = "payment_methods"
    noun = "billing"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    brand: Mapped[str] = column(String(20), Field("Brand"))
    last_four: Mapped[str] = column(
        String(4),
        Field(
            "Last four digits",
            pattern="[0-9]{4}",
            complaint="Enter the last four digits of the card, no more.",
        ),
    )
    expiry_month: Mapped[int] = column(Integer, Field("Expiry month", Shape.NUMBER, least=1, most=12))
    expiry_year: Mapped[int] = column(Integer, Field("Expiry year", Shape.NUMBER, least=2000, most=2100, grouped=False))
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    request_id: Mapped[UUID | None] = mapped_column(Uuid)
    """Of the form that it was saved by, which saves one however often it is sent."""

    @property
    def name(self) -> str:
        """What people call it: "Visa ending 4242"."""
        return f"{self.brand} ending {self.last_four}"

    @property
    def expires(self) -> str:
        """The last month it is good for, as cards print it: "09/28"."""
        return f"{self.expiry_month:02}/{self.expiry_year % 100:02}"

    @property
    def subject(self) -> Subject:
        """The method as an entry names it."""
        return Subject(self.organisation_id, self.noun, self.id, self.name)

    def change_expiry(self, actor: Actor, **values: Any) -> None:
        """Take over the expiry of a renewed card. Raises Invalid, AlreadyEnded, NotFound."""
        hold_organisation_alone(self.organisation_id)
        self.require_kept()
        changes = self.assign({name: values[name] for name in ("expiry_month", "expiry_year")})
        self.require_unexpired()
        if changes:
            forget_decline(self.organisation_id)
            record(actor, Action.UPDATE, self.subject, changes, sentence=Sentence("Payment method ", " updated"))

    def make_default(self, actor: Actor) -> None:
        """Use it for automatic top-ups. Raises AlreadyEnded, NotFound."""
        hold_organisation_alone(self.organisation_id)
        db.session.refresh(self)
        self.require_kept()
        if self.is_default:
            return
        before = default_method(self.organisation_id)
        if before is not None:
            before.is_default = False
            db.session.flush()
        forget_decline(self.organisation_id)
        self._follow(before, actor)

    def remove(self, actor: Actor) -> None:
        """Forget the card; the next newest becomes the default. Raises AlreadyEnded, Invalid, NotFound."""
        hold_organisation_alone(self.organisation_id)
        db.session.refresh(self)
        self.require_kept()
        others = [each for each in payment_methods(self.organisation_id) if each.id != self.id]
        if not others and account_of(self.organisation_id).auto_top_up:
            raise Invalid("Automatic top-up uses this method. Add another one or turn automatic top-up off first.")
        self.removed_at = datetime.now(UTC)
        was_default, self.is_default = self.is_default, False
        db.session.flush()
        removal = record(actor, Action.DELETE, self.subject, sentence=Sentence("Payment method ", " removed"))
        if was_default and others:
            others[0]._follow(self, actor, removal)

    def _follow(self, before: "PaymentMethod | None", actor: Actor, cause: Record | None = None) -> None:
        """Become the default after another card, or as the first one."""
        self.is_default = True
        record(
            actor,
            Action.UPDATE,
            self.subject,
            {"default": [before.name if before else None, self.name]},
            cause,
            Sentence("Payment method ", " made the default"),
        )

    def require_kept(self) -> None:
        """Raises AlreadyEnded when it was removed."""
        if self.removed_at is not None:
            raise AlreadyEnded(f"{self.name} was already removed.")

    def require_unexpired(self) -> None:
        """Raises Invalid when its last month is over."""
        now = datetime.now(UTC)
        if (self.expiry_year, self.expiry_month) < (now.year, now.month):
            raise Invalid("This card has expired.", "expiry_month")


def add_payment_method(
    organisation_id: int, actor: Actor, request_id: UUID | None = None, **values: Any
) -> PaymentMethod:
    """Save a card; the first one becomes the default.

    Raises AlreadyDone for a form that has saved one before, Invalid, NotFound, QuotaReached.
    """
    hold_organisation_alone(organisation_id)
    if request_id is not None and _saved_by(organisation_id, request_id):
        raise AlreadyDone(ADDED_BEFORE)
    quotas.require_room(quotas.CARDS, organisation_id, datetime.now(UTC))
    if values.get("brand") not in BRANDS:
        raise Invalid(f"Choose one of {', '.join(BRANDS)}.", "brand")
    method = PaymentMethod(organisation_id=organisation_id, request_id=request_id)
    changes = method.fill(values)
    method.require_unexpired()
    method.is_default = default_method(organisation_id) is None
    add(method, AlreadyDone(ADDED_BEFORE))
    record(actor, Action.CREATE, method.subject, changes, sentence=Sentence("Payment method ", " added"))
    return method


def payment_methods(organisation_id: int) -> list[PaymentMethod]:
    """Returns the saved cards, the default one first, then the newest."""
    mine = select(PaymentMethod).where(
        PaymentMethod.organisation_id == organisation_id, PaymentMethod.removed_at.is_(None)
    )
    return list(db.session.scalars(mine.order_by(PaymentMethod.is_default.desc(), PaymentMethod.id.desc())))


def _saved_by(organisation_id: int, request_id: UUID) -> bool:
    mine = (PaymentMethod.organisation_id == organisation_id, PaymentMethod.request_id == request_id)
    return db.session.scalar(select(PaymentMethod.id).where(*mine)) is not None


def default_method(organisation_id: int) -> PaymentMethod | None:
    """Returns the card that automatic top-ups use, if there is any card."""
    return next((each for each in payment_methods(organisation_id) if each.is_default), None)


def find_method(organisation_id: int, method_id: int) -> PaymentMethod:
    """Returns one card, removed or not. Raises NotFound."""
    found = db.session.get(PaymentMethod, {"organisation_id": organisation_id, "id": method_id})
    if found is None:
        raise NotFound("This payment method does not exist.")
    return found
