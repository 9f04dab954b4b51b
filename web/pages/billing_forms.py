"""The forms of the billing page."""

from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.widgets import NumberInput

from models.billing import amounts
from models.billing.amounts import TOP_UP_LEAST, TOP_UP_MOST
from models.billing.cards import BRANDS, PaymentMethod
from web.forms import Checked, CheckedBy, Form, Unshown


def _amount(typed: str) -> int:
    return amounts.parsed(typed, "amount", TOP_UP_LEAST, TOP_UP_MOST)


def _threshold(typed: str) -> int:
    return amounts.parsed(typed, "threshold", 0, TOP_UP_MOST)


def _checked(name: str) -> Checked:
    """Returns what asks a card's own declaration."""
    return Checked(PaymentMethod.fields()[name])


def _expiry_month() -> StringField:
    limits = {"min": 1, "max": 12}
    return StringField("Expiry month", [_checked("expiry_month")], widget=NumberInput(), render_kw=limits)


def _expiry_year() -> StringField:
    limits = {"min": 2000, "max": 2100}
    return StringField("Expiry year", [_checked("expiry_year")], widget=NumberInput(), render_kw=limits)


class TopUpForm(Form):
    """An amount from a saved card; `request_id` makes a double click count once."""

    amount = StringField(
        "Amount", [CheckedBy(_amount)], description="From €1.00 to €10,000.00.", render_kw={"inputmode": "decimal"}
    )
    payment_method = SelectField("Payment method", validate_choice=False)
    request_id = HiddenField()

    def offer(self, methods: list[PaymentMethod]) -> None:
        """The saved cards to choose from."""
        self.payment_method.choices = [
            SelectChoice(str(each.id), f"{each.name}, expires {each.expires}") for each in methods
        ]


class ExpiryForm(Form):
    """A renewed card."""

    expiry_month = _expiry_month()
    expiry_year = _expiry_year()


class MethodForm(Form):
    """A card, without its number; `request_id` makes ten clicks save one."""

    request_id = HiddenField()
    brand = SelectField("Brand", choices=[SelectChoice(each) for each in BRANDS])
    last_four = Unshown(
        "Last four digits",
        [_checked("last_four")],
        description="Only these: the full number is never asked for or kept.",
        render_kw={"inputmode": "numeric", "maxlength": 4, "autocomplete": "off"},
    )
    expiry_month = _expiry_month()
    expiry_year = _expiry_year()


class AutoTopUpForm(Form):
    """Automatic top-ups: whether, below which balance, and by how much."""

    enabled = BooleanField("Top up automatically")
    threshold = StringField("When the balance falls below", [CheckedBy(_threshold)], render_kw={"inputmode": "decimal"})
    amount = StringField("Top up by", [CheckedBy(_amount)], render_kw={"inputmode": "decimal"})
