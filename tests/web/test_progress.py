"""How far a deletion is, as the page that waits for it says it."""

import psycopg
import pytest

from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.web.conftest import Visitor


@pytest.mark.parametrize("whole", [False, True], ids=["project", "organisation"])
def test_a_deletion_that_ends_while_it_is_read_is_told_as_ended_everywhere(
    owner: Visitor, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection, whole: bool
) -> None:
    """What is deleted is read first, then its job: as if the worker had ended both in between."""
    address = "/orgs/acme" if whole else "/orgs/acme/projects/web"
    with transaction():
        acme.delete(ada, "acme") if whole else web.delete(ada, "web")
    under_way = [owner.get(address).text, owner.fragment(f"{address}/progress").text]
    superuser.execute("UPDATE jobs SET state = 'finished', finished_at = clock_timestamp(), lease_until = NULL")
    ended = [owner.get(address).text, owner.fragment(f"{address}/progress").text]

    for before, after in zip(under_way, ended, strict=True):
        assert '<span class="state state-deleting">' in before
        assert '<span class="state state-deleted">' in after
        assert "state-deleting" not in after
        assert "is deleted." in after
