"""Who may use the threads of the runtime process, and who waits."""

from contextlib import ExitStack

import pytest

from models.jobs.observation import ResourceKey
from worker.engine.slots import Rounds, Slots


def key(organisation_id: int, id: int = 1) -> ResourceKey:
    """A container."""
    return ResourceKey(organisation_id, "container", id)


def test_slots_are_shared_among_organisations_and_given_back() -> None:
    slots = Slots(most=4, of_one_most=2, kept=0)
    with ExitStack() as held:
        taken = [held.enter_context(slots.take(key(organisation))) for organisation in (1, 1, 1, 2, 2, 3)]
        assert taken == [True, True, False, True, True, False]
    with slots.take(key(1)) as again, pytest.raises(InterruptedError), slots.take(key(1)):
        assert again
        raise InterruptedError
    with slots.take(key(1)) as first, slots.take(key(1)) as second:
        assert first
        assert second


def test_the_last_slots_are_kept_for_organisations_that_have_none() -> None:
    slots = Slots(most=6, of_one_most=3, kept=2)
    with ExitStack() as held:
        taken = [held.enter_context(slots.take(key(organisation))) for organisation in (1, 1, 1, 2, 2, 3, 3, 4, 5)]
        assert taken == [True, True, True, True, False, True, False, True, False]


def test_who_waits_is_called_once_however_often_it_asked_and_who_has_the_fewest_first() -> None:
    slots = Slots(most=3, of_one_most=2, kept=0)
    with slots.take(key(1, 1)), slots.take(key(1, 2)):
        for _ in range(3):
            for id in (3, 4, 5):
                with slots.take(key(1, id)) as taken_now:
                    assert not taken_now
        slots.wait(key(2, 1))
        slots.wait(key(2, 2))
        assert slots.ready() == [key(2, 1)]
    assert slots.ready() == [key(1, 3), key(2, 2), key(1, 4)]
    assert slots.ready() == [key(1, 5)]
    assert slots.ready() == []


def test_who_gets_a_slot_waits_no_longer() -> None:
    slots = Slots(most=1, of_one_most=1, kept=0)
    slots.wait(key(1))
    with slots.take(key(1)) as taken_now:
        assert taken_now
    assert slots.ready() == []


def test_a_round_that_is_asked_for_while_it_is_done_is_done_once_more() -> None:
    rounds = Rounds(of_organisations_most=2)
    done = 0
    with rounds.begin(7) as times:
        for _ in times:
            done += 1
            if done == 1:
                for _ in range(5):
                    with rounds.begin(7) as others:
                        assert list(others) == []
    assert done == 2
    with rounds.begin(7) as times:
        assert len(list(times)) == 1


def test_a_few_rounds_of_organisations_leave_room_for_the_one_over_everything() -> None:
    rounds = Rounds(of_organisations_most=2)
    with rounds.begin(1) as first, rounds.begin(2) as second, rounds.begin(3) as third, rounds.begin(None) as all_of_it:
        assert [next(each, "none") for each in (first, second, third, all_of_it)] == [None, None, "none", None]
        with rounds.begin(None) as twice:
            assert list(twice) == []


def test_a_round_that_had_to_wait_is_called_when_it_may_begin() -> None:
    rounds = Rounds(of_organisations_most=1)
    with rounds.begin(1) as first:
        next(first)
        for other in (2, 3, 2):
            with rounds.begin(other) as refused:
                assert list(refused) == []
        assert rounds.ready() == []
    assert rounds.ready() == [2]
    with rounds.begin(2) as second:
        assert len(list(second)) == 1
    assert rounds.ready() == [3]
    assert rounds.ready() == []


def test_a_round_that_failed_can_be_done_again() -> None:
    rounds = Rounds(of_organisations_most=1)
    with pytest.raises(InterruptedError), rounds.begin(1) as times:
        next(times)
        raise InterruptedError
    with rounds.begin(1) as times:
        assert len(list(times)) == 1
