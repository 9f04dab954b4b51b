"""The first field that is wrong has the focus when its page is opened, whether scripts run or not: in every form.

The forms are found by walking the pages, so that a new one is looked at without being listed.
"""

import re
from collections.abc import Callable

from tests.rules.test_typed_text import OPEN, Forms, addresses, forms, visit
from tests.web.conftest import Visitor

__all__ = ["addresses", "forms", "visit"]
CONTROL = re.compile(r"<(?:input|select|textarea)[^>]*>")


def test_the_first_field_that_is_wrong_has_the_focus(forms: Forms, visit: Callable[[str], Visitor]) -> None:
    refused = set()
    for action, (endpoint, form) in forms.items():
        if not form.typed:
            continue
        visitor = visit("anonymous" if endpoint in OPEN else "ada")
        sent = {**form.values, **dict.fromkeys(form.typed, "")}
        sent.pop("csrf_token", None)  # the visitor has one that holds
        answer = visitor.post(action, **sent)
        controls = CONTROL.findall(answer.text)
        wrong = [each for each in controls if 'aria-invalid="true"' in each]
        if answer.status_code != 422:
            continue
        focused = [each for each in controls if re.search(r"\sautofocus\b", each)]
        assert len(focused) == 1, action
        assert not wrong or focused == wrong[:1], action
        refused.add(endpoint)

    assert {"account.login", "account.signup", "account.change_password", "projects.new", "resources.new"} <= refused
