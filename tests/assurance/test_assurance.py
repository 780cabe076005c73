"""The page for auditors names tests that are there, and is the one that the table gives."""

import re
from pathlib import Path

from tests.assurance.catalogue import AREAS, FAULTS, page

TESTS = Path(__file__).parents[1]


def test_every_named_test_is_there() -> None:
    missing = []
    for fault in FAULTS:
        for test in fault.tests:
            file, _, name = test.partition("::")
            there = (TESTS / file).is_file() and re.search(
                rf"^(async )?def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE
            )
            if not there:
                missing.append((fault.id, test))

    assert missing == []


def test_ids_are_unique_and_of_a_known_area() -> None:
    ids = [fault.id for fault in FAULTS]

    assert len(set(ids)) == len(ids)
    assert {id_[0] for id_ in ids} == set(AREAS)


def test_the_page_is_made_from_the_table() -> None:
    written = (TESTS.parent / "docs" / "assurance.md").read_text(encoding="utf-8")

    assert written == page()
