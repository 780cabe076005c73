"""Offers of FX providers in the writer: signed, replaced, ended, and never beyond their inventory."""

import asyncio
import dataclasses
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from schemas import codec
from schemas.signing import http_signatures
from schemas.signing.keys import SigningKey
from switch.base.decoding import decoded
from switch.operations.priced import check_prices
from switch.payments import fx_offers
from switch.payments.fx_offers import AskedRates
from switch.writer import event_bodies
from switch.writer.commands import (
    Accept,
    Advance,
    CommandLeg,
    Cross,
    Evidence,
    Promise,
    Publish,
    Reply,
    Terms,
)
from tests.switch.payments.test_signatures import XML, World, world
from tests.switch.services import balance, done

__all__ = ["world"]
JSON = "application/json"
BETTER = "3.2900000000"
ADD_KEY = (
    "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key, valid_from)"
    " VALUES ($1, $2, 'ed25519', $3, now() - interval '1 minute')"
)


def body(**changed: Any) -> bytes:
    until = datetime.now(UTC) + timedelta(hours=1)
    pair = {
        "source": "INR",
        "target": "PKR",
        "tiers": [{"from": "0", "rate": "3.29"}],
        "until": until.isoformat(),
        **changed,
    }
    return json.dumps({"pairs": [pair]}).encode()


def command(world: World, raw: bytes, provider: str = "fx") -> Publish:
    return Publish(provider, fx_offers.of(decoded(raw, AskedRates)), evidence(world, raw, provider))


def evidence(
    world: World, raw: bytes, signer: str = "fx", path: str = "/v1/fx/rates", method: str = "PUT"
) -> Evidence:
    key, now = world.keys[signer], int(time.time())
    named = {"method": method, "authority": "switch.test", "path": path, "body": raw, "now": now}
    signed = http_signatures.sign(key, content_type=JSON, nonce=str(time.time_ns()), **named)
    lines = [(name.lower().encode(), value.encode()) for name, value in signed.items()]
    stated = http_signatures.parse(lines)
    base = http_signatures.verify(stated, headers=lines, key=key.public, **named)
    return Evidence(key.keyid, stated.signature, base, raw)


@pytest.fixture
async def market(world: World) -> World:
    """The world, whose FX provider has a key."""
    key = world.keys["fx"] = SigningKey.generate("fx-1")
    await world.services.pool.execute(ADD_KEY, "fx-1", "fx", key.public.pem.decode())
    return world


async def published(world: World, provider: str = "fx", **changed: Any) -> int:
    reply: Reply = await world.link.ask(command(world, body(**changed), provider))
    assert reply.verdict == "created", reply
    return reply.number


def paid(world: World, offer: int, credit: int = 329_00, rate: str = BETTER) -> Accept:
    """An honest payment of 100.00 INR at an offer."""
    payment = world.payment("indus-bank")
    terms = msgspec.structs.replace(payment.terms, credit_minor=credit, rate=rate)
    second = payment.legs[1]
    legs = [payment.legs[0], CommandLeg(second.debit, second.credit, credit, "conversion"), payment.legs[2]]
    return msgspec.structs.replace(payment, terms=terms, legs=legs, offer=offer)


async def test_a_payment_is_converted_at_an_offer_that_its_provider_signed(market: World) -> None:
    offer = await published(market)

    assert (await market.link.ask(paid(market, offer))).verdict == "created"
    assert "rate is not in force" in await market.refused(paid(market, 0))
    assert "credits too much" in await market.refused(paid(market, offer, credit=330_00))
    assert (await market.link.ask(paid(market, offer, rate="3.3000000000"))).verdict == "offer_ended"
    assert (await market.link.ask(paid(market, offer + 1))).verdict == "offer_ended"


async def test_a_rate_of_people_is_over_when_its_provider_publishes_an_offer(market: World) -> None:
    """Bug: workers that did not know a new offer yet promised more than its inventory, at the rate before it."""
    payment = market.payment("indus-bank")
    of_people = payment.terms.rate
    offer = await published(market, tiers=[{"from": "0", "rate": of_people}], inventory="300.00")

    assert (await market.link.ask(payment)).verdict == "offer_ended"
    quote = quoted(market, 0)
    terms = msgspec.structs.replace(quote.terms, rate=of_people, credit_minor=payment.terms.credit_minor)
    assert (await market.link.ask(msgspec.structs.replace(quote, terms=terms))).verdict == "offer_ended"
    at_offer = msgspec.structs.replace(payment, offer=offer)
    assert (await market.link.ask(at_offer)).verdict == "offer_exhausted"
    await market.services.pool.execute(
        "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', $1::text::numeric)",
        of_people,
    )
    assert (await market.link.ask(payment)).verdict == "created"  # a newer rate, set after the offer


async def test_a_rate_of_people_counts_again_when_an_offer_is_withdrawn(market: World) -> None:
    await published(market)
    await published(market, tiers=[])

    assert (await market.link.ask(market.payment("indus-bank"))).verdict == "created"


async def test_a_payment_gets_the_improvement_of_its_debtor_agent_and_no_other(market: World) -> None:
    for_it = await published(market, improvements=[{"participant": "asha-bank", "basis_points": 100}])
    assert (await market.link.ask(paid(market, for_it))).verdict == "offer_ended"  # the rate of the others
    promised = msgspec.structs.replace(quoted(market, for_it).terms, credit_minor=332_29, rate="3.3229000000")
    asked = msgspec.structs.replace(quoted(market, for_it), terms=promised)
    assert (await market.link.ask(paid(market, for_it, 332_29, "3.3229000000"))).verdict == "created"
    reply = await market.link.ask(asked)
    assert reply.verdict == "created"
    pool = market.services.pool
    assert await pool.fetchval("SELECT improvement_bps FROM switch.quote") == 100
    other = await published(market, improvements=[{"participant": "indus-bank", "basis_points": 100}])
    assert (await market.link.ask(paid(market, other, 332_29, "3.3229000000"))).verdict == "offer_ended"
    assert (await market.link.ask(paid(market, other))).verdict == "created"


async def test_rates_that_their_provider_did_not_sign_are_not_published(market: World) -> None:
    raw = body()
    honest = command(market, raw)
    replace = msgspec.structs.replace
    other = fx_offers.of(decoded(body(tiers=[{"from": "0", "rate": "9"}]), AskedRates))
    for wrong, lacks in (
        (replace(honest, evidence=None), "nobody signed it"),
        (replace(honest, offers=other), "other rates were signed"),
        (replace(honest, provider="asha-bank"), "not signed by a key of its sender"),
        (replace(honest, evidence=evidence(market, raw, method="POST")), "covers another request"),
        (replace(honest, evidence=evidence(market, raw, path="/v1/quotes")), "covers another request"),
    ):
        assert lacks in await market.refused(wrong), lacks  # type: ignore[arg-type]
    assert await market.services.pool.fetchval("SELECT count(*) FROM switch.fx_offer") == 0


async def test_an_offer_ends_when_it_is_replaced_withdrawn_or_over(market: World) -> None:
    first = await published(market)
    second = await published(market)
    assert (await market.link.ask(paid(market, first))).verdict == "offer_ended"
    assert (await market.link.ask(paid(market, second))).verdict == "created"
    third = await published(market, tiers=[])
    assert (await market.link.ask(paid(market, third))).verdict == "offer_ended"
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    brief = await published(market, until=soon.isoformat())
    await asyncio.sleep(0.4)
    assert (await market.link.ask(paid(market, brief))).verdict == "offer_ended"


async def test_an_inventory_is_never_passed_and_a_voided_payment_gives_back(market: World) -> None:
    offer = await published(market, inventory="987.00")  # three payments of 329.00
    payments = [paid(market, offer) for _ in range(5)]

    verdicts = [reply.verdict for reply in await asyncio.gather(*map(market.link.ask, payments))]

    assert sorted(verdicts) == ["created"] * 3 + ["offer_exhausted"] * 2
    held = next(p for p, v in zip(payments, verdicts, strict=True) if v == "created")
    market.server._writer.host.abandoned()  # everything is read again
    assert (await market.link.ask(paid(market, offer))).verdict == "offer_exhausted"
    await market.link.ask(Advance(held.identity.uetr, "REJECT", rail="PK", reason="AC03"))
    assert (await market.link.ask(paid(market, offer))).verdict == "created"
    pool = market.services.pool
    assert await pool.fetchval("SELECT used_minor FROM switch.fx_offer") == 987_00
    assert await pool.fetchval("SELECT count(*) FROM switch.fx_counted") == 3


BANK = {"creditor_agent": "INDUPKKA"}


def quoted(market: World, offer: int, life: int = 120_000_000, of: Mapping[str, Any] = BANK) -> Promise:
    asked = {**of, "amount": "100.00", "currency": "INR"}
    now = time.time_ns() // 1000
    terms = Terms("asha-bank", "indus-bank", "PK", 100_00, "INR", 329_00, "PKR", 1_50, "fx", BETTER)
    signed = evidence(market, json.dumps(asked).encode(), "asha-bank", "/v1/quotes", "POST")
    return Promise(terms, [], "SLEV", "", offer, now + life, life, signed)


async def crossable(market: World, **second: Any) -> tuple[Cross, int]:
    """Offers of a provider through tenge, as a cross rate of 3.30; and the number of the second one."""
    first = await published(market, target="KZT", tiers=[{"from": "0", "rate": "5"}])
    last = await published(market, source="KZT", tiers=[{"from": "0", "rate": "0.66"}], **second)
    return Cross("KZT", first, "5.0000000000", "0.6600000000"), last


def across(market: World, cross: Cross, offer: int, credit: int = 330_00) -> Accept:
    payment = paid(market, offer, credit, "3.3000000000")
    return msgspec.structs.replace(payment, cross=cross)


async def test_a_cross_rate_is_the_product_of_two_offers_and_moves_two_currencies(market: World) -> None:
    cross, offer = await crossable(market)
    replace = msgspec.structs.replace
    payment = across(market, cross, offer)

    assert (await market.link.ask(payment)).verdict == "created"

    assert "credits too much" in await market.refused(across(market, cross, offer, 330_01))
    terms = replace(payment.terms, rate="3.3100000000", credit_minor=331_00)
    wrong = replace(paid(market, offer, 331_00, "3.3100000000"), cross=cross)
    assert wrong.terms == terms
    assert "rate is not in force" in await market.refused(wrong)
    assert "rate is not in force" in await market.refused(across(market, replace(cross, first=0), offer))
    for other in (replace(cross, via="USD"), replace(cross, first=offer)):
        assert (await market.link.ask(across(market, other, offer))).verdict == "offer_ended", other
    event = await market.services.pool.fetchval(
        "SELECT body FROM ledger.event WHERE kind = 'RESERVE' ORDER BY seq DESC LIMIT 1"
    )
    facts = event_bodies.read_facts(event)
    assert (facts["offer"], facts["cross"]) == (
        offer,
        ["KZT", cross.first, cross.first_rate, cross.second_rate],
    )
    await published(market, target="KZT", tiers=[])  # the provider withdraws the first rate
    assert (await market.link.ask(across(market, cross, offer))).verdict == "offer_ended"


async def test_a_cross_takes_of_the_inventory_of_the_currency_that_is_sold(market: World) -> None:
    cross, offer = await crossable(market, inventory="660.00")  # two payments
    assert (await market.link.ask(across(market, cross, offer))).verdict == "created"
    asked_ = quoted(market, offer)
    terms = msgspec.structs.replace(asked_.terms, credit_minor=330_00, rate="3.3000000000")
    asked_ = msgspec.structs.replace(asked_, terms=terms, cross=cross)

    promised = await market.link.ask(asked_)

    assert promised.verdict == "created"
    market.server._writer.host.abandoned()  # what is promised and taken is read again
    assert (await market.link.ask(across(market, cross, offer))).verdict == "offer_exhausted"
    row = await market.services.pool.fetchrow("SELECT crossing::text, offer FROM switch.quote")
    assert json.loads(row["crossing"]) == ["KZT", cross.first, cross.first_rate, cross.second_rate, "", 0]


async def two_providers(market: World, **first: Any) -> tuple[Cross, int]:
    """A cross rate of 3.30 through tenge, of two providers; and the number of the second one's offer."""
    for name, currencies, bic in (
        ("first", ("INR", "KZT"), "FRSTKZKA"),
        ("second", ("KZT", "PKR"), "SCNDKZKA"),
    ):
        accounts = [{"currency": currency, "net_debit_cap": "2000"} for currency in currencies]
        about = {"id": name, "name": name, "bic": bic, "country": "KZ", "kind": "fx_provider", "keys": []}
        services = dataclasses.replace(market.services, link=market.link)  # its own writer has the books
        await done(services, "participant.onboard", {**about, "accounts": accounts})
        key = market.keys[name] = SigningKey.generate(f"{name}-1")
        await market.services.pool.execute(ADD_KEY, f"{name}-1", name, key.public.pem.decode())
    rows = await market.services.pool.fetch(
        "SELECT owner, currency::text, purpose, number FROM ledger.account"
    )
    market.accounts.update({tuple(row)[:3]: row["number"] for row in rows})
    market.server._writer.host.abandoned()  # it reads the new accounts
    await market.look_again()
    asked = {"target": "KZT", "tiers": [{"from": "0", "rate": "5"}], **first}
    of_first = await published(market, "first", **asked)
    of_second = await published(market, "second", source="KZT", tiers=[{"from": "0", "rate": "0.66"}])
    return Cross("KZT", of_first, "5.0000000000", "0.6600000000", "first", 500_00), of_second


def through_two(market: World, cross: Cross, offer: int, credit: int = 330_00) -> Accept:
    """An honest payment of 100.00 INR through both providers."""
    payment = across(market, cross, offer, credit)
    buys, between = market.account("first", "INR"), market.account("first", "KZT")
    gets, sells = market.account("second", "KZT"), market.account("second", "PKR")
    paying, paid_out, *fees = payment.legs
    legs = [
        CommandLeg(paying.debit, buys, 100_00, "conversion"),
        CommandLeg(between, gets, cross.via_minor, "conversion"),
        CommandLeg(sells, paid_out.credit, credit, "conversion"),
        *fees,
    ]
    terms = msgspec.structs.replace(payment.terms, fx_provider="second")
    return msgspec.structs.replace(payment, terms=terms, legs=legs)


async def test_a_cross_of_two_providers_moves_three_currencies_as_one_set(market: World) -> None:
    cross, offer = await two_providers(market)
    replace = msgspec.structs.replace
    payment = through_two(market, cross, offer)

    assert [(await market.link.ask(payment)).verdict for _ in range(2)] == ["created", "exists"]

    async def moved() -> list[int]:
        names = [
            ("first", "INR"),
            ("first", "KZT"),
            ("second", "KZT"),
            ("second", "PKR"),
            ("indus-bank", "PKR"),
        ]
        return [await balance(market.services, *name) for name in names]

    start = await moved()
    await market.link.ask(Advance(payment.identity.uetr, "CONFIRM", rail="PK"))
    ended = await moved()
    assert [now - then for now, then in zip(ended, start, strict=True)] == [
        100_00,
        -500_00,
        500_00,
        -330_00,
        330_00,
    ]
    back = market.give_back(payment.identity.uetr, "indus-bank", "330.00 PKR")
    assert "quotes no rate for its currencies" in await market.refused(back)  # two people return it
    event = await market.services.pool.fetchval(
        "SELECT body FROM ledger.event WHERE kind = 'RESERVE' ORDER BY seq DESC LIMIT 1"
    )
    expected = ["KZT", cross.first, cross.first_rate, cross.second_rate, "first", 500_00]
    assert event_bodies.read_facts(event)["cross"] == expected
    honest = through_two(market, cross, offer)
    for wrong, lacks in (
        (through_two(market, replace(cross, via_minor=499_99), offer), "exchange another amount"),
        (through_two(market, replace(cross, via_minor=500_01), offer), "exchange another amount"),
        (through_two(market, cross, offer, 330_01), "credits too much"),
        (through_two(market, replace(cross, first_rate="5.0100000000"), offer), ""),
        (through_two(market, replace(cross, first_provider="second"), offer), ""),
        (through_two(market, replace(cross, first_provider="fx"), offer), ""),
        (through_two(market, replace(cross, first_provider=""), offer), ""),
        (replace(honest, legs=[honest.legs[0], *honest.legs[2:]]), "legs move something else"),
        (replace(honest, legs=payment_legs(honest, 499_00)), "legs move something else"),
    ):
        if lacks:
            assert lacks in await market.refused(wrong), lacks
        else:
            assert (await market.link.ask(wrong)).verdict == "offer_ended", wrong.cross
    await market.suspend("first")
    assert "suspended" in await market.refused(through_two(market, cross, offer))


def payment_legs(payment: Accept, between: int) -> list[CommandLeg]:
    """The legs with another amount between the providers."""
    first, second, *rest = payment.legs
    return [first, msgspec.structs.replace(second, amount=between), *rest]


async def test_a_provider_sells_no_inventory_to_another_provider(market: World) -> None:
    cross, offer = await two_providers(market, inventory="100000.00")

    assert (await market.link.ask(through_two(market, cross, offer))).verdict == "offer_exhausted"


async def test_the_cap_of_the_first_provider_bounds_what_passes_between(market: World) -> None:
    cross, offer = await two_providers(market)  # 2,000.00 KZT are four payments

    verdicts = [(await market.link.ask(through_two(market, cross, offer))).verdict for _ in range(5)]

    assert verdicts == ["created"] * 4 + ["refused"]
    async with market.services.pool.acquire() as connection, connection.transaction():
        result = await check_prices(connection)
    assert (result.ok, result.checked) == (True, 4), result.detail


@pytest.mark.parametrize("pair", [("INR", "PKR"), ("INR", "KZT"), ("KZT", "PKR")])
async def test_a_block_of_any_pair_that_a_cross_rate_uses_acts_at_once(
    market: World, pair: tuple[str, str]
) -> None:
    cross, offer = await crossable(market)
    await market.services.pool.execute(
        "INSERT INTO switch.pair_control (source, target, country, blocked, lowest, highest, change)"
        " VALUES ($1, $2, 'IN', true, '', '', 1)",
        *pair,
    )
    market.server._writer.host.abandoned()  # it is read

    reply = await market.link.ask(across(market, cross, offer))

    assert (reply.verdict, reply.reason) == ("refused", "RR04")


async def fixed(market: World, change: int, begins: str, ends: str, rate: str) -> None:
    await market.services.pool.execute(
        "INSERT INTO switch.fx_fixing SELECT $1, 'IN', 'INR', 'PKR', 'fx', $4::text::numeric,"
        " clock_timestamp() + $2::text::interval, clock_timestamp() + $3::text::interval",
        *(change, begins, ends, rate),
    )


async def test_a_fixing_is_a_rate_from_its_beginning_to_its_end(market: World) -> None:
    await fixed(market, 1, "-1 minute", "1 hour", "3.31")
    await fixed(market, 2, "-1 hour", "-10 seconds", "3.32")
    await fixed(market, 3, "10 minutes", "1 hour", "3.33")

    assert (await market.link.ask(paid(market, 0, 331_00, "3.3100000000"))).verdict == "created"
    for credit, rate in ((332_00, "3.3200000000"), (333_00, "3.3300000000")):
        assert "rate is not in force" in await market.refused(paid(market, 0, credit, rate))


async def test_a_fixing_is_over_while_its_provider_has_an_offer(market: World) -> None:
    """Bug: workers that did not know an offer yet promised more than its inventory, at the fixing."""
    await fixed(market, 1, "-1 minute", "1 hour", "3.31")
    at_fixing = paid(market, 0, 331_00, "3.3100000000")
    await published(market, tiers=[{"from": "0", "rate": "3.31"}], inventory="300.00")

    assert (await market.link.ask(at_fixing)).verdict == "offer_ended"
    quote = quoted(market, 0)
    terms = msgspec.structs.replace(quote.terms, rate="3.3100000000", credit_minor=331_00)
    assert (await market.link.ask(msgspec.structs.replace(quote, terms=terms))).verdict == "offer_ended"
    await fixed(market, 2, "0", "1 hour", "3.31")  # a newer one does not precede an offer, either
    assert (await market.link.ask(at_fixing)).verdict == "offer_ended"
    await published(market, tiers=[])
    assert (await market.link.ask(at_fixing)).verdict == "created"


async def test_of_an_alias_its_country_is_signed(market: World) -> None:
    """The payment itself names the bank that the rail knows, and the quote is of that bank or unused."""
    offer = await published(market)
    there, elsewhere = ({"creditor_alias": {"country": each, "alias": "+92-300"}} for each in ("PK", "IN"))

    assert (await market.link.ask(quoted(market, offer, of=there))).verdict == "created"
    for other in (elsewhere, {}):
        assert "another payment was signed" in await market.refused(quoted(market, offer, of=other))


async def test_what_quotes_promise_counts_until_they_are_used_or_end(market: World) -> None:
    offer = await published(market, inventory="658.00")  # two payments
    assert (await market.link.ask(quoted(market, offer, 400_000))).verdict == "created"
    assert (await market.link.ask(quoted(market, offer))).verdict == "created"

    assert (await market.link.ask(quoted(market, offer))).verdict == "offer_exhausted"
    assert (await market.link.ask(paid(market, offer))).verdict == "offer_exhausted"
    again = await published(market, inventory="700.00")  # promises hold, whatever is published
    assert (await market.link.ask(paid(market, again))).verdict == "offer_exhausted"
    await asyncio.sleep(0.5)  # the first has ended by itself
    assert (await market.link.ask(paid(market, again))).verdict == "created"


async def with_gateway(market: World, gateway: str = "asha-bank") -> None:
    """The orders of UPI are taken, by this participant."""
    await market.services.pool.execute(
        "INSERT INTO switch.rail_inbound (rail, gateway, open, change) VALUES ('IN', $1, true, 1)"
        " ON CONFLICT (rail) DO UPDATE SET gateway = excluded.gateway",
        gateway,
    )
    await market.look_again()


def of_lookup(quote: Promise, rail: str = "IN") -> Promise:
    """The same quote, for a look-up of a rail that the caretaker has verified."""
    assert quote.evidence is not None
    unsigned = msgspec.structs.replace(quote.evidence, keyid=f"rail:{rail}", signature=b"", base=b"")
    return msgspec.structs.replace(quote, evidence=unsigned)


async def test_a_quote_for_a_look_up_is_of_the_gateway_and_what_was_looked_up(market: World) -> None:
    offer = await published(market)
    honest = of_lookup(quoted(market, offer))
    nobodys = await market.refused(honest)  # type: ignore[arg-type]
    await with_gateway(market, "ganga-bank")
    anothers = await market.refused(honest)  # type: ignore[arg-type]
    await with_gateway(market)
    more = msgspec.structs.replace(honest.terms, debit_minor=200_00, credit_minor=658_00, fee_minor=2_50)
    greater = await market.refused(msgspec.structs.replace(honest, terms=more))  # type: ignore[arg-type]
    better = msgspec.structs.replace(honest.terms, credit_minor=330_00)
    dearer = await market.refused(msgspec.structs.replace(honest, terms=better))  # type: ignore[arg-type]
    of_other = await market.refused(of_lookup(quoted(market, offer), "PK"))  # type: ignore[arg-type]

    assert "not the gateway of the rail" in nobodys
    assert "not the gateway of the rail" in anothers
    assert "not the gateway of the rail" in of_other
    assert "another payment was signed" in greater
    assert "credits too much" in dearer
    assert (await market.link.ask(honest)).verdict == "created"
    event = await market.services.pool.fetchval("SELECT body FROM ledger.event WHERE kind = 'QUOTED'")
    assert event_bodies.read_facts(event)["keyid"] == "rail:IN"


async def test_look_ups_hold_at_most_half_of_what_is_left(market: World) -> None:
    await with_gateway(market)
    offer = await published(market, inventory="1645.00")  # five payments

    async def verdicts(*commands: Promise | Accept) -> list[str]:
        return [(await market.link.ask(each)).verdict for each in commands]

    looks = [of_lookup(quoted(market, offer)) for _ in range(3)]
    assert await verdicts(*looks) == ["created", "created", "offer_exhausted"]
    assert await verdicts(paid(market, offer), paid(market, offer)) == ["created", "created"]
    assert await verdicts(of_lookup(quoted(market, offer)), quoted(market, offer)) == [
        "offer_exhausted",
        "created",  # a participant's may hold the rest
    ]
    assert await verdicts(paid(market, offer), quoted(market, offer)) == ["offer_exhausted"] * 2
    market.server._writer.host.abandoned()  # everything is read again
    assert await verdicts(of_lookup(quoted(market, offer))) == ["offer_exhausted"]


def at_quote(market: World, id_: str, offer: int) -> Accept:
    """An honest payment that names a quote."""
    payment = paid(market, offer)
    assert payment.evidence is not None
    document = codec.decode(payment.evidence.message, media_type=XML, expect="pacs.008").document
    (transaction,) = document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["InstrForNxtAgt"] = [{"InstrInf": f"/QTID/{id_}"}]
    signed = market.evidence(codec.encode("pacs.008.001.08", document, media_type=XML))
    return msgspec.structs.replace(
        payment, quote=uuid.UUID(id_).bytes, evidence=signed, bearer="SLEV", offer=0
    )


class Market:
    """What may happen to one offer, in any order."""

    def __init__(self, world: World, offer: int, chance: random.Random) -> None:
        self.world, self.offer, self.chance = world, offer, chance
        self.quotes: list[str] = []
        self.payments: list[Accept] = []

    async def look_up(self) -> str:
        return await self.promised(of_lookup)

    async def quote(self) -> str:
        return await self.promised(lambda asked: asked)

    async def promised(self, of: Callable[[Promise], Promise]) -> str:
        life = self.chance.choice((150_000, 120_000_000))
        reply = await self.world.link.ask(of(quoted(self.world, self.offer, life)))
        self.quotes += [reply.detail] if reply.verdict == "created" else []
        return reply.verdict

    async def pay(self) -> str:
        return await self.paid(paid(self.world, self.offer))

    async def use(self) -> str:
        if not self.quotes:
            return ""
        id_ = self.quotes.pop(self.chance.randrange(len(self.quotes)))
        return await self.paid(at_quote(self.world, id_, self.offer))

    async def paid(self, payment: Accept) -> str:
        reply = await self.world.link.ask(payment)
        self.payments += [payment] if reply.verdict == "created" else []
        return reply.verdict

    async def reject(self) -> str:
        if not self.payments:
            return ""
        ended = self.payments.pop(self.chance.randrange(len(self.payments)))
        step = Advance(ended.identity.uetr, "REJECT", rail="PK", reason="AC03")
        return (await self.world.link.ask(step)).verdict

    async def restart(self) -> str:
        self.world.server._writer.host.abandoned()
        return ""

    async def wait(self) -> str:
        await asyncio.sleep(0.2)
        return ""

    async def sums(self) -> tuple[int, int]:
        """What payments have taken, and what open quotes promise."""
        row = await self.world.services.pool.fetchrow(
            "SELECT (SELECT coalesce(sum(used_minor), 0) FROM switch.fx_offer WHERE number = $1)::bigint AS used,"
            " (SELECT coalesce(sum(credit_minor), 0) FROM switch.quote AS q WHERE expires_at > clock_timestamp()"
            " AND NOT EXISTS (SELECT FROM switch.quote_use AS u WHERE u.quote = q.id))::bigint AS promised",
            self.offer,
        )
        return row["used"], row["promised"]


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_promised_and_taken_never_passes_the_inventory(market: World, seed: int) -> None:
    """Look-ups, quotes, payments, ends and restarts in any order; and look-ups hold half at most."""
    await with_gateway(market)
    inventory, chance = 9 * 329_00, random.Random(seed)
    trading = Market(market, await published(market, inventory="2961.00"), chance)
    steps = [
        *(trading.look_up, trading.look_up, trading.quote, trading.pay, trading.use),
        *(trading.reject, trading.restart, trading.wait),
    ]
    made: Counter[str] = Counter()

    for _ in range(60):
        step = chance.choice(steps)
        verdict = await step()
        used, promised = await trading.sums()
        made[what := f"{step.__name__} {verdict}"] += 1
        assert used + promised <= inventory, (what, used, promised)
        if what == "look_up created":
            assert 2 * promised <= inventory - used, (used, promised)

    assert made["look_up created"], made
    assert made["look_up offer_exhausted"], made
    assert made["use created"], made
