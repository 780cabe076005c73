"""Conversion between versions: nothing is lost, or it is refused with the place."""

import random

import pytest

from schemas import codec, examples
from schemas.catalogue import catalogue
from schemas.versions import MOVES, PROFILES, CannotConvert, convert, versions
from tests.schemas.corpus import PACS_008, random_document

SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
PAIRS = [
    (source, target)
    for message in (
        "pacs.008",
        "pacs.002",
        "pacs.004",
        "pacs.009",
        "pacs.028",
        "camt.056",
        "camt.029",
        "acmt.023",
        "acmt.024",
    )
    for source in versions(message)
    for target in versions(message)
    if source != target
]


def test_the_profiles_are_in_the_catalogue():
    assert {
        version for profile in PROFILES.values() for version in profile.values()
    } <= catalogue().messages.keys()
    assert PROFILES["2019"]["pacs.008"] == "pacs.008.001.08"
    assert PROFILES["2025"]["pacs.008"] == "pacs.008.001.13"


def test_the_acceptance_time_moves_and_comes_back():
    newer = convert(SAMPLE.document, "pacs.008.001.08", "pacs.008.001.13")
    transaction = newer["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]

    assert "AccptncDtTm" not in transaction
    assert transaction["AddtlDtTm"] == {"AccptncDtTm": "2026-11-23T14:05:06.900+05:30"}
    assert convert(newer, "pacs.008.001.13", "pacs.008.001.08") == SAMPLE.document


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_conversion_is_valid_and_comes_back_or_is_refused_with_its_place(source, target):
    chance = random.Random(f"{source}{target}")
    for _ in range(8):
        document = random_document(source, chance)
        there, place = _converted(document, source, target)
        if there is None:
            assert place
        else:
            codec.encode(target, there, media_type=codec.XML)
            assert convert(there, target, source) == document
    plain = examples.document(source)
    assert convert(convert(plain, source, target), target, source) == plain


def _converted(document, source, target):
    """The converted document, or the place for which it was refused."""
    try:
        return convert(document, source, target), None
    except CannotConvert as refusal:
        return None, refusal.path


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move.message} {move.tag}")
def test_every_move_is_between_places_that_exist(move):
    older = max(version for version in versions(move.message) if int(version[-2:]) < move.since)
    newer = min(version for version in versions(move.message) if int(version[-2:]) >= move.since)

    def members(version, path):
        kind = catalogue().types[catalogue().messages[version].type]
        for tag in path:
            (step,) = (member for member in kind.members if member.tag == tag)
            kind = catalogue().types[step.type]
        return {member.tag for member in kind.members}

    outer, inner = move.new
    assert move.tag in members(older, move.parent)
    assert inner in members(newer, (*move.parent, outer))
    assert inner not in members(older, move.parent) or inner == move.tag


WIDE = "A very long street name that only the newer address has room for, since it is over seventy"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda tx: tx["Cdtr"]["PstlAdr"].update(StrtNm=WIDE), "CdtTrfTxInf/Cdtr/PstlAdr/StrtNm"),
        (lambda tx: tx["Cdtr"]["PstlAdr"].update(CareOf="x"), "CdtTrfTxInf/Cdtr/PstlAdr/CareOf"),
        (lambda tx: tx["AddtlDtTm"].update(XpryDtTm="2026-11-23T15:00:00Z"), "CdtTrfTxInf/AddtlDtTm"),
        (lambda tx: tx.update(AgrdRate={"PreAgrdXchgRate": "5.8"}), "CdtTrfTxInf/AgrdRate"),
    ],
)
def test_what_has_no_place_in_the_older_version_is_refused(change, path):
    newer = convert(SAMPLE.document, "pacs.008.001.08", "pacs.008.001.13")
    change(newer["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0])

    with pytest.raises(CannotConvert) as refusal:
        convert(newer, "pacs.008.001.13", "pacs.008.001.08")

    assert refusal.value.path == f"FIToFICstmrCdtTrf/{path}"


@pytest.mark.parametrize("target", ["pacs.002.001.10", "pacs.008.001.99", "x"])
def test_only_versions_of_one_message_convert(target):
    with pytest.raises(CannotConvert):
        convert(SAMPLE.document, "pacs.008.001.08", target)
