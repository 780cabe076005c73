"""A payment that only one side knows is found, and so is another amount."""

import json

import pytest

from adapters.simulation.book import Book, BookEntry, EntryStatus
from loadtests.rail_books import RailTotal, compared, credited


def entry(ref: str, outcome: EntryStatus, minor: int = 100) -> BookEntry:
    return BookEntry(ref, "", minor, "INR", outcome, "", "asha@okbank", "2026-11-29T00:00:00.000+00:00")


def test_the_last_entry_of_an_order_counts(tmp_path):
    book = Book(tmp_path / "IN" / "book.jsonl")
    for ref, outcome in (
        ("A", EntryStatus.DONE),
        ("B", EntryStatus.PENDING),
        ("B", EntryStatus.DONE),
        ("C", EntryStatus.PENDING),
        ("D", EntryStatus.REFUSED),
        ("E", EntryStatus.DONE),
        ("E", EntryStatus.REVERSED),
    ):
        book.append(entry(ref, outcome))
    book.close()
    (tmp_path / "PK").mkdir()
    (tmp_path / "PK" / "book.jsonl").write_text(json.dumps("torn"))

    assert credited(tmp_path) == {"IN": RailTotal(2, 200), "PK": RailTotal()}


@pytest.mark.parametrize(
    ("booked", "rails", "agree"),
    [
        ({"IN": RailTotal(2, 200)}, {"IN": RailTotal(2, 200), "PK": RailTotal()}, True),
        ({"IN": RailTotal(2, 200)}, {"IN": RailTotal(2, 201)}, False),
        ({"IN": RailTotal(2, 200)}, {"IN": RailTotal(3, 200)}, False),
        ({}, {"IN": RailTotal(1, 1)}, False),
        ({"IN": RailTotal(1, 1)}, {}, False),
    ],
)
def test_both_sides_are_compared(booked, rails, agree):
    assert all(compared(booked, rails).values()) is agree
