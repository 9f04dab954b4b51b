"""The first account, where others need an invitation: who runs the platform makes it, at an address that is printed."""

import hashlib
import hmac

MESSAGE = b"the first account"


def token(secret_key: str) -> str:
    """Returns what shows that someone has seen this platform start; once there is an account, it is worth nothing."""
    return hmac.new(secret_key.encode(), MESSAGE, hashlib.sha256).hexdigest()[:32]


def is_token(given: str, secret_key: str) -> bool:
    """Whether it is that, told in a time that says nothing."""
    return hmac.compare_digest(given.encode(), token(secret_key).encode())
