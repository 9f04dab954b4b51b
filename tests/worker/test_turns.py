"""Who may use the threads of the runtime process, and who waits."""

from contextlib import ExitStack

import pytest

from models.jobs.observation import ResourceKey
from worker.engine.slots import Rounds, Turns


def key(organisation_id: int, id: int = 1) -> ResourceKey:
    """A container."""
    return ResourceKey(organisation_id, "container", id)


def test_turns_are_shared_among_organisations_and_given_back() -> None:
    turns = Turns(most=4, of_one_most=2, kept=0)
    with ExitStack() as held:
        taken = [held.enter_context(turns.take(key(organisation))) for organisation in (1, 1, 1, 2, 2, 3)]
        assert taken == [True, True, False, True, True, False]
    with turns.take(key(1)) as again, pytest.raises(InterruptedError), turns.take(key(1)):
        assert again
        raise InterruptedError
    with turns.take(key(1)) as first, turns.take(key(1)) as second:
        assert first
        assert second


def test_the_last_turns_are_kept_for_organisations_that_have_none() -> None:
    turns = Turns(most=6, of_one_most=3, kept=2)
    with ExitStack() as held:
        taken = [held.enter_context(turns.take(key(organisation))) for organisation in (1, 1, 1, 2, 2, 3, 3, 4, 5)]
        assert taken == [True, True, True, True, False, True, False, True, False]


def test_who_waits_is_called_once_however_often_it_asked_and_who_has_the_fewest_first() -> None:
    turns = Turns(most=3, of_one_most=2, kept=0)
    with turns.take(key(1, 1)), turns.take(key(1, 2)):
        for _ in range(3):
            for id in (3, 4, 5):
                with turns.take(key(1, id)) as granted:
                    assert not granted
        turns.wait(key(2, 1))
        turns.wait(key(2, 2))
        assert turns.ready() == [key(2, 1)]
    assert turns.ready() == [key(1, 3), key(2, 2), key(1, 4)]
    assert turns.ready() == [key(1, 5)]
    assert turns.ready() == []


def test_who_gets_a_turn_waits_no_longer() -> None:
    turns = Turns(most=1, of_one_most=1, kept=0)
    turns.wait(key(1))
    with turns.take(key(1)) as granted:
        assert granted
    assert turns.ready() == []


def test_a_round_that_is_asked_for_while_it_is_done_is_done_once_more() -> None:
    rounds = Rounds(of_organisations_most=2)
    done = 0
    with rounds.turns(7) as turns:
        for _ in turns:
            done += 1
            if done == 1:
                for _ in range(5):
                    with rounds.turns(7) as others:
                        assert list(others) == []
    assert done == 2
    with rounds.turns(7) as turns:
        assert len(list(turns)) == 1


def test_a_few_rounds_of_organisations_leave_room_for_the_one_over_everything() -> None:
    rounds = Rounds(of_organisations_most=2)
    with rounds.turns(1) as first, rounds.turns(2) as second, rounds.turns(3) as third, rounds.turns(None) as all_of_it:
        assert [next(each, "none") for each in (first, second, third, all_of_it)] == [None, None, "none", None]
        with rounds.turns(None) as twice:
            assert list(twice) == []


def test_a_round_that_found_no_place_is_called_when_there_is_one() -> None:
    rounds = Rounds(of_organisations_most=1)
    with rounds.turns(1) as first:
        next(first)
        for other in (2, 3, 2):
            with rounds.turns(other) as refused:
                assert list(refused) == []
        assert rounds.ready() == []
    assert rounds.ready() == [2]
    with rounds.turns(2) as second:
        assert len(list(second)) == 1
    assert rounds.ready() == [3]
    assert rounds.ready() == []


def test_a_round_that_failed_can_be_done_again() -> None:
    rounds = Rounds(of_organisations_most=1)
    with pytest.raises(InterruptedError), rounds.turns(1) as turns:
        next(turns)
        raise InterruptedError
    with rounds.turns(1) as turns:
        assert len(list(turns)) == 1
