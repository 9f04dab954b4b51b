"""How many statements a thing takes, whatever the number of entries."""

from collections.abc import Callable

import pytest

from models.jobs.job import JobKey
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log import feed, personal
from models.log.actor import Actor
from models.log.entry import entry_of
from models.log.record import Action, Subject, record_each
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.system import cascade
from models.transaction import transaction
from tests.support.statements import statements

PAGES: dict[str, Callable[[Organisation, int], object]] = {
    "whole": lambda acme, _: feed.page(feed.whole(acme.named)),
    "project": lambda acme, _: feed.page(feed.of_project(acme.named, 1)),
    "resource": lambda acme, _: feed.page(feed.of_resource(acme.named, "container", 7)),
    "cause": lambda acme, _: feed.page(feed.of_cause(acme.named, 1)),
    "person": lambda acme, user: personal.page(user, [acme.named]),
    "newer": lambda acme, _: feed.newer(feed.whole(acme.named), 0),
    "count of newer": lambda acme, _: feed.count_newer(feed.whole(acme.named), 0),
    "one entry": lambda acme, _: entry_of(acme.named, 1),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_feed_page_is_one_query(acme: Organisation, ada: Actor, people: dict[str, User], page: str) -> None:
    with transaction():
        record_each(
            ada, Action.UPDATE, Subject(acme.id, "container", 0, ""), [(each, f"c-{each}") for each in range(200)]
        )
    user_id = people["ada"].id
    # A first time before: a new connection asks the server for its version and the like.
    PAGES[page](acme, user_id)
    with statements() as sent:
        PAGES[page](acme, user_id)
    assert len(sent) == 1


def test_an_update_with_its_entry_is_four_statements(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with statements() as sent, transaction():
        api.update(ada, api.version, name="Other")
    # Organisation and project held, the change, number and entry at once.
    assert [each.split()[0] for each in sent] == ["SELECT", "SELECT", "UPDATE", "SELECT"]
    assert "write_entries(" in sent[-1]


def test_an_update_that_asks_for_a_deployment_is_one_statement_more(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with statements() as sent, transaction():
        api.update(ada, api.version, image="nginx:1.28")
    assert [each.split()[0] for each in sent] == ["SELECT", "SELECT", "UPDATE", "SELECT", "WITH"]
    assert "INSERT INTO deployments" in sent[-1]


def test_deploying_all_users_of_a_secret_again_takes_the_same_statements_however_many_they_are(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    sent: list[list[str]] = []
    for more in (1, 30):
        with transaction():
            secret = web.create(ada, Secret, handle=f"token-{more}", value="x")
        with transaction():
            for each in range(more):
                handle = f"c-{more}-{each}"
                web.create(ada, Container, name=handle, handle=handle, image="nginx:1.28", secrets=[secret.handle])
        with statements() as found, transaction() as hints:
            assert len(web.deploy_again(ada, secret)) == more
        assert len(hints) == more
        sent.append([each.split()[0] for each in found])
    # Organisation and project held, all revised, all entries, all deployments.
    assert sent[0] == sent[1] == ["SELECT", "SELECT", "WITH", "SELECT", "WITH"]


def test_a_chunk_of_a_cascade_takes_the_same_statements_whatever_its_size(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    assert _statements_to_delete(acme, ada, "one", 1) == _statements_to_delete(acme, ada, "hundred", 100)


def _statements_to_delete(acme: Organisation, ada: Actor, handle: str, containers: int) -> list[str]:
    """What the worker sends to delete a project of that many containers."""
    with transaction():
        project = acme.create_project(ada, name=handle.capitalize(), handle=handle)
    with transaction():
        for each in range(containers):
            project.create(ada, Container, name=f"c-{each}", handle=f"c-{each}", image="nginx:1.28")
    with transaction() as hints:
        project.delete(ada, confirm=handle)
    (key,) = hints
    with statements() as sent:
        assert cascade.run(JobKey(*key))
    assert len([each for each in sent if "write_entries(" in each]) == 1
    return sent
