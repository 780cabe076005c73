"""`payswitch verify` finds money, caps, limits and keys that no two people decided."""

import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from ledger.encoding import Tag, encode_set
from ledger.model import Leg
from ledger.verify import CheckResult
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.approvals.kinds import ChangeIds
from switch.change_catalogue import KINDS
from switch.operations import caused
from switch.participants.payment_returns import PART, ReturnPayment
from switch.participants.reversals import ReversePayment
from switch.writer import audit_notes
from switch.writer.commands import CommandLeg, Fund, Record, SetCap, SetLimit, SetVelocity
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind
from tests.switch.services import account, done, onboarding, open_services

FUNDS = {"participant": "asha-bank", "currency": "INR", "amount": "100.00", "reference": "R-1"}
CAP = {"participant": "asha-bank", "currency": "INR", "net_debit_cap": "900.00"}
LIMITS = {"participant": "asha-bank", "currency": "INR", "per_payment": "50.00", "per_day": None}


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    """A switch with money in it, of changes alone; it is no sandbox."""
    async with open_services(database_url) as opened:
        await done(opened, "participant.onboard", onboarding("asha-bank", cap="1000"))
        await done(opened, "funds.in", FUNDS)
        await done(opened, "cap.set", CAP)
        await done(opened, "limit.set", LIMITS)
        request = key_request.make(SigningKey.generate("asha-2"), "asha-bank")
        content = {"participant": "asha-bank", "keyid": "asha-2", "request": request}
        await done(opened, "key.add", content, checkers=("chen", "pia"))
        yield opened


async def check(services: ServiceContext) -> CheckResult:
    async with services.pool.acquire() as connection, connection.transaction(readonly=True):
        return await caused.check_causes(connection, KINDS)


async def as_owner(database_url: str, statement: str, *values: object) -> None:
    """What somebody does in the database who may do everything there."""
    connection = await asyncpg.connect(database_url, server_settings={"session_replication_role": "replica"})
    await connection.execute(statement, *values)
    await connection.close()


async def test_all_is_well_before_and_after_the_notes_are_in_the_log(services: ServiceContext) -> None:
    before = await check(services)
    await audit_notes.relay(services)

    for result in (before, await check(services)):
        assert result.ok, result.detail
        assert result.checked >= 7


async def test_commands_that_no_change_causes_are_found(services: ServiceContext) -> None:
    """The writer of this test believes everybody, as the writer did before."""
    number, source = (
        await account(services, "asha-bank"),
        await account(services, "payswitch", "INR", "settlement"),
    )
    legs = [CommandLeg(source, number, 100_000, "funding")]
    await services.link.ask(
        Fund(uuid.uuid4().bytes, b"f" * 32, legs, "forged: nobody signed or approved this")
    )
    await services.link.ask(SetCap(number, 10**12))
    await services.link.ask(SetLimit("asha-bank", "INR", None, None))
    await services.link.ask(SetVelocity("participant", "*", "INR", None, None, None, None))

    result = await check(services)

    assert not result.ok
    for kind in ("FUND", "cap_set", "LIMIT", "VELOCITY"):
        assert f"({kind}): it names no change" in result.detail


async def test_a_rate_that_nobody_approved_is_found(services: ServiceContext, database_url: str) -> None:
    """Written with the login of a process, between one and another that people approved."""
    fx = {**onboarding("indus-bank"), "id": "fx", "kind": "fx_provider", "keys": []}
    fx["accounts"] = [{"currency": "INR"}, {"currency": "PKR"}]
    await done(services, "participant.onboard", fx)
    rate = {"source": "INR", "target": "PKR", "provider": "fx", "rate": "3.25"}
    await done(services, "rate.set", rate)
    before = await check(services)
    await as_owner(
        database_url,
        "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 9)",
    )
    result = await check(services)

    assert before.ok, before.detail
    assert "rate INR-PKR of fx from" in result.detail
    assert "no change of two people set it" in result.detail


async def test_a_forged_event_of_an_execution_helps_nobody(services: ServiceContext) -> None:
    number, source = (
        await account(services, "asha-bank"),
        await account(services, "payswitch", "INR", "settlement"),
    )
    await services.link.ask(Record("CHANGE_EXECUTED", b'{"change":999,"outcome":"forged"}'))
    legs = [CommandLeg(source, number, 100_000, "funding")]
    await services.link.ask(Fund(uuid.uuid4().bytes, b"f" * 32, legs, "forged", -999))

    assert "it names no change" in (await check(services)).detail


FORGED = {
    "a funding again": (
        (
            "INSERT INTO ledger.event SELECT (SELECT max(seq) + 1 FROM ledger.event), number, at, kind, change, body,"
            " leaf FROM ledger.event WHERE kind = 'FUND'"
        ),
        "caused another one",
    ),
    "another amount": (
        (
            "UPDATE ledger.event SET change = overlay(change PLACING '\\x0000000000ffffff'::bytea"
            " FROM length(change) - 8 FOR 8) WHERE kind = 'FUND'"
        ),
        "(FUND): change 2 says something else",
    ),
    "another change": (
        'UPDATE ledger.event SET body = \'{"change":3,"note":"forged"}\' WHERE kind = \'FUND\'',
        "(FUND): change 3 is a cap.set",
    ),
    "another limit": (
        (
            "UPDATE ledger.event SET body = convert_to(replace(convert_from(body, 'UTF8'), '5000', '5001'), 'UTF8')"
            " WHERE kind = 'LIMIT'"
        ),
        "(LIMIT): change 4 says something else",
    ),
    "a key": (
        (
            "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key)"
            " SELECT 'stolen-1', participant, algorithm, public_key FROM switch.participant_key LIMIT 1"
        ),
        "key stolen-1 of asha-bank: no change of two people added it",
    ),
    "a key replaced": (
        (
            "UPDATE switch.participant_key SET public_key = (SELECT public_key FROM switch.participant_key"
            " WHERE keyid = 'asha-2') WHERE keyid <> 'asha-2'"
        ),
        "no change of two people added it",
    ),
    "no vote": ("DELETE FROM switch.audit_note WHERE kind = 'CHANGE_VOTE'", "too few people approved it"),
    "no request": ("DELETE FROM switch.audit_note WHERE kind = 'CHANGE_REQUESTED'", "nobody requested it"),
}


@pytest.mark.parametrize("what", FORGED)
async def test_what_was_written_into_the_database_by_hand_is_found(
    services: ServiceContext, database_url: str, what: str
) -> None:
    statement, found = FORGED[what]
    await as_owner(database_url, statement)

    result = await check(services)

    assert not result.ok
    assert found in result.detail


async def test_events_of_earlier_versions_are_not_compared(
    services: ServiceContext, database_url: str
) -> None:
    await as_owner(database_url, "UPDATE ledger.event SET body = '{}' WHERE kind IN ('FUND', 'cap_set')")
    assert not (await check(services)).ok
    await as_owner(database_url, "UPDATE switch.caused_since SET seq = (SELECT max(seq) FROM ledger.event)")

    result = await check(services)

    assert result.ok
    assert "not compared:" in result.detail
    key = (
        FORGED["a key"][0]
        .replace("public_key)", "public_key, valid_from)")
        .replace("algorithm, public_key FROM", "algorithm, 'x', now() - interval '1 day' FROM")
    )
    await as_owner(database_url, key)
    assert "key stolen-1" in (await check(services)).detail
    await as_owner(database_url, "INSERT INTO switch.installation (sandbox) VALUES (true)")
    assert (await check(services)).ok  # only a sandbox had keys that nobody approved


UETR = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.parametrize(
    ("kind", "content", "minor", "fits"),
    [
        (EventKind.RETURN, ReversePayment(uetr=UETR, reason="DUPL", evidence="letter 12"), None, True),
        (EventKind.RETURN, ReturnPayment(uetr=UETR, reason="DUPL", evidence="letter 12"), None, True),
        (EventKind.RETURN_PART, ReturnPayment(uetr=UETR, reason="DUPL", evidence="letter 12"), 2000, False),
        *(
            (
                kind,
                ReturnPayment(uetr=UETR, reason="DUPL", evidence="letter 12", amount="20.00"),
                minor,
                (kind, minor) == (EventKind.RETURN_PART, 2000),
            )
            for kind in (EventKind.RETURN, EventKind.RETURN_PART)
            for minor in (2000, 2001)
        ),
    ],
)
def test_a_return_is_the_one_that_people_decided(
    kind: EventKind, content: ReversePayment | ReturnPayment, minor: int | None, *, fits: bool
) -> None:
    """A reversal has no amount: `verify` ended with an error on every log that had one."""
    tag = Tag.CORRECTED if kind is EventKind.RETURN else Tag.MOVED
    id_ = ChangeIds(7).id(PART)
    row: Any = {"kind": kind, "change": encode_set(tag, id_, b"f", 0, 0, [Leg(1, 2, 2000, "correction")])}
    body = {"change": 7, "uetr": uuid.UUID(UETR).hex, "reason": "DUPL"}
    known: Any = SimpleNamespace(breaks={}, accounts={1: {"currency": "PKR"}})

    found = caused._fits_return(row, body | ({} if minor is None else {"minor": minor}), content, known)
    assert found is fits
