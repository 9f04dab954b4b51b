"""Whether the broker takes hints: one that answers and refuses to write, on a full disk or out of memory, is down."""

from redis import Redis
from redis.exceptions import RedisError


def refusal(url: str, seconds: int) -> str | None:
    """Returns why it does not take one now, after waiting for its answer so long at most; None when it does."""
    client = Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    try:
        return None if client.set("health", 1, ex=60) else "it did not say that it wrote"
    except (RedisError, OSError) as error:
        return str(error)
    finally:
        client.close()
