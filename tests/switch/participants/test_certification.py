"""Certificates of clients: recorded by two people, refused if they are not what a key of the bank signed, required."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from schemas.errors import Refused
from schemas.signing import jws, key_request
from schemas.signing.keys import SigningKey
from switch.conformance import KIT
from switch.conformance.certificate import TYPE
from switch.conformance.record import BY_ID
from switch.identity.model import ChangeState
from switch.pages import own_home
from switch.pages.language import LANGUAGES, Language
from switch.participants import certification
from switch.participants.certification import CertificateRow, Policy
from switch.payments.directory import Participant
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, onboarding, open_services

KEY = SigningKey.generate("asha-bank-1")
TODAY = datetime.now(UTC).date()
NEXT_YEAR = TODAY + timedelta(days=300)
FUNDS = {"participant": "asha-bank", "currency": "INR", "amount": "100.00", "reference": "S1"}
CAP = {"participant": "asha-bank", "currency": "INR", "net_debit_cap": "100.00"}


def certificate(**changes: Any) -> str:
    """The text of a certificate of a run that ended a minute ago."""
    ended = datetime.now(UTC) - timedelta(minutes=1)
    members = {
        "type": TYPE,
        "participant": "asha-bank",
        "product": "core-banking 4.2",
        "switch": "https://test.switch.example",
        "kit": KIT,
        "started_at": (ended - timedelta(hours=1)).isoformat(timespec="seconds"),
        "ended_at": ended.isoformat(timespec="seconds"),
        "not_supported": ["RTP-PAY", "RTP-REFUSE"],
        "not_applicable": ["PAY-BY"],
        "report_sha256": "ab" * 32,
    } | changes
    left_out = len(members["not_supported"]) + len(members["not_applicable"])
    return json.dumps({"passed": len(BY_ID) - left_out} | members)


def certify(text: str, key: SigningKey = KEY, until: date = NEXT_YEAR) -> dict[str, Any]:
    return {
        "participant": "asha-bank",
        "certificate": text,
        "signature": jws.sign(key, text.encode()),
        "valid_until": until.isoformat(),
    }


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        keys = [{"keyid": KEY.keyid, "request": key_request.make(KEY, "asha-bank")}]
        await done(opened, "participant.onboard", {**onboarding("asha-bank"), "keys": keys})
        yield opened


async def refused(services: ServiceContext, kind: str, content: dict[str, Any]) -> str:
    with pytest.raises(Refused) as raised:
        await done(services, kind, content)
    return raised.value.detail


async def test_a_certificate_of_an_earlier_kit_has_fewer_scenarios_and_counts(
    services: ServiceContext,
) -> None:
    earlier = certificate(kit=KIT - 1, passed=len(BY_ID) - 9)
    await done(services, "participant.certify", certify(earlier))

    found = await certification.last(services.pool, "asha-bank")
    assert found is not None
    assert found.kit == KIT - 1


async def test_two_people_record_a_certificate_and_the_last_one_counts(services: ServiceContext) -> None:
    assert await certification.last(services.pool, "asha-bank") is None
    await done(services, "participant.certify", certify(certificate(product="core-banking 4.1")))
    await done(services, "participant.certify", certify(certificate()))

    found = await certification.last(services.pool, "asha-bank")
    assert found is not None
    assert (found.kit, found.product, found.valid_until, found.expired) == (
        KIT,
        "core-banking 4.2",
        NEXT_YEAR,
        False,
    )
    assert found.document()["report_sha256"] == "ab" * 32


STRANGER = SigningKey.generate("asha-bank-1")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (certify("{}"), "not the certificate"),
        (certify("no JSON"), "not the certificate"),
        (certify(certificate(passed="all")), "not the certificate"),
        (certify(certificate(product="\u202e\nall is well")), "not the certificate"),
        (certify(certificate(switch="https://\u202egnihton.example")), "not the certificate"),
        (certify(certificate(ended_at="2026-01-01T00:00:00")), "not the certificate"),
        (certify(certificate(participant="ganga-bank")), "another participant"),
        (certify(certificate(), STRANGER), "no key of the participant"),
        ({**certify(certificate()), "signature": "e30..AA"}, "no key of the participant"),
        (
            {**certify(certificate()), "certificate": certificate(product="core-banking 9")},
            "no key of the participant",
        ),
        (certify(certificate(), until=TODAY), "after today"),
        (certify(certificate(), until=TODAY + timedelta(days=400)), "at most 366 days"),
        (certify(certificate(ended_at="2099-01-01T00:00:00Z")), "in the future"),
        (certify(certificate(kit=KIT + 1)), "knows kits up to"),
        (certify(certificate(started_at="2099-01-01T00:00:00Z")), "ended before it began"),
        (certify(certificate(passed=0, not_applicable=[])), "not each of the"),
        (certify(certificate(not_applicable=["PAY-BY", "PAY-BY"])), "not each of the"),
        (certify(certificate(not_applicable=["PAY-MARS"])), "does not have: PAY-MARS"),
        (certify(certificate(not_supported=["UNK-CUT"])), "every client must pass: UNK-CUT"),
        (certify(certificate(not_supported=["RTP-PAY"])), "every client must pass: RTP-PAY"),
    ],
    ids=[
        *(
            "empty",
            "no json",
            "type",
            "direction",
            "direction of the switch",
            "zone",
            "other bank",
            "stranger",
            "no signature",
            "changed",
        ),
        *("over", "too long", "future", "later kit", "backwards", "nothing", "twice", "unknown"),
        *("no cut", "half a function"),
    ],
)
async def test_what_is_not_a_certificate_of_the_bank_is_refused(
    services: ServiceContext, content: dict[str, Any], text: str
) -> None:
    assert text in await refused(services, "participant.certify", content)
    assert await certification.last(services.pool, "asha-bank") is None


async def test_a_certificate_of_an_older_kit_than_required_is_refused(services: ServiceContext) -> None:
    await done(services, "certification.require", {"required": False, "kit": KIT + 1, "days": 30})

    assert f"kit {KIT + 1} or later" in await refused(services, "participant.certify", certify(certificate()))


async def test_a_run_that_is_continued_for_ever_does_not_stay_young(services: ServiceContext) -> None:
    """Its results are as old as its beginning, whatever was asked again yesterday."""
    begun = certificate(started_at=(datetime.now(UTC) - timedelta(days=100)).isoformat(timespec="seconds"))

    assert "366 days after its run began" in await refused(services, "participant.certify", certify(begun))
    await done(services, "participant.certify", certify(begun, until=TODAY + timedelta(days=260)))


async def test_an_older_certificate_does_not_replace_a_later_one(services: ServiceContext) -> None:
    older = certificate(
        product="core-banking 4.1", ended_at=(datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    )
    await done(services, "participant.certify", certify(older))
    await done(services, "participant.certify", certify(certificate()))

    assert "a certificate of a later run is recorded" in await refused(
        services, "participant.certify", certify(older)
    )


async def test_where_it_is_required_nobody_gets_liquidity_before_a_certificate(
    services: ServiceContext,
) -> None:
    await done(services, "certification.require", {"required": True, "kit": 1, "days": 366})
    for kind, content in (
        ("funds.in", FUNDS),
        ("cap.set", CAP),
        ("account.open", {**CAP, "currency": "PKR"}),
        ("participant.onboard", onboarding("ganga-bank", cap="1.00")),
    ):
        assert "no certificate of its client" in await refused(services, kind, content)

    await done(services, "participant.onboard", onboarding("indus-bank", cap="0"))
    await done(services, "cap.set", {**CAP, "net_debit_cap": "0"})
    await done(services, "participant.certify", certify(certificate()))

    assert (await agree(services, "funds.in", FUNDS)).state is ChangeState.EXECUTED
    assert (await agree(services, "cap.set", CAP)).state is ChangeState.EXECUTED


async def test_a_certificate_that_has_expired_stops_nobody(services: ServiceContext) -> None:
    await done(services, "certification.require", {"required": True, "kit": 1, "days": 366})
    await done(services, "participant.certify", certify(certificate()))
    await services.pool.execute("UPDATE switch.certificate SET valid_until = current_date - 2")

    await done(services, "funds.in", FUNDS)

    found = await certification.last(services.pool, "asha-bank")
    assert found is not None
    assert found.expired


BANK = Participant("asha-bank", "Asha Bank", "ASHAINBB", "IN", "direct", "active")


def row(until: date) -> CertificateRow:
    return CertificateRow(1, "core-banking 4.2", datetime.now(UTC), until, "ab" * 32, 7)


@pytest.mark.parametrize(
    ("found", "policy", "level", "words"),
    [
        (None, Policy(required=True), "bad", "none: run"),
        (row(NEXT_YEAR), Policy(required=True), "good", "(version 1 of the conformance kit)"),
        (row(TODAY + timedelta(days=7)), Policy(), "warn", "Run the kit again before that"),
        (row(TODAY - timedelta(days=1)), Policy(required=True), "warn", "expired on"),
        (row(NEXT_YEAR), Policy(required=True, kit=2), "warn", "version 2 or later"),
        (row(NEXT_YEAR), Policy(required=False, kit=2), "good", "valid until"),
    ],
    ids=["none", "valid", "soon", "expired", "older kit", "not required"],
)
def test_the_readiness_of_a_participant_shows_its_certificate(
    found: CertificateRow | None, policy: Policy, level: str, words: str
) -> None:
    for code in LANGUAGES:
        (check,) = own_home._certificate(found, policy, BANK, Language(code, ZoneInfo("UTC")))
        assert check.level == level
        assert "core-banking 4.2" in check.fact if found else "payswitch conform" in check.fact
        assert code != "en" or words in check.fact


def test_nothing_is_shown_of_a_certificate_that_nobody_asks_for() -> None:
    assert own_home._certificate(None, Policy(), BANK, Language("en", ZoneInfo("UTC"))) == []
