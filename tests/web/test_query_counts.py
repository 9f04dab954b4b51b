"""How many statements a page takes, whatever is on it."""

import pytest

from models.kinds.container import Container
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction
from tests.support.statements import statements
from tests.web.conftest import Visitor

# Who is asking and where, what the page is about, its entries, and above those of an organisation the saved views: the
# pages that only show something.
SHOWN = {
    "/activity": 3,
    "/orgs/acme": 3,
    "/orgs/acme/activity": 2,
    "/orgs/acme/activity?before=6": 2,
    "/orgs/acme/activity?after=1": 3,
    "/orgs/acme/activity/6": 5,
    "/orgs/acme/activity/compare?type=container&resource=1": 7,
    "/orgs/acme/members/1/activity": 3,
    "/orgs/acme/projects/web": 3,
    "/orgs/acme/projects/web/containers": 2,
    "/orgs/acme/projects/web/secrets": 2,
    "/orgs/acme/projects/web/containers?ended=1": 2,
    "/orgs/acme/projects": 2,
    "/orgs/acme/containers": 2,
    "/orgs/acme/containers?failing=1": 2,
}
# Pages with forms load the rows that verbs change: so many at most.
EDITED = {
    "/orgs": 3,
    "/account": 2,
    "/orgs/new": 1,
    "/orgs/acme/settings": 2,
    "/orgs/acme/members": 5,
    "/orgs/acme/billing": 7,
    "/orgs/acme/projects/new": 2,
    "/orgs/acme/projects/web/settings": 3,
    "/orgs/acme/projects/web/containers/new": 5,
    "/orgs/acme/projects/web/containers/my-api": 10,
    "/orgs/acme/projects/web/containers/my-api/deployments": 6,
}


@pytest.mark.parametrize("address", [*SHOWN, *EDITED])
def test_a_page_takes_the_same_statements_whatever_is_on_it(
    owner: Visitor, web: Project, api: Container, ada: Actor, address: str
) -> None:
    counts = []
    ask = owner.fragment if "after=" in address else owner.get
    for _ in range(2):
        ask(address)  # a new connection asks the server for its version and the like
        with statements() as sent:
            assert ask(address).status_code == 200
        counts.append(len(sent))
        with transaction():
            for number in range(12):
                web.create(ada, Container, name="c", handle=f"c-{len(counts)}-{number}", image="nginx:1.28")

    assert counts[0] == counts[1] <= EDITED.get(address, counts[0])
    assert counts[0] == SHOWN.get(address, counts[0])
