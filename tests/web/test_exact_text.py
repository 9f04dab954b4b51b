"""What is stored is what was typed, or it is refused: through the form, into the database and out again."""

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.database import db
from models.kinds.container import Container
from models.kinds.environment import MASK, is_name
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from tests.support.log import entries
from tests.web.conftest import Visitor
from tests.web.test_forms import CONTAINERS, GOOD

SECRETS = "/orgs/acme/projects/web/secrets"
FORM = "application/x-www-form-urlencoded"
# No CR: nobody can type one into a text area, which makes LF of it.
typed = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=40)
names = st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1, max_size=10).filter(is_name)
values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=10)
variables = st.dictionaries(names, values, min_size=1, max_size=4)
blanks = st.sampled_from(["", "", " ", "\t", "\u00a0", "\u3000"])
odd_variables = st.dictionaries(st.tuples(blanks, names, blanks).map("".join), values, min_size=1, max_size=2)
# How browsers send a line break, and how htmx does.
breaks = st.sampled_from(["\r\n", "\n"])
several = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n"


def secret(web: Project) -> Secret:
    """The secret as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return web.find(Secret, "token")


def container(web: Project) -> Container:
    """The container as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return web.find(Container, "kept")


@pytest.fixture
def token(owner: Visitor, web: Project) -> Visitor:
    """Ada, who has a secret `token`."""
    assert owner.post(f"{SECRETS}/new", handle="token", value="at first").status_code == 302
    return owner


@pytest.fixture
def kept(owner: Visitor, web: Project) -> Visitor:
    """Ada, who has a container `kept` with a variable."""
    assert owner.post(f"{CONTAINERS}/new", **{**GOOD, "environment": "FIRST=1"}).status_code == 302
    return owner


def save(visitor: Visitor, web: Project, environment: str) -> int:
    """Saves the container with these variables; returns the status of the answer."""
    edited = {name: value for name, value in GOOD.items() if name != "handle"}
    sent = {**edited, "environment": environment, "version": container(web).version}
    return visitor.post(f"{CONTAINERS}/kept", **sent).status_code


@several
@given(value=typed, end=breaks)
def test_a_secret_is_stored_as_typed_or_refused(token: Visitor, web: Project, value: str, end: str) -> None:
    before = secret(web)
    sent = value.replace("\n", end)
    answer = token.post(f"{SECRETS}/token", value=sent, version=before.version)

    assert answer.status_code in (302, 422)
    assert secret(web).value == (value if answer.status_code == 302 else before.value)


@several
@given(value=st.binary(min_size=1, max_size=12))
def test_bytes_are_stored_as_they_are_or_refused(token: Visitor, web: Project, value: bytes) -> None:
    token.post("/nowhere")
    before = secret(web)
    body = f"csrf_token={token.token}&version={before.version}&value={quote_from_bytes(value, safe='')}"
    answer = token.ask("POST", f"{SECRETS}/token", data=body, content_type=FORM)

    assert answer.status_code in (302, 400, 422)
    stored = value.replace(b"\r\n", b"\n") if answer.status_code == 302 else before.value.encode()
    assert secret(web).value.encode() == stored


@pytest.mark.parametrize("raw", ["%ff", "a%80", "%ed%a0%80", "%c0%80", "\xff", "%e2%82"])
def test_bytes_that_are_no_text_are_refused_in_every_field(
    owner: Visitor, acme: Organisation, web: Project, raw: str
) -> None:
    owner.post("/nowhere")
    before = len(entries(acme))
    for name in GOOD:
        sent = "&".join(f"{each}={raw if each == name else value}" for each, value in GOOD.items())
        body = f"csrf_token={owner.token}&{sent}".encode("latin-1")
        answer = owner.ask("POST", f"{CONTAINERS}/new", data=body, content_type=FORM)

        assert answer.status_code == 400, name
        assert "no text in UTF-8" in answer.text
    assert len(entries(acme)) == before


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/json", "text/plain"])
@pytest.mark.parametrize("body", ['{"handle": 5, "value": "\\ud800"}', "[1]", "handle=token&value=x"])
def test_a_body_of_another_kind_is_refused(owner: Visitor, web: Project, kind: str, body: str) -> None:
    owner.post("/nowhere")
    answer = owner.ask("POST", f"{SECRETS}/new", data=body, content_type=kind, headers={"X-CSRFToken": owner.token})

    assert answer.status_code == 400
    assert "Send a form" in answer.text


def test_a_private_key_keeps_its_line_ends_without_javascript(token: Visitor, web: Project) -> None:
    token.post(f"{SECRETS}/token", value=PRIVATE_KEY.replace("\n", "\r\n"), version=secret(web).version)

    assert secret(web).value == PRIVATE_KEY


@several
@given(given_variables=variables | odd_variables, end=breaks)
def test_variables_are_stored_as_typed_or_refused(
    kept: Visitor, web: Project, given_variables: dict[str, str], end: str
) -> None:
    before = container(web).environment
    lines = [f"{name}={value}" for name, value in given_variables.items()]
    status = save(kept, web, end.join(lines))

    assert status in (302, 422)
    assert container(web).environment == ("\n".join(lines) if status == 302 else before)


@several
@given(given_variables=variables, end=breaks)
def test_a_later_edit_keeps_what_was_left_as_dots(
    kept: Visitor, web: Project, given_variables: dict[str, str], end: str
) -> None:
    if save(kept, web, "\n".join(f"{name}={value}" for name, value in given_variables.items())) != 302:
        return
    stored = container(web).environment
    shown = [f"{name}={MASK}" for name in given_variables]

    assert save(kept, web, end.join([*shown, "A.later.one=1  "])) == 302
    assert container(web).environment == f"{stored}\nA.later.one=1  "


def test_the_last_line_keeps_its_blanks(kept: Visitor, web: Project) -> None:
    assert save(kept, web, "A=x  ") == 302
    assert container(web).environment == "A=x  "
    assert save(kept, web, f"B=2\r\nA={MASK}\r\n") == 302
    assert container(web).environment == "B=2\nA=x  "


def test_line_ends_that_browsers_send_do_not_make_a_secret_too_long(token: Visitor, web: Project) -> None:
    longest = "line\n" * 6000 + "x" * 2768
    answer = token.post(f"{SECRETS}/token", value=longest.replace("\n", "\r\n"), version=secret(web).version)

    assert answer.status_code == 302
    assert secret(web).value == longest


def test_more_than_any_form_takes_is_not_kept_while_signed_out(token: Visitor) -> None:
    token.post("/logout")
    for length, status in ((90_000, 401), (110_000, 302)):
        sent = {"name": "n" * length, "handle": "h", "csrf_token": token.token}

        assert token.ask("POST", "/orgs/acme/projects/new", data=sent).status_code == status
