"""Charts over time as SVG inside a page: lines with their names at the end, and lines of a target.

Nothing is loaded and nothing runs: shapes have attributes only, which the content security policy permits.
Lines differ by their dashes and their names, not by colour: a chart is readable in print, in the dark, and by
who sees no colours. Every value is also in a table beside the chart.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from switch.pages.drawing import scale

WIDTH: Final = 520
HEIGHT: Final = 200
SPARK_WIDTH: Final = 120
SPARK_HEIGHT: Final = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 146, 12, 24
NAME_PLACES_MAX: Final = 18
"""Longest name at the end of a line, in letters; a Chinese character is as wide as two."""
_APART: Final = 14
"""Least distance of two names."""
_DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "1 4")
_DECADES_MAX: Final = 9
_ABOVE: Final = Decimal("1.1")
"""Room for the name of a target above its line."""

Values = Sequence[Decimal | None]
"""One value for each step of time; None where there is none."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart, with the name that stands at its end."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Axes:
    """The frame of a chart: edges of the steps of time, texts for values, and the range of the values."""

    times: Sequence[str]
    """Names of the first step, of one in the middle, and of the last."""
    text: Callable[[Decimal], str]
    marks: Sequence[tuple[Decimal, str]] = ()
    """Lines of targets, with their names."""
    span: tuple[Decimal, Decimal] | None = None
    """Lowest and highest value of the axis; without it, from zero to the largest."""
    logarithmic: bool = False


def chart(title: str, description: str, lines: Sequence[ChartLine], axes: Axes) -> Markup:
    """Draw lines over time. Without any value, only the frame."""
    ticks = _ticks(lines, axes)
    steps = max((len(line.values) for line in lines), default=0)
    place = _placing(ticks, steps, logarithmic=axes.logarithmic)
    parts = [*_frame(ticks, place, axes), *_targets(place, axes)]
    ends: list[tuple[float, str]] = []
    for number, line in enumerate(lines):
        runs = list(_runs(line.values, place))
        parts += [_run(run, _DASHES[number % len(_DASHES)]) for run in runs]
        if runs:
            ends.append((runs[-1][-1][1], line.name))
    parts += _names(ends)
    return _svg(WIDTH, HEIGHT, title, description, parts)


def spark(title: str, values: Values) -> Markup:
    """A small line without axes, for a cell of a table."""
    known = [value for value in values if value is not None]
    top = max([*known, Decimal(1)])

    def place(step: int, value: Decimal) -> Point:
        x = 2 + step * (SPARK_WIDTH - 4) / max(1, len(values) - 1)
        return x, SPARK_HEIGHT - 3 - float(value / top) * (SPARK_HEIGHT - 6)

    parts = [_run(run, "") for run in _runs(values, place)]
    return _svg(SPARK_WIDTH, SPARK_HEIGHT, title, "", parts)


def _svg(width: int, height: int, title: str, description: str, parts: Sequence[Markup]) -> Markup:
    about = Markup("<desc>{}</desc>").format(description) if description else Markup()
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="series" viewBox="0 0 {0} {1}"'
        ' width="{0}" height="{1}" role="img"><title>{2}</title>'
    )
    return Markup().join((head.format(width, height, title), about, *parts, Markup("</svg>")))


def _ticks(lines: Sequence[ChartLine], axes: Axes) -> list[Decimal]:
    """Round numbers on the axis of values, lowest first."""
    known = [value for line in lines for value in line.values if value is not None]
    known += [value * _ABOVE for value, _ in axes.marks]
    if axes.logarithmic:
        return _decades([value for value in known if value > 0])
    low, high = axes.span or (Decimal(0), max([*known, Decimal(1)]))
    return scale(low, high)


def _decades(known: Sequence[Decimal]) -> list[Decimal]:
    low = min(known, default=Decimal("0.1")).adjusted()
    high = max(known, default=Decimal(1)).adjusted() + 1
    return [Decimal(1).scaleb(power) for power in range(low, min(high, low + _DECADES_MAX) + 1)]


def _placing(ticks: Sequence[Decimal], steps: int, *, logarithmic: bool) -> Callable[[int, Decimal], Point]:
    """Where a value of a step of time is drawn."""

    def share(value: Decimal) -> float:
        low, high = ticks[0], ticks[-1]
        if logarithmic:
            low, high, value = low.log10(), high.log10(), max(value, ticks[0]).log10()
        return float((value - low) / (high - low))

    def place(step: int, value: Decimal) -> Point:
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (step / max(1, steps - 1))
        return x, HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(1.0, max(0.0, share(value)))

    return place


def _frame(ticks: Sequence[Decimal], place: Callable[[int, Decimal], Point], axes: Axes) -> Iterator[Markup]:
    right = WIDTH - _RIGHT
    for tick in ticks:
        y = place(0, tick)[1]
        yield _level(y, ".15")
        yield _text(_LEFT - 6, y + 4, axes.text(tick), "end")
    places = (_LEFT, (_LEFT + right) / 2, right)
    for x, name, anchor in zip(places, axes.times, ("start", "middle", "end"), strict=False):
        yield _text(x, HEIGHT - 6, name, anchor)


def _level(y: float, opacity: str) -> Markup:
    return Markup('<path d="M{} {:.1f}H{}" fill="none" stroke="currentColor" stroke-opacity="{}"/>').format(
        _LEFT, y, WIDTH - _RIGHT, opacity
    )


def _targets(place: Callable[[int, Decimal], Point], axes: Axes) -> Iterator[Markup]:
    for value, name in axes.marks:
        y = place(0, value)[1]
        yield _level(y, ".6")
        yield _text(_LEFT + 4, y - 4, name, "start")


def _runs(values: Values, place: Callable[[int, Decimal], Point]) -> Iterator[list[Point]]:
    """The parts of a line between steps without a value."""
    run: list[Point] = []
    for step, value in enumerate(values):
        if value is not None:
            run.append(place(step, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _run(run: Sequence[Point], dashes: str) -> Markup:
    """One part of a line; a single value is a dot."""
    if len(run) == 1:
        return Markup('<circle class="value" cx="{:.1f}" cy="{:.1f}" r="3" fill="currentColor"/>').format(
            *run[0]
        )
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)
    return Markup(
        '<path class="value" d="{}" fill="none" stroke="currentColor" stroke-width="1.8"'
        ' stroke-dasharray="{}"/>'
    ).format(path, dashes or "none")


def _names(ends: Sequence[tuple[float, str]]) -> Iterator[Markup]:
    """Names at the ends of the lines, from the top down, so that none is on another."""
    lowest = HEIGHT - _BOTTOM
    placed: list[float] = []
    ends = sorted(ends, key=lambda end: end[0])
    for y, _ in ends:
        placed.append(max(y + 4, placed[-1] + _APART) if placed else y + 4)
    over = max(0.0, placed[-1] - lowest) if placed else 0.0
    for y, (_, name) in zip(placed, ends, strict=True):
        yield _text(WIDTH - _RIGHT + 6, y - over, name, "start")


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="currentColor" font-size="12">{}</text>'
    ).format(x, y, anchor, text)
