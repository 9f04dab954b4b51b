"""A resource through time: as it was after an entry, two states side by side, and the page that restores one."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log import history
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.deployments import deployed, fail
from tests.support.kinds import create
from tests.support.log import latest_entry, summaries
from tests.web.conftest import Visitor

CONTAINERS = "/orgs/acme/projects/web/containers"
RESTORE = f"{CONTAINERS}/my-api/restore"
TAGS = re.compile(r"<[^>]+>")


def text_of(page: str) -> str:
    """What a page says in its main part, in one line."""
    return " ".join(unescape(TAGS.sub(" ", page.partition("<main")[2].partition(">")[2])).split())


def rows_of(page: str, table: str) -> dict[str, list[str]]:
    """The cells of a table of the page, by the field that heads them."""
    _, found, after = page.partition(f'<table class="{table}">')
    assert found
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", after.partition("</table>")[0], re.DOTALL)
    cells = [[text_of(f"<main>{each}") for each in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]
    return {label: found for label, *found in cells[1:]}


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that restores."""
    form = page.partition('<form method="post"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(version|without)" value="([^"]*)"', form))


@pytest.fixture
def changed(api: Container, ada: Actor) -> Container:
    """A container whose entry 6 created it, and whose entries 7 and 8 changed it."""
    for values in ({"image": "nginx:1.28", "environment": "A=1"}, {"image": "nginx:1.29", "port": 9090}):
        with transaction():
            api.update(ada, api.version, **values)
    return api


def compare(thing: Container, **span: int | str) -> str:
    """The address of a comparison."""
    asked = "".join(f"&{name.rstrip('_')}={value}" for name, value in span.items())
    return f"/orgs/acme/activity/compare?type=container&resource={thing.id}{asked}"


def test_it_shows_the_resource_as_it_was_after_it(owner: Visitor, changed: Container) -> None:
    found = rows_of(owner.get("/orgs/acme/activity/7").text, "changes state-table")

    assert found["Image"] == ["nginx:1.28", "this entry"]
    assert found["Port"] == ["8080", "#6"]
    assert found["Environment variables"] == ["never recorded", "this entry"]
    assert found["Health check path"] == ["—", ""]
    assert found["State"] == ["active", ""]


def test_it_shows_a_project_and_an_organisation_too(owner: Visitor, web: Project) -> None:
    assert rows_of(owner.get("/orgs/acme/activity/5").text, "changes state-table")["Name"] == ["Web", "this entry"]
    assert (
        "ops@acme.example.com"
        in rows_of(owner.get("/orgs/acme/activity/1").text, "changes state-table")["Contact email"]
    )


def test_of_a_member_there_is_no_state(owner: Visitor) -> None:
    assert "As it was after this entry" not in owner.get("/orgs/acme/activity/2").text


def test_it_leads_to_comparisons_and_to_restoring(owner: Visitor, changed: Container) -> None:
    page = unescape(owner.get("/orgs/acme/activity/7").text)

    for address in (compare(changed, from_=6, to=7), compare(changed, from_=7), f"{RESTORE}/7"):
        assert f'href="{address}"' in page
        assert owner.get(address).status_code == 200


def test_the_latest_is_compared_with_nothing_later_and_not_restored(owner: Visitor, changed: Container) -> None:
    page = owner.get("/orgs/acme/activity/8").text

    assert "Compare with the one before" in page
    assert "Compare with now" not in page
    assert "Restore this state" not in page


def test_who_may_not_change_it_may_compare_and_not_restore(visit: Callable[[str], Visitor], changed: Container) -> None:
    page = visit("vera").get("/orgs/acme/activity/7").text

    assert "Compare with now" in page
    assert "Restore this state" not in page


def test_of_an_ended_one_it_says_that_nothing_can_be_restored(owner: Visitor, changed: Container, ada: Actor) -> None:
    with transaction():
        changed.end(ada)
    page = owner.get("/orgs/acme/activity/7").text

    assert "none can be restored" in page
    assert "Compare with its end" in page
    assert "Restore this state" not in page


def test_where_the_way_back_ended_it_says_so(
    owner: Visitor, changed: Container, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOKED_MOST", 1)
    page = owner.get("/orgs/acme/activity/8").text

    assert "not among the" in rows_of(page, "changes state-table")["Name"][0]
    assert 'href="/orgs/acme/activity/8#state"' in page


def test_an_entry_that_restores_links_what_it_restores(owner: Visitor, changed: Container, ada: Actor) -> None:
    with transaction():
        changed.restore(ada, changed.version, 6)
    page = owner.get("/orgs/acme/activity/9").text

    assert '<a href="/orgs/acme/activity/6#state">what it was after #6</a>' in page
    assert rows_of(page, "changes").keys() == {"Image", "Port"}
    assert "Restores" not in owner.get("/orgs/acme/activity/8").text


def test_what_differs_is_marked(owner: Visitor, changed: Container) -> None:
    page = owner.get(compare(changed, from_=6, to=8)).text
    found = rows_of(page, "changes compared")

    assert found["Image (differs)"] == ["nginx:1.27", "nginx:1.29"]
    assert found["Port (differs)"] == ["8080", "9090"]
    assert found["Name"] == ["my-api", "my-api"]
    assert found["Environment variables (differs)"] == ["never recorded", "changed with #7 , never recorded"]


def test_the_order_in_which_they_are_asked_for_does_not_matter(owner: Visitor, changed: Container) -> None:
    there, back = (owner.get(compare(changed, from_=a, to=b)).text for a, b in ((6, 8), (8, 6)))

    assert rows_of(there, "changes compared") == rows_of(back, "changes compared")


def test_without_a_second_one_it_is_the_latest(owner: Visitor, changed: Container) -> None:
    page = owner.get(compare(changed, from_=7)).text

    assert rows_of(page, "changes compared")["Image (differs)"] == ["nginx:1.28", "nginx:1.29"]
    assert "its latest entry" in page


def test_without_any_the_last_change_is_shown_and_others_can_be_chosen(owner: Visitor, changed: Container) -> None:
    page = owner.get(compare(changed)).text

    assert rows_of(page, "changes compared")["Image (differs)"] == ["nginx:1.28", "nginx:1.29"]
    for name, number in (("from", 7), ("to", 8)):
        [chosen] = re.findall(rf'name="{name}" value="(\d+)"[^>]* checked', page)
        assert int(chosen) == number
    assert re.findall(r'name="from" value="(\d+)"', page) == ["8", "7", "6"]


def test_any_entry_of_the_organisation_stands_for_the_one_before_it(
    owner: Visitor, changed: Container, acme: Organisation, ada: Actor
) -> None:
    with transaction():
        acme.update(ada, acme.version, name="Other")
    page = owner.get(compare(changed, from_=7, to=9)).text

    assert "After #8" in page


def test_before_its_creation_there_was_nothing(owner: Visitor, changed: Container) -> None:
    page = owner.get(compare(changed, from_=2, to=6)).text

    assert "It was not created yet." in page
    assert rows_of(page, "changes compared")["Image (differs)"] == ["not created yet", "nginx:1.27"]


def test_two_that_are_alike_are_said_to_be(owner: Visitor, changed: Container, ada: Actor) -> None:
    with transaction():
        changed.redeploy(ada)

    assert "Nothing that the log keeps differs" in owner.get(compare(changed, from_=8, to=9)).text


def test_an_ended_one_is_compared_with_its_end(visit: Callable[[str], Visitor], changed: Container, ada: Actor) -> None:
    with transaction():
        changed.end(ada)
    page = visit("vera").get(compare(changed, from_=8)).text

    assert rows_of(page, "changes compared")["State (differs)"] == ["active", "terminated"]
    assert "Restore this state" not in page


def test_a_long_history_is_chosen_from_in_pages(owner: Visitor, changed: Container, ada: Actor) -> None:
    for number in range(60):
        with transaction():
            changed.update(ada, changed.version, name=f"n{number}")
    page = owner.get(compare(changed, from_=6)).text
    [older] = re.findall(r'href="([^"]+)">Older entries', page)
    second = owner.get(unescape(older)).text

    # What is chosen is on every page.
    assert re.findall(r'name="from" value="(\d+)"', page)[-1] == "6"
    assert re.findall(r'name="to" value="(\d+)"[^>]* checked', second) == ["68"]
    assert re.findall(r'name="from" value="(\d+)"', second) == ["68", *(str(each) for each in range(18, 5, -1))]


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "?type=container",
        "?type=container&resource=99",
        "?type=container&resource=x",
        "?type=user&resource=1",
        "?type=billing&resource=1",
        "?type=container&resource=1&from=x",
        "?type=container&resource=1&to=5",
        f"?type=container&resource={2**63}",
    ],
)
def test_what_there_is_not_is_not_found(owner: Visitor, api: Container, asked: str) -> None:
    assert owner.get(f"/orgs/acme/activity/compare{asked}").status_code == 404


def test_the_page_of_a_resource_leads_to_it(owner: Visitor, changed: Container) -> None:
    assert f'href="{compare(changed)}"' in unescape(owner.get(f"{CONTAINERS}/my-api").text)


def test_it_says_what_will_change_and_what_cannot_be_brought_back(owner: Visitor, changed: Container) -> None:
    page = owner.get(f"{RESTORE}/6").text

    assert rows_of(page, "changes") == {"Image": ["nginx:1.29", "nginx:1.27"], "Port": ["9090", "8080"]}
    assert "Changed since with #7. No entry keeps its value: it stays as it is." in text_of(page)
    assert "It is deployed anew." in page


def test_it_is_done_and_its_entry_is_told(owner: Visitor, acme: Organisation, changed: Container) -> None:
    form = hidden(owner.get(f"{RESTORE}/6").text)
    answer = owner.post(f"{RESTORE}/6", **form)

    assert answer.headers["Location"] == f"{CONTAINERS}/my-api"
    assert latest_entry(acme).summary == "Container my-api restored to entry #6"
    page = owner.get(f"{CONTAINERS}/my-api").text
    assert "Container my-api restored to entry #6." in text_of(page)
    assert 'href="/orgs/acme/activity/9"' in page


def test_a_page_that_someone_else_overtook_is_refused_and_shows_what_would_change_now(
    owner: Visitor, acme: Organisation, changed: Container, ada: Actor
) -> None:
    form = hidden(owner.get(f"{RESTORE}/6").text)
    with transaction():
        changed.update(ada, changed.version, memory_mib=512)
    answer = owner.post(f"{RESTORE}/6", **form)

    assert answer.status_code == 422
    assert "Someone else changed this since the page was shown" in answer.text
    assert rows_of(answer.text, "changes")["Memory (MiB)"] == ["512", "256"]
    assert len(summaries(acme)) == 9
    assert owner.post(f"{RESTORE}/6", **hidden(answer.text)).status_code == 302


def test_what_is_gone_is_named_and_left_out(
    owner: Visitor, acme: Organisation, web: Project, changed: Container, ada: Actor
) -> None:
    secrets = [create(web, ada, Secret, handle=handle) for handle in ("one", "two")]
    for secrets_then in (["one", "two"], []):
        with transaction():
            changed.update(ada, changed.version, secrets=secrets_then)
    with transaction():
        secrets[0].end(ada)
    page = owner.get(f"{RESTORE}/11").text

    assert "one does not exist any more: it is left out." in text_of(page)
    assert hidden(page)["without"] == "secrets/one"
    assert owner.post(f"{RESTORE}/11", **hidden(page)).status_code == 302
    assert latest_entry(acme).changes == {"secrets": [[], ["two"]], "restores": [None, 11]}


def test_what_went_meanwhile_is_refused_by_its_name(
    owner: Visitor, acme: Organisation, web: Project, changed: Container, ada: Actor
) -> None:
    secret = create(web, ada, Secret, handle="one")
    for secrets_then in (["one"], []):
        with transaction():
            changed.update(ada, changed.version, secrets=secrets_then)
    form = hidden(owner.get(f"{RESTORE}/10").text)
    with transaction():
        secret.end(ada)
    answer = owner.post(f"{RESTORE}/10", **form)

    assert answer.status_code == 422
    assert "There is no one in this project any more." in answer.text
    assert hidden(answer.text)["without"] == "secrets/one"


def test_what_is_so_already_has_nothing_to_restore(owner: Visitor, changed: Container) -> None:
    page = owner.get(f"{RESTORE}/8").text

    assert "There is nothing to restore" in page
    assert "Restore this state" not in page


def test_an_ended_one_cannot_be_restored(owner: Visitor, acme: Organisation, changed: Container, ada: Actor) -> None:
    form = hidden(owner.get(f"{RESTORE}/6").text)
    with transaction():
        changed.end(ada)

    assert "none can be restored" in owner.get(f"{RESTORE}/6").text
    answer = owner.post(f"{RESTORE}/6", **form)
    assert answer.status_code == 422
    assert "was already terminated" in answer.text
    assert len(summaries(acme)) == 9


def test_the_states_of_an_earlier_bearer_of_the_handle_are_not_those_of_this_one(
    owner: Visitor, web: Project, changed: Container, ada: Actor
) -> None:
    with transaction():
        changed.end(ada)
    create(web, ada, Container, handle="my-api", image="nginx:2.0")

    assert owner.get(f"{RESTORE}/6").status_code == 404
    assert owner.post(f"{RESTORE}/6", version="1").status_code == 404


@pytest.mark.parametrize("number", [5, 99, 2**63 - 1])
def test_of_another_entry_there_is_nothing_to_restore(owner: Visitor, changed: Container, number: int) -> None:
    assert owner.get(f"{RESTORE}/{number}").status_code == 404


@pytest.mark.parametrize("form", [{}, {"version": "x"}, {"version": "4", "without": "/ a b/c"}])
def test_a_form_that_was_tampered_with_changes_nothing_by_surprise(
    owner: Visitor, acme: Organisation, changed: Container, form: dict[str, str]
) -> None:
    assert owner.post(f"{RESTORE}/6", **form).status_code == 422
    assert len(summaries(acme)) == 8


@pytest.fixture
def failed(web: Project, changed: Container, ada: Actor) -> Container:
    """A container whose fourth revision has failed, after its third came up."""
    deployed(changed.key, changed.revision)
    with transaction():
        changed.update(ada, changed.version, image="nginx:2", memory_mib=64)
    fail(changed)
    return changed


@pytest.mark.parametrize("page", ["my-api", "my-api/deployments/4"])
def test_it_shows_what_differs_and_what_happened(owner: Visitor, failed: Container, page: str) -> None:
    found = owner.get(f"{CONTAINERS}/{page}").text
    section = found.partition('id="before-failure"')[2].partition("</section>")[0]

    assert "Revision 4 beside revision 3" in section
    assert rows_of(section, "changes") == {
        "Image": ["nginx:1.29", "nginx:2"],
        "Memory (MiB)": ["256", "64"],
    }
    assert re.findall(r'data-number="(\d+)"', section) == ["11", "10", "9"]
    [address] = re.findall(r'href="([^"]+compare[^"]+)"', section)
    assert owner.get(unescape(address)).status_code == 200


@pytest.mark.parametrize("page", ["my-api/deployments/3", "my-api/deployments"])
def test_what_came_up_has_not_failed(owner: Visitor, failed: Container, page: str) -> None:
    assert "What changed before it failed" not in owner.get(f"{CONTAINERS}/{page}").text


def test_who_may_only_read_sees_it_too(visit: Callable[[str], Visitor], failed: Container) -> None:
    assert "What changed before it failed" in visit("vera").get(f"{CONTAINERS}/my-api").text


def test_an_auditor_may_compare(
    visit: Callable[[str], Visitor], acme: Organisation, changed: Container, ada: Actor, people: dict[str, User]
) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, "auditor")
    page = visit("vera").get(compare(changed, from_=6, to=8))

    assert page.status_code == 200
    assert "Back to my-api" not in page.text
