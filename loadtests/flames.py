"""A flame graph as SVG: each rectangle is a function, as wide as its share of the samples, above its caller.

It needs no script: a rectangle's name and share are its tooltip.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 1200
ROW: Final = 16
_LETTER: Final = 6.2
"""Width of a letter of the font, about."""
_LEAST: Final = 0.4
"""Narrower rectangles are left out."""


@dataclass(slots=True)
class FlameFrame:
    """A function in its stack, with the samples of it and of what it called."""

    name: str
    samples: int = 0
    inside: dict[str, "FlameFrame"] = field(default_factory=dict)


def tree(stacks: Mapping[str, int]) -> FlameFrame:
    """All stacks as one tree, from counts by `outermost;...;innermost`."""
    root = FlameFrame("all")
    for stack, samples in stacks.items():
        root.samples += samples
        frame = root
        for name in stack.split(";"):
            frame = frame.inside.setdefault(name, FlameFrame(name))
            frame.samples += samples
    return root


def svg(title: str, stacks: Mapping[str, int]) -> str:
    """The flame graph of a process."""
    root = tree(stacks)
    scale = WIDTH / root.samples if root.samples else 0.0
    rectangles = list(_rectangles(root, 0.0, 0, scale))
    height = ROW * (3 + max((depth for _, _, depth, _ in rectangles), default=0))
    shapes = "\n".join(
        _shape(frame, x, height - ROW * (depth + 1), width, root.samples)
        for frame, x, depth, width in rectangles
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' font-family="monospace" font-size="10">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="4" y="12">{escape(title)}: {root.samples} samples</text>\n{shapes}\n</svg>\n'
    )


def _rectangles(
    frame: FlameFrame, x: float, depth: int, scale: float
) -> Iterator[tuple[FlameFrame, float, int, float]]:
    """Each frame with its place from the left, its depth and its width; by name, so two graphs compare."""
    width = frame.samples * scale
    if width < _LEAST:
        return
    yield frame, x, depth, width
    for _, inner in sorted(frame.inside.items()):
        yield from _rectangles(inner, x, depth + 1, scale)
        x += inner.samples * scale


def _shape(frame: FlameFrame, x: float, y: int, width: float, samples: int) -> str:
    shown = frame.name[: max(0, int(width / _LETTER) - 1)]
    text = f'<text x="{x + 2:.1f}" y="{y + 11}">{escape(shown)}</text>' if len(shown) > 2 else ""
    return (
        f"<g><title>{escape(frame.name)}: {100 * frame.samples / samples:.2f} %</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" fill="{_colour(frame.name)}"/>'
        f"{text}</g>"
    )


def _colour(name: str) -> str:
    """Warm colours, the same for functions of one package."""
    package = name.partition(".")[0]
    return f"hsl({zlib.crc32(package.encode()) % 60},70%,{65 + zlib.crc32(name.encode()) % 20}%)"
