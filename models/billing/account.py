"""An organisation's prepaid balance, and when it fills itself."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing.amounts import require_amount
from models.billing.usage import full_minute
from models.database import db
from models.errors import Invalid
from models.field import Field, column
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.log.record import Action, Sentence, Subject, record
from models.log.tracked import Owned

# The balance is no row of its own in the log's terms: entries about it bear resource id 0.
BALANCE_ID = 0


class BillingAccount(Owned):
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
    """After a decline, the system does not try the card again before this time."""

    low_told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When owners were told by mail that it runs low, since the last top-up."""

    @property
    def subject(self) -> Subject:
        """The balance as an entry names it."""
        return Subject(self.organisation_id, self.noun, BALANCE_ID, "Balance")

    def set_auto_top_up(self, actor: Actor, enabled: bool, threshold_cents: int, amount_cents: int) -> None:
        """Say whether the balance fills itself below the threshold, and by how much. Raises Invalid, NotFound."""
        require_amount(threshold_cents, "threshold", least=0)
        require_amount(amount_cents, "amount")
        hold_organisation_alone(self.organisation_id)
        if enabled and not self._has_a_card():
            raise Invalid("Add a payment method first: automatic top-ups use the default one.", "enabled")
        before = self.auto_top_up
        settings = {"auto_top_up": enabled, "threshold_cents": threshold_cents, "amount_cents": amount_cents}
        changes = {name: [getattr(self, name), new] for name, new in settings.items() if getattr(self, name) != new}
        if changes:
            self.auto_top_up, self.threshold_cents, self.amount_cents = enabled, threshold_cents, amount_cents
            self.retry_at = None
            what = "settings changed" if before == enabled else "turned on" if enabled else "turned off"
            sentence = Sentence("", f": automatic top-up {what}")
            record(actor, Action.UPDATE, self.subject, changes, sentence=sentence)

    def _has_a_card(self) -> bool:
        return bool(db.session.execute(HAS_A_CARD, {"organisation": self.organisation_id}).scalar_one())


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
    """Returns the organisation's account, which exists as long as the organisation does."""
    return db.session.get_one(BillingAccount, organisation_id)


def locked_account(organisation_id: int) -> BillingAccount:
    """Returns the organisation's account as it is stored now, locked until COMMIT."""
    account = account_of(organisation_id)
    db.session.refresh(account, with_for_update=True)
    return account


def account_to_top_up(organisation_id: int, now: datetime) -> BillingAccount | None:
    """Returns the organisation's account, locked until COMMIT, when it wants to fill itself; None otherwise."""
    wanted = select(BillingAccount).where(BillingAccount.organisation_id == organisation_id, text(WANTS_TOP_UP))
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(locked, {"now": now})


def forget_decline(organisation_id: int) -> None:
    """Let the next round of charging try a card at once: one has changed since the last decline."""
    db.session.execute(FORGET_DECLINE, {"organisation": organisation_id})


# A declined card is left alone for a while, unless nothing is left: then the answer decides about a suspension.
WANTS_TOP_UP = """
    auto_top_up AND balance_cents < threshold_cents AND (exhausted OR retry_at IS NULL OR retry_at <= :now)
"""
# An organisation that its own balance may suspend or resume: no operator has suspended it, and it is not deleted.
LEFT_TO_ITS_BALANCE = """
       (state = 'active' OR state = 'suspended' AND EXISTS (
            SELECT FROM suspensions WHERE suspensions.organisation_id = account.organisation_id
                                      AND by = 'balance' AND ended_at IS NULL))
"""
# The organisations whose balance wants to fill itself.
WANTING = f"""
    SELECT account.organisation_id FROM billing_accounts AS account
      JOIN organisations ON organisations.id = account.organisation_id
     WHERE {WANTS_TOP_UP} AND {LEFT_TO_ITS_BALANCE}
     ORDER BY account.organisation_id
"""
HAS_A_CARD = text("""
    SELECT EXISTS (SELECT FROM payment_methods WHERE organisation_id = :organisation AND is_default)
""")
FORGET_DECLINE = text("UPDATE billing_accounts SET retry_at = NULL WHERE organisation_id = :organisation")
