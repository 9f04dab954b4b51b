"""What all forms share: fields made from declarations, and refusals shown beside what was typed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from flask import session
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from wtforms import Field as Input
from wtforms import (
    HiddenField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.widgets import NumberInput

from models.errors import AlreadyDone, DomainError, Invalid, NotFound, StaleVersion, TooManyAttempts
from models.field import Field, Shape, proposal
from models.kinds.catalogue import BY_PLURAL
from models.kinds.resource import Resource
from models.log.tracked import Tracked
from models.numbers import whole_number
from models.project import Project
from web import form_token
from web.bounds import Within, short_enough

OFFERED_MOST = 500


def csrf_token() -> str:
    """The token of the session, for forms that are written by hand; signed once a process, it stays valid."""
    begun = session.get(form_token.FIELD)
    return form_token.masked(_signed(begun) if begun else generate_csrf())


@lru_cache(maxsize=10_000)
def _signed(_token: str) -> str:
    signed: str = generate_csrf()
    return signed


class MaskedToken(FlaskForm.Meta.csrf_class):
    """The token in forms that derive from fields: that of those written by hand."""

    def generate_csrf_token(self, _form: FlaskForm) -> str:
        """Returns it as this answer bears it."""
        return csrf_token()


class Form(FlaskForm):
    """A form that can also show what a verb refused, and itself again when its token does not hold."""

    too_long: Mapping[str, str] = {}
    """What is wrong with the fields of which too much was sent."""

    class Meta(FlaskForm.Meta):
        """Takes a form's fields through their lengths, before any of them is looked at."""

        csrf_class = MaskedToken

        def render_field(self, field: Input, render_kw: Mapping[str, Any]) -> Any:
            """Renders a field; the first one that is wrong takes the focus, also without a script."""
            if (wrong := self.form.first_wrong) is not None:
                render_kw = {**render_kw, "autofocus": field is wrong}
            return super().render_field(field, render_kw)

        def wrap_formdata(self, form: "Form", formdata: Any) -> Any:
            """Returns what the form is to read; None where nothing was sent."""
            self.form = form
            sent = super().wrap_formdata(form, formdata)
            if sent is None:
                return None
            kept, form.too_long = short_enough(form._fields, sent)
            return kept

    def process(self, *given: Any, **options: Any) -> None:
        """Take what was sent, and say at once what is too long."""
        super().process(*given, **options)
        for name, complaint in self.too_long.items():
            self._fields[name].errors = [complaint]

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Whether all is right; without a token that holds nothing else is looked at, so that what was typed stays."""
        if form_token.is_refused():
            lost = any(isinstance(each, CONFIDENTIAL) for each in self)
            self.form_errors = [f"{form_token.SEND_AGAIN}{' Type passwords and secrets again.' if lost else ''}"]
            return False
        return not self.too_long and bool(super().validate(extra_validators))

    @contextmanager
    def show_errors(self) -> Iterator[None]:
        """Put a refusal beside the field it is about, or above the form; what was typed stays."""
        try:
            yield
        except (NotFound, AlreadyDone, TooManyAttempts):
            raise
        except DomainError as error:
            self.refuse(error)

    def refuse(self, error: DomainError) -> None:
        """Show one refusal."""
        if error.field in self._fields:
            shown = self._fields[error.field]
            shown.errors = [*shown.errors, str(error)]
        else:
            self.form_errors.append(str(error))

    @property
    def refused(self) -> bool:
        """Whether anything is wrong with what was sent."""
        return bool(self.errors)

    @property
    def first_wrong(self) -> Input | None:
        """The first field that is wrong, or the first of a form that is wrong as a whole; None when all is right."""
        fixed = [each for each in self if isinstance(each, HiddenField) or "readonly" in (each.render_kw or {})]
        return next((each for each in self if each not in fixed and (self.form_errors or each.errors)), None)

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong, wherever it belongs."""
        return [str(each) for messages in self.errors.values() for each in messages]

    @property
    def status(self) -> int:
        """422 for a page that shows what was wrong, 400 when that is the token."""
        return (400 if form_token.is_refused() else 422) if self.refused else 200


class Checked:
    """A validator that asks the declaration of the field."""

    def __init__(self, declared: Field) -> None:
        self.declared = declared
        self.length = declared.length
        self.field_flags = {"required": True} if declared.required and declared.shape is not Shape.SECRET else {}
        if declared.most is not None and declared.shape is not Shape.NUMBER:
            self.field_flags["maxlength"] = declared.most  # type: ignore[assignment]

    def __call__(self, _: FlaskForm, field: Input) -> None:
        """Raises ValidationError with the declaration's sentence."""
        try:
            self.declared.check(field.data)
        except Invalid as error:
            raise ValidationError(str(error)) from None


class CheckedBy:
    """A validator that asks the check of a verb, which would stop at the first of several faults.

    The check says what is wrong with a text by raising Invalid.
    """

    def __init__(self, check: Callable[[str], object]) -> None:
        self.check = check

    def __call__(self, _: FlaskForm, field: Input) -> None:
        """Raises ValidationError with the check's sentence."""
        try:
            self.check(field.data or "")
        except Invalid as error:
            raise ValidationError(str(error)) from None


class SealedArea(TextAreaField):
    """A text area that is always empty: what is sealed does not come back, not even after a mistake."""

    def _value(self) -> str:
        return ""


class VersionedForm(Form):
    """A form that says which version of something the person saw, so that a stale page changes nothing."""

    version = HiddenField(default="0")

    @property
    def seen_version(self) -> int:
        """The version of the page that sent it; 0 when it says none."""
        try:
            return whole_number(str(self.version.data or ""))
        except ValueError:
            return 0


class TrackedForm(VersionedForm):
    """The form of something tracked: its declared fields, too."""

    declared: Mapping[str, Field] = {}

    def process(self, *given: Any, **options: Any) -> None:
        """Take what was sent, and what is proposed for a field that was left empty."""
        super().process(*given, **options)
        for name, declared in self.declared.items():
            left = self._fields.get(name)
            if declared.proposed and left is not None and left.raw_data is not None and not _written(left.data):
                found = proposal(self.declared, name, self.data)
                left.data = str(found.value if found else declared.default)

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, by the model's names."""
        return {name: self._fields[name].data for name in self.declared if name in self._fields}

    @contextmanager
    def editing(self, thing: Tracked) -> Iterator[None]:
        """Show what is refused; when someone else was first, also what is stored now, and keep what was typed."""
        with self.show_errors():
            try:
                yield
            except StaleVersion:
                self.refuse_stale(thing)

    def refuse_stale(self, thing: Tracked) -> None:
        """Say what is stored now, keep what was typed, and let the next attempt go through."""
        self.version.data = str(thing.version)
        others = []
        for name, declared in self.declared.items():
            if declared.shape is Shape.SECRET:
                continue  # nobody can compare it: a value that was typed replaces the one of now
            now = declared.shown(getattr(thing, name))
            if _written(now) != _written(self._fields[name].data):
                others.append(f"{declared.label} is now {f'“{_written(now)}”' if now else 'empty'}")
        told = f" ({'; '.join(others)})" if others else ""
        self.form_errors.append(f"{StaleVersion()}{told}")


def form_for(tracked: type[Tracked], thing: Tracked | None = None, project: Project | None = None) -> TrackedForm:
    """A form with the declared fields; to edit `thing`, or to create one. `project` offers what may be referred to."""
    declared = {name: field for name, field in tracked.fields().items() if thing is None or not field.fixed}
    # WTForms shows inputs in the order of their making: what a thing is called comes first.
    order = sorted(declared, key=lambda name: ("name", "handle").index(name) if name in ("name", "handle") else 2)
    inputs: dict[str, Any] = {
        name: _input(declared[name], thing is None, _offered(declared[name], project, getattr(thing, name, None)))
        for name in order
    }
    if thing is None and "name" in declared and "handle" in declared:
        inputs["handle"].kwargs["render_kw"] = {"data-handle-from": "name"}
    form_class = type(f"{tracked.__name__}Form", (TrackedForm,), {**inputs, "declared": declared})
    form: TrackedForm = form_class(data=_stored(declared, thing))
    return form


def _stored(declared: dict[str, Field], thing: Tracked | None) -> dict[str, Any]:
    if thing is None:
        fixed = {name: field for name, field in declared.items() if field.proposed is None}
        return {name: field.default for name, field in fixed.items() if field.default is not None}
    stored: dict[str, Any] = {"version": str(thing.version)}
    for name, field in declared.items():
        if field.shape is not Shape.SECRET:
            stored[name] = field.shown(getattr(thing, name))
    return stored


def _input(declared: Field, new: bool, offered: list[SelectChoice]) -> Any:
    common: dict[str, Any] = {
        "label": declared.label,
        "description": _hint(declared, new, offered),
        "validators": [Checked(declared)],
    }
    match declared.shape:
        case Shape.NUMBER:
            limits = {"min": declared.least, "max": declared.most}
            return StringField(**common, widget=NumberInput(), render_kw={k: v for k, v in limits.items() if v})
        case Shape.CHOICE:
            choices = [SelectChoice(str(each), f"{each:,}") for each in declared.choices]
            return SelectField(**common, choices=choices, validate_choice=False)
        case Shape.LINES:
            return TextAreaField(**common, render_kw={"rows": 4, "spellcheck": "false", "autocomplete": "off"})
        case Shape.SECRET:
            if not new:
                common["validators"] = [Within(*declared.length)]
                common["description"] = "Leave empty to keep the present one. It is encrypted and never shown."
            if declared.single_line:
                return PasswordField(**common, render_kw={"autocomplete": "new-password"})
            return SealedArea(**common, render_kw={"rows": 3, "autocomplete": "off"})
        case Shape.REFERENCE:
            return SelectField(**common, choices=[SelectChoice("", "None"), *offered], validate_choice=False)
        case Shape.REFERENCES:
            return SelectMultipleField(**common, choices=offered, validate_choice=False)
        case _:
            return StringField(**common)


def _hint(declared: Field, new: bool, offered: list[SelectChoice]) -> str:
    """What is said of the field where it applies: of what may be referred to, once there is something."""
    if declared.refers_to and not offered:
        return ""
    return declared.hint if new or declared.hint_to_edit is None else declared.hint_to_edit


def _offered(declared: Field, project: Project | None, used: Any) -> list[SelectChoice]:
    """What can be referred to; what is referred to already in any case, or saving would let go of it."""
    if project is None or not declared.refers_to:
        return []
    kind: type[Resource] = BY_PLURAL[declared.refers_to]
    handles = [each.handle for each in project.resources(kind, size=OFFERED_MOST)]
    mine = [used] if isinstance(used, str) else used or []
    return [SelectChoice(each) for each in dict.fromkeys([*mine, *handles])]


def _written(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, list) else str(value or "").replace("\r\n", "\n").strip()


class Unshown(StringField):
    """Text that does not come back, not even after a mistake: a full card number may have been typed into it."""

    def _value(self) -> str:
        return ""


# What these hold is shown to nobody again.
CONFIDENTIAL = (PasswordField, SealedArea, Unshown)


class ConfirmForm(Form):
    """The handle, typed to confirm."""

    confirm = StringField("Handle", render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})


class TokenForm(Form):
    """The session's token and no field: a button that was pressed on one of our pages."""
