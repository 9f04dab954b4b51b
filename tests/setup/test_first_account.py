"""Where the first account is made, as whoever starts the platform is told."""

import re
from collections.abc import Callable
from dataclasses import replace

from models.people.user import User
from models.settings import Settings
from tests.conftest import PASSWORD
from tests.setup.running import Running
from tests.support.clients import Browser
from web.cli.first import first_account


def test_where_others_need_an_invitation_it_is_made_at_the_address_that_is_printed(up: Callable[..., Running]) -> None:
    running = up(SIGNUP="invite").wait()
    [path] = set(re.findall(r"http://127.0.0.1:\d+(/signup\?token=\w+)", running.printed))
    ada = Browser(int(running.port))

    assert "web       | Nobody has an account here yet. Make the first one at http" in running.printed
    assert ada.get("/signup").status == 403
    assert ada.send(path, name="Ada", email="ada@example.com", password=PASSWORD).status == 302
    assert Browser(int(running.port)).get(path).status == 403


def test_it_is_told_until_there_is_one(settings: Settings, app: object, people: dict[str, User]) -> None:
    assert first_account(settings) is None


def test_it_is_told_without_a_token_where_anyone_may_sign_up(settings: Settings, app: object) -> None:
    assert first_account(settings) == "http://127.0.0.1:8000/signup"


def test_a_database_that_does_not_answer_is_asked_in_vain(settings: Settings) -> None:
    assert first_account(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")) is None
