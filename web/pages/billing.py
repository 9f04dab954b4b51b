"""Billing: the balance, top-ups, payment methods, the ledger."""

from uuid import UUID, uuid4

from flask import Blueprint, abort, flash, redirect, request, url_for

from models.billing import amounts, payment, usage
from models.billing.account import account_of
from models.billing.amounts import TOP_UP_LEAST, TOP_UP_MOST
from models.billing.cards import PaymentMethod, add_payment_method, find_method, payment_methods
from models.billing.ledger import LATEST, lines
from models.errors import AlreadyDone, Invalid, NotFound
from models.numbers import whole_number
from models.organisation import Organisation
from models.people.access import Permission
from web.access import Answer, needs
from web.acting import acting
from web.flashes import tell
from web.forms import Form, TokenForm
from web.fragments import render
from web.pages.billing_forms import AutoTopUpForm, ExpiryForm, MethodForm, TopUpForm

bp = Blueprint("billing", __name__, url_prefix="/orgs/<org>/billing")
LEDGER_SIZE = 50


@bp.get("")
@needs(Permission.MANAGE_BILLING)
def show(organisation: Organisation) -> Answer:
    """Show everything about the organisation's money."""
    return _page(organisation)


@bp.post("/top-ups")
@needs(Permission.MANAGE_BILLING)
def top_up(organisation: Organisation) -> Answer:
    """Top up the balance; a form that is sent twice adds once."""
    form = _top_up_form(organisation)
    if form.validate():
        with form.show_errors():
            cents = amounts.parsed(form.amount.data or "", "amount", TOP_UP_LEAST, TOP_UP_MOST)
            _require_plain(form, cents)
            method_id, request_id = _method_id(form.payment_method.data), _uuid(form.request_id.data)
            try:
                with acting() as actor:
                    asked = payment.ask(organisation.id, actor, cents, method_id, request_id)
                refusal = payment.collect(asked)  # with no transaction open, since it may take a while
                with acting():
                    arrived = payment.book(asked, refusal)
                if not arrived:
                    raise Invalid(payment.DECLINED, "payment_method")
                tell(f"The balance was topped up by {amounts.shown(cents)}.")
            except AlreadyDone as done:
                flash(str(done), "notice")
            return redirect(url_for("billing.show", org=organisation.handle))
    form.request_id.data = str(uuid4())  # what is sent after a refusal is another request
    return _page(organisation, top_up_form=form)


@bp.post("/payment-methods")
@needs(Permission.MANAGE_BILLING)
def add_method(organisation: Organisation) -> Answer:
    """Save a card; a form that is sent twice saves one."""
    form = MethodForm()
    if form.validate():
        with form.show_errors():
            values = {name: form[name].data for name in ("brand", "last_four", "expiry_month", "expiry_year")}
            request_id = _uuid(form.request_id.data) if form.request_id.data else None
            try:
                with acting() as actor:
                    method = add_payment_method(organisation.id, actor, request_id, **values)
            except AlreadyDone as done:
                return _done(organisation, str(done))
            return _done(organisation, f"{method.name} was added.")
    return _page(organisation, method_form=form)


@bp.post("/payment-methods/<int:id>")
@needs(Permission.MANAGE_BILLING)
def change_method(organisation: Organisation, id: int) -> Answer:
    """Take over the expiry of a renewed card."""
    method, form = _method(organisation, id), ExpiryForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            method.change_expiry(actor, expiry_month=form.expiry_month.data, expiry_year=form.expiry_year.data)
    if form.refused:
        return _page(organisation, expiry_forms={id: form})
    return _done(organisation, f"{method.name} was updated.")


@bp.post("/payment-methods/<int:id>/default")
@needs(Permission.MANAGE_BILLING)
def make_default(organisation: Organisation, id: int) -> Answer:
    """Use this card for automatic top-ups."""
    method, form = _method(organisation, id), TokenForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            method.make_default(actor)
    return _page(organisation, refused=form) if form.refused else _done(organisation, f"{method.name} is the default.")


@bp.post("/payment-methods/<int:id>/remove")
@needs(Permission.MANAGE_BILLING)
def remove_method(organisation: Organisation, id: int) -> Answer:
    """Forget a card."""
    method, form = _method(organisation, id), TokenForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            method.remove(actor)
    return _page(organisation, refused=form) if form.refused else _done(organisation, f"{method.name} was removed.")


@bp.post("/auto-top-up")
@needs(Permission.MANAGE_BILLING)
def auto_top_up(organisation: Organisation) -> Answer:
    """Say when the balance fills itself."""
    form = AutoTopUpForm()
    if form.validate():
        with form.show_errors():
            threshold = amounts.parsed(form.threshold.data or "", "threshold", 0, TOP_UP_MOST)
            amount = amounts.parsed(form.amount.data or "", "amount", TOP_UP_LEAST, TOP_UP_MOST)
            with acting() as actor:
                account = account_of(organisation.id)
                account.set_auto_top_up(actor, bool(form.enabled.data), threshold, amount)
            return _done(organisation, "Automatic top-up is saved.")
    return _page(organisation, auto_form=form)


def _page(
    organisation: Organisation,
    top_up_form: TopUpForm | None = None,
    method_form: MethodForm | None = None,
    auto_form: AutoTopUpForm | None = None,
    expiry_forms: dict[int, ExpiryForm] | None = None,
    refused: Form | None = None,
) -> Answer:
    account = account_of(organisation.id)
    methods = payment_methods(organisation.id)
    before = request.args.get("before", LATEST, type=whole_number)
    rows, oldest = lines(organisation.id, before, LEDGER_SIZE)
    older = url_for("billing.show", org=organisation.handle, before=oldest) if oldest else None
    sent = [each for each in (top_up_form, method_form, auto_form, refused, *(expiry_forms or {}).values()) if each]
    alive = usage.in_use(organisation.id)
    return render(
        "billing/show.html",
        account=account,
        alive=alive,
        hourly=alive.microcents_an_hour,
        monthly=alive.microcents_an_hour * usage.HOURS_A_MONTH // usage.MICROCENTS,
        lasts=alive.minutes_from(account.balance_cents),
        prices=usage.PRICE_LIST,
        methods=methods,
        ledger=rows,
        ledger_older_url=older,
        ledger_newest_url=None if before == LATEST else url_for("billing.show", org=organisation.handle),
        top_up_form=top_up_form or _top_up_form(organisation, fresh=True),
        method_form=method_form or MethodForm(formdata=None, request_id=str(uuid4())),
        auto_form=auto_form
        or AutoTopUpForm(
            formdata=None,
            enabled=account.auto_top_up,
            threshold=_plain(account.threshold_cents),
            amount=_plain(account.amount_cents),
        ),
        expiry_forms={each.id: _expiry_form(each, expiry_forms or {}) for each in methods},
        errors=refused.form_errors if refused else [],
        status=max((each.status for each in sent), default=200),
    )


def _top_up_form(organisation: Organisation, fresh: bool = False) -> TopUpForm:
    options = {"formdata": None, "request_id": str(uuid4())} if fresh else {}
    form = TopUpForm(**options)
    form.offer(payment_methods(organisation.id))
    return form


def _expiry_form(method: PaymentMethod, sent: dict[int, ExpiryForm]) -> ExpiryForm:
    return sent.get(method.id) or ExpiryForm(formdata=None, obj=method)


def _method(organisation: Organisation, id: int) -> PaymentMethod:
    try:
        return find_method(organisation.id, id)
    except NotFound:
        abort(404)


def _done(organisation: Organisation, message: str) -> Answer:
    tell(message)
    return redirect(url_for("billing.show", org=organisation.handle))


def _plain(cents: int) -> str:
    return amounts.shown(cents).removeprefix(amounts.CURRENCY).replace(",", "")


def _method_id(given: str | None) -> int:
    try:
        return whole_number(given or "", most=LATEST)
    except ValueError:
        raise Invalid("Add a payment method below, then choose it here.", "payment_method") from None


def _uuid(given: str | None) -> UUID:
    try:
        return UUID(given or "")
    except ValueError:
        raise Invalid("This form is incomplete. Reload the page and try again.") from None


def _require_plain(form: TopUpForm, cents: int) -> None:
    """Shows what a grouped amount was read as, before it is charged: sent again, it is plain. Raises Invalid."""
    if not amounts.is_plain(form.amount.data or ""):
        form.amount.data = f"{cents // 100}.{cents % 100:02}"
        raise Invalid(f"This was read as {amounts.shown(cents)}. Top up again to charge it.", "amount")
