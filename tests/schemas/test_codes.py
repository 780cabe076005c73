"""The dated code lists are the official ones."""

import json

from schemas.catalogue import catalogue
from schemas.codes import code_sets, dated, is_known
from schemas.investigation import TYPES
from tests.schemas.corpus import SHARED, needs_shared

OF_INVESTIGATIONS = {
    f"ExternalInvestigation{name}1Code"
    for name in (
        "Action",
        "ActionReason",
        "Instrument",
        "Reason",
        "ReasonSubType",
        "ServiceLevel",
        "Status",
        "StatusReason",
    )
} | {"ExternalInvestigationSubType1Code", "ExternalInvestigationType1Code"}


@needs_shared
def test_the_lists_are_the_official_ones():
    official = {}
    for path in (SHARED / "codesets").glob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        official[content["name"]] = frozenset(content["codes"])

    listed = {name: codes for name, codes in code_sets().items() if name not in OF_INVESTIGATIONS}

    assert listed == official


def test_the_lists_of_investigations_are_all_there():
    """They were not among the official files at hand: docs/reference/iso20022.md states their source."""
    assert {name for name in code_sets() if name.startswith("ExternalInvestigation")} == OF_INVESTIGATIONS
    assert all(name in catalogue().types for name in OF_INVESTIGATIONS)
    assert all(code in code_sets()["ExternalInvestigationType1Code"] for code in TYPES)


def test_the_lists_state_their_date():
    year, month = dated().split("-")

    assert int(year) >= 2025
    assert 1 <= int(month) <= 12


def test_membership():
    assert is_known("ExternalPurpose1Code", "SALA")
    assert not is_known("ExternalPurpose1Code", "ZZZZ")
    assert is_known("ASetWithoutAList1Code", "ZZZZ")
