"""Proofs on pages: how far the log is sealed, what proves an entry, and what one takes along."""

import re
from collections.abc import Callable
from html import unescape

import psycopg
import pytest

from models.jobs.verification import VerificationKey, verifications_of
from models.log import leaves, seal
from models.log.actor import Actor
from models.log.proof.checkpoint import opened
from models.log.proof.note import Verifier
from models.log.proof.proof_file import ProofFile
from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.system import verification_round
from models.transaction import transaction
from tests.support.invitations import enrol
from tests.support.log import entries, fill
from tests.support.seals import seal_now
from tests.web.conftest import Visitor

FEED, PROOF = "/orgs/acme/activity", "/orgs/acme/proof"
HEAD = re.compile(r'<p class="seal.*?</p>', re.DOTALL)


@pytest.fixture
def sealed(settings: Settings, busy: Project, acme: Organisation) -> int:
    """Acme's log, sealed; returns its newest number."""
    seal_now(settings)
    return len(entries(acme))


def head(page: str) -> str:
    """What the head of a feed says of its seal."""
    found = HEAD.search(page)
    assert found
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", found[0]))).strip()


def wait_for_sealing(superuser: psycopg.Connection, seconds: int) -> None:
    """Makes entries as old as if they had waited for so long."""
    with superuser.transaction():
        superuser.execute("ALTER TABLE activity_entries DISABLE TRIGGER activity_entries_are_permanent")
        superuser.execute(
            "UPDATE activity_entries SET occurred_at = occurred_at - %s * interval '1 second'", (seconds,)
        )
        superuser.execute("ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent")


def test_the_page_warns_when_checkpoints_get_to_no_place_outside(
    owner: Visitor, sealed: int, superuser: psycopg.Connection
) -> None:
    assert "not-anchored" not in owner.get(PROOF).text
    superuser.execute("INSERT INTO anchors (name, is_alarming) VALUES ('one.example.com+0badf00d', true)")
    assert "has seen another log" in owner.get(PROOF).text


def test_the_head_of_a_feed_says_up_to_where_it_is_sealed(owner: Visitor, sealed: int) -> None:
    for address in (FEED, "/orgs/acme", "/orgs/acme/projects/web"):
        assert f"Sealed up to #{sealed}" in head(owner.get(address).text)


def test_before_anything_is_sealed_it_says_nothing(owner: Visitor, busy: Project) -> None:
    assert head(owner.get(FEED).text) == ""


def test_it_goes_on_with_the_poll(
    owner: Visitor, acme: Organisation, ada: Actor, settings: Settings, sealed: int
) -> None:
    first = owner.fragment(f"{FEED}?after={sealed}")
    etag = first.headers["ETag"]
    assert owner.fragment(f"{FEED}?after={sealed}", **{"If-None-Match": etag}).status_code == 304
    fill(acme, ada, 2)
    waiting = owner.fragment(f"{FEED}?after={sealed}", **{"If-None-Match": etag})
    assert f"Sealed up to #{sealed}" in head(waiting.text)
    assert 'hx-swap-oob="true"' in HEAD.search(waiting.text)[0]  # type: ignore[index]
    seal_now(settings)
    told = owner.fragment(f"{FEED}?after={sealed}", **{"If-None-Match": waiting.headers["ETag"]})

    assert f"Sealed up to #{sealed + 2}" in head(told.text)


def test_what_waits_for_more_than_half_a_minute_is_a_warning(
    owner: Visitor, acme: Organisation, ada: Actor, sealed: int, superuser: psycopg.Connection
) -> None:
    fill(acme, ada, 1)
    assert "wait" not in head(owner.get(FEED).text)
    etag = owner.fragment(f"{FEED}?after={sealed}").headers["ETag"]
    wait_for_sealing(superuser, 31)

    assert "later ones wait since" in head(owner.get(FEED).text)
    assert owner.fragment(f"{FEED}?after={sealed}", **{"If-None-Match": etag}).status_code == 200


def test_every_page_warns_where_the_seal_was_refused(
    visit: Callable[[str], Visitor], sealed: int, superuser: psycopg.Connection
) -> None:
    superuser.execute("INSERT INTO seal_refusals VALUES (0, now(), 'The database has gone back.')")

    for name in ("ada", "vera"):
        for address in ("/orgs/acme", FEED, "/orgs/acme/members", f"{FEED}/1"):
            page = visit(name).get(address).text
            assert "is not sealed any more. The database has gone back." in page
    assert head(visit("ada").get(FEED).text).startswith("Sealing has stopped")
    assert "seal-refused" not in visit("ada").get("/activity").text


def test_an_entry_says_what_proves_it_and_the_proof_holds_elsewhere(
    owner: Visitor, acme: Organisation, sealed: int
) -> None:
    page = owner.get(f"{FEED}/3").text
    found = re.search(r'id="leaf"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found
    leaf = unescape(found[1]).encode()
    assert [leaf] == list(leaves.leaves(acme.id, 3, 3))
    assert f"of the tree over entries 1 to {sealed}" in page
    answer = owner.get(f"{FEED}/3/proof")
    assert answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-3.tlog-proof"'
    proof = ProofFile.parse(answer.text)
    [key] = re.findall(r'id="key-1"[^>]*>(.*?)</pre>', owner.get(PROOF).text)
    log = Verifier.parse(unescape(key))

    assert proof.shows(leaf, log)
    assert not proof.shows(leaf.replace(b"3", b"4", 1), log)


def test_an_entry_that_is_not_sealed_yet_says_so(owner: Visitor, busy: Project) -> None:
    assert "Not sealed yet" in owner.get(f"{FEED}/1").text
    answer = owner.get(f"{FEED}/1/proof")
    assert answer.status_code == 404
    assert "not sealed yet" in answer.text


def test_who_does_not_see_money_gets_no_proof_of_it(
    visit: Callable[[str], Visitor], acme: Organisation, card: object, settings: Settings
) -> None:
    seal_now(settings)
    [number] = [each.number for each in entries(acme) if each.resource_type == "billing"]

    assert visit("ada").get(f"{FEED}/{number}/proof").status_code == 200
    assert visit("linus").get(f"{FEED}/{number}/proof").status_code == 404


def test_the_newest_checkpoint_is_copied_or_downloaded_and_older_ones_are_listed(
    owner: Visitor, acme: Organisation, ada: Actor, settings: Settings, sealed: int
) -> None:
    fill(acme, ada, 2)
    seal_now(settings)
    page = owner.get(PROOF).text
    shown = re.search(r'id="checkpoint"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert shown
    newest = owner.get(f"{PROOF}/checkpoint").text
    assert unescape(shown[1]) == newest
    older = [owner.get(unescape(each)).text for each in re.findall(r'href="([^"]+/checkpoint\?of=[^"]+)"', page)]

    last = seal.last(acme.id)
    assert last
    [log] = seal.verifiers(last.origin)
    assert [opened(each, log).size for each in older] == [sealed + 2, sealed]
    assert older[0] == newest


def test_the_list_goes_on_with_older_ones(
    owner: Visitor, acme: Organisation, ada: Actor, settings: Settings, monkeypatch: pytest.MonkeyPatch, sealed: int
) -> None:
    for _ in range(2):
        fill(acme, ada, 1)
        seal_now(settings)
    monkeypatch.setattr(seal, "PAGE", 2)
    seen, address = [], PROOF
    for _ in range(3):
        page = owner.get(address).text
        seen += [int(each) for each in re.findall(r"<strong>#(\d+)</strong>", page)]
        found = re.search(r'class="older" href="([^"]+before=[^"]+)"', page)
        if found is None:
            break
        address = unescape(found[1])

    assert seen == [sealed + 2, sealed + 1, sealed]


@pytest.mark.parametrize("broken", ["before=soon", "before=1", "before=1.x"])
def test_a_broken_link_to_a_checkpoint_is_told(owner: Visitor, acme: Organisation, broken: str) -> None:
    assert owner.get(f"{PROOF}?{broken}").status_code == 400


def test_an_auditor_has_the_page_and_the_way_to_it(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor, people: dict[str, User], sealed: int
) -> None:
    with transaction():
        enrol(acme, ada, people["mallory"], Role.AUDITOR)
    auditor = visit("mallory")

    assert auditor.get(PROOF).status_code == 200
    assert f'href="{PROOF}"' in auditor.get(FEED).text
    assert f'href="{PROOF}"' not in visit("vera").get(FEED).text
    assert f'href="{PROOF}"' in visit("ada").get("/orgs/acme/settings").text


def test_verify_now_is_carried_out_by_the_worker_and_its_result_is_kept(
    visit: Callable[[str], Visitor], acme: Organisation, sealed: int
) -> None:
    ada = visit("ada")
    assert ada.post(f"{PROOF}/verify").location == PROOF
    waiting = ada.get(PROOF).text
    assert "waiting for the worker" in waiting
    assert f'hx-get="{PROOF}/verification"' in waiting
    key = VerificationKey(acme.id, verifications_of(acme.id, 1)[0].id)
    verification_round.run(key)
    done = ada.fragment(f"{PROOF}/verification").text

    assert f"All {sealed} entries are as sealed" in done
    assert "Asked for by Ada Lovelace" in done
    assert "hx-get" not in done
    assert "<html" not in done
    assert f"All {sealed} entries are as sealed" in ada.get(PROOF).text


def test_what_a_verification_finds_is_shown(
    owner: Visitor, acme: Organisation, sealed: int, superuser: psycopg.Connection
) -> None:
    wait_for_sealing(superuser, 1)
    owner.post(f"{PROOF}/verify")
    verification_round.run(VerificationKey(acme.id, verifications_of(acme.id, 1)[0].id))

    assert f"#1 to #{sealed}: What is there is not what the checkpoint at {sealed} is of" in owner.get(PROOF).text
