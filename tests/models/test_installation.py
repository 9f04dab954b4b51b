"""The identity of an installation: made once, whoever asks for it first."""

import psycopg
from flask import Flask

from models import installation
from models.transaction import transaction
from tests.support.together import meanwhile


def test_two_who_ask_for_it_at_the_same_moment_get_one(app: Flask, superuser: psycopg.Connection) -> None:
    with transaction():
        first = installation.identity()
        second = meanwhile(app, superuser, installation.identity)

    assert second.outcome == first
