"""Bar charts as self-contained SVG without scripts or styles, so that the security policy needs no exception.

A screen reader reads the title, then the description with every name and value.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from html import escape
from typing import Final

WIDTH: Final = 960
NARROW: Final = 360
"""The width for a phone, where a wide picture would be too small to read."""
_TOP: Final = 64
_BOTTOM: Final = 16
_ROW: Final = 28
_THICK: Final = 18
_VALUES: Final = 90
"""Space to the right of the longest bar, for its value."""
_PLACE: Final = 9
"""Upper estimate of the width of a character."""
_TICKS_MAX: Final = 5
_TICK_PLACE: Final = 60
"""Space of the number of a tick."""
_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))

_INK: Final = "#1b1f24"
_SOFT: Final = "#57606a"
_LINE: Final = "#d0d7de"
_BAR: Final = "#0a58a8"


def bars(
    title: str,
    empty: str,
    points: Sequence[tuple[str, str]],
    say: Callable[[str], str] = str,
    width: int = WIDTH,
) -> bytes:
    """One bar per point, the first on top; the text `empty` if there are no points.

    A point is a name and a decimal number as text, which `say` writes for the reader.
    """
    height = _TOP + _ROW * max(1, len(points)) + _BOTTOM
    description = "; ".join(f"{name}: {say(value)}" for name, value in points) or empty
    body = "".join(
        _drawn(points, width, height, say)
        if points
        else [_text(width / 2, _TOP + 18, empty, anchor="middle")]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif">'
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(description)}</desc>'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f"{_text(width / 2, 24, title, anchor='middle', size=16 if width == WIDTH else 13)}{body}</svg>"
    ).encode()


def _drawn(
    points: Sequence[tuple[str, str]], width: int, height: int, say: Callable[[str], str]
) -> Iterator[str]:
    """The scale, then each bar with its name and value."""
    values = [Decimal(value) for _, value in points]
    left = 16 + _PLACE * max(len(name) for name, _ in points)
    across = width - _VALUES - left
    ticks = scale(min(Decimal(0), *values), max(Decimal(0), *values), min(_TICKS_MAX, across // _TICK_PLACE))

    def x(value: Decimal) -> float:
        return left + float((value - ticks[0]) / (ticks[-1] - ticks[0])) * across

    for tick in ticks:
        yield f'<path d="M{x(tick):.1f} {_TOP - 8}V{height - _BOTTOM}" stroke="{_LINE}"/>'
        yield _text(x(tick), _TOP - 14, say(f"{tick:f}"), anchor="middle", fill=_SOFT)
    for row, ((name, text), value) in enumerate(zip(points, values, strict=True)):
        y = _TOP + _ROW * row
        start, end = sorted((x(Decimal(0)), x(value)))
        yield _text(left - 8, y + 14, name, anchor="end")
        yield (
            f'<rect x="{start:.1f}" y="{y}" width="{end - start:.1f}" height="{_THICK}" fill="{_BAR}">'
            f"<title>{escape(name)}: {escape(say(text))}</title></rect>"
        )
        yield _text(end + 6, y + 14, say(text))


def scale(low: Decimal, high: Decimal, most: int = _TICKS_MAX) -> list[Decimal]:
    """A few round numbers at equal distances that cover `low` to `high`; zero is one of them."""
    span = high - low or Decimal(1)
    power = Decimal(1).scaleb((span / most).adjusted())
    step = next(power * digit for digit in _STEPS if power * digit * most >= span)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = max(first + 1, (high / step).to_integral_value(ROUND_CEILING))
    return [step * number for number in range(int(first), int(last) + 1)]


def _text(  # noqa: PLR0917 - position, text and style
    x: float, y: float, text: str, anchor: str = "start", fill: str = _INK, size: int = 13
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}">'
        f"{escape(text)}</text>"
    )
