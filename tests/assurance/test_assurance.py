"""The pages for auditors name tests and pages that are there, and are the ones that the tables give."""

import re
from pathlib import Path

from tests.assurance import attacks, controls
from tests.assurance.catalogue import AREAS, FAULTS, page

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CONTROLS = [one for _, catalogue in controls.CATALOGUES for one in catalogue]


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    text = (TESTS / file).read_text(encoding="utf-8") if (TESTS / file).is_file() else ""
    return re.search(rf"^(async )?def {name}\(", text, re.MULTILINE) is not None


def test_every_named_test_is_there() -> None:
    named = [(one.id, test) for one in (*FAULTS, *attacks.ATTACKS) for test in one.tests]
    named += [(one.number, test) for one in CONTROLS for test in one.tests]

    assert [(number, test) for number, test in named if not is_there(test)] == []


def test_every_page_about_a_control_is_there() -> None:
    assert [page for one in CONTROLS for page in one.pages if not (ROOT / page).is_file()] == []
    assert [one.number for one in CONTROLS if not one.pages or not one.tests] == []


def test_an_attack_is_stopped_by_something_that_a_test_tries_or_the_page_says_that_it_is_not() -> None:
    model = (ROOT / "docs" / "security" / "threat-model.md").read_text(encoding="utf-8")
    open_ones = [one.id for one in attacks.ATTACKS if not one.stopped]

    assert [one.id for one in attacks.ATTACKS if bool(one.stopped) != bool(one.tests)] == []
    assert [number for number in open_ones if f"({number})" not in model] == []
    assert len({one.id for one in attacks.ATTACKS}) == len(attacks.ATTACKS)


def test_the_pages_of_security_are_made_from_their_tables() -> None:
    assert attacks.PAGE.read_text(encoding="utf-8") == attacks.page(), "python -m tests.assurance.attacks"
    assert controls.PAGE.read_text(encoding="utf-8") == controls.page(), "python -m tests.assurance.controls"


def test_ids_are_unique_and_of_a_known_area() -> None:
    ids = [fault.id for fault in FAULTS]

    assert len(set(ids)) == len(ids)
    assert {id_[0] for id_ in ids} == set(AREAS)


def test_the_page_is_made_from_the_table() -> None:
    written = (ROOT / "docs" / "assurance.md").read_text(encoding="utf-8")

    assert written == page()
