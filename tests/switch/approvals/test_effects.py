"""What a change would do: every kind states it, everybody sees the same, and a vote can be bound to it."""

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.requests import Request

from schemas.errors import EffectChanged
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.api import models, openapi, people, problems
from switch.approvals import approvals
from switch.approvals.effects import ADDRESSES, NOTHING, Effect, Row, Subject
from switch.approvals.kinds import Content, encode_content
from switch.change_catalogue import KINDS
from switch.cli.changes import _lines
from switch.conformance.record import BY_ID
from switch.identity.model import Change, ChangeState, Person, Role, Seat, Status
from switch.pages import approvals as pages
from switch.pages import language, site
from switch.writer.context import ServiceContext
from tests.switch.services import done, onboarding, open_services, person

CSR = key_request.make(SigningKey.generate("asha-bank-2"), "asha-bank")
UETR = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
BANK = {"participant": "asha-bank"}
ACCOUNT = {**BANK, "currency": "INR"}
CORRIDOR = {"source": "IN", "target": "PK"}
CERTIFICATE = json.dumps(
    {
        "type": "payswitch-conformance",
        **BANK,
        "product": "core-banking 4.2",
        "switch": "https://test.switch.example",
        "kit": 1,
        "started_at": "2029-11-30T10:00:00Z",
        "ended_at": "2029-11-30T11:00:00Z",
        "passed": len(BY_ID) - 3,
        "not_supported": ["RTP-PAY", "RTP-REFUSE"],
        "not_applicable": ["PAY-BY"],
        "report_sha256": "0" * 64,
    }
)
LATER = "2099-01-01T00:00:00Z"
MAKERS = {
    "pair.control": person("ravi"),
    "fx.fixing": person("ravi"),
    "fx.offer": Person("fiona", "Fiona", Role.PARTICIPANT, "fx", Status.ACTIVE),
}
"""Who requests what an operator may not: people of a central bank, and of an FX provider."""
CONTENTS: dict[str, dict[str, Any]] = {
    "person.add": {
        "name": "nadia", "display_name": "Nadia", "role": "regulator", "scope": "IN", "maker_half": "0" * 64,
    },
    "person.reset": {"name": "chen", "maker_half": "0" * 64},
    "person.suspend": {"name": "chen"},
    "person.resume": {"name": "chen"},
    "person.remove": {"name": "chen"},
    "identity_provider.set": {
        "id": "bank-login",
        "title": "Bank login",
        "issuer": "https://login.bank.example",
        "client_id": "payswitch",
        "grants": ["auditors=auditor"],
    },
    "identity_provider.remove": {"id": "bank-login"},
    "participant.onboard": onboarding("indus-bank", "PKR", "500.00"),
    "participant.suspend": BANK,
    "participant.resume": BANK,
    "participant.remove": BANK,
    "participant.member_ids": {**BANK, "member_ids": ["ASHA"]},
    "account.open": {**ACCOUNT, "account": "gross", "net_debit_cap": "0"},
    "account.close": ACCOUNT,
    "cap.set": {**ACCOUNT, "net_debit_cap": "1234567.50"},
    "funds.in": {**ACCOUNT, "amount": "1000.00", "reference": "R1"},
    "funds.out": {**ACCOUNT, "amount": "1000.00", "reference": "R1"},
    "limit.set": {**ACCOUNT, "per_payment": "10.00", "per_day": None},
    "velocity.set": {**ACCOUNT, "scope": "debtor_account", "payments_per_hour": 5, "per_day": "10.00"},
    "key.add": {**BANK, "keyid": "asha-bank-2", "request": CSR, "valid_from": LATER, "valid_until": LATER},
    "key.retire": {**BANK, "keyid": "asha-bank-1", "at": LATER},
    "key.revoke": {**BANK, "keyid": "asha-bank-1"},
    "corridor.switch": {**CORRIDOR, "enabled": True},
    "corridor.close_all": {"country": "PK", "direction": "into"},
    "corridor.fees": {**CORRIDOR, "fee_minor": 500, "fee_bps": 10},
    "corridor.settlement": {**CORRIDOR, "settlement": "gross"},
    "corridor.rules": {**CORRIDOR, "full_data_above": "1000.00", "originator": ["birth"], "purpose": "ISO"},
    "rate.set": {"source": "INR", "target": "PKR", "provider": "fx", "rate": "3.28", "valid_from": LATER},
    "rail.switch": {"country": "IN", "open": False, "opens_at": LATER},
    "rail.register": {"country": "IN"},
    "rail.profile": {"country": "IN", "maximum": "1000.00", "hours_from": "08:00"},
    "rail.retire": {"country": "IN"},
    "window.close": {"currency": "INR", "window": 1},
    "settlement.confirm": {"window": 1, "positions_sha256": "0" * 64},
    "settlement.abort": {"window": 1},
    "settlement.hold": {"window": 1, "participant": "asha-bank"},
    "schedule.set": {
        "currency": "INR", "country": "IN", "zone": "Asia/Kolkata", "closes_at": ["12:00", "18:00"],
    },
    "calendar.set": {"currency": "INR", "day": "2030-01-02", "business": False, "reason": "a feast"},
    "settlement_agent.set": {
        "currency": "INR", "agent": "reserve", "scheme_bic": "PAYSINBB", "account": "SCHEME01",
    },
    "payment.resolve": {"uetr": UETR, "outcome": "committed", "evidence": "letter 12"},
    "payment.return": {"uetr": UETR, "reason": "FR01", "evidence": "court order 12"},
    "break.return": {"number": 1, "evidence": "letter 12"},
    "payment.reverse": {"uetr": UETR, "reason": "DUPL", "evidence": "letter 12"},
    "reversal.resolve": {"uetr": UETR, "outcome": "refused", "evidence": "letter 12"},
    "confirmation.resolve": {"sha256": "00" * 32, "agent": "reserve", "finding": "a test message"},
    "break.resolve": {"number": 1, "resolution": "letter 12"},
    "books.unfreeze": {"found": "nothing"},
    "restore.post": {"uetrs": [UETR], "evidence": "file of the rail"},
    "restore.settled": {**ACCOUNT, "side": "paid", "amount": "10.00", "evidence": "statement of the agent"},
    "restore.open": {"found": "all reconciled", "complete": ["IN"]},
    "webhook_key.add": {},
    "webhook_key.retire": {"number": 1},
    "witness.add": {"key": "w.test+00000000+AAAA", "url": "https://w.test"},
    "witness.remove": {"name": "w.test"},
    "report_destination.add": {"name": "rbi", "address": "https://rbi.test/in"},
    "report_destination.remove": {"name": "rbi"},
    "report_schedule.add": {"name": "daily", "report": "corridors", "rhythm": "day", "destination": "rbi"},
    "report_schedule.remove": {"name": "daily"},
    "participant.certify": {**BANK, "certificate": CERTIFICATE, "signature": "e30..AA", "valid_until": "2030-01-02"},
    "certification.require": {"required": True, "kit": 1, "days": 366},
    "tariff.set": {**CORRIDOR, "component": "switch", "direction": "out", "flat": "1.50", "bps": 10},
    "tariff.end": {"tariff": 1},
    "directory.import": {"file": 1},
    "rail.inbound": {"country": "IN", "gateway": "upi-gateway", "open": True, "purpose": "FAMI"},
    "order.settle": {"uetr": UETR, "evidence": "letter 12"},
    "investigation.answer": {"investigation": "0" * 32, "status": "CLSD", "answer": "a letter says so"},
    "recall.end": {"uetr": UETR, "evidence": "letter 12"},
    "pair.control": {"country": "IN", "source": "INR", "target": "PKR", "control": "blocked"},
    "screening.officers": {"participant": "asha-bank", "decided_by": "officers"},
    "fx.offer": {
        "provider": "fx", "source": "INR", "target": "PKR", "rate": "3.29", "until": LATER, "inventory": "1000.00",
    },
    "fx.fixing": {
        "country": "IN", "source": "INR", "target": "PKR", "provider": "fx", "rate": "3.28", "until": LATER,
    },
    "watch.set": {"pattern": "structuring", "action": "hold", "currency": "INR", "amount": "50000.00", "participant": "asha-bank"},
    "watch.examine": {"uetr": UETR, "participant": "asha-bank", "outcome": "no_concern"},
    "screening.lists": {"lists": [1], "threshold": 90},
    "screening.engine": {"form": "watchman", "address": "https://watchman.bank.example"},
    "screening.release": {"uetr": UETR},
    "screening.refuse": {"uetr": UETR},
    "screening.clear": {"uetr": UETR, "hit": 1, "expires_on": "2030-01-02"},
    "screening.end_clearance": {"number": 1},
}  # fmt: skip
"""One request of each kind. What it is about need not be there: an effect decides nothing."""
ALREADY_SO = {
    "corridor.close_all",
    "witness.remove",
    "report_destination.remove",
    "report_schedule.remove",
    "books.unfreeze",
    "participant.resume",
    "person.resume",
    "rail.retire",
    "restore.open",
    "tariff.end",
}
"""Nothing is frozen, closed or suspended here, no rail is registered and no corridor is open."""


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def bank(services: ServiceContext) -> str:
    await done(services, "participant.onboard", onboarding("asha-bank", cap="100.00"))
    return "asha-bank"


def change_of(kind: str, content: dict[str, Any]) -> Change:
    """A change as it stands when it was requested a moment ago."""
    now = datetime.now(UTC)
    return Change(
        number=7,
        kind=kind,
        content=encode_content(KINDS[kind].read(content)).decode(),
        maker="olga",
        reason="letter of 12 May",
        seats=(),
        state=ChangeState.REQUESTED,
        requested_at=now,
        expires_at=now + timedelta(hours=1),
        ended_at=None,
        outcome="",
    )


def cells(html: str) -> Iterator[tuple[str, ...]]:
    """The rows of the table of a page that shows the effect."""
    (table,) = re.findall(r'<table id="effect">.*?</table>', html, re.DOTALL)
    for row in re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL):
        found = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        yield tuple(unescape(re.sub(r"<small>.*?</small>|<[^>]+>", "", cell)).strip() for cell in found)


def test_every_kind_is_tried_here() -> None:
    assert set(CONTENTS) == set(KINDS)


async def test_every_kind_has_a_content_seats_an_effect_labels_and_links(
    services: ServiceContext, bank: str
) -> None:
    async with services.pool.acquire() as connection:
        for name, kind in KINDS.items():
            content = kind.read(CONTENTS[name])
            maker = MAKERS.get(name, person("olga"))  # a central bank's own
            effect = await kind.effect(connection, content)
            links = await kind.links(connection, content)

            assert issubclass(kind.content, Content), name
            assert set(kind.content.__struct_fields__) <= set(kind.labels), name
            assert all(kind.labels.values()), name
            assert all(isinstance(seat, Seat) for seat in await kind.seats(connection, content, maker)), name
            assert isinstance(effect, Effect), name
            assert effect.rows, name
            if name not in ALREADY_SO:
                assert any(row.now != row.then for row in effect.rows), name
            assert all(row.what and row.now and row.then for row in effect.rows), name
            assert links or name in {"participant.onboard", "tariff.end", "directory.import"}, (
                name
            )  # nothing is there before


async def test_page_api_and_command_show_the_same_rows(services: ServiceContext, bank: str) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/console/changes/7",
        "headers": [],
        "query_string": b"",
    }
    spoken = language.of(Request(scope))
    for name, content in CONTENTS.items():
        change = change_of(name, content)
        document = await people.full_document(services, change)
        page = await pages._page(Request(scope), services, person("chen"), change)
        rows = document["effect"]["rows"]
        lines = list(_lines(document))
        start = [line.split() for line in lines].index(["What", "Now", "Then"]) + 1
        stated, printed = lines[1 : start - 1], lines[start : start + len(rows)]

        assert list(cells(bytes(page.body).decode())) == [
            (row["what"], *(spoken.quantity(row[when], row["unit"] or "") for when in ("now", "then")))
            for row in rows
        ], name
        for row, line in zip(rows, printed, strict=True):
            unit = f" {row['unit']}" if row["unit"] else ""
            shown = [text if text == NOTHING else f"{text}{unit}" for text in (row["now"], row["then"])]
            assert line.split() == f"{row['what']} {' '.join(shown)}".split(), name
        above = " ".join(" ".join(stated).split())
        for label, value in KINDS[name].rows(document["content"]):
            assert label in above, name
            assert all(line in above for line in value.splitlines()), name
        assert set(document) <= set(models.ChangeDocument.__annotations__), name
        assert (
            f'value="{document["effect"]["digest"]}"' not in bytes(page.body).decode()
        )  # it has no seat here


async def test_an_ended_change_has_links_and_no_effect(services: ServiceContext, bank: str) -> None:
    ended = dataclasses.replace(change_of("cap.set", CONTENTS["cap.set"]), state=ChangeState.EXECUTED)
    document = await people.full_document(services, ended)

    assert document["effect"] is None
    assert document["links"] == [
        {"subject": "participant", "id": "asha-bank", "href": "/v1/participants/asha-bank"}
    ]


def test_every_link_leads_to_a_page_and_a_resource_that_are_there() -> None:
    console = {route.path for router in site.ROUTERS for route in router.routes}
    names = {"payments": "uetr", "windows": "window"}
    for _, path in pages.PAGES.values():
        part = path.split("/")[1]
        assert f"/console{path.replace('{id}', '{' + names.get(part, 'id') + '}')}" in console
    commands_alone = {Subject.SCREENING_LISTS}  # `payswitch screening lists`
    assert set(pages.PAGES) | set(ADDRESSES) | commands_alone == set(Subject)


async def seen_by(services: ServiceContext, number: int) -> str:
    async with services.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, await approvals.find(connection, number))
    assert effect is not None
    return effect.digest(number)


async def ask(services: ServiceContext, kind: str, content: dict[str, Any], maker: str = "olga") -> int:
    change = await approvals.request(services, KINDS, person(maker), kind, content=content, reason="why not")
    return change.number


async def vote(services: ServiceContext, name: str, number: int, seen: str) -> Change:
    return await approvals.vote(
        services, KINDS, person(name), number, decision="approve", reason="seen", seen=seen
    )


async def test_a_vote_on_what_has_changed_meanwhile_is_refused(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "cap.set", {**ACCOUNT, "net_debit_cap": "200.00"})
    before = await seen_by(services, number)
    await done(services, "cap.set", {**ACCOUNT, "net_debit_cap": "150.00"}, maker="omar", checkers=("cyrus",))
    with pytest.raises(EffectChanged) as refused:
        await vote(services, "chen", number, before)
    problem = problems.problem_body(refused.value)
    ended = await vote(services, "chen", number, problem["effect"]["digest"])

    assert problem["status"] == 409
    assert problem["effect"]["rows"][0] == {
        "what": "Net debit cap", "now": "150.00", "then": "200.00", "unit": "INR", "moving": False,
    }  # fmt: skip
    assert ended.state is ChangeState.EXECUTED


async def test_what_moves_with_every_payment_binds_no_vote(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "cap.set", {**ACCOUNT, "net_debit_cap": "200.00"})
    before = await seen_by(services, number)
    await done(services, "funds.in", {**ACCOUNT, "amount": "10.00", "reference": "R1"}, checkers=("cyrus",))
    ended = await vote(services, "chen", number, before)

    assert ended.state is ChangeState.EXECUTED


async def test_of_two_last_votes_at_once_one_is_for_another_effect(
    services: ServiceContext, bank: str
) -> None:
    """Both were given for a cap of 100: the second one executed would start from another."""
    caps = {"olga": "200.00", "omar": "300.00"}
    numbers = [
        await ask(services, "cap.set", {**ACCOUNT, "net_debit_cap": cap}, maker)
        for maker, cap in caps.items()
    ]
    seen = [await seen_by(services, number) for number in numbers]
    votes = [
        vote(services, name, number, digest)
        for name, number, digest in zip(("chen", "cyrus"), numbers, seen, strict=True)
    ]
    results = await asyncio.gather(*votes, return_exceptions=True)
    executed = [r for r in results if isinstance(r, Change) and r.state is ChangeState.EXECUTED]

    assert len(executed) == 1
    assert all(
        isinstance(r, EffectChanged) or (isinstance(r, Change) and r.state in {"executed", "failed"})
        for r in results
    ), results


async def test_the_log_records_what_a_vote_was_given_for(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "cap.set", {**ACCOUNT, "net_debit_cap": "200.00"})
    seen = await seen_by(services, number)
    await vote(services, "chen", number, seen)
    noted = await services.pool.fetchval(
        "SELECT convert_from(body, 'UTF8')::jsonb ->> 'seen' FROM switch.audit_note WHERE kind = 'CHANGE_VOTE' ORDER BY number DESC LIMIT 1"
    )

    assert noted == seen


def test_a_digest_belongs_to_one_change_and_its_values() -> None:
    effect = Effect(
        (Row("Net debit cap", "1.00", "2.00", "INR"), Row("Headroom", "5", "6", "INR", moving=True))
    )
    other = Effect((effect.rows[0], dataclasses.replace(effect.rows[1], now="7")))
    changed = Effect((dataclasses.replace(effect.rows[0], now="3.00"),))

    assert effect.digest(7) == other.digest(7)
    assert effect.digest(7) != effect.digest(8)
    assert effect.digest(7) != changed.digest(7)


def test_the_document_of_a_vote_is_described() -> None:
    app = FastAPI(title="payswitch", version="1")
    app.include_router(people.router)
    paths = openapi.describe(app)["paths"]
    answers = paths["/v1/changes/{number}/votes"]["post"]["responses"]

    assert answers["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Change"}
    assert answers["409"] == {"$ref": "#/components/responses/409.EffectChanged"}
    assert "201" in paths["/v1/changes"]["post"]["responses"]
