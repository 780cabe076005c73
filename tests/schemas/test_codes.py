"""The dated code lists are the official ones."""

import json

from schemas.codes import code_sets, dated, is_known
from tests.schemas.corpus import SHARED, needs_shared


@needs_shared
def test_the_lists_are_the_official_ones():
    official = {}
    for path in (SHARED / "codesets").glob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        official[content["name"]] = frozenset(content["codes"])

    assert code_sets() == official


def test_the_lists_state_their_date():
    year, month = dated().split("-")

    assert int(year) >= 2025
    assert 1 <= int(month) <= 12


def test_membership():
    assert is_known("ExternalPurpose1Code", "SALA")
    assert not is_known("ExternalPurpose1Code", "ZZZZ")
    assert is_known("ASetWithoutAList1Code", "ZZZZ")
