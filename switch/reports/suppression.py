"""Small-number suppression for published tables: no person or bank may be identified.

Primary: a cell with few payments, or of few banks, is not shown. Secondary: sums are shown too, so a cell
that is alone in its row or column could be derived by subtraction, and more cells must be hidden. A table
with its sums is a graph: lines are nodes and hidden cells are edges. A hidden cell can be derived exactly if
and only if its edge is on no cycle (D. Gusfield, "A graph theoretic approach to statistical data security",
SIAM J. Comput. 17, 1988). So each small cell is put on a cycle, by hiding the cheapest path between its row
and its column. The path uses only cells that are not below the threshold themselves, so a hidden value stays
uncertain by at least the threshold.
"""

import heapq
from collections.abc import Iterator, Mapping
from typing import Final

TOTAL: Final = ""
"""The line of sums, in either direction."""

Place = tuple[str, str]
"""Row and column of a cell; `TOTAL` for a sum."""
_Node = tuple[bool, str]


def with_totals(cells: Mapping[Place, int]) -> dict[Place, int]:
    """The cells with the sums of their rows and columns, and the sum of all."""
    whole = dict(cells)
    for (row, column), count in cells.items():
        for place in ((row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            whole[place] = whole.get(place, 0) + count
    return whole


def hidden(cells: Mapping[Place, int], small: frozenset[Place], threshold: int) -> frozenset[Place]:
    """Cells that must not be shown, sums included, so that no small cell can be derived.

    Args:
        cells: Counts, without sums.
        small: Cells that must not be shown in any case.
        threshold: The least count that may be shown, and the least that can hide another.

    """
    whole = with_totals(cells)
    thin = {place for place in whole if TOTAL in place and 0 < whole[place] < threshold}
    primary = small | thin | {place for place, count in cells.items() if 0 < count < threshold}
    secondary: set[Place] = set()
    for place in sorted(primary):
        path = _cheapest(place, whole, primary, secondary, threshold)
        if path is None:  # no cell is large enough to hide it: nothing is shown
            return frozenset(whole)
        secondary.update(path)
    return frozenset(primary | secondary)


def _cheapest(
    place: Place,
    whole: Mapping[Place, int],
    primary: frozenset[Place],
    secondary: set[Place],
    threshold: int,
) -> list[Place] | None:
    """The cells that hide `place`: the cheapest path from its row to its column, or None."""
    start, end = (False, place[0]), (True, place[1])
    queue: list[tuple[int, _Node, tuple[Place, ...]]] = [(0, start, ())]
    seen: set[_Node] = set()
    while queue:
        cost, node, path = heapq.heappop(queue)
        if node == end:
            return list(path)
        if node in seen:
            continue
        seen.add(node)
        for other, way in _neighbours(node, whole):
            if way not in primary and whole[way] >= threshold:
                price = 0 if way in secondary else whole[way]
                heapq.heappush(queue, (cost + price, other, (*path, way)))
    return None


def _neighbours(node: _Node, whole: Mapping[Place, int]) -> Iterator[tuple[_Node, Place]]:
    is_column, name = node
    for row, column in whole:
        if is_column and column == name:
            yield (False, row), (row, column)
        elif not is_column and row == name:
            yield (True, column), (row, column)
