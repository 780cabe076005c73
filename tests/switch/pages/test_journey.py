"""The drawing of a payment's journey: the lifecycle table, all of it and nothing else."""

from switch.pages import journey
from switch.payments.journey import JourneyTransition
from switch.writer.lifecycle import TRANSITIONS, Event, State

PATH = [
    JourneyTransition(State.RECEIVED, Event.RESERVE, State.RESERVED),
    JourneyTransition(State.RESERVED, Event.SEND, State.SENT),
    JourneyTransition(State.SENT, Event.DOUBT, State.UNKNOWN),
]


def test_every_state_and_every_step_of_the_table_is_drawn_once() -> None:
    drawn = journey.draw([])

    assert [box.state for box in drawn.boxes] == list(State)
    assert sorted(step.event for step in drawn.steps) == sorted(event for _, event in TRANSITIONS)
    assert not any(step.taken for step in drawn.steps)
    assert not any(box.passed or box.now for box in drawn.boxes)


def test_the_path_is_marked_and_its_end_emphasised() -> None:
    drawn = journey.draw(PATH)

    assert sorted(step.event for step in drawn.steps if step.taken) == [
        Event.DOUBT,
        Event.RESERVE,
        Event.SEND,
    ]
    assert [box.state for box in drawn.boxes if box.now] == [State.UNKNOWN]
    assert {box.state for box in drawn.boxes if box.passed} == {
        State.RECEIVED,
        State.RESERVED,
        State.SENT,
        State.UNKNOWN,
    }


def test_no_two_names_lie_on_each_other_and_all_are_in_the_picture() -> None:
    drawn = journey.draw([])
    points = [step.label for step in drawn.steps] + [(box.x, box.y) for box in drawn.boxes]

    for index, (x, y) in enumerate(points):
        assert 0 < x < journey.WIDTH
        assert 0 < y < journey.HEIGHT
        assert all(abs(x - a) > 45 or abs(y - b) > 14 for a, b in points[:index]), (x, y)
