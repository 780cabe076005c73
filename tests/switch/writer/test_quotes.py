"""The writer's promises: kept by a new writer, used once, and only what a bank signed."""

import dataclasses
import json
import time
import uuid
from typing import Any

import msgspec
import pytest

from switch.base.sql import statements
from switch.writer import quotes
from switch.writer.commands import Accept, CommandLeg, FeeCharge, HoldForScreening, Promise, Reply, Terms
from tests.switch.payments.test_signatures import RATE, World, world
from tests.switch.services import done

__all__ = ["world"]
LIFETIME = 120_000_000
JSON = "application/json"


def asked(world: World, **changed: Any) -> Promise:
    """An honest request of a firm quote of 100.00 INR to a bank in Pakistan; `changed` is what it signs."""
    body = {"creditor_agent": "INDUPKKA", "amount": "100.00", "currency": "INR", **changed}
    now = time.time_ns() // 1000
    terms = Terms("asha-bank", "indus-bank", "PK", 100_00, "INR", 328_35, "PKR", 1_50, "fx", RATE)
    evidence = world.evidence(json.dumps(body).encode(), path="/v1/quotes", kind=JSON)
    bearer, purpose = body.get("charge_bearer", "SLEV"), body.get("purpose", "")
    return Promise(terms, [], bearer, purpose, 0, now + LIFETIME, LIFETIME, evidence)


def naming(world: World, quote: str) -> Accept:
    """A payment of 100.00 INR that names a quote, and what its bank signed."""
    payment = world.payment("indus-bank")
    evidence = payment.evidence
    assert evidence is not None
    place = b"<Purp>" if b"<Purp>" in evidence.message else b"<RmtInf>"
    named = f"<InstrForNxtAgt><InstrInf>/QTID/{quote}</InstrInf></InstrForNxtAgt>".encode()
    end = b"</CdtTrfTxInf>"
    at = place if place in evidence.message else end
    raw = evidence.message.replace(at, named + at)
    id_ = uuid.UUID(quote).bytes
    return msgspec.structs.replace(payment, evidence=world.evidence(raw), quote=id_, bearer="SLEV")


async def promised(world: World, command: Promise | None = None) -> str:
    reply: Reply = await world.link.ask(command or asked(world))
    assert reply.verdict == "created", reply
    return reply.detail


async def test_a_promise_outlives_rates_fees_and_the_writer(world: World) -> None:
    quote = await promised(world)
    pool = world.services.pool
    await pool.execute(
        "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 3)"
    )
    await pool.execute("UPDATE switch.corridor SET fee_minor = 999")
    world.server._writer.host.abandoned()  # as when a batch fails: everything is read again
    payment = naming(world, quote)

    assert [(await world.link.ask(payment)).verdict for _ in range(2)] == ["created", "exists"]
    world.server._writer.host.abandoned()
    second = await world.link.ask(naming(world, quote))
    assert (second.verdict, second.reason) == ("refused", "AB04")
    assert await pool.fetchval("SELECT count(*) FROM switch.quote_use") == 1


async def test_a_quote_of_a_held_payment_is_for_no_other_and_a_new_writer_knows_that(world: World) -> None:
    """Nobody learns from it that the first one is held, and people may still release that one at its terms."""
    quote = await promised(world)
    first, second, third = naming(world, quote), naming(world, quote), naming(world, quote)
    hold = HoldForScreening.of(first, lasts=3_600_000_000, lists=1, hits=b"hits", hit_count=1)
    held = await world.link.ask(hold)
    refused = await world.link.ask(second)
    world.server._writer.host.abandoned()
    again = await world.link.ask(third)
    row = await world.services.pool.fetchrow(
        statements("switch.payments")("read_quote"), uuid.UUID(quote), "asha-bank"
    )

    assert (held.verdict, refused.reason, again.reason) == ("held", "AB04", "AB04")
    assert row["used_by"].bytes == first.identity.uetr
    content = {"uetr": str(row["used_by"]), "screening": 1}
    await done(dataclasses.replace(world.services, link=world.link), "screening.release", content)
    released = await world.link.ask(msgspec.structs.replace(first, held=held.number))
    assert released.verdict == "created"
    assert await world.services.pool.fetchval("SELECT count(*) FROM switch.quote_use") == 1


async def test_other_terms_than_the_promised_ones_are_refused(world: World) -> None:
    quote = await promised(world)
    payment = naming(world, quote)
    dearer = msgspec.structs.replace(payment.terms, fee_minor=1_51)
    legs = [*payment.legs[:-1], CommandLeg(payment.legs[-1].debit, payment.legs[-1].credit, 1_51, "fee")]

    parts = [FeeCharge(1, "switch", False, 1_00), FeeCharge(2, "rail", False, 50)]  # of the same sum
    dearer_payment = msgspec.structs.replace(payment, terms=dearer, legs=legs)
    for other in (dearer_payment, msgspec.structs.replace(naming(world, quote), charges=parts)):
        reply = await world.link.ask(other)
        assert (reply.verdict, reply.reason) == ("refused", "AB04")


async def test_a_worker_promises_only_what_a_bank_asked_for(world: World) -> None:
    honest = asked(world)
    replace = msgspec.structs.replace
    terms = honest.terms
    for command, lacks in (
        (replace(honest, evidence=None), "nobody signed it"),
        (asked(world, amount="1.00"), "another payment was signed"),
        (asked(world, creditor_agent="GANGINBB"), "another payment was signed"),
        (asked(world, fixed="destination"), "another payment was signed"),
        (replace(honest, purpose="SALA"), "another payment was signed"),
        (replace(honest, bearer="DEBT"), "another payment was signed"),
        (replace(honest, charges=[FeeCharge(0, "switch", False, 1_50)]), "fee"),
        (replace(honest, charges=[FeeCharge(0, "switch", True, 1_50)]), "another payment was signed"),
        (replace(honest, terms=replace(terms, fee_minor=0)), "fee"),
        (replace(honest, terms=replace(terms, credit_minor=400_00)), "credits too much"),
        (replace(honest, terms=replace(terms, rate="9")), "rate is not in force"),
    ):
        assert lacks in await world.refused(command), lacks  # type: ignore[arg-type]


async def test_a_payment_names_the_quote_that_its_bank_signed(world: World) -> None:
    quote, other = await promised(world), await promised(world)
    payment = naming(world, quote)
    plain = msgspec.structs.replace(payment, quote=b"")
    swapped = msgspec.structs.replace(payment, quote=naming(world, other).quote)

    for command in (plain, swapped):
        assert "another quote was signed" in await world.refused(command)
    for other_charging in ({"bearer": "DEBT"}, {"purpose": "SALA"}):
        command = msgspec.structs.replace(payment, **other_charging)
        assert "another charge bearer or purpose was signed" in await world.refused(command)


async def test_a_bank_has_only_so_many_open_quotes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotes, "OPEN_MAX", 1)
    await promised(world)

    reply = await world.link.ask(asked(world))

    assert (reply.verdict, reply.reason) == ("refused", "AM14")


async def test_a_quote_that_has_expired_is_not_used_and_makes_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotes, "OPEN_MAX", 1)
    brief = msgspec.structs.replace(asked(world), expires_at=time.time_ns() // 1000, lifetime=0)
    quote = await promised(world, brief)

    reply = await world.link.ask(naming(world, quote))

    assert (reply.verdict, reply.reason) == ("refused", "AB04")
    await promised(world)
