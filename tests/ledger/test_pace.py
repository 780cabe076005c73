"""When batches begin: a lone command never waits, and a busy writer lets its batches fill."""

import pytest

from ledger.pace import ENOUGH, PACE_S, SEVERAL, Pace


def busy() -> Pace:
    """A writer whose batches had eight commands, the last of them at 1.0."""
    pace = Pace()
    for step in range(51):
        pace.begin(8, step * 0.02)
    return pace


def test_commands_one_after_the_other_begin_at_once():
    pace = Pace()
    for step in range(100):
        at = step * 0.005
        assert pace.pause(1, at) == 0
        pace.begin(1 + step % 3, at)

    assert 1 < pace.size < SEVERAL


def test_a_busy_writer_waits_for_the_rest_of_its_pace():
    assert busy().pause(1, 1.005) == pytest.approx(PACE_S - 0.005)


def test_a_command_after_a_pause_begins_at_once_whatever_was_before():
    assert busy().pause(1, 1.0 + PACE_S) == 0


def test_enough_commands_begin_at_once():
    assert busy().pause(ENOUGH, 1.001) == 0


def test_a_writer_that_is_no_longer_busy_does_not_wait():
    pace = busy()
    for step in range(20):
        pace.begin(1, 2.0 + step * 0.02)

    assert pace.pause(1, 2.4) == 0


def test_waiting_in_vain_becomes_rare():
    """Callers that all wait for this very batch send nothing meanwhile: they hardly ever pay for it."""
    pace, waits = busy(), 0
    for step in range(1, 1001):
        at = 1.0 + step * 0.002
        if pace.pause(16, at):
            pace.paused(0)
            waits += 1
        pace.begin(16, at)

    assert waits < 25


def test_a_pause_that_gains_commands_is_taken_again():
    pace = busy()
    pace.paused(0)
    assert pace.pause(1, 1.001) == 0
    assert pace.pause(1, 1.001) > 0

    pace.paused(7)
    assert pace.pause(1, 1.001) > 0
