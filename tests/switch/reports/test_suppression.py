"""Nobody can be found in a published table: small cells stay unknown even to who does the sums."""

from collections.abc import Mapping
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from switch.reports.suppression import TOTAL, Place, hidden, with_totals

THRESHOLD = 10


def unique(whole: Mapping[Place, int], unseen: frozenset[Place]) -> set[Place]:
    """The hidden places that the sums give away: those whose value is the same in every solution."""
    unknowns = sorted(unseen)
    lines = [(place[0], None) for place in whole] + [(None, place[1]) for place in whole]
    rows = []
    for row, column in sorted(set(lines), key=str):
        inside = [p for p in whole if (p[0] == row if column is None else p[1] == column)]
        sign = {p: -1 if TOTAL in ((p[1],) if column is None else (p[0],)) else 1 for p in inside}
        rows.append([Fraction(sign.get(p, 0)) for p in unknowns])
    reduced = eliminate(rows)
    # A column with a pivot whose row has no other entry is determined.
    found = set()
    for line in reduced:
        places = [place for place, value in zip(unknowns, line, strict=True) if value]
        if len(places) == 1:
            found.add(places[0])
    return found


def eliminate(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Gauss and Jordan."""
    rows = [list(row) for row in rows]
    done = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((n for n in range(done, len(rows)) if rows[n][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        rows[done] = [value / rows[done][column] for value in rows[done]]
        for n, row in enumerate(rows):
            if n != done and row[column]:
                rows[n] = [a - row[column] * b for a, b in zip(row, rows[done], strict=True)]
        done += 1
    return rows[:done]


TABLES = st.dictionaries(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from("VWXYZ")),
    st.one_of(st.integers(1, 30), st.integers(1, 10_000)),
    max_size=20,
)


@settings(deadline=None)
@given(TABLES, st.sets(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("VWXYZ")), max_size=3))
def test_no_small_cell_can_be_worked_out(cells: dict[Place, int], chosen: set[Place]) -> None:
    whole = with_totals(cells)
    small = frozenset(chosen & cells.keys())
    unseen = hidden(cells, small, THRESHOLD)
    must = small | {place for place, count in whole.items() if count < THRESHOLD}

    assert must <= unseen
    assert not unique(whole, unseen) & must


def test_the_check_itself_finds_what_is_given_away() -> None:
    """A cell that is alone in its row is found by subtraction: were it not, the test above would be blind."""
    cells = {("A", "X"): 3, ("A", "Y"): 50, ("B", "X"): 40, ("B", "Y"): 60}

    assert unique(with_totals(cells), frozenset({("A", "X")})) == {("A", "X")}
    two = frozenset({("A", "X"), ("A", "Y")})
    assert unique(with_totals(cells), two) == two


def test_a_cell_is_hidden_behind_three_others() -> None:
    cells = {("A", "X"): 3, ("A", "Y"): 50, ("B", "X"): 40, ("B", "Y"): 60}

    assert hidden(cells, frozenset(), THRESHOLD) == {("A", "X"), ("A", "Y"), ("B", "X"), ("B", "Y")}


def test_a_table_without_small_cells_is_shown_whole() -> None:
    assert hidden({("A", "X"): 30, ("B", "Y"): 40}, frozenset(), THRESHOLD) == frozenset()


def test_a_lone_small_cell_takes_everything_with_it() -> None:
    assert hidden({("A", "X"): 3}, frozenset(), THRESHOLD) == with_totals({("A", "X"): 3}).keys()
