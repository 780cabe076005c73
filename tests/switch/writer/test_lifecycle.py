"""The lifecycle table: every pair decided, no way out of a final state, no freeing of money by time."""

import itertools

import pytest

from switch.writer.lifecycle import FINAL, STATUS, TRANSITIONS, Event, IllegalTransition, State, next_state


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_is_decided(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition):
            next_state(state, event)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_leaves_a_final_state(state: State) -> None:
    assert not [pair for pair in TRANSITIONS if pair[0] is state]


def test_time_frees_money_only_while_nothing_has_left_us() -> None:
    assert [state for state, event in TRANSITIONS if event is Event.EXPIRE] == [State.RESERVED]


def test_every_state_can_be_reached_and_can_end() -> None:
    reached = {State.RECEIVED}
    for _ in State:
        reached |= {to for (state, _), to in TRANSITIONS.items() if state in reached}

    assert reached == set(State)
    for state in set(State) - FINAL:
        ends = {state}
        for _ in State:
            ends |= {to for (at, _), to in TRANSITIONS.items() if at in ends}
        assert ends & FINAL


def test_every_state_has_a_status_of_iso() -> None:
    assert set(STATUS) == set(State)
