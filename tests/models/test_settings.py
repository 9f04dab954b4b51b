"""Settings: every one has one default, and what is wrong is named all at once."""

import base64
from pathlib import Path

import pytest

from models.settings import OF_SCHEDULER, OF_WORKER, Settings, SettingsError, is_told, with_files

LEAST = {
    "DATABASE_URL": "postgresql://app@localhost/activity_log",
    "REDIS_URL": "redis://localhost:6379/0",
    "SECRET_KEY": "a key of the tests",
    "ENCRYPTION_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
}


def test_what_is_not_set_has_its_default() -> None:
    found = Settings.from_environment(LEAST)

    assert found == Settings(
        database_url=LEAST["DATABASE_URL"],
        redis_url=LEAST["REDIS_URL"],
        secret_key=LEAST["SECRET_KEY"],
        encryption_keys=LEAST["ENCRYPTION_KEYS"],
    )


def test_what_is_empty_has_its_default_too() -> None:
    assert Settings.from_environment({**LEAST, "PORT": "", "DEMO": "", "SIGNUP": "", "DATA_DIR": ""}).port == 8000


def test_everything_can_be_set() -> None:
    found = Settings.from_environment(
        {
            **LEAST,
            "DATABASE_OWNER_URL": "postgresql://owner@localhost/activity_log",
            "HOST": "10.0.0.1",
            "PORT": "9000",
            "DATA_DIR": "/srv/data",
            "SIGNUP": "invite",
            "DOCKER_HOST": "none",
            "HEALTH_SECONDS": "5",
            "SUSPENSION_GRACE_HOURS": "0",
            "TRUSTED_PROXIES": "2",
        }
    )

    assert (found.host, found.port, found.data_dir, found.signup) == ("10.0.0.1", 9000, Path("/srv/data"), "invite")
    assert (found.docker_host, found.health_seconds, found.trusted_proxies) == ("none", 5, 2)
    assert found.suspension_grace.total_seconds() == 0
    assert found.database_owner_url.startswith("postgresql://owner@")


@pytest.mark.parametrize(("given", "wanted"), [("1", True), ("yes", True), ("TRUE", True), ("0", False), ("No", False)])
def test_the_demo_and_secure_cookies_are_switches(given: str, wanted: bool) -> None:
    found = Settings.from_environment({**LEAST, "DEMO": given, "SECURE_COOKIES": given})

    assert (found.demo, found.secure_cookies) == (wanted, wanted)


def test_the_demo_is_wanted_unless_someone_says_no() -> None:
    assert Settings.from_environment(LEAST).demo


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"SECRET_KEY": "a key of the tests"})

    assert str(refused.value) == "DATABASE_URL is not set; REDIS_URL is not set; ENCRYPTION_KEYS is not set"


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("PORT", "0", "PORT must be a whole number from 1 to 65535"),
        ("PORT", "65536", "PORT must be a whole number from 1 to 65535"),
        ("PORT", "٨٠", "PORT must be a whole number from 1 to 65535"),
        ("HEALTH_SECONDS", "soon", "HEALTH_SECONDS must be a whole number from 1 to 3600"),
        ("SUSPENSION_GRACE_HOURS", "-1", "SUSPENSION_GRACE_HOURS must be a whole number from 0 to 8760"),
        ("TRUSTED_PROXIES", "10", "TRUSTED_PROXIES must be a whole number from 0 to 9"),
        ("DEMO", "maybe", "DEMO must be 1 or 0"),
        ("SECURE_COOKIES", "2", "SECURE_COOKIES must be 1 or 0"),
        ("SIGNUP", "closed", "SIGNUP must be open or invite"),
        ("SIGNING_KEYS", "s1:short", "SIGNING_KEYS must be id:base64 of 32 bytes, separated by commas"),
        ("ENCRYPTION_KEYS", "k1:short", "ENCRYPTION_KEYS must be id:base64 of 32 bytes, separated by commas"),
    ],
)
def test_what_is_wrong_is_named_with_what_it_must_be(name: str, given: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        Settings.from_environment({**LEAST, name: given})


def test_a_setting_can_be_what_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key in a file\n")
    given = {**LEAST, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}

    assert Settings.from_environment(given).secret_key == "a key in a file"
    assert with_files(given)["SECRET_KEY"] == "a key in a file"
    assert is_told(given, "SECRET_KEY")


def test_a_file_that_cannot_be_read_or_that_says_it_twice_is_named(tmp_path: Path) -> None:
    missing = {**LEAST, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "nothing")}
    (tmp_path / "key").write_text("another")
    twice = {**LEAST, "SECRET_KEY_FILE": str(tmp_path / "key")}

    with pytest.raises(SettingsError, match="SECRET_KEY_FILE cannot be read \\(No such file or directory\\)"):
        Settings.from_environment(missing)
    with pytest.raises(SettingsError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        Settings.from_environment(twice)


def test_who_needs_less_is_told_less() -> None:
    assert Settings.from_environment({"REDIS_URL": LEAST["REDIS_URL"]}, OF_SCHEDULER).redis_url == LEAST["REDIS_URL"]
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not set; ENCRYPTION_KEYS is not set$"):
        Settings.from_environment({"REDIS_URL": LEAST["REDIS_URL"]}, OF_WORKER)
