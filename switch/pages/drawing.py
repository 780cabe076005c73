"""Bars as SVG, by pygal. Nothing else is imported here after it: see below."""

import sys
from collections.abc import Sequence
from typing import Any, Final

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

# pygal leaves an importer of the old protocol behind, for plugins that we have none of: Python 3.11 warns at
# every import after it, and Python 3.12 does not ask it any more.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

_STYLE: Final = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#1b1f24",
    foreground_strong="#1b1f24",
    foreground_subtle="#57606a",
    colors=("#0a58a8",),
    font_family="system-ui, sans-serif",
)


def bars(title: str, empty: str, points: Sequence[tuple[str, str]]) -> bytes:
    """One bar a point, the first on top; `empty` is said where there is none.

    A point is a name and a decimal as text. Floats are lengths of bars here, never money.
    """
    chart = pygal.HorizontalBar(
        style=_STYLE,
        js=(),
        show_legend=False,
        title=title,
        no_data_text=empty,
        height=160 + 28 * len(points),
        disable_xml_declaration=True,
    )
    chart.x_labels = [name for name, _ in reversed(points)]
    chart.add(title, [float(value) for _, value in reversed(points)])
    chart.add_xml_filter(_without_scripts)
    drawn: str = chart.render(is_unicode=True)
    return drawn.encode()


def _without_scripts(root: Any) -> Any:
    """Take out the scripts that pygal puts in for tooltips; the root element, changed."""
    for parent in list(root.iter()):
        for child in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(child)
    return root
