"""What is said on the page Proof of a verification: nothing wrong for axe, a finger or the keyboard."""

from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from models.jobs import verification
from models.jobs.verification import VerificationKey
from models.log.actor import Actor
from models.organisation import Organisation
from models.settings import Settings
from models.system import verification_round
from models.transaction import transaction
from tests.browser.test_feed_states import DESKTOP, PHONE, require_nothing_wrong, require_ring
from tests.support.attacks import rewritten
from tests.support.log import fill
from tests.support.seals import seal_now

CHANGED = "UPDATE activity_entries SET summary = 'Nothing happened' WHERE organisation_id = 1 AND number = 3"
SAYS = {
    "under way": "waiting for the worker",
    "as sealed": "are as sealed",
    "changed": "What is there is not what the checkpoint",
}


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("state", SAYS)
def test_a_verification(
    signed_in: Callable[..., Page],
    acme: Organisation,
    ada: Actor,
    settings: Settings,
    superuser: psycopg.Connection,
    viewport: ViewportSize,
    state: str,
) -> None:
    fill(acme, ada, 20)
    seal_now(settings)
    with transaction() as hints:
        verification.ask(acme.id, ada.id)
    if state == "changed":
        rewritten(superuser, CHANGED)
    if state != "under way":
        verification_round.run(VerificationKey(*hints[0]))
    page = signed_in("ada", viewport=viewport)
    # It stands still while it is looked at.
    page.route("**/proof/verification*", lambda _: None)
    page.goto("/orgs/acme/proof")
    expect(page.locator("#verifications")).to_contain_text(SAYS[state])

    require_nothing_wrong(page)
    require_ring(page, "form[action$='/proof/verify'] button")
