"""Where the first account of a platform is made."""

import psycopg

from models.people.first import token
from models.settings import Settings


def first_account(found: Settings) -> str | None:
    """Returns the address at which the first account is made; None when there is one, or the database does not answer.

    Where others need an invitation, it holds a token: whoever happens to come first must not be the one.
    """
    try:
        with psycopg.connect(found.database_url, connect_timeout=5) as connection:
            row = connection.execute("SELECT EXISTS (SELECT FROM users)").fetchone()
    except psycopg.Error:
        return None
    if row != (False,):
        return None
    public = found.public_url or f"http://{found.host}:{found.port}"
    asked = "" if found.signup == "open" else f"?token={token(found.secret_key)}"
    return f"{public.rstrip('/')}/signup{asked}"
