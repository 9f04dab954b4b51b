"""What was typed into a form, for a page that keeps it while the person signs in again."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from flask import request
from wtforms import HiddenField, SelectField
from wtforms.fields.core import UnboundField

from models.field import Shape
from models.kinds.catalogue import KINDS
from models.log.tracked import Tracked
from models.organisation import Organisation
from models.project import Project
from web.form_token import FIELD
from web.forms import CONFIDENTIAL, Form

DECLARING: tuple[type[Tracked], ...] = (*KINDS, Project, Organisation)
# Which of two namesakes a form was about, and whose page bore it.
BESIDE_FORMS = {"of": None, FIELD: None}


class Typed(NamedTuple):
    """A value of a form."""

    name: str
    value: str
    label: str | None
    """What people know the field by; None for one that is not listed."""


def typed() -> list[Typed]:
    """Returns what was sent, without passwords and secrets, and without anything that no form of ours asks for."""
    labels = _labels()
    sent = request.form.items(multi=True)
    return [Typed(name, value, labels[name]) for name, value in sent if name in labels]


def leaves_out() -> bool:
    """Whether a password or a secret was sent too."""
    return any(value and name not in _labels() for name, value in request.form.items())


@cache
def _labels() -> dict[str, str | None]:
    """Every field that may be shown again. A name that is confidential in one form is so in all."""
    found: dict[str, str | None] = dict(BESIDE_FORMS)
    confidential: set[str] = set()
    for form in _all_forms(Form):
        for name in dir(form):
            field = getattr(form, name)
            if isinstance(field, UnboundField):
                found[name] = _label(field)
                if issubclass(field.field_class, CONFIDENTIAL):
                    confidential.add(name)
    for tracked in DECLARING:
        for name, declared in tracked.fields().items():
            # Variables come back with the form, and stand on no page that only lists what was typed.
            found[name] = None if declared.shape is Shape.LINES else declared.label
            if declared.shape is Shape.SECRET:
                confidential.add(name)
    return {name: label for name, label in found.items() if name not in confidential}


def _all_forms(of: type[Form]) -> Iterator[type[Form]]:
    for each in of.__subclasses__():
        yield each
        yield from _all_forms(each)


def _label(field: "UnboundField[Any]") -> str | None:
    is_hidden = field.field_class is HiddenField
    # Of what is chosen among rows, only the id is sent.
    is_id = field.field_class is SelectField and "choices" not in field.kwargs
    return None if is_hidden or is_id or not field.args else str(field.args[0])
