"""A top-up, in the order in which it happens: asked for, collected from the provider, booked.

`ask` writes the payment down before anyone is asked for money, so that what was taken is never forgotten nor taken
twice. `collect` asks the provider, with no transaction open: nothing is held while someone else's computer thinks.
`book` writes down how it ended, and credits the balance. Whatever dies in between is collected again a minute later,
under the same id.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ColumnElement, DateTime, Integer, String, Uuid, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import provider, suspension
from models.billing.account import account_of, account_to_top_up, locked_account
from models.billing.amounts import require_amount, shown
from models.billing.cards import PaymentMethod, default_method, find_method
from models.billing.ledger import book_top_up, is_booked
from models.billing.provider import Collection, Declined
from models.billing.suspension import By
from models.database import Model, add, db
from models.errors import AlreadyDone, Invalid, PaymentUnderWay
from models.hold import Held, hold_organisation_alone
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
    def by_system(self) -> bool:
        """Whether the balance asked for it, and no person."""
        return self.actor_id is None


def ask(organisation_id: int, actor: Actor, amount_cents: int, method_id: int, id: UUID) -> Collection:
    """Write down that a person tops up. Raises AlreadyDone for a double click, AlreadyEnded, Invalid, NotFound."""
    hold_organisation_alone(organisation_id)
    method = payable_method(organisation_id, amount_cents, method_id)
    before = db.session.get(Payment, {"organisation_id": organisation_id, "id": id})
    if before is not None:
        raise Invalid(DECLINED, "payment_method") if before.state == "declined" else AlreadyDone(DONE)
    return _written_down(organisation_id, actor, amount_cents, method, id)


def ask_automatically(organisation_id: int, cause: int | None, now: datetime) -> Collection | None:
    """Write down that the system tops up; None when the balance does not want it or there is no card.

    The account is locked: of two who look at once, the second finds the payment of the first. What is wrong with the
    card is for the provider to say, since its refusal becomes an entry.
    """
    hold_organisation_alone(organisation_id)
    account = account_to_top_up(organisation_id, now)
    method = default_method(organisation_id)
    if account is None or method is None or _under_way(organisation_id, Payment.actor_id.is_(None)):
        return None
    return _written_down(organisation_id, SYSTEM, account.amount_cents, method, uuid4(), cause)


def payable_method(organisation_id: int, amount_cents: int, method_id: int) -> PaymentMethod:
    """Returns the card, when it can be asked for so much. Raises AlreadyEnded, Invalid, NotFound."""
    require_amount(amount_cents, "amount")
    method = find_method(organisation_id, method_id)
    db.session.refresh(method)
    method.require_kept()
    method.require_unexpired()
    return method


def collect(asked: Collection) -> str | None:
    """Take the money from the provider; returns why it was declined, None when it was not.

    Call it outside any transaction. An error of the provider leaves the payment as it is, to be collected again.
    """
    try:
        provider.PROVIDER.collect(asked)
    except Declined as refusal:
        return str(refusal)
    return None


def book(asked: Collection, refusal: str | None, grace: timedelta | None = None) -> bool:
    """Write down how a payment ended and do what follows from it; returns whether the money has arrived.

    A card that declines the system becomes an entry, and with nothing left a suspension with this grace period. Of two
    who book the same payment, the second finds it booked. Raises NotFound.
    """
    held = hold_organisation_alone(asked.organisation_id)
    payment = _locked(asked)
    if payment.state != "asked":
        return payment.state == "taken"
    payment.settled_at = datetime.now(UTC)
    payment.state = "taken" if refusal is None else "declined"
    if refusal is None:
        _take(held, payment)
    elif payment.by_system:
        _report_decline(held, payment, refusal, grace)
    return refusal is None


def credit(
    held: Held,
    actor: Actor,
    amount_cents: int,
    method: PaymentMethod,
    request_id: UUID,
    cause: int | None = None,
    why: str = "",
) -> Record:
    """Add to the balance, and resume what the balance had suspended. Raises AlreadyDone."""
    account = locked_account(held.id)
    if is_booked(held.id, request_id):  # which nobody changes while the account is locked
        raise AlreadyDone(DONE)
    before, after = account.balance_cents, account.balance_cents + amount_cents
    account.balance_cents, account.retry_at, account.low_told_at = after, None, None
    sentence = Sentence("", f" topped up by {shown(amount_cents)} with {method.name}{why}")
    added = record(actor, Action.UPDATE, account.subject, {"balance_cents": [before, after]}, cause, sentence)
    book_top_up(added, held.id, amount_cents, after, f"Top-up with {method.name} by {actor.name}", request_id)
    if after > 0:
        account.exhausted = False
        suspension.resume(held, "its balance was topped up", cause=added, by=By.BALANCE)
    return added


def top_up(organisation_id: int, actor: Actor, amount_cents: int, method_id: int, request_id: UUID) -> Record:
    """Add money that nobody needs to be asked for. Raises AlreadyDone, AlreadyEnded, Invalid, NotFound."""
    held = hold_organisation_alone(organisation_id)
    method = payable_method(organisation_id, amount_cents, method_id)
    return credit(held, actor, amount_cents, method, request_id)


def require_none_under_way(organisation_id: int) -> None:
    """Raises PaymentUnderWay when money was asked for that has not arrived: a deleted organisation cannot book it."""
    if _under_way(organisation_id):
        raise PaymentUnderWay("A payment is under way. Try again once it has arrived or was declined, in a minute.")


def interrupted(for_at_least: timedelta) -> list[Collection]:
    """Returns payments that were asked for so long ago that whoever asked must have died, the oldest first."""
    now = datetime.now(UTC)
    waiting = (
        select(Payment, PaymentMethod)
        .join(
            PaymentMethod,
            (PaymentMethod.organisation_id == Payment.organisation_id) & (PaymentMethod.id == Payment.method_id),
        )
        .where(Payment.state == "asked", Payment.asked_at < now - for_at_least)
    )
    return [_collection(*found, now) for found in db.session.execute(waiting.order_by(Payment.asked_at))]


def _written_down(
    organisation_id: int, actor: Actor, amount_cents: int, method: PaymentMethod, id: UUID, cause: int | None = None
) -> Collection:
    payment = Payment(
        organisation_id=organisation_id,
        id=id,
        method_id=method.id,
        amount_cents=amount_cents,
        state="asked",
        actor_id=actor.id,
        actor_name=actor.name,
        actor_role=actor.role,
        door=actor.door,
        cause_number=cause,
    )
    add(payment, AlreadyDone(DONE))
    return _collection(payment, method, datetime.now(UTC))


def _collection(payment: Payment, method: PaymentMethod, now: datetime) -> Collection:
    expiry = method.expiry_year, method.expiry_month
    return Collection(payment.id, payment.organisation_id, payment.amount_cents, method.name, *expiry, now)


def _under_way(organisation_id: int, *which: ColumnElement[bool]) -> bool:
    waiting = select(Payment.id).where(Payment.organisation_id == organisation_id, Payment.state == "asked", *which)
    return db.session.execute(waiting.limit(1)).first() is not None


def _locked(asked: Collection) -> Payment:
    key = {"organisation_id": asked.organisation_id, "id": asked.id}
    return db.session.get_one(Payment, key, with_for_update=True, populate_existing=True)


def _take(held: Held, payment: Payment) -> None:
    method = find_method(held.id, payment.method_id)
    why = f": it was below {shown(account_of(held.id).threshold_cents)}" if payment.by_system else ""
    credit(held, payment.actor, payment.amount_cents, method, payment.id, payment.cause_number, why)


def _report_decline(held: Held, payment: Payment, reason: str, grace: timedelta | None) -> None:
    account = locked_account(held.id)
    account.retry_at = datetime.now(UTC) + RETRY
    method = find_method(held.id, payment.method_id)
    sentence = Sentence("Payment method ", f" declined {shown(payment.amount_cents)}: {reason}")
    changes = {"declined": [None, reason]}
    declined = record(SYSTEM, Action.UPDATE, method.subject, changes, payment.cause_number, sentence)
    if account.exhausted:
        suspension.suspend(held, By.BALANCE, grace=grace, cause=declined)
