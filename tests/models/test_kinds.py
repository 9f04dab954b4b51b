"""What only one kind does."""

from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.kinds import create
from tests.support.log import latest_entry


def test_the_server_of_a_registry_changes_without_its_password_being_typed_again(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    registry = create(web, ada, Registry)
    with transaction():
        registry.update(ada, registry.version, server="other.example.com", username="ci", password="")

    assert latest_entry(acme).changes == {"server": ["registry.example.com", "other.example.com"]}


def test_a_variable_left_as_dots_keeps_its_value(acme: Organisation, api: Container, ada: Actor) -> None:
    with transaction():
        api.update(ada, api.version, environment="A=one\nB=two")
    with transaction():
        api.update(ada, api.version, environment="A=••••••••\nB=three")

    assert api.environment == "A=one\nB=three"
    assert latest_entry(acme).changes == {"environment": ["changed"]}


def test_a_secret_reaches_containers_under_a_name_of_theirs() -> None:
    assert Secret(handle="db-password").as_environment_name == "DB_PASSWORD"
