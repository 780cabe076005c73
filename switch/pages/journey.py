"""Diagram of a payment's lifecycle: every state, every step of `TRANSITIONS`, with the steps taken marked.

The places of the states are data of this module. The steps come from `TRANSITIONS`, so a new one is drawn
too. A step is curved so that it avoids the states and labels drawn before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot
from typing import Final

from switch.payments.journey import JourneyTransition
from switch.writer.lifecycle import TRANSITIONS, Event, State

WIDTH: Final = 960
HEIGHT: Final = 380
_HALF: Final = (62, 22)
"""Half the width and height of a state's box."""
_PLACES: Final = {
    State.RECEIVED: (80, 110),
    State.RESERVED: (330, 110),
    State.SENT: (600, 110),
    State.COMMITTED: (870, 110),
    State.UNKNOWN: (600, 320),
    State.ABORTED: (330, 320),
}
_BENDS: Final = (0, -38, 38, -76, 76, -114, 114, -152, 152)
"""Distances of the middle of a step from the straight line, tried in this order."""
_CLEAR_OF_LABEL: Final = (58, 17)
_SAMPLES: Final = 96

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A state in the diagram."""

    state: State
    x: float
    y: float
    passed: bool
    now: bool

    @property
    def corner(self) -> Point:
        """Upper left corner."""
        return self.x - _HALF[0], self.y - _HALF[1]

    @property
    def size(self) -> Point:
        """Width and height."""
        return 2 * _HALF[0], 2 * _HALF[1]


@dataclass(frozen=True, slots=True)
class DiagramStep:
    """A step in the diagram: a curve with the name of its event in the middle."""

    event: Event
    path: str
    label: Point
    taken: bool


@dataclass(frozen=True, slots=True)
class Journey:
    """The whole diagram."""

    boxes: tuple[Box, ...]
    steps: tuple[DiagramStep, ...]


def draw(path: Sequence[JourneyTransition]) -> Journey:
    """The lifecycle diagram with this path marked."""
    taken = {(move.state, move.event) for move in path}
    passed = {move.state for move in path} | {move.then for move in path}
    now = path[-1].then if path else None
    boxes = tuple(Box(state, *_PLACES[state], passed=state in passed, now=state is now) for state in State)
    # Steps that were taken come last, so that they are on top.
    steps = sorted(
        (
            DiagramStep(event, curve, label, (state, event) in taken)
            for state, event, curve, label in _curves()
        ),
        key=lambda step: step.taken,
    )
    return Journey(boxes, tuple(steps))


@cache
def _curves() -> tuple[tuple[State, Event, str, Point], ...]:
    labels: list[Point] = []
    found = []
    for (state, event), then in TRANSITIONS.items():
        start, end = _PLACES[state], _PLACES[then]
        middle = _middle(start, end, (state, then), labels)
        labels.append(_at(start, middle, end, 0.5))
        found.append((state, event, _path(start, middle, end), labels[-1]))
    return tuple(found)


def _middle(start: Point, end: Point, ends: tuple[State, State], labels: Sequence[Point]) -> Point:
    """Control point of a curve that avoids everything drawn before, or else of the last one tried."""
    others = [_PLACES[state] for state in State if state not in ends]
    middle = start
    for bend in _BENDS:
        middle = _bent(start, end, bend)
        label = _at(start, middle, end, 0.5)
        free = all(not _near(label, other, _CLEAR_OF_LABEL) for other in labels)
        boxes = [*others, start, end]
        clear = all(
            not _near(point, box, (_HALF[0] + 10, _HALF[1] + 10))
            for point in _points(start, middle, end)
            for box in others
        ) and all(not _near(label, box, (_HALF[0] + 20, _HALF[1] + 8)) for box in boxes)
        if free and clear and 12 < label[1] < HEIGHT - 8:  # noqa: PLR2004 - inside the diagram
            return middle
    return middle


def _bent(start: Point, end: Point, bend: float) -> Point:
    """Control point of a curve whose middle is `bend` to the right of the straight line."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    right = (-(end[1] - start[1]) / length, (end[0] - start[0]) / length)
    return (
        (start[0] + end[0]) / 2 + 2 * bend * right[0],
        (start[1] + end[1]) / 2 + 2 * bend * right[1],
    )


def _at(start: Point, middle: Point, end: Point, t: float) -> Point:
    """A point of the curve, `t` from 0 to 1."""
    a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
    return a * start[0] + b * middle[0] + c * end[0], a * start[1] + b * middle[1] + c * end[1]


def _points(start: Point, middle: Point, end: Point) -> Iterator[Point]:
    for number in range(_SAMPLES + 1):
        yield _at(start, middle, end, number / _SAMPLES)


def _near(point: Point, other: Point, within: Point) -> bool:
    return abs(point[0] - other[0]) < within[0] and abs(point[1] - other[1]) < within[1]


def _path(start: Point, middle: Point, end: Point) -> str:
    """The curve from the edge of one box to the edge of the other."""
    outside = [
        point
        for point in _points(start, middle, end)
        if not _near(point, start, _HALF) and not _near(point, end, (_HALF[0] + 4, _HALF[1] + 4))
    ]
    first, *rest = [f"{x:.1f} {y:.1f}" for x, y in outside]
    return f"M{first}L" + " ".join(rest)
