"""A person terminates containers while the deletion of their project does the same: one entry each, by who did it."""

import threading

import psycopg

from models.database import db
from models.errors import DomainError
from models.kinds.container import Container
from models.log.spoken import actor as actor_name
from models.organisation import by_handle
from models.transaction import transaction
from tests.chaos.fleet import Fleet
from tests.chaos.people import PATIENCE_SECONDS, ada, double_click, furnish
from tests.support.proof import violations

RACES = 1000
PEOPLE = 4
ENDS = f"""
    SELECT resource_name, {actor_name()} FROM activity_entries AS entry
     WHERE resource_type = 'container' AND action = 'terminate'
"""


def test_of_a_person_and_the_cascade_one_terminates_each_container(fleet: Fleet, superuser: psycopg.Connection) -> None:
    actor = ada(fleet)
    furnish(fleet, actor, "acme", projects=1, containers=RACES)
    fleet.workers("first")
    won: list[str] = []
    begun = threading.Semaphore(0)

    def terminate(place: int) -> None:
        """From both ends: the cascade comes from the lowest id, so each container is somebody's last moment."""
        with fleet.app.app_context():
            for number in range(place + 1, RACES + 1, PEOPLE):
                name = f"service-{RACES + 1 - number if place % 2 else number}"
                try:
                    with transaction():
                        organisation = by_handle("acme")
                        assert organisation
                        organisation.find_project("p0").find(Container, name).end(actor)
                    won.append(name)
                except DomainError:
                    pass  # the cascade, or someone else, was first
                finally:
                    db.session.remove()
                    begun.release()

    people = [threading.Thread(target=terminate, args=(place,), daemon=True) for place in range(PEOPLE)]
    for each in people:
        each.start()
    for _ in range(RACES // 4):
        begun.acquire()
    double_click(fleet, actor, "acme", "p0")
    for each in people:
        each.join(PATIENCE_SECONDS)
    fleet.wait("SELECT count(*) FROM jobs WHERE state <> 'finished'", [(0,)], PATIENCE_SECONDS)

    ends = superuser.execute(ENDS.encode()).fetchall()
    by_person = {name for name, who in ends if who == "Ada Lovelace"}
    by_system = {name for name, who in ends if who == "system"}
    print(f"{RACES} races: {len(by_person)} by the person, {len(by_system)} by the system")
    assert len(ends) == RACES
    assert by_person == set(won)
    assert len(won) == len(set(won))
    assert by_system
    assert by_person
    assert violations(superuser) == []
