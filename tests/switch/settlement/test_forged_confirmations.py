"""Confirmations that somebody stored with the login of an API worker: only what the agent signed has an effect."""

import dataclasses
import hashlib
import time
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import pytest
import pytest_asyncio

from ledger.roles import Login
from schemas import codec
from schemas.errors import NotAuthentic
from schemas.signing import http_signatures, jws, key_request
from schemas.signing.keys import SigningKey
from switch.base import metrics
from switch.settlement import day
from switch.settlement.proofs import ConfirmationProof
from switch.settlement.states import LineState
from switch.writer.context import ServiceContext
from tests.switch.services import confirmed, done, onboarding, open_services
from tests.switch.settlement.test_settlement_day import AGENT, instructed, line, status_report

CONFIRMATIONS = "/v1/settlements/confirmations"
AUTHORITY = "switch.test"


@dataclass
class Theft:
    """A window that waits for its agent, and somebody with the login of an API worker."""

    services: ServiceContext
    thief: asyncpg.Connection
    owner: asyncpg.Connection
    keys: dict[str, SigningKey]
    window: int

    async def said(self, status: str = "ACSC") -> bytes:
        """A confirmation of the line of asha-bank."""
        return status_report((await line(self.services, self.window, "asha-bank"), status))

    async def forge(self, body: bytes, signature: str, base: bytes | None = None) -> None:
        """Store a confirmation as only the API should, and let the caretaker look."""
        await self.thief.execute(
            "INSERT INTO switch.settlement_confirmation"
            " (sha256, agent, message, body, media_type, signature, base)"
            " VALUES ($1, 'reserve', 'pacs.002.001.10', $2, $3, $4, $5)",
            *(hashlib.sha256(body).digest(), body, codec.XML, signature, base),
        )
        await day.process_confirmations(self.services)

    async def state(self) -> LineState:
        return (await line(self.services, self.window, "asha-bank")).state

    async def noted(self) -> int:
        count: int = await self.owner.fetchval(
            "SELECT count(*) FROM switch.audit_note WHERE kind = 'SETTLEMENT_FORGED'"
        )
        return count


def signed(
    key: SigningKey,
    body: bytes,
    *,
    now: float | None = None,
    authority: str = AUTHORITY,
    path: str = CONFIRMATIONS,
) -> ConfirmationProof:
    """What the API stores of a signed request."""
    at = int(time.time() if now is None else now)
    request = {"method": "POST", "authority": authority, "path": path, "body": body, "now": at}
    headers = http_signatures.sign(key, content_type=codec.XML, nonce=uuid.uuid4().hex, **request)  # type: ignore[arg-type]
    lines = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    stated = http_signatures.parse(lines)
    base = http_signatures.verify(stated, headers=lines, key=key.public, **request)  # type: ignore[arg-type]
    return ConfirmationProof(b64encode(stated.signature).decode(), base)


@pytest_asyncio.fixture
async def theft(database_url: str) -> AsyncIterator[Theft]:
    keys = {name: SigningKey.generate(f"{name}-1") for name in ("asha-bank", "ganga-bank", "reserve")}
    async with open_services(database_url) as services:
        for name, key in keys.items():
            own = [{"keyid": key.keyid, "request": key_request.make(key, name)}]
            await done(services, "participant.onboard", onboarding(name) | {"keys": own})
        for bank in ("asha-bank", "ganga-bank"):
            funds = {"participant": bank, "currency": "INR", "amount": "1000.00", "reference": f"of {bank}"}
            await done(services, "funds.in", funds)
        await done(services, "settlement_agent.set", AGENT, checkers=("chen", "ravi"))
        window = await instructed(services, ("asha-bank", "ganga-bank", 300_00))
        thief, owner = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
        await thief.execute(f"SET SESSION AUTHORIZATION {Login.API}")
        production = dataclasses.replace(services, sandbox=False, authority=AUTHORITY)
        yield Theft(production, thief, owner, keys, window)
        await thief.close()
        await owner.close()


def with_the_agents_name(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(SigningKey.generate("reserve-1"), body)


def of_a_bank(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(theft.keys["asha-bank"], body)


def of_another_body(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(theft.keys["reserve"], body + b"<!-- -->")


def of_an_hour_ago(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(theft.keys["reserve"], body, now=time.time() - 3600)


def for_another_host(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(theft.keys["reserve"], body, authority="other.test")


def for_another_path(theft: Theft, body: bytes) -> ConfirmationProof:
    return signed(theft.keys["reserve"], body, path="/v1/iso20022/camt.054")


def without_a_base(theft: Theft, body: bytes) -> ConfirmationProof:
    return ConfirmationProof(signed(theft.keys["reserve"], body).signature)


def no_signature(theft: Theft, body: bytes) -> ConfirmationProof:
    return ConfirmationProof("not base64", b"\xff\n")


def a_file_of_a_bank(theft: Theft, body: bytes) -> ConfirmationProof:
    return ConfirmationProof(jws.sign(theft.keys["asha-bank"], body))


FORGERIES = (
    with_the_agents_name,
    of_a_bank,
    of_another_body,
    of_an_hour_ago,
    for_another_host,
    for_another_path,
    without_a_base,
    no_signature,
    a_file_of_a_bank,
)


async def test_a_stolen_api_worker_forged_a_settlement_agents_confirmation(theft: Theft) -> None:
    """An attack: the caretaker believed every stored confirmation. The true one counts afterwards, with the same bytes."""
    body = await theft.said()
    counted = metrics.CONFIRMATIONS_FORGED._value.get()
    for number, forgery in enumerate(FORGERIES, 1):
        await theft.forge(body, *forgery(theft, body))

        assert await theft.state() is LineState.INSTRUCTED, forgery.__name__
        assert await theft.noted() == number, forgery.__name__
    alarmed = metrics.CONFIRMATIONS_FORGED._value.get() - counted
    await theft.forge(body, *signed(theft.keys["reserve"], body))

    assert alarmed == await theft.noted() == len(FORGERIES)
    assert await theft.state() is LineState.SETTLED


async def test_a_forged_refusal_holds_no_line(theft: Theft) -> None:
    body = await theft.said("RJCT")
    await theft.forge(body, *of_a_bank(theft, body))

    assert await theft.state() is LineState.INSTRUCTED


async def test_the_file_of_an_agent_is_believed_by_its_signature(theft: Theft) -> None:
    body = await theft.said()
    await theft.forge(body, jws.sign(theft.keys["reserve"], body))

    assert (await theft.state(), await theft.noted()) == (LineState.SETTLED, 0)


async def test_a_key_that_ended_before_proves_nothing_and_one_that_ends_afterwards_does(theft: Theft) -> None:
    async def end(at: datetime) -> None:
        await theft.owner.execute(
            "UPDATE switch.participant_key SET valid_from = $1::timestamptz - interval '1 day', valid_until = $1"
            " WHERE keyid = 'reserve-1'",
            at,
        )

    body = await theft.said()
    now: datetime = await theft.owner.fetchval("SELECT clock_timestamp()")
    await end(now.replace(year=now.year - 1))
    await theft.forge(body, *signed(theft.keys["reserve"], body))
    before = await theft.state()
    await end(now)
    await theft.forge(body, *signed(theft.keys["reserve"], body))

    assert (before, await theft.state()) == (LineState.INSTRUCTED, LineState.SETTLED)


async def test_whoever_waits_for_a_refused_confirmation_is_told(theft: Theft) -> None:
    body = await theft.said()
    with pytest.raises(NotAuthentic):
        await confirmed(theft.services, body, signature="sandbox key")
