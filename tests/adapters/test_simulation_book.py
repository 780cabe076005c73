"""The book of a simulated rail: once, durable, and always in balance."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulation.book import SETTLEMENT, Book, BookEntry, EntryStatus, read

DONE = BookEntry(
    "R1", "u1", 1500, "INR", EntryStatus.DONE, "", "asha@okbank", "2026-11-23T10:00:00.000+00:00", "f"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.jsonl"


def test_an_entry_is_durable_before_it_counts(path):
    book = Book(path)
    book.append(DONE)

    assert list(read(path)) == [DONE]
    assert book.balances == {"asha@okbank": 1500, SETTLEMENT: -1500}


def test_a_second_credit_of_one_order_is_impossible(path):
    book = Book(path)
    book.append(DONE)
    with pytest.raises(ValueError):
        book.append(DONE)

    assert list(read(path)) == [DONE]


ILLEGAL = [
    (None, EntryStatus.REVERSED),
    (EntryStatus.DONE, EntryStatus.REFUSED),
    (EntryStatus.DONE, EntryStatus.PENDING),
    (EntryStatus.REFUSED, EntryStatus.DONE),
    (EntryStatus.PENDING, EntryStatus.REVERSED),
]


@pytest.mark.parametrize(("first", "second"), ILLEGAL)
def test_what_does_not_follow_is_not_written(path, first, second):
    book = Book(path)
    if first:
        book.append(replace(DONE, outcome=first))
    before = path.read_bytes()
    with pytest.raises(ValueError):
        book.append(replace(DONE, outcome=second))

    assert path.read_bytes() == before


def test_a_later_entry_cannot_change_the_amount(path):
    book = Book(path)
    book.append(replace(DONE, outcome=EntryStatus.PENDING))
    with pytest.raises(ValueError):
        book.append(replace(DONE, amount_minor=1501))


def test_a_torn_last_line_is_cut_off_at_the_next_start(path):
    book = Book(path)
    book.append(DONE)
    book.close()
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole + whole.replace(b"R1", b"R2")[:length])
        if length == len(whole) - 1:
            assert [entry.rail_ref for entry in read(path)] == ["R1"]
        again = Book(path)
        assert list(again.entries) == ["R1"]
        again.close()
        assert path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_not_skipped(path):
    path.write_bytes(b"{broken\n")
    with pytest.raises(ValueError):
        Book(path)


def test_nobody_else_can_read_it(path):
    Book(path)
    assert path.stat().st_mode & 0o077 == 0


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(EntryStatus), st.integers(1, 10**9)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_balances_are_the_fold_of_the_entries_and_sum_to_zero(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("book") / "book.jsonl"
    book = Book(path)
    for number, outcome, amount in steps:
        entry = replace(
            DONE, rail_ref=f"R{number}", account=f"a{number}", outcome=outcome, amount_minor=amount
        )
        try:
            book.append(entry)
        except ValueError:
            continue
    book.close()

    again = Book(path)
    assert again.balances == book.balances
    assert again.entries == book.entries
    assert sum(book.balances.values()) == 0
    assert all(book.balances[f"a{number}"] >= 0 for number in range(6))
