"""A browser's half of the conversation, without the browser."""

import re
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.organisation import Organisation
from models.people.user import User
from tests.conftest import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Visitor:
    """Someone with a session, who sends forms with their token."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, address: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.ask("GET", address, **options)

    def post(self, address: str, **form: Any) -> TestResponse:
        """Send a form."""
        if not self.token:
            self.token = token_in(self.get("/login", follow_redirects=True))
        return self.ask("POST", address, data={"csrf_token": self.token, **form})

    def fragment(self, address: str, **headers: str) -> TestResponse:
        """Ask as htmx does."""
        return self.get(address, headers={"HX-Request": "true", **headers})

    def ask(self, method: str, address: str, **options: Any) -> TestResponse:
        """Send any request, with nothing added to it."""
        # In a context of its own: inside the test's app context, requests would share its `g` and its session.
        return Context().run(self.client.open, address, method=method, **options)


def token_in(response: TestResponse) -> str:
    """The CSRF token of the first form on a page."""
    found = TOKEN.search(response.text)
    assert found, response.text[:500]
    return found[1]


def signed_in(visitor: Visitor, name: str) -> Visitor:
    """Signs them in, at whatever dashboard the visitor is."""
    visitor.post("/login", email=f"{name}@example.com", password=PASSWORD)
    visitor.token = ""
    return visitor


@pytest.fixture
def visit(app: Flask, people: dict[str, User]) -> Callable[[str], Visitor]:
    """Sign someone in by name."""

    def sign_in(name: str) -> Visitor:
        visitor = Visitor(app.test_client())
        if name != "anonymous":
            answer = visitor.post("/login", email=f"{name}@example.com", password=PASSWORD)
            assert answer.status_code == 302, answer.text
            visitor.token = ""
        return visitor

    return sign_in


@pytest.fixture
def owner(visit: Callable[[str], Visitor], acme: Organisation) -> Visitor:
    """Ada, signed in."""
    return visit("ada")
