"""What the writer believes of an API worker: payments and returns that participants signed, and no others."""

import asyncio
import contextlib
import dataclasses
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from adapters import registry
from schemas import codec, own_uetr
from schemas.errors import Refused, SwitchError, Unavailable
from schemas.signing import http_signatures, key_request
from schemas.signing.keys import SigningKey
from switch.approvals import approvals
from switch.approvals.causes import Causes
from switch.approvals.effects import Effect
from switch.change_catalogue import KINDS
from switch.clients.python import credit_transfer
from switch.identity.model import Change
from switch.operations import caused
from switch.payments.signatures import LARGEST_STEP, Signatures
from switch.processes.writer import WriterServer
from switch.writer.client import Link
from switch.writer.commands import (
    Accept,
    Advance,
    BookReturn,
    Claim,
    CloseAccounts,
    CloseWindow,
    Command,
    CommandLeg,
    Enquired,
    Evidence,
    FeeCharge,
    Fund,
    GivenBack,
    Hold,
    HoldForScreening,
    Identity,
    OpenAccount,
    Record,
    Refuse,
    Release,
    Reopen,
    Return,
    SetCap,
    SetLimit,
    SetVelocity,
    SetWatch,
    Terms,
    Unfreeze,
)
from switch.writer.context import ServiceContext
from switch.writer.lifecycle import Event
from switch.writer.restoring import RestoreGate
from switch.writer.screening_holds import ScreeningHolds
from tests.switch.services import balance, done, executed_with, onboarding, open_services, person

XML = "application/xml"
PAY, GIVE_BACK = "/v1/iso20022/pacs.008", "/v1/iso20022/pacs.004"
BICS = {"asha-bank": "ASHAINBB", "ganga-bank": "GANGINBB", "indus-bank": "INDUPKKA"}
RATE = "3.2835000000"
LIFETIME = 60_000_000


@dataclass
class World:
    """Banks with money and keys, a rate, and the writer of an installation that is no sandbox."""

    services: ServiceContext
    link: Link
    server: WriterServer
    keys: dict[str, SigningKey]
    accounts: dict[tuple[str, str, str], int]

    def evidence(
        self,
        raw: bytes,
        signer: str = "asha-bank",
        *,
        path: str = PAY,
        now: int | None = None,
        kind: str = XML,
        authority: str = "switch.test",
    ) -> Evidence:
        """What a bank signed, as an API worker passes it on."""
        key, now = self.keys[signer], int(time.time()) if now is None else now
        signed = http_signatures.sign(
            key,
            method="POST",
            authority=authority,
            path=path,
            content_type=kind,
            body=raw,
            now=now,
            nonce=uuid.uuid4().hex,
        )
        lines = [(name.lower().encode(), value.encode()) for name, value in signed.items()]
        stated = http_signatures.parse(lines)
        base = http_signatures.verify(
            stated,
            method="POST",
            authority=authority,
            path=path,
            headers=lines,
            body=raw,
            key=key.public,
            now=now,
        )
        return Evidence(key.keyid, stated.signature, base, raw)

    def payment(self, to: str = "ganga-bank", *, kind: str = XML, now: int | None = None) -> Accept:
        """An honest payment of 100.00 INR."""
        document = credit_transfer(
            debtor_agent=BICS["asha-bank"],
            debtor="Asha Rao",
            debtor_account="asha@okbank",
            creditor_agent=BICS[to],
            creditor="Bilal Khan",
            creditor_account="PK60SAND0000000000000001",
            amount="100.00",
            currency="INR",
        )
        content = document["Document"]
        uetr = uuid.UUID(content["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"])
        raw = codec.encode("pacs.008.001.08", content, media_type=kind)
        converts = to == "indus-bank"
        credit, currency = (328_35, "PKR") if converts else (100_00, "INR")
        terms = Terms(
            "asha-bank", to, BICS[to][4:6], 100_00, "INR", credit, currency, 1_50, *self.fx(converts)
        )
        asha, fees = self.account("asha-bank"), self.accounts["payswitch", "INR", "fees"]
        legs = [CommandLeg(asha, self.accounts.get((to, "INR", "position"), 0), 100_00, "principal")]
        if converts:
            legs = [
                CommandLeg(asha, self.account("fx"), 100_00, "conversion"),
                CommandLeg(self.account("fx", "PKR"), self.account(to, "PKR"), 328_35, "conversion"),
            ]
        us = time.time_ns() // 1000
        return Accept(
            Identity(uetr.bytes, b"f" * 32, "asha-bank", "pacs.008.001.08", "m", b"sealed", us, b"key"),
            terms,
            [*legs, CommandLeg(asha, fees, 1_50, "fee")],
            uetr.hex,
            b"native",
            us + LIFETIME,
            LIFETIME,
            us + LIFETIME,
            hold=False,
            evidence=self.evidence(raw, now=now, kind=kind),
        )

    def give_back(
        self, uetr: bytes, by: str, amount: str = "100.00 INR", *, of: bytes = b"", path: str = GIVE_BACK
    ) -> Return:
        """A return of the payment of `uetr`; it signs that of `of`, if that is another one."""
        text, currency = amount.split()
        stated = {
            "GrpHdr": {"MsgId": "R1", "CreDtTm": "2026-11-29T10:00:00.000Z", "NbOfTxs": "1", "SttlmInf": {"SttlmMtd": "CLRG"}},
            "TxInf": [{
                "RtrId": "R1", "OrgnlUETR": str(uuid.UUID(bytes=of or uetr)),
                "RtrdIntrBkSttlmAmt": {"Ccy": currency, "Amt": text}, "IntrBkSttlmDt": "2026-11-29",
                "RtrRsnInf": [{"Rsn": {"Cd": "AC04"}}],
            }],
        }  # fmt: skip
        raw = codec.encode("pacs.004.001.09", {"PmtRtr": stated}, media_type=XML)
        evidence = self.evidence(raw, by, path=path)
        return Return(uuid.uuid4().bytes, b"f" * 32, uetr, by, "R1", "AC04", evidence=evidence)

    async def credited(self, to: str) -> bytes:
        """The UETR of an honest payment that is final."""
        payment = self.payment(to)
        assert (await self.link.ask(payment)).verdict == "created"
        assert (
            await self.link.ask(Advance(payment.identity.uetr, "CONFIRM", rail=payment.terms.rail))
        ).state == "COMMITTED"
        return payment.identity.uetr

    async def money(self) -> list[int]:
        """Who has what: the FX provider in both currencies, both banks of a conversion, and the fees."""
        accounts = [
            ("fx", "INR"),
            ("fx", "PKR"),
            ("asha-bank", "INR"),
            ("indus-bank", "PKR"),
            ("payswitch", "INR", "fees"),
        ]
        return [await balance(self.services, *account) for account in accounts]

    @staticmethod
    def fx(converts: bool) -> tuple[str, str]:
        return ("fx", RATE) if converts else ("", "")

    def account(self, owner: str, currency: str = "INR") -> int:
        return self.accounts[owner, currency, "position"]

    async def executed_before_a_restore(self, payment: Accept, minor: int | None) -> None:
        """Restore the switch as of now, with a rail's file that has this payment, and start its writer anew."""
        await self.services.pool.execute(
            "INSERT INTO ledger.restore (number, kept, root, first, published) VALUES (1, 1, '', 2, '')"
        )
        await self.services.pool.execute(
            "INSERT INTO switch.restore_line (rail, ref, uetr, cycle, done, code, minor)"
            " VALUES ('PK', 'REF1', $1, current_date, true, '', $2)",
            uuid.UUID(bytes=payment.identity.uetr),
            minor,
        )
        gate = next(part for part in self.server._writer.host.parts if isinstance(part, RestoreGate))
        gate._ever = True  # as a writer reads it when it starts

    async def suspend(self, participant: str) -> None:
        """Suspend it, and let the writer look."""
        await done(self.services, "participant.suspend", {"participant": participant})
        await self.look_again()

    async def look_again(self) -> None:
        """Let the writer look at participants and gateways."""
        part = next(part for part in self.server._writer.host.parts if isinstance(part, Signatures))
        part._read_at = float("-inf")  # as after five seconds

    async def refused(self, command: Accept | Return) -> str:
        with pytest.raises(Unavailable) as error:
            await self.link.ask(command)
        return error.value.detail


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with open_services(database_url) as services:
        keys = {}
        for name, currency in {"asha-bank": "INR", "ganga-bank": "INR", "indus-bank": "PKR"}.items():
            keys[name] = SigningKey.generate(f"{name}-1")
            content = onboarding(name, currency, cap="100000")
            request = key_request.make(keys[name], name)
            content["keys"] = [{"keyid": f"{name}-1", "request": request}]
            await done(services, "participant.onboard", content)
        provider = {
            "id": "fx",
            "name": "FX",
            "bic": "SILKKZKA",
            "country": "KZ",
            "kind": "fx_provider",
            "keys": [],
        }
        accounts = [{"currency": currency, "net_debit_cap": "100000"} for currency in ("INR", "PKR")]
        await done(services, "participant.onboard", {**provider, "accounts": accounts})
        await services.pool.execute(
            "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', $1::text::numeric)",
            RATE,
        )
        await services.pool.execute(
            "INSERT INTO switch.corridor (source, target, fee_minor, fee_bps)"
            " VALUES ('IN', 'IN', 150, 0), ('IN', 'PK', 50, 100)"
        )
        rows = await services.pool.fetch("SELECT owner, currency::text, purpose, number FROM ledger.account")
        parts = [
            Causes(KINDS, sandbox=False),
            Signatures(sandbox=False, return_within=timedelta(days=30), authority="Switch.test"),
        ]
        server = WriterServer(database_url, 1000, causes=parts)
        await server.serve(services.data / "strict.sock")
        link = Link(services.data / "strict.sock")
        await link.start()
        yield World(services, link, server, keys, {tuple(row)[:3]: row["number"] for row in rows})
        await link.stop()
        server._listener.close()
        await server._listener.wait_closed()
        await server.stop()


@pytest.mark.parametrize("to", ["ganga-bank", "indus-bank"])
@pytest.mark.parametrize("kind", [XML, "application/json"])
async def test_a_payment_that_its_sender_signed_is_accepted_once(world: World, to: str, kind: str) -> None:
    payment = world.payment(to, kind=kind)

    assert [(await world.link.ask(payment)).verdict for _ in range(2)] == ["created", "exists"]


async def test_a_payment_that_a_rail_ordered_is_of_its_gateway_and_what_was_ordered(world: World) -> None:
    """The caretaker verified the rail's signature; the writer holds it to the gateway and to the message."""
    honest, other = world.payment(), world.payment()
    assert honest.evidence is not None
    unsigned = msgspec.structs.replace(honest.evidence, keyid="rail:IN", signature=b"", base=b"")
    ordered = msgspec.structs.replace(honest, evidence=unsigned)
    nobodys = await world.refused(ordered)
    await world.services.pool.execute("INSERT INTO switch.rail_inbound VALUES ('IN', 'ganga-bank', true, 1)")
    await world.look_again()
    anothers = await world.refused(ordered)
    await world.services.pool.execute("UPDATE switch.rail_inbound SET gateway = 'asha-bank'")
    await world.look_again()
    for_another = await world.refused(msgspec.structs.replace(other, evidence=unsigned))

    assert "not the gateway of the rail" in nobodys
    assert "not the gateway of the rail" in anothers
    assert "another payment was signed" in for_another
    assert [(await world.link.ask(ordered)).verdict for _ in range(2)] == ["created", "exists"]


async def test_a_signed_message_is_one_payment_under_whatever_uetr(world: World) -> None:
    """A worker must not carry it out a second time, under the UETR of its own that the message might have had."""
    honest = world.payment()
    own = own_uetr.derive("asha-bank", uuid.UUID(bytes=honest.identity.uetr))
    identity = msgspec.structs.replace(honest.identity, uetr=own.bytes)
    again = msgspec.structs.replace(honest, identity=identity, native_ref=own.hex)
    before = await world.refused(again)
    await world.link.ask(honest)

    assert "another payment was signed" in before
    assert "another payment was signed" in await world.refused(again)


async def test_a_message_whose_uetr_another_sender_used_is_a_payment_of_its_own(world: World) -> None:
    honest = world.payment()
    identity = honest.identity
    own = own_uetr.derive("asha-bank", uuid.UUID(bytes=identity.uetr))
    await world.link.ask(honest)
    await world.services.pool.execute(
        "UPDATE switch.payment SET sender = 'ganga-bank'"
    )  # as if it had been first
    mine = msgspec.structs.replace(
        honest, identity=msgspec.structs.replace(identity, uetr=own.bytes), native_ref=own.hex
    )

    assert [(await world.link.ask(mine)).verdict for _ in range(2)] == ["created", "exists"]


def differences(world: World, honest: Accept) -> dict[str, tuple[Accept, str]]:
    """What an API worker of an intruder would send, and why it is refused."""
    replace = msgspec.structs.replace
    terms, legs, evidence, other = honest.terms, honest.legs, honest.evidence, world.payment()
    assert evidence is not None
    asha, ganga = world.account("asha-bank"), world.account("ganga-bank")

    def but(**changed: Any) -> Accept:
        return replace(honest, **changed)

    def signed(**changed: Any) -> Accept:
        return but(evidence=replace(evidence, **changed))

    more = replace(terms, debit_minor=900_00, credit_minor=900_00)
    flipped = bytes([evidence.signature[0] ^ 1]) + evidence.signature[1:]
    mine = evidence.message.replace(b"100.00", b"100.01")
    digest = http_signatures.content_digest(mine).encode()
    forged = evidence.base.replace(http_signatures.content_digest(evidence.message).encode(), digest)
    theirs = world.evidence(evidence.message, "ganga-bank")
    return {
        "no signature": (but(evidence=None), "nobody signed it"),
        "another signature": (signed(signature=flipped), "not valid for this key"),
        "another message": (signed(message=mine), "covers another request"),
        "another message, and its digest": (signed(message=mine, base=forged), "not valid for this key"),
        "a payment for another": (but(evidence=other.evidence), "another payment was signed"),
        "signed by another bank": (but(evidence=theirs), "not signed by a key of its sender"),
        "an unknown key": (signed(keyid="nobody-1"), "not signed by a key of its sender"),
        "signed long ago": (but(evidence=world.payment(now=int(time.time()) - 900).evidence), "has expired"),
        "signed for another installation": (
            but(evidence=world.evidence(evidence.message, authority="uat.switch.test")),
            "covers another request",
        ),
        "signed for a return": (
            but(evidence=world.evidence(evidence.message, path=GIVE_BACK)),
            "covers another request",
        ),
        "more money": (
            but(terms=more, legs=[CommandLeg(asha, ganga, 900_00, "principal"), legs[1]]),
            "another amount was signed",
        ),
        "legs of more": (but(legs=[CommandLeg(asha, ganga, 900_00, "principal"), legs[1]]), "its legs move"),
        "a leg more": (but(legs=[*legs, CommandLeg(asha, ganga, 1, "principal")]), "its legs move"),
        "back": (but(legs=[CommandLeg(ganga, asha, 100_00, "principal"), legs[1]]), "its legs move"),
        "fee to another": (
            but(legs=[legs[0], CommandLeg(asha, ganga, 1_50, "fee")]),
            "its fee goes elsewhere",
        ),
        "to another bank": (
            but(
                terms=replace(terms, creditor_agent="indus-bank", credit_currency="INR"),
                legs=[
                    CommandLeg(asha, world.accounts["fx", "INR", "position"], 100_00, "principal"),
                    legs[1],
                ],
            ),
            "its legs move",
        ),
        "converted without a rate": (
            but(terms=replace(terms, credit_currency="PKR")),
            "it converts without a rate",
        ),
    }


async def test_whatever_else_a_worker_says_is_refused_and_moves_nothing(world: World) -> None:
    honest = world.payment()
    for what, (command, why) in differences(world, honest).items():
        assert why in await world.refused(command), what

    assert await world.services.pool.fetchval("SELECT count(*) FROM switch.payment") == 0
    assert (await world.link.ask(honest)).verdict == "created"


async def test_a_worker_cannot_invent_a_rate_or_credit_more(world: World) -> None:
    """A bank and a worker together would have emptied the accounts of an FX provider."""
    honest, replace = world.payment("indus-bank"), msgspec.structs.replace
    asha, fx, payee = (
        world.account("asha-bank"),
        world.account("fx", "PKR"),
        world.account("indus-bank", "PKR"),
    )
    legs = [honest.legs[0], CommandLeg(fx, payee, 900_00, "conversion"), honest.legs[2]]
    invented = replace(honest, legs=legs, terms=replace(honest.terms, credit_minor=900_00, rate="9"))
    more = replace(honest, legs=legs, terms=replace(honest.terms, credit_minor=900_00))

    assert "its rate is not in force" in await world.refused(invented)
    assert "it credits too much" in await world.refused(more)
    assert asha
    await world.services.pool.execute(
        "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 9)"
    )
    fresh = replace(invented, terms=replace(invented.terms, rate="9.0000000000"))
    time.sleep(0.1)
    assert (await world.link.ask(fresh)).verdict == "created"  # a new rate is known at once


async def test_a_worker_cannot_credit_less_than_the_rate_gives(world: World) -> None:
    """The rest would have stayed with the FX provider."""
    honest, replace = world.payment("indus-bank"), msgspec.structs.replace
    for minor in (1, 100_00, 328_35 - LARGEST_STEP):
        leg = CommandLeg(world.account("fx", "PKR"), world.account("indus-bank", "PKR"), minor, "conversion")
        terms = replace(honest.terms, credit_minor=minor)
        less = replace(honest, legs=[honest.legs[0], leg, honest.legs[2]], terms=terms)
        assert "it credits too little" in await world.refused(less), minor

    assert (await world.link.ask(honest)).verdict == "created"


def test_no_rail_rounds_down_by_more_than_the_writer_permits() -> None:
    assert (
        max(registry.profile(country).limits.step_minor for country in registry.countries()) == LARGEST_STEP
    )


async def test_a_worker_charges_what_the_tariffs_say_and_nothing_else(world: World) -> None:
    """The bearer and the purpose are those of the signed message: SLEV, and no purpose."""
    replace = msgspec.structs.replace
    old = world.payment()
    insert = (
        "INSERT INTO switch.tariff (source, target, component, direction, purpose, flat_minor, bps, valid_from, change)"
        " VALUES ('IN', 'IN', $1, $2, $3, $4, 0, clock_timestamp(), 1) RETURNING number"
    )
    add = world.services.pool.fetchval
    ours, rail, _, _ = [
        await add(insert, *row)
        for row in (
            ("switch", "out", None, 120),
            ("rail", "out", None, 40),
            ("switch", "out", "SALA", 1),
            ("switch", "in", None, 9),
        )
    ]
    time.sleep(0.1)
    honest = world.payment()
    asha, fees = world.account("asha-bank"), world.accounts["payswitch", "INR", "fees"]

    def charged(of: Accept, *charges: FeeCharge) -> Accept:
        fee = sum(each.minor for each in charges)
        deducted = sum(each.minor for each in charges if each.deducted)
        legs = [replace(of.legs[0], amount=100_00 - deducted), CommandLeg(asha, fees, fee, "fee")]
        moved = {"debit_minor": 100_00 - deducted, "credit_minor": 100_00 - deducted, "fee_minor": fee}
        return replace(of, terms=replace(of.terms, **moved), legs=legs, charges=list(charges))

    right = FeeCharge(ours, "switch", False, 120), FeeCharge(rail, "rail", False, 40)
    for wrong in (
        honest,  # the corridor's own fee: it no longer applies
        charged(honest, right[0]),
        charged(honest, right[0], replace(right[1], minor=39)),
        charged(honest, replace(right[0], minor=121), replace(right[1], minor=39)),
        charged(honest, replace(right[0], tariff=rail), replace(right[1], tariff=ours)),
        charged(honest, *right, FeeCharge(ours, "switch", True, 9)),
        replace(charged(honest, FeeCharge(ours + 2, "switch", False, 1), right[1]), purpose="SALA"),
        replace(charged(honest, *right, FeeCharge(ours + 3, "switch", True, 9)), bearer="SHAR"),
    ):
        assert "its fee is not that of its corridor" in await world.refused(wrong)
    short = charged(honest, *right)
    assert "its charges are not its fee" in await world.refused(replace(short, charges=[right[0]]))
    less = replace(short, terms=replace(short.terms, debit_minor=99_00, credit_minor=99_00))
    assert "another amount was signed" in await world.refused(
        replace(less, legs=[replace(short.legs[0], amount=99_00), short.legs[1]])
    )

    assert (await world.link.ask(short)).verdict == "created"
    assert (await world.link.ask(old)).verdict == "created"  # it was priced before they were valid
    recorded = await world.services.pool.fetch(
        "SELECT place, tariff, component, deducted, minor FROM switch.payment_charge ORDER BY place"
    )
    assert [tuple(row) for row in recorded] == [(1, ours, "switch", False, 120), (2, rail, "rail", False, 40)]


async def test_a_worker_cannot_take_another_fee_or_rail_than_the_corridors(world: World) -> None:
    honest, replace = world.payment(), msgspec.structs.replace
    asha, fees = world.account("asha-bank"), world.accounts["payswitch", "INR", "fees"]
    for fee in (50_000, 100_00, 1_51, 1_49):
        legs = [honest.legs[0], CommandLeg(asha, fees, fee, "fee")]
        other = replace(honest, legs=legs, terms=replace(honest.terms, fee_minor=fee))
        assert "its fee is not that of its corridor" in await world.refused(other), fee
    free = replace(honest, legs=honest.legs[:1], terms=replace(honest.terms, fee_minor=0))
    assert "its fee is not that of its corridor" in await world.refused(free)
    elsewhere = replace(honest, terms=replace(honest.terms, rail="PK"))
    assert "its rail is that of another country" in await world.refused(elsewhere)

    await world.services.pool.execute("UPDATE switch.corridor SET fee_minor = 0")
    await asyncio.sleep(0.1)
    assert (await world.link.ask(free)).verdict == "created"  # a new tariff is known at once
    assert (await world.link.ask(world.payment())).verdict == "created"  # and the one before still counts


async def test_a_payment_said_to_be_recovered_needs_the_line_of_a_rail(world: World) -> None:
    """A worker would have had any rate and amount accepted, and then posted by its own word."""
    honest, replace = world.payment("indus-bank"), msgspec.structs.replace
    fx, payee = world.account("fx", "PKR"), world.account("indus-bank", "PKR")
    legs = [honest.legs[0], CommandLeg(fx, payee, 90_000_00, "conversion"), honest.legs[2]]
    invented = replace(honest, legs=legs, terms=replace(honest.terms, credit_minor=90_000_00, rate="900"))

    for command in (honest, invented):
        assert "no rail's file" in await world.refused(replace(command, recovered="x"))
    assert (await world.link.ask(honest)).verdict == "created"


@pytest.mark.parametrize("stated", [400_00, None])
async def test_a_recovered_payment_is_what_its_rail_executed(world: World, stated: int | None) -> None:
    """The rail's amount counts; if its file states none, the rate in force does."""
    honest, replace = world.payment("indus-bank"), msgspec.structs.replace
    fx, payee = world.account("fx", "PKR"), world.account("indus-bank", "PKR")
    await world.executed_before_a_restore(honest, stated)

    def recovered(minor: int, rate: str) -> Accept:
        legs = [honest.legs[0], CommandLeg(fx, payee, minor, "conversion"), honest.legs[2]]
        terms = replace(honest.terms, credit_minor=minor, rate=rate)
        return replace(honest, legs=legs, terms=terms, recovered="REF1", hold=True)

    assert await world.refused(recovered(900_00, "9"))
    right = recovered(400_00, "4") if stated else recovered(328_35, RATE)
    assert (await world.link.ask(right)).state == "UNKNOWN"
    confirmed = await world.link.ask(Advance(honest.identity.uetr, "CONFIRM", rail="PK"))
    assert (confirmed.verdict, confirmed.state) == ("illegal", "UNKNOWN")
    assert await balance(world.services, "indus-bank", "PKR") == 0


HOSTILE: tuple[Any, ...] = (
    *("a\0b", "\0", "", "x" * 3000, "\ufffe\U0001f4a3"),
    *(2**63 - 1, 2**64 - 1, -(2**63), 0, -1, 2**62),
    *(b"", b"\0", b"u" * 15, b"u" * 17, b"\xff\xfe" * 2000),
    *(None, [], True),
)


def leaves(value: Any) -> Iterator[Any]:
    """Every value in nested lists, each replaced once by each hostile one; the whole structure each time."""
    if not isinstance(value, list):
        yield from HOSTILE
        return
    for place, each in enumerate(value):
        for other in leaves(each):
            yield [*value[:place], other, *value[place + 1 :]]


def plain(command: Command) -> Any:
    """A command as the lists that are sent."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(command))


def commands_of(world: World) -> list[Command]:
    """One of each command that a process may send, except a payment and the freeze of the books."""
    uetr, leg = uuid.uuid4().bytes, CommandLeg(world.account("asha-bank"), 1, 5, "principal")
    own = own_uetr.derive("asha-bank", uuid.UUID(bytes=uetr)).bytes
    payment = world.payment()
    identity = msgspec.structs.replace(payment.identity, uetr=own)
    return [
        msgspec.structs.replace(payment, identity=identity),
        Refuse(identity, "AC01", "detail", payment.terms),
        Advance(uetr, Event.CONFIRM, "IN"),
        Enquired(uetr, "not_found"),
        Fund(uetr, b"f" * 32, [leg], "note", 1, b""),
        Return(uetr, b"f" * 32, uetr, "asha-bank", "m", "AC04", 0, payment.evidence),
        OpenAccount("asha-bank", "INR", "position", 5, b"o" * 16, 1),
        SetCap(1, 5, b"o" * 16, 1),
        SetLimit("asha-bank", "INR", 5, 5, b"o" * 16, 1),
        SetVelocity("participant", "asha-bank", "INR", 5, 5, 5, 5, b"o" * 16, 1),
        SetWatch("fan_in", "*", "IN", "", "INR", 5, 80, 3, 22, 6, "hold", 0, 0, b"o" * 16, 1),
        CloseWindow("INR", 1),
        CloseAccounts([1], 1),
        Hold(uetr, b"f" * 32, [leg], "note"),
        Release(uetr, "void", "note"),
        Record("PAGE_READ", b"{}"),
        Unfreeze("note", 1),
        Reopen("note", ["IN"], 1),
    ]


@pytest.mark.timeout(180)
async def test_no_value_of_any_field_freezes_the_writer(world: World) -> None:
    """One frame of one process stopped the payments of everybody."""

    async def hostile(command: Any) -> None:
        with contextlib.suppress(SwitchError):
            await world.link.ask(command)

    def payment() -> Any:
        claims, notes = [Claim("message_id", uuid.uuid4().bytes, 10**9)], [("a path", "a text")]
        return plain(msgspec.structs.replace(world.payment(), claims=claims, notes=notes))

    for command in commands_of(world):
        await asyncio.wait_for(asyncio.gather(*map(hostile, leaves(plain(command)))), 30)
        assert world.server.frozen is None, command
    given = GivenBack(await world.credited("ganga-bank"), "IN", "R1", 1, "INR", "", "", 0, b"x", b"x")
    for command in (given, BookReturn(given.uetr, "R1")):
        for each in leaves(plain(command)):
            await asyncio.wait_for(hostile(each), 30)
        assert world.server.frozen is None, command
    for number in range(len(list(leaves(payment())))):  # each is a new payment: it would reach the database
        await asyncio.wait_for(hostile(next(itertools.islice(leaves(payment()), number, None))), 30)
    assert world.server.frozen is None
    assert (await world.link.ask(world.payment())).verdict == "created"


async def test_a_key_counts_while_it_is_in_force_and_a_new_one_at_once(world: World) -> None:
    honest = world.payment()
    assert (await world.link.ask(honest)).verdict == "created"
    await world.services.pool.execute(
        "UPDATE switch.participant_key SET valid_from = now() - interval '1 hour',"
        " valid_until = now() - interval '1 minute' WHERE keyid = 'asha-bank-1'"
    )
    world.keys["asha-bank"] = SigningKey.generate("asha-bank-2")
    public = world.keys["asha-bank"].public
    await world.services.pool.execute(
        "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key)"
        " VALUES ('asha-bank-2', 'asha-bank', 'ed25519', $1)",
        public.pem.decode(),
    )
    time.sleep(0.1)

    assert (await world.link.ask(world.payment())).verdict == "created"
    world.keys["asha-bank"] = SigningKey.generate("asha-bank-1")
    assert "not in force" in await world.refused(world.payment())


@pytest.mark.parametrize("who", ["asha-bank", "indus-bank", "fx"])
async def test_no_new_payment_of_a_suspended_participant_is_accepted(world: World, who: str) -> None:
    """A participant that is suspended was known to the API alone, which an intruder passes."""
    known = world.payment("indus-bank")
    assert (await world.link.ask(known)).verdict == "created"
    await world.suspend(who)

    assert "is suspended" in await world.refused(world.payment("indus-bank"))
    assert (await world.link.ask(known)).verdict == "exists"
    await world.services.pool.execute("UPDATE switch.participant SET status = 'active'")
    await asyncio.sleep(0.1)
    assert (await world.link.ask(world.payment("indus-bank"))).verdict == "created"  # at once


async def test_a_suspended_bank_repeats_a_return_and_makes_no_new_one(world: World) -> None:
    first, second = world.payment(), world.payment()
    for payment in (first, second):
        await world.link.ask(payment)
        await world.link.ask(Advance(payment.identity.uetr, "CONFIRM", rail="IN"))
    made = world.give_back(first.identity.uetr, "ganga-bank")
    assert (await world.link.ask(made)).verdict == "created"
    await world.suspend("ganga-bank")

    assert "is suspended" in await world.refused(world.give_back(second.identity.uetr, "ganga-bank"))
    assert (await world.link.ask(made)).verdict == "exists"


async def test_only_the_bank_that_was_paid_returns_a_payment(world: World) -> None:
    uetr = await world.credited("ganga-bank")

    def returned(by: str, **other: Any) -> Return:
        return world.give_back(uetr, by, **other)

    unsigned = msgspec.structs.replace(returned("ganga-bank"), evidence=None)
    assert "nobody signed it" in await world.refused(unsigned)
    assert "did not receive the payment" in await world.refused(returned("asha-bank"))
    assert "another payment was signed" in await world.refused(returned("ganga-bank", of=uuid.uuid4().bytes))
    assert "covers another request" in await world.refused(returned("ganga-bank", path=PAY))
    for other in ("0.01 INR", "100.01 INR", "100.00 PKR"):
        assert "another amount was signed" in await world.refused(returned("ganga-bank", amount=other))
    before = await balance(world.services, "ganga-bank")
    assert (await world.link.ask(returned("ganga-bank"))).verdict == "created"
    assert (before, await balance(world.services, "ganga-bank")) == (100_00, 0)


CREDITED = "328.35 PKR"
DEARER = "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 4)"
CHEAPER = "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 3)"
OF_ANOTHER = (
    "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'asha-bank', 3)"
)
NO_RATE = "UPDATE switch.fx_rate SET valid_from = now() + interval '1 day'"
SUSPENDED = "UPDATE switch.participant SET status = 'suspended' WHERE id = 'fx'"
LONG_AGO = "UPDATE ledger.event SET at = at - interval '30 days 1 minute' WHERE kind = 'CONFIRM'"
DETACHED = "DELETE FROM ledger.event WHERE kind = 'CONFIRM'"
NEARLY = "UPDATE ledger.event SET at = at - interval '29 days 23 hours' WHERE kind = 'CONFIRM'"


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        pytest.param(DEARER, "the FX provider would lose by it", id="rate-moved-against-the-provider"),
        pytest.param(NO_RATE, "quotes no rate", id="no-rate"),
        pytest.param(OF_ANOTHER, "quotes no rate", id="another-provider"),
        pytest.param(SUSPENDED, "quotes no rate", id="provider-suspended"),
        pytest.param(LONG_AGO, "more than 30 days ago", id="late"),
        pytest.param(DETACHED, "more than 30 days ago", id="history-detached"),
    ],
)
async def test_a_stolen_worker_and_two_banks_returned_a_payment_at_its_old_rate(
    world: World, meanwhile: str, why: str
) -> None:
    """The banks took the difference from the FX provider, whatever the API said to them."""
    uetr = await world.credited("indus-bank")
    before = await world.money()
    await world.services.pool.execute(meanwhile)

    refused = await world.refused(world.give_back(uetr, "indus-bank", CREDITED))

    assert why in refused
    assert "send a new payment" in refused
    assert await world.money() == before


async def test_a_late_return_in_one_currency_is_refused_too(world: World) -> None:
    uetr = await world.credited("ganga-bank")
    await world.services.pool.execute(LONG_AGO)

    assert "more than 30 days ago" in await world.refused(world.give_back(uetr, "ganga-bank"))


@pytest.mark.parametrize(
    ("to", "meanwhile"),
    [
        pytest.param("indus-bank", "SELECT", id="same-rate"),
        pytest.param("indus-bank", CHEAPER, id="rate-moved-for-the-provider"),
        pytest.param("indus-bank", NEARLY, id="in-time"),
        pytest.param("ganga-bank", DEARER, id="same-currency"),
        pytest.param("ganga-bank", NO_RATE, id="same-currency-no-rate"),
    ],
)
async def test_a_return_that_costs_nobody_is_made_in_full_with_its_fee(
    world: World, to: str, meanwhile: str
) -> None:
    before = await world.money()
    uetr = await world.credited(to)
    during = await world.money()
    await world.services.pool.execute(meanwhile)

    amount = CREDITED if to == "indus-bank" else "100.00 INR"
    assert (await world.link.ask(world.give_back(uetr, to, amount))).verdict == "created"
    assert (during[-1] - before[-1], await world.money()) == (1_50, before)


async def test_a_return_that_was_made_is_answered_as_before_when_it_would_be_too_late(world: World) -> None:
    uetr = await world.credited("indus-bank")
    honest = world.give_back(uetr, "indus-bank", CREDITED)
    assert (await world.link.ask(honest)).verdict == "created"
    before = await world.money()
    for meanwhile in (DEARER, LONG_AGO):
        await world.services.pool.execute(meanwhile)

    assert (await world.link.ask(honest)).verdict == "exists"
    assert (
        await world.link.ask(world.give_back(uetr, "indus-bank", CREDITED))
    ).verdict == "already_corrected"
    assert await world.money() == before


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        pytest.param("SELECT", "", id="by-rule"),
        pytest.param(DEARER, "the debtor would lose more than a 20th", id="at-the-debtors-cost"),
        pytest.param(LONG_AGO, "more than 30 days ago", id="late"),
        pytest.param(NO_RATE, "quotes no rate", id="no-rate"),
    ],
)
async def test_what_a_rail_gives_back_is_booked_within_the_bounds_of_a_return_and_else_left_to_people(
    world: World, meanwhile: str, why: str
) -> None:
    before = await world.money()
    uetr = await world.credited("indus-bank")
    await world.services.pool.execute(meanwhile)
    given = GivenBack(uetr, "PK", "R1", 328_35, "PKR", "AC04", "AC04", 0, b"sealed", b"key")
    noted = [await world.link.ask(each) for each in (given, given)]
    replies = [await world.link.ask(BookReturn(uetr, "R1")) for _ in range(2)]
    async with world.services.pool.acquire() as connection, connection.transaction(readonly=True):
        causes = await caused.check_causes(connection, KINDS)
    row = await world.services.pool.fetchrow(
        "SELECT id, detail, resolved_at FROM switch.reconciliation_break WHERE uetr = $1",
        uuid.UUID(bytes=uetr),
    )
    if why:
        services = replace(world.services, link=world.link)
        content = {"number": row["id"], "evidence": "pacs.004; fx agrees, letter 12"}
        _, change = await decided(services, "break.return", content)
        assert change.state == "executed", change

    assert [each.verdict for each in noted] == ["given_back", "given_back"]
    assert [each.verdict for each in replies] == (["left_to_people"] * 2 if why else ["created", "exists"])
    assert all(why in each.detail for each in replies)
    assert (why in row["detail"], row["resolved_at"] is None) == (True, bool(why))
    assert "(RETURN)" not in causes.detail
    assert await world.money() == before


async def test_a_rail_gives_back_only_its_own_payments_and_of_one_that_is_open_it_is_a_refusal(
    world: World,
) -> None:
    open_payment = world.payment("indus-bank")
    await world.link.ask(open_payment)
    before = await world.money()

    def given(uetr: bytes, rail: str = "PK", minor: int = 328_35) -> GivenBack:
        return GivenBack(uetr, rail, "R1", minor, "PKR", "AC04", "AC04", 0, b"sealed", b"key")

    uetr = open_payment.identity.uetr
    replies = [
        await world.link.ask(each)
        for each in (
            given(uetr, "IN"),
            given(uetr, minor=1),
            given(uetr),
            given(uetr),
            given(uuid.uuid4().bytes),
            given(await world.credited("indus-bank"), "IN"),
            BookReturn(uetr, "R1"),
        )
    ]

    assert [(each.verdict, each.state) for each in replies] == [
        ("another_rail", "SENT"),
        ("advanced", "UNKNOWN"),
        ("advanced", "ABORTED"),
        ("final", "ABORTED"),
        ("transfer_not_found", ""),
        ("another_rail", ""),
        ("transfer_not_found", ""),
    ]
    assert before != await world.money()


async def decided(services: ServiceContext, kind: str, content: dict[str, Any]) -> tuple[Effect, Change]:
    """A change of two people: the effect that the second one sees, and what became of it."""
    executed_with(services)
    change = await approvals.request(services, KINDS, person("olga"), kind, content=content, reason="test")
    async with services.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, change)
    assert effect is not None
    seen = effect.digest(change.number)
    chen = person("chen")
    change = await approvals.vote(
        services, KINDS, chen, change.number, decision="approve", reason="seen", seen=seen
    )
    return effect, change


@pytest.mark.parametrize(
    ("meanwhile", "costs"), [(DEARER, "-17.92"), (CHEAPER, "9.45"), (NO_RATE, "no rate in force")]
)
async def test_two_people_return_late_and_see_what_the_provider_gains_or_loses(
    world: World, meanwhile: str, costs: str
) -> None:
    before = await world.money()
    uetr = await world.credited("indus-bank")
    given = Advance(uetr, "REJECT", rail="PK", rail_code="AC04")
    assert (await world.link.ask(given)).verdict == "contradiction"
    services = replace(world.services, link=world.link)
    number = await services.pool.fetchval(
        "SELECT id FROM switch.reconciliation_break WHERE uetr = $1", uuid.UUID(bytes=uetr)
    )
    for step in (meanwhile, LONG_AGO):
        await services.pool.execute(step)

    content = {"number": number, "evidence": "pacs.004; fx agrees, letter 12"}
    effect, change = await decided(services, "break.return", content)

    provider, gain = effect.rows[-2:]
    assert (provider.what, provider.now) == ("FX provider", "fx")
    assert (gain.then, gain.moving) == (costs, True)
    assert gain.unit in ("INR", "")
    assert change.state == "executed", change
    assert await world.money() == before


def returned(uetr: bytes, reason: str = "FR01") -> dict[str, Any]:
    return {"uetr": str(uuid.UUID(bytes=uetr)), "reason": reason, "evidence": "court order 12"}


async def test_a_late_return_that_the_switch_refused_is_made_by_two_people(world: World) -> None:
    """Only what a rail gave back could be returned by people; for the rest a new payment was needed."""
    before = await world.money()
    uetr = await world.credited("indus-bank")
    for step in (DEARER, LONG_AGO):
        await world.services.pool.execute(step)
    refused = await world.refused(world.give_back(uetr, "indus-bank", CREDITED))

    effect, change = await decided(replace(world.services, link=world.link), "payment.return", returned(uetr))

    rows = {row.what: row for row in effect.rows}
    assert "payment.return" in refused
    assert (change.state, change.outcome) == ("executed", f"{uuid.UUID(bytes=uetr)} is returned")
    assert await world.money() == before
    assert [(row.now, row.then) for row in effect.rows[:4]] == [
        ("COMMITTED", "returned"),
        ("none", "fraud (FR01)"),
        ("paid", "received"),
        ("received", "paid"),
    ]
    assert "asha-bank: 101.50 INR" in rows
    assert "indus-bank: 328.35 PKR" in rows
    assert rows["FX provider's gain (loss: below zero) at the rate in force"].then == "-17.92"
    headroom = rows["Headroom of the creditor agent"]
    assert (headroom.now, headroom.then, headroom.unit) == ("100328.35", "100000.00", "PKR")
    window = rows["Settlement window of the credit, and of the return"]
    assert window.now == window.then
    assert effect.warnings == ("This cannot be undone.",)


async def test_two_people_return_no_payment_twice_and_none_that_was_not_credited(world: World) -> None:
    services = replace(world.services, link=world.link)
    executed_with(services)
    uetr = await world.credited("ganga-bank")
    open_payment = world.payment()
    await world.link.ask(open_payment)
    given_back = await world.credited("indus-bank")
    await world.link.ask(Advance(given_back, "REJECT", rail="PK", rail_code="AC04"))
    twice = [
        await approvals.request(
            services, KINDS, person("olga"), "payment.return", content=returned(uetr), reason="test"
        )
        for _ in range(2)
    ]
    for change in twice:
        with contextlib.suppress(SwitchError):
            await approvals.vote(
                services, KINDS, person("chen"), change.number, decision="approve", reason="seen"
            )
    again = await approvals.execute(services, KINDS, twice[0].number)
    before = await world.money()

    assert again.state == "executed"
    for which, why in (
        (uetr, "returned already"),
        (open_payment.identity.uetr, "only a credited payment"),
        (uuid.uuid4().bytes, "only a credited payment"),
        (given_back, "request break.return of break 1"),
    ):
        with pytest.raises(Refused, match=why):
            await decided(services, "payment.return", returned(which))
    assert await world.money() == before


async def test_a_return_passes_no_cap_of_the_creditor_agent(world: World) -> None:
    """The bank has spent what it got: two people cannot make it owe more than its cap."""
    services = replace(world.services, link=world.link)
    uetr = await world.credited("ganga-bank")
    await done(
        services,
        "cap.set",
        {"participant": "ganga-bank", "currency": "INR", "net_debit_cap": "0", "confirmed_factor": "0"},
    )
    await done(
        services,
        "funds.out",
        {
            "participant": "ganga-bank",
            "currency": "INR",
            "amount": "60.00",
            "reference": "R-1",
        },
    )

    effect, change = await decided(services, "payment.return", returned(uetr))

    headroom = next(row for row in effect.rows if row.what == "Headroom of the creditor agent")
    assert (headroom.now, headroom.then) == ("40.00", "-60.00")
    assert change.state == "failed"
    assert "the return was refused" in change.outcome


@pytest.mark.parametrize(
    ("forgery", "why"),
    [
        pytest.param(None, "", id="honest"),
        pytest.param(("FR01", "DUPL"), "says something else", id="another-reason"),
        pytest.param(("{uetr}", "0" * 32), "says something else", id="another-payment"),
        pytest.param(('"change":', '"once":'), "it names no change", id="no-change"),
    ],
)
async def test_verify_ties_a_return_of_two_people_to_its_change(
    world: World, database_url: str, forgery: tuple[str, str] | None, why: str
) -> None:
    uetr = await world.credited("ganga-bank")
    await decided(replace(world.services, link=world.link), "payment.return", returned(uetr))
    if forgery is not None:
        connection = await asyncpg.connect(
            database_url, server_settings={"session_replication_role": "replica"}
        )
        await connection.execute(
            "UPDATE ledger.event SET body = convert_to(replace(convert_from(body, 'UTF8'), $1, $2), 'UTF8')"
            " WHERE kind = 'RETURN'",
            forgery[0].format(uetr=uetr.hex()),
            forgery[1],
        )
        await connection.close()

    async with world.services.pool.acquire() as connection, connection.transaction(readonly=True):
        result = await caused.check_causes(connection, KINDS)

    faults = result.detail if not result.ok else ""
    assert why in faults
    assert bool(why) == ("(RETURN)" in faults)


async def test_a_released_payment_is_signed_as_of_its_hold_and_a_hold_needs_a_signature(world: World) -> None:
    """People may need longer than a signature is valid; what was not signed is not even held."""
    payment = world.payment()
    hold = HoldForScreening.of(payment, lasts=3_600_000_000, lists=1, hits=b"hits", hit_count=1)
    unsigned = await world.refused(msgspec.structs.replace(hold, evidence=None))
    other = await world.refused(msgspec.structs.replace(hold, evidence=world.payment().evidence))
    held = await world.link.ask(hold)
    too_early = await world.link.ask(msgspec.structs.replace(payment, held=held.number))
    content = {"uetr": str(uuid.UUID(bytes=payment.identity.uetr)), "screening": 1}
    await done(dataclasses.replace(world.services, link=world.link), "screening.release", content)
    holds = next(p for p in world.server._writer.host.parts if isinstance(p, ScreeningHolds))
    known = holds._holds[payment.identity.uetr]
    holds._holds[known.uetr] = dataclasses.replace(known, held=known.held - 3_600_000_000)
    not_signed_then = await world.refused(msgspec.structs.replace(payment, held=held.number))
    holds._holds[known.uetr] = known
    accepted = await world.link.ask(msgspec.structs.replace(payment, held=held.number))

    assert "nobody signed it" in unsigned
    assert "another payment was signed" in other
    assert not_signed_then
    assert (held.verdict, too_early.verdict) == ("held", "illegal")
    assert accepted.verdict == "created"
