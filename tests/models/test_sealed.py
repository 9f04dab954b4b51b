"""What is encrypted at rest: AES-256-GCM, bound to its column, wiped at the end, sealed again under a new key."""

import base64
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.database import db
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.kinds.specification import Specification
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.sealed import KEYRING, NONCE_BYTES, CannotOpen, Keyring
from models.settings import Settings
from models.system import rotation
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.kinds import SAMPLES
from tests.support.log import entries

OLD = "k1:" + base64.b64encode(b"k" * 32).decode()
NEW = "k2:" + base64.b64encode(b"n" * 32).decode()
CONTEXT = "secrets.value"
SEALED = [
    (kind, sealed, {name: value for name, value in SAMPLES[kind].usual.items() if name != sealed})
    for kind in KINDS
    for sealed in kind.sealed()
]
sealed_fields = pytest.mark.parametrize(("kind", "field", "usual"), SEALED, ids=[each[1] for each in SEALED])
PLAIN = "A=opensesame"


def keyring(keys: str) -> Keyring:
    """The keys of another process."""
    found = Keyring()
    found.load(keys)
    return found


@pytest.fixture
def our_keys(settings: Settings) -> Iterator[None]:
    """Whatever a test loads, the next one finds the keys of this run."""
    KEYRING.load(settings.encryption_keys)
    yield
    KEYRING.load(settings.encryption_keys)


def stored(superuser: psycopg.Connection, kind: type[Resource], field: str) -> str:
    """What is in the table."""
    row = superuser.execute(f"SELECT {field} FROM {kind.plural}".encode()).fetchone()
    assert row
    return str(row[0])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens_to_what_it_was(plain: str) -> None:
    keys = keyring(OLD)

    assert keys.open(keys.seal(plain, CONTEXT), CONTEXT) == plain


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4))
def test_the_same_value_never_looks_the_same_twice(plain: str) -> None:
    keys = keyring(OLD)
    first, second = keys.seal(plain, CONTEXT), keys.seal(plain, CONTEXT)

    assert first != second
    assert plain not in first


def test_it_is_aes_gcm_with_a_nonce_and_a_tag_of_full_length() -> None:
    key_id, _, encoded = keyring(OLD).seal("1234567", CONTEXT).partition(".")

    assert key_id == "k1"
    assert len(base64.b64decode(encoded)) == NONCE_BYTES + 7 + 16


@given(st.integers(min_value=0), st.integers(0, 7))
def test_a_value_with_any_bit_flipped_does_not_open(byte: int, bit: int) -> None:
    keys = keyring(OLD)
    key_id, _, encoded = keys.seal("opensesame", CONTEXT).partition(".")
    raw = bytearray(base64.b64decode(encoded))
    raw[byte % len(raw)] ^= 1 << bit

    with pytest.raises(CannotOpen):
        keys.open(f"{key_id}.{base64.b64encode(raw).decode()}", CONTEXT)


def test_a_value_moved_to_another_column_does_not_open() -> None:
    keys = keyring(OLD)
    with pytest.raises(CannotOpen, match=r"registries\.password"):
        keys.open(keys.seal("opensesame", CONTEXT), "registries.password")


@pytest.mark.parametrize("damaged", ["k1.", "k1.AAAA", "k1", "k1.!!!", "k9.AAAA", "opensesame"])
def test_what_was_never_sealed_does_not_open(damaged: str) -> None:
    with pytest.raises(CannotOpen):
        keyring(OLD).open(damaged, CONTEXT)


def test_an_error_says_the_column_and_not_the_value() -> None:
    with pytest.raises(CannotOpen) as error:
        keyring(OLD).open("opensesame", CONTEXT)

    assert CONTEXT in str(error.value)


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old = keyring(OLD).seal("opensesame", CONTEXT)
    both = keyring(f"{NEW},{OLD}")

    assert both.open(old, CONTEXT) == "opensesame"
    assert both.seal("opensesame", CONTEXT).startswith("k2.")


def test_a_value_whose_key_is_gone_does_not_open() -> None:
    with pytest.raises(CannotOpen, match="k1"):
        keyring(NEW).open(keyring(OLD).seal("opensesame", CONTEXT), CONTEXT)


@sealed_fields
def test_the_table_holds_only_ciphertext(
    web: Project, ada: Actor, superuser: psycopg.Connection, kind: type[Resource], field: str, usual: dict[str, Any]
) -> None:
    with transaction():
        resource = web.create(ada, kind, **usual, **{field: PLAIN})

    assert stored(superuser, kind, field).startswith("k1.")
    assert "opensesame" not in stored(superuser, kind, field)
    assert getattr(resource, field) == PLAIN


@sealed_fields
def test_it_is_read_back_as_it_was_given(
    web: Project, ada: Actor, kind: type[Resource], field: str, usual: dict[str, Any]
) -> None:
    with transaction():
        web.create(ada, kind, **usual, **{field: PLAIN})
    db.session.expire_all()

    assert getattr(web.find(kind, "it"), field) == PLAIN


@sealed_fields
def test_it_is_wiped_at_the_end(
    web: Project, ada: Actor, superuser: psycopg.Connection, kind: type[Resource], field: str, usual: dict[str, Any]
) -> None:
    with transaction():
        resource = web.create(ada, kind, **usual, **{field: PLAIN})
    with transaction():
        resource.end(ada)

    assert stored(superuser, kind, field) == ""


@sealed_fields
def test_a_resource_ends_although_its_key_is_gone(
    our_keys: None, web: Project, ada: Actor, kind: type[Resource], field: str, usual: dict[str, Any]
) -> None:
    with transaction():
        web.create(ada, kind, **usual, **{field: PLAIN})
    db.session.expire_all()
    KEYRING.load(NEW)
    with transaction():
        web.find(kind, "it").end(ada)

    assert web.find(kind, "it").ended_at is not None


def test_a_list_of_resources_opens_nothing(our_keys: None, web: Project, ada: Actor) -> None:
    with transaction():
        web.create(ada, Secret, handle="it", value=PLAIN)
    db.session.expire_all()
    KEYRING.load(NEW)

    assert [each.handle for each in web.resources(Secret)] == ["it"]


# Rotation


@pytest.fixture
def three(our_keys: None, acme: Organisation, web: Project, ada: Actor) -> Organisation:
    """A value in each sealed field, under the old key, and one resource that keeps nothing."""
    for kind, field, usual in SEALED:
        with transaction():
            web.create(ada, kind, **usual, **{field: PLAIN})
    with transaction():
        web.create(ada, Container, name="Bare", handle="bare", image="nginx:1.28")
    return acme


def test_rotation_seals_everything_under_the_new_key(
    three: Organisation, web: Project, superuser: psycopg.Connection
) -> None:
    KEYRING.load(f"{NEW},{OLD}")
    assert rotation.remaining() == len(SEALED)
    assert sum(rotation.rotate()) == len(SEALED)
    assert rotation.remaining() == 0

    KEYRING.load(NEW)
    db.session.expire_all()
    for kind, field, _ in SEALED:
        assert getattr(web.find(kind, "it"), field) == PLAIN
    assert superuser.execute("SELECT environment FROM containers WHERE handle = 'bare'").fetchone() == ("",)


def test_rotation_takes_along_what_would_bring_a_deployment_up_again(
    our_keys: None, api: Container, superuser: psycopg.Connection
) -> None:
    deployed(api.key, 1, specification=Specification("acme/api:1", "acme/api:1", 80, 64, environment={"A": PLAIN}))
    KEYRING.load(f"{NEW},{OLD}")
    assert sum(rotation.rotate()) == 1
    [(kept,)] = superuser.execute("SELECT specification FROM deployments").fetchall()

    KEYRING.load(NEW)
    assert Specification.opened(kept).environment == {"A": PLAIN}


def test_a_digest_of_a_specification_is_made_with_our_key_and_tells_environments_apart(our_keys: None) -> None:
    one, other = (Specification("a:1", "a:1", 80, 64, environment={"A": each}) for each in ("1", "2"))
    first = one.digest
    assert first == one.digest != other.digest
    KEYRING.load(NEW)
    assert one.digest != first


def test_rotation_twice_finds_nothing_to_do(three: Organisation) -> None:
    KEYRING.load(f"{NEW},{OLD}")
    list(rotation.rotate())

    assert list(rotation.rotate()) == []


def test_rotation_writes_no_entries_and_makes_no_page_stale(three: Organisation, web: Project, ada: Actor) -> None:
    before, seen = len(entries(three)), web.find(Secret, "it").version
    KEYRING.load(f"{NEW},{OLD}")
    list(rotation.rotate())

    assert len(entries(three)) == before
    with transaction():
        web.find(Secret, "it").update(ada, seen, value="other")


def test_rotation_goes_on_where_it_was_stopped(three: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "CHUNK", 1)
    KEYRING.load(f"{NEW},{OLD}")
    assert next(iter(rotation.rotate())) == 1

    assert rotation.remaining() == 2
    assert sum(rotation.rotate()) == 2


def test_rotation_without_the_old_key_changes_nothing_and_says_which_is_missing(
    three: Organisation, superuser: psycopg.Connection
) -> None:
    KEYRING.load(NEW)
    with pytest.raises(CannotOpen, match="k1"):
        list(rotation.rotate())

    assert stored(superuser, Secret, "value").startswith("k1.")
