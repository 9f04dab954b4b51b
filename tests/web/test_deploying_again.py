"""Deploying again by hand: where it is offered, what it does, and when it is refused."""

import psycopg
import pytest

from models.billing import suspension
from models.billing.suspension import By
from models.hold import hold_organisation_alone
from models.jobs import deployment_history
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import latest_entry, summaries
from tests.web.conftest import Visitor

MY_API = "/orgs/acme/projects/web/containers/my-api"
SECRET = "/orgs/acme/projects/web/secrets/token"


@pytest.fixture
def linked(web: Project, ada: Actor) -> Container:
    """A container that uses a secret and a registry."""
    with transaction():
        web.create(ada, Secret, handle="token", value="v")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="p")
    with transaction():
        return web.create(
            ada,
            Container,
            name="my-api",
            handle="my-api",
            image="nginx:1.27",
            secrets=["token"],
            registry_handle="main",
        )


def test_what_can_be_done_with_it_stands_in_the_head(owner: Visitor, linked: Container) -> None:
    head = owner.get(SECRET).text.split('<header class="head">')[1].split("</header>")[0]

    assert [each in head for each in ("Deploy my-api again", "Edit secret", "Delete secret")] == [True] * 3


def test_what_would_be_refused_is_not_offered_while_suspended(
    owner: Visitor, acme: Organisation, api: Container, superuser: psycopg.Connection
) -> None:
    offered = ('id="edit"', f'action="{MY_API}/deploy"')
    assert all(each in owner.get(MY_API).text for each in offered)
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice")
    superuser.execute("UPDATE containers SET state = 'suspended'")
    page = owner.get(MY_API).text

    assert not any(each in page for each in offered)
    assert "Not running: suspended" in page


def test_what_does_not_run_has_no_deployments(owner: Visitor, linked: Container) -> None:
    assert owner.get(f"{SECRET}/deployments").status_code == 404
    assert "Deployments" not in owner.get(SECRET).text


def test_deploy_again_is_an_entry_and_another_revision(owner: Visitor, acme: Organisation, api: Container) -> None:
    answer = owner.post(f"{MY_API}/deploy", of=str(api.id))

    assert answer.status_code == 302
    assert "To be deployed again: my-api." in owner.get(MY_API).text
    assert latest_entry(acme).summary == "Container my-api to be deployed again"
    assert [each.revision for each in deployment_history.history(api.key)] == [2, 1]


@pytest.mark.parametrize("address", [SECRET, "/orgs/acme/projects/web/registries/main"])
def test_of_what_is_linked_its_users_are_deployed_again(
    owner: Visitor, acme: Organisation, linked: Container, address: str
) -> None:
    assert "Deploy my-api again" in owner.get(address).text
    owner.post(f"{address}/deploy")

    assert latest_entry(acme).summary == "Container my-api to be deployed again"


def test_of_what_nobody_uses_nothing_is_deployed(owner: Visitor, acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        web.create(ada, Secret, handle="token", value="v")
    before = summaries(acme)
    owner.post(f"{SECRET}/deploy")

    assert "Nothing uses token." in owner.get(SECRET).text
    assert "Deploy" not in owner.get(SECRET).text.replace("Deployments", "")
    assert summaries(acme) == before


def test_saving_a_secret_says_when_it_takes_effect(owner: Visitor, linked: Container) -> None:
    owner.post(SECRET, value="other", version="1")

    assert "takes effect with the next deployment of my-api." in owner.get(SECRET).text


@pytest.mark.parametrize(
    ("address", "what"), [(SECRET, "Secret token"), ("/orgs/acme/projects/web/registries/main", "Registry main")]
)
def test_what_is_in_use_cannot_be_deleted_and_says_who_uses_it(
    owner: Visitor, linked: Container, address: str, what: str
) -> None:
    answer = owner.post(f"{address}/delete")

    assert answer.status_code == 422
    assert f"{what} is used by my-api. Remove it there first." in answer.text


def test_while_suspended_deploying_again_is_refused_with_a_message_that_says_how_to_resume(
    owner: Visitor, acme: Organisation, api: Container
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an unpaid invoice")
    answer = owner.post(f"{MY_API}/deploy")

    assert answer.status_code == 422
    assert "This organisation is suspended. Members, invitations and billing can be changed" in answer.text


def test_one_that_has_ended_cannot_be_deployed_again(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor
) -> None:
    with transaction():
        api.end(ada)
    before = summaries(acme)
    answer = owner.post(f"{MY_API}/deploy")

    assert answer.status_code in (302, 422)
    assert summaries(acme) == before
    assert "nothing: terminated" in owner.get(MY_API).text
