"""Parts of addresses that are not plain strings."""

from werkzeug.routing import BaseConverter

from models.kinds import BY_PLURAL


class KindConverter(BaseConverter):
    """containers, memcached, registries or secrets; anything else is no address of ours."""

    # Werkzeug matches by this; without it an unknown kind would answer 405 instead of 404.
    regex = "|".join(BY_PLURAL)
