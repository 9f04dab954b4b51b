"""Payments: written down before the provider is asked, so that money it took is never forgotten nor taken twice.

`ask` writes it down, `take` or `decline` says how it ended; `models/system/charging.py` asks the provider in between,
outside any transaction.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ColumnElement, DateTime, Integer, String, Uuid, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import account as billing
from models.billing import amounts, suspension
from models.billing.account import account_of, default_method, find_method, locked_account
from models.billing.provider import Collection
from models.billing.suspension import By
from models.database import Model, add, db
from models.errors import AlreadyDone, Invalid, PaymentUnderWay
from models.hold import hold_organisation_alone
from models.log.actor import SYSTEM, Actor, Door
from models.log.record import Action, Record, Sentence, record

# A declined card is asked again after this long, or as soon as someone changes a card or the settings.
RETRY = timedelta(hours=6)


DONE = "This top-up was already made; nothing was charged twice."
DECLINED = "The payment was declined and nothing was charged. Renew the card or choose another."


class Payment(Model):
    """A request for money from a payment method, in cents."""

    __tablename__ = "payments"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    method_id: Mapped[int] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default="asked")
    """asked, taken or declined."""
    actor_id: Mapped[int | None] = mapped_column(Integer)
    actor_name: Mapped[str] = mapped_column(String(77))
    actor_role: Mapped[str | None] = mapped_column(String(16))
    door: Mapped[str] = mapped_column(String(8))
    cause_number: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        return Actor(self.actor_id, self.actor_name, self.actor_role, Door(self.door))

    @property
    def collection(self) -> Collection:
        """What the provider is asked."""
        method = find_method(self.organisation_id, self.method_id)
        expiry = method.expiry_year, method.expiry_month
        return Collection(self.id, self.organisation_id, self.amount_cents, method.name, *expiry, datetime.now(UTC))


def ask(
    organisation_id: int, actor: Actor, amount_cents: int, method_id: int, id: UUID, cause: int | None = None
) -> Payment:
    """Write a payment down. Raises AlreadyDone for a double click, AlreadyEnded, Invalid, NotFound."""
    hold_organisation_alone(organisation_id)
    billing.payable_method(organisation_id, amount_cents, method_id)
    before = db.session.get(Payment, {"organisation_id": organisation_id, "id": id})
    if before is not None:
        raise Invalid(DECLINED, "payment_method") if before.state == "declined" else AlreadyDone(DONE)
    payment = _asked_by(actor, organisation_id, id, method_id, amount_cents, cause)
    add(payment, AlreadyDone(DONE))
    return payment


def ask_automatically(organisation_id: int, cause: int | None) -> Payment | None:
    """The same by the system, when the balance wants it and there is a card to ask; None otherwise.

    The account is locked: of two who look at once, the second finds the payment of the first.
    """
    hold_organisation_alone(organisation_id)
    account = locked_account(organisation_id)
    method = default_method(organisation_id)
    if method is None or not account.wants_top_up or _asked(organisation_id, Payment.actor_id.is_(None)):
        return None
    # Not `ask`: what is wrong with the card is the provider's to say, and an entry.
    payment = _asked_by(SYSTEM, organisation_id, uuid4(), method.id, account.amount_cents, cause)
    db.session.add(payment)
    return payment


def take(payment: Payment) -> Record | None:
    """The money is ours: add it to the balance, and resume what the balance had suspended; None when already done."""
    if not _settle(payment, "taken"):
        return None
    method = find_method(payment.organisation_id, payment.method_id)
    why = ""
    if payment.actor_id is None:
        why = f": it was below {amounts.shown(account_of(payment.organisation_id).threshold_cents)}"
    return billing.credit(
        payment.organisation_id, payment.actor, payment.amount_cents, method, payment.id, payment.cause_number, why
    )


def decline(payment: Payment, reason: str, grace: timedelta) -> Record | None:
    """The card did not pay. The system's own attempts are entries, and fall through to suspension."""
    if not _settle(payment, "declined") or payment.actor_id is not None:
        return None
    account = locked_account(payment.organisation_id)
    account.retry_at = datetime.now(UTC) + RETRY
    method = find_method(payment.organisation_id, payment.method_id)
    told = Sentence("Payment method ", f" declined {amounts.shown(payment.amount_cents)}: {reason}")
    declined = record(SYSTEM, Action.UPDATE, method.subject, {"declined": [None, reason]}, payment.cause_number, told)
    if account.exhausted:
        suspension.suspend(payment.organisation_id, By.BALANCE, grace=grace, cause=declined)
    return declined


def find_payment(organisation_id: int, id: UUID) -> Payment:
    """A payment that is known to exist."""
    return db.session.get_one(Payment, {"organisation_id": organisation_id, "id": id})


def require_settled(organisation_id: int) -> None:
    """Nobody has been asked for money that has not arrived yet. Raises PaymentUnderWay.

    Once an organisation is being deleted nothing can be booked for it any more.
    """
    if _asked(organisation_id):
        raise PaymentUnderWay("A payment is under way. Try again once it has arrived or was declined, in a minute.")


def unanswered(for_at_least: timedelta) -> list[tuple[int, UUID]]:
    """Payments that nobody has settled: whoever asked was interrupted."""
    long_ago = datetime.now(UTC) - for_at_least
    waiting = select(Payment.organisation_id, Payment.id).where(Payment.state == "asked", Payment.asked_at < long_ago)
    return [(organisation_id, id) for organisation_id, id in db.session.execute(waiting.order_by(Payment.asked_at))]


def _asked_by(
    actor: Actor, organisation_id: int, id: UUID, method_id: int, amount_cents: int, cause: int | None
) -> Payment:
    return Payment(
        organisation_id=organisation_id,
        id=id,
        method_id=method_id,
        amount_cents=amount_cents,
        state="asked",
        actor_id=actor.id,
        actor_name=actor.name,
        actor_role=actor.role,
        door=actor.door,
        cause_number=cause,
    )


def _asked(organisation_id: int, *which: ColumnElement[bool]) -> bool:
    """Whether one is under way, of those that `which` says."""
    waiting = select(Payment.id).where(Payment.organisation_id == organisation_id, Payment.state == "asked", *which)
    return db.session.execute(waiting.limit(1)).first() is not None


def _settle(payment: Payment, state: str) -> bool:
    """Of two who settle the same payment, the second finds it settled."""
    hold_organisation_alone(payment.organisation_id)
    db.session.refresh(payment, with_for_update=True)
    if payment.state != "asked":
        return False
    payment.state, payment.settled_at = state, datetime.now(UTC)
    return True
