"""An organisation's prepaid balance, the ledger of every movement, and the payment methods that feed it."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Integer, String, Uuid, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import amounts, suspension
from models.billing.suspension import By
from models.billing.usage import MINUTE, full_minute
from models.database import Model, add, db
from models.errors import AlreadyDone, AlreadyEnded, Invalid, NotFound
from models.field import Field, Shape, column
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.log.record import Action, Record, Sentence, Subject, record
from models.log.tracked import Tracked

TOP_UP_LEAST, TOP_UP_MOST = 100, 1_000_000
BRANDS = ("Visa", "Mastercard", "American Express", "Discover", "JCB", "Maestro")
# The balance is no row of its own in the log's terms: entries about it bear resource id 0.
BALANCE_ID = 0
LATEST = 2**63 - 1
# Rows of the ledger read for a page of lines: more than a day of a charge a minute.
SCANNED = 2000


class BillingAccount(Tracked):
    """The balance, in cents, and when it fills itself."""

    __tablename__ = "billing_accounts"
    noun = "billing"

    balance_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    auto_top_up: Mapped[bool] = column(Boolean, Field("Automatic top-up"))
    threshold_cents: Mapped[int] = column(Integer, Field("Threshold"))
    amount_cents: Mapped[int] = column(Integer, Field("Amount"))
    # What models/billing/usage.py charges.
    cpu_millicores: Mapped[int] = mapped_column(BigInteger, default=0)
    memory_mib: Mapped[int] = mapped_column(BigInteger, default=0)
    cache_mib: Mapped[int] = mapped_column(BigInteger, default=0)
    charged_until: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    booked_until: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    owed_microcents: Mapped[int] = mapped_column(BigInteger, default=0)
    exhausted: Mapped[bool] = mapped_column(Boolean, default=False)
    """A charge found nothing left: to be topped up, or suspended."""
    retry_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """After a decline: not before this is the card asked again by the system."""

    @property
    def wants_top_up(self) -> bool:
        """Whether the system is to fill it now."""
        waiting = self.retry_at is not None and self.retry_at > datetime.now(UTC) and not self.exhausted
        return self.auto_top_up and self.balance_cents < self.threshold_cents and not waiting

    @property
    def subject(self) -> Subject:
        """The balance as an entry names it."""
        return Subject(self.organisation_id, self.noun, BALANCE_ID, "Balance")

    def set_auto_top_up(self, actor: Actor, enabled: bool, threshold_cents: int, amount_cents: int) -> None:
        """Fill the balance by itself when it falls below the threshold. Raises Invalid, NotFound."""
        require_amount(threshold_cents, "threshold", least=0)
        require_amount(amount_cents, "amount")
        hold_organisation_alone(self.organisation_id)
        if enabled and default_method(self.organisation_id) is None:
            raise Invalid("Add a payment method first: automatic top-ups use the default one.", "enabled")
        before = {
            "auto_top_up": self.auto_top_up,
            "threshold_cents": self.threshold_cents,
            "amount_cents": self.amount_cents,
        }
        after = {"auto_top_up": enabled, "threshold_cents": threshold_cents, "amount_cents": amount_cents}
        changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        if changes:
            self.auto_top_up, self.threshold_cents, self.amount_cents = enabled, threshold_cents, amount_cents
            self.retry_at = None
            told = " settings changed"
            if before["auto_top_up"] != enabled:
                told = " turned on" if enabled else " turned off"
            record(
                actor,
                Action.UPDATE,
                self.subject,
                changes,
                sentence=Sentence("", f": automatic top-up{told}"),
            )


class PaymentMethod(Tracked):
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
    expiry_year: Mapped[int] = column(Integer, Field("Expiry year", Shape.NUMBER, least=2000, most=2100))
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def name(self) -> str:
        """ "Visa ending 4242"."""
        return f"{self.brand} ending {self.last_four}"

    @property
    def expires(self) -> str:
        """ "09/28"."""
        return f"{self.expiry_month:02}/{self.expiry_year % 100:02}"

    @property
    def subject(self) -> Subject:
        """The method as an entry names it."""
        return Subject(self.organisation_id, self.noun, self.id, self.name)

    def change_expiry(self, actor: Actor, **values: Any) -> None:
        """The card was renewed. Raises Invalid, AlreadyEnded, NotFound."""
        hold_organisation_alone(self.organisation_id)
        self.require_kept()
        changes = self.assign({name: values[name] for name in ("expiry_month", "expiry_year")})
        self.require_unexpired()
        if changes:
            ask_again(self.organisation_id)
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
        self.is_default = True
        ask_again(self.organisation_id)
        changes = {"default": [before.name if before else None, self.name]}
        record(
            actor,
            Action.UPDATE,
            self.subject,
            changes,
            sentence=Sentence("Payment method ", " made the default"),
        )

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
            others[0].is_default = True
            told = Sentence("Payment method ", " made the default")
            record(
                actor,
                Action.UPDATE,
                others[0].subject,
                {"default": [self.name, others[0].name]},
                removal,
                told,
            )

    def require_kept(self) -> None:
        if self.removed_at is not None:
            raise AlreadyEnded(f"{self.name} was already removed.")

    def require_unexpired(self) -> None:
        now = datetime.now(UTC)
        if (self.expiry_year, self.expiry_month) < (now.year, now.month):
            raise Invalid("This card has expired.", "expiry_month")


class LedgerRow(Model):
    """One movement of the balance, in cents; rows are only ever added."""

    __tablename__ = "ledger"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    kind: Mapped[str] = mapped_column(String(16))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    balance_after_cents: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[str] = mapped_column(String(200))
    charged_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    charged_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Of a charge: the time that it pays for."""
    request_id: Mapped[UUID | None] = mapped_column(Uuid)
    """Of the form that asked for it: the same form sent twice moves money once."""


def open_account(organisation_id: int) -> None:
    """Give a new organisation its empty balance."""
    now = full_minute(datetime.now(UTC))
    db.session.add(
        BillingAccount(
            organisation_id=organisation_id,
            auto_top_up=False,
            threshold_cents=1000,
            amount_cents=5000,
            charged_until=now,
            booked_until=now,
        )
    )


def account_of(organisation_id: int) -> BillingAccount:
    """The organisation's balance."""
    return db.session.get_one(BillingAccount, organisation_id)


def locked_account(organisation_id: int) -> BillingAccount:
    """The same as it is stored now, and nobody else changes it until COMMIT."""
    account = account_of(organisation_id)
    db.session.refresh(account, with_for_update=True)
    return account


def top_up(organisation_id: int, actor: Actor, amount_cents: int, method_id: int, request_id: UUID) -> Record:
    """Add money that has arrived. Raises AlreadyDone for a double click, AlreadyEnded, Invalid, NotFound.

    Asking a provider for it first is a payment: models/billing/payment.py.
    """
    hold_organisation_alone(organisation_id)
    method = payable_method(organisation_id, amount_cents, method_id)
    return credit(organisation_id, actor, amount_cents, method, request_id)


def payable_method(organisation_id: int, amount_cents: int, method_id: int) -> PaymentMethod:
    """The card, when it can be asked for so much. Raises AlreadyEnded, Invalid, NotFound."""
    require_amount(amount_cents, "amount")
    method = find_method(organisation_id, method_id)
    db.session.refresh(method)
    method.require_kept()
    method.require_unexpired()
    return method


def credit(
    organisation_id: int,
    actor: Actor,
    amount_cents: int,
    method: PaymentMethod,
    request_id: UUID,
    cause: int | None = None,
    why: str = "",
) -> Record:
    """Add it to the balance, and resume what the balance had suspended. Raises AlreadyDone."""
    account = locked_account(organisation_id)
    before, after = account.balance_cents, account.balance_cents + amount_cents
    add(
        LedgerRow(
            organisation_id=organisation_id,
            kind="top_up",
            amount_cents=amount_cents,
            balance_after_cents=after,
            description=f"Top-up with {method.name} by {actor.name}",
            request_id=request_id,
        ),
        AlreadyDone("This top-up was already made; nothing was charged twice."),
    )
    account.balance_cents, account.retry_at = after, None
    told = Sentence("", f" topped up by {amounts.shown(amount_cents)} with {method.name}{why}")
    added = record(actor, Action.UPDATE, account.subject, {"balance_cents": [before, after]}, cause, told)
    if after > 0:
        account.exhausted = False
        suspension.resume(organisation_id, "its balance was topped up", cause=added, by=By.BALANCE)
    return added


def add_payment_method(organisation_id: int, actor: Actor, **values: Any) -> PaymentMethod:
    """Save a card; the first one becomes the default. Raises Invalid, NotFound."""
    hold_organisation_alone(organisation_id)
    if values.get("brand") not in BRANDS:
        raise Invalid(f"Choose one of {', '.join(BRANDS)}.", "brand")
    method = PaymentMethod(organisation_id=organisation_id)
    changes = method.fill(values)
    method.require_unexpired()
    method.is_default = default_method(organisation_id) is None
    add(method, AlreadyDone("This payment method was already added."))
    record(actor, Action.CREATE, method.subject, changes, sentence=Sentence("Payment method ", " added"))
    return method


def ask_again(organisation_id: int) -> None:
    """A card has changed: the next round of charging need not wait any longer after a decline."""
    db.session.execute(ASK_AGAIN, {"organisation": organisation_id})


def payment_methods(organisation_id: int) -> list[PaymentMethod]:
    """The saved cards, the default one first, then the newest."""
    mine = select(PaymentMethod).where(
        PaymentMethod.organisation_id == organisation_id, PaymentMethod.removed_at.is_(None)
    )
    return list(db.session.scalars(mine.order_by(PaymentMethod.is_default.desc(), PaymentMethod.id.desc())))


def default_method(organisation_id: int) -> PaymentMethod | None:
    """The card that automatic top-ups use."""
    return next((each for each in payment_methods(organisation_id) if each.is_default), None)


def find_method(organisation_id: int, method_id: int) -> PaymentMethod:
    """One card, removed or not. Raises NotFound."""
    found = db.session.get(PaymentMethod, {"organisation_id": organisation_id, "id": method_id})
    if found is None:
        raise NotFound("This payment method does not exist.")
    return found


def require_amount(cents: int, field: str, least: int = TOP_UP_LEAST) -> None:
    """Raises Invalid: whichever door an amount comes through, money is not taken out by topping up."""
    if not least <= cents <= TOP_UP_MOST:
        raise Invalid(f"Enter an amount from {amounts.shown(least)} to {amounts.shown(TOP_UP_MOST)}.", field)


def movements(organisation_id: int, before: int = LATEST, size: int = 50) -> list[LedgerRow]:
    """The ledger, newest first, from below a row's id."""
    mine = select(LedgerRow).where(LedgerRow.organisation_id == organisation_id, LedgerRow.id < before)
    return list(db.session.scalars(mine.order_by(LedgerRow.id.desc()).limit(size)))


class Movement(NamedTuple):
    """A line of the ledger as people read it: a top-up, or the charges of an hour together."""

    kind: str
    at: datetime
    description: str
    amount_cents: int
    balance_after_cents: int
    charged_from: datetime | None
    charged_until: datetime | None


def movements_by_hour(organisation_id: int, before: int = LATEST, size: int = 50) -> tuple[list[Movement], int | None]:
    """The ledger, newest first, from below a row's id; and that id for the next page, None at the beginning.

    A charge a minute would bury the top-ups: those of one hour that follow each other are one line.
    """
    rows = movements(organisation_id, before, SCANNED)
    found: list[Movement] = []
    oldest = None
    for (kind, _), group in groupby(rows, _line):
        if len(found) == size:
            return found, oldest
        together = list(group)
        newest, first = together[0], together[-1]
        found.append(
            Movement(
                kind,
                newest.at,
                newest.description,
                sum(each.amount_cents for each in together),
                newest.balance_after_cents,
                first.charged_from,
                newest.charged_until,
            )
        )
        oldest = first.id
    return found, oldest if len(rows) == SCANNED else None


def _line(row: LedgerRow) -> tuple[str, Any]:
    if row.charged_until is None:
        return row.kind, row.id
    return row.kind, (row.charged_until - MINUTE).replace(minute=0, second=0, microsecond=0)


ASK_AGAIN = text("UPDATE billing_accounts SET retry_at = NULL WHERE organisation_id = :organisation")
