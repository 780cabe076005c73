"""Tariffs are set and ended by two people, from a date on; what would be ambiguous is refused at entry."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from schemas.errors import InvalidMessage, Refused
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.payments.directory import load
from switch.payments.tariffs import Tariff
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, onboarding, open_services, person

PAIR = {"source": "IN", "target": "PK"}
PLAIN = {**PAIR, "component": "switch", "direction": "out", "flat": "1.50", "bps": 10}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank, currency in (("asha-bank", "INR"), ("indus-bank", "PKR")):
            await done(opened, "participant.onboard", onboarding(bank, currency))
        await opened.pool.execute(
            "INSERT INTO switch.corridor (source, target, fee_minor, fee_bps) VALUES ('IN', 'PK', 150, 10)"
        )
        yield opened


async def rows(services: ServiceContext) -> list[Tariff]:
    return (await load(services.pool)).tariffs


def in_days(days: int) -> str:
    return (datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)).isoformat()


async def test_a_tariff_is_valid_once_two_people_agreed_and_then_succeeded_from_a_date(
    services: ServiceContext,
) -> None:
    await agree(services, "tariff.set", PLAIN, checkers=())
    assert await rows(services) == []
    before = datetime.now(UTC)
    await done(services, "tariff.set", PLAIN)
    (first,) = await rows(services)
    later = in_days(30)
    change = await done(
        services, "tariff.set", {**PLAIN, "flat": "1.75", "most": "90.00", "valid_from": later}
    )
    ended, second = await rows(services)

    assert (first.flat_minor, first.bps, first.valid_until) == (150, 10, None)
    assert before.timestamp() * 1e6 <= first.valid_from <= datetime.now(UTC).timestamp() * 1e6
    assert change.outcome == f"tariff {second.number}, valid from {later}; tariff {first.number} ends then"
    assert (ended.number, ended.valid_until) == (first.number, second.valid_from)
    assert (second.flat_minor, second.most_minor, second.valid_until) == (175, 9_000, None)


async def test_people_see_what_a_payment_costs_now_and_then_before_they_vote(
    services: ServiceContext,
) -> None:
    await done(services, "tariff.set", PLAIN)
    change = await agree(
        services, "tariff.set", {**PLAIN, "flat": "2.00", "valid_from": in_days(1)}, checkers=()
    )
    effect = await approvals.present_effect(services.pool, KINDS, change)
    shown = {row.what: (row.now, row.then, row.unit) for row in effect.rows}

    assert shown["Tariff"][1] == "IN → PK switch out"
    assert shown["Flat fee"] == ("1.50", "2.00", "INR")
    assert shown["switch out: 1000.00 INR"] == ("2.50", "3.00", "INR")
    first = await agree(
        services, "tariff.set", {**PLAIN, "bearer": "CRED", "direction": "in", "bps": 50}, checkers=()
    )
    shown = {
        row.what: (row.now, row.then)
        for row in (await approvals.present_effect(services.pool, KINDS, first)).rows
    }
    assert shown["switch in: 1000.00 INR"] == ("none", "6.50")


async def test_a_tariff_is_ended_at_once_or_at_a_date(services: ServiceContext) -> None:
    await done(services, "tariff.set", PLAIN)
    await done(services, "tariff.set", {**PLAIN, "bearer": "DEBT", "valid_from": in_days(9)})
    first, second = await rows(services)
    until = in_days(3)
    await done(services, "tariff.end", {"tariff": first.number, "valid_until": until})
    await done(services, "tariff.end", {"tariff": second.number})
    (kept,) = [row for row in await rows(services) if row.valid_until != row.valid_from]

    assert kept.number == first.number
    assert kept.valid_until == datetime.fromisoformat(until).timestamp() * 1e6
    with pytest.raises(Refused, match=r"the tariff ends at .* already"):
        await agree(services, "tariff.end", {"tariff": first.number, "valid_until": in_days(4)})
    with pytest.raises(Refused, match="there is no tariff of this number: GET /v1/tariffs"):
        await agree(services, "tariff.end", {"tariff": 999_999})


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no corridor": ({"target": "KZ"}, "target", "open it first"),
    "no currency": ({"source": "DE"}, "target", "no such corridor"),
    "in the past": ({"valid_from": "2020-01-01T00:00:00Z"}, "valid_from", "is in the past"),
    "no offset": ({"valid_from": "2099-01-01T00:00:00"}, "valid_from", "offset"),
    "ends before it begins": (
        {"valid_from": "2099-01-02T00:00:00Z", "valid_until": "2099-01-01T00:00:00Z"}, "valid_until", "later than valid_from",
    ),
    "an empty band": ({"from_amount": "10.00", "below_amount": "10.00"}, "below_amount", "more than from_amount"),
    "a least above the most": ({"least": "2.00", "most": "1.00"}, "most", "not be less than least"),
    "the whole amount": ({"bps": 10_000}, "bps", "state less"),
    "a bearer of the other direction": ({"bearer": "CRED"}, "bearer", "state direction in"),
    "a participant of the other side": ({"participant": "indus-bank"}, "participant", "a bank or wallet of IN"),
    "no participant": ({"participant": "nobody"}, "", "no such participant"),
    "alike and at once": ({}, "valid_until", "end that tariff first"),
    "alike with other amounts": ({"bearer": "SHAR", "from_amount": "50.00"}, "from_amount", "state other amounts"),
    "alike and before it": ({"bearer": "SLEV"}, "valid_until", "state an end not after that"),
}  # fmt: skip
"""What is entered -> the place, and a word of the remedy."""


async def test_what_is_wrong_or_ambiguous_is_refused_with_its_place_and_a_remedy(
    services: ServiceContext,
) -> None:
    await done(services, "tariff.set", {**PLAIN, "valid_until": in_days(400)})
    await done(
        services, "tariff.set", {**PLAIN, "bearer": "SHAR", "from_amount": "10.00", "below_amount": "100.00"}
    )
    await done(services, "tariff.set", {**PLAIN, "bearer": "SLEV", "valid_from": in_days(400)})
    wrong = dict(WRONG)
    wrong["alike and at once"] = ({"valid_until": in_days(399)}, *WRONG["alike and at once"][1:])
    for what, (content, path, word) in wrong.items():
        with pytest.raises(Refused) as refusal:
            await approvals.request(
                services, KINDS, person("olga"), "tariff.set", content={**PLAIN, **content}, reason="test"
            )
        assert word in refusal.value.detail, what
        assert (refusal.value.path or "") == path, what
    for content in ({"flat": "-1.00"}, {"purpose": "salary"}, {"bps": 10_001}, {"component": "bank"}):
        with pytest.raises(InvalidMessage):
            await agree(services, "tariff.set", {**PLAIN, **content})


async def test_two_changes_that_would_be_ambiguous_together_cannot_both_happen(
    services: ServiceContext,
) -> None:
    """Each was possible when it was requested; the second is checked again when it is executed."""
    second = await agree(services, "tariff.set", {**PLAIN, "from_amount": "1.00"}, checkers=())
    await done(services, "tariff.set", {**PLAIN, "from_amount": "2.00"})
    with pytest.raises(Refused, match="same conditions"):
        await approvals.vote(
            services, KINDS, person("chen"), second.number, decision="approve", reason="seen"
        )

    assert len(await rows(services)) == 1


async def test_a_fee_above_what_the_rail_permits_is_refused(services: ServiceContext) -> None:
    await done(services, "rail.register", {"country": "PK"})
    await done(services, "rail.profile", {"country": "PK", "fee_max_bps": 20})
    with pytest.raises(Refused, match="at most 20 basis points"):
        await agree(services, "tariff.set", {**PLAIN, "bps": 21})
    await done(services, "tariff.set", {**PLAIN, "bps": 19})


async def test_a_tariff_far_from_the_fee_in_force_must_be_confirmed(services: ServiceContext) -> None:
    with pytest.raises(Refused) as refusal:
        await agree(services, "tariff.set", {**PLAIN, "flat": "400.00"})

    assert "confirm" in refusal.value.detail
