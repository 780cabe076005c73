"""People over HTTP and the command line, on a whole running switch."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from fastapi import APIRouter

from adapters.simulation import book
from adapters.simulation.sandbox import free_port
from schemas import codec
from schemas.money import Money
from switch.api import participants, people, settlement
from switch.identity import sessions
from switch.settlement.files import SettlementFiles
from tests.switch.cli.test_cli import payswitch
from tests.switch.stack import Stack

OPEN = {"/v1/sign-in", "/v1/enrolment", "/v1/enrolment/finish", "/v1/settlement-key", "/v1/answer-keys"}
"""What needs nobody to be signed in."""


def bearer(stack: Stack, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.credentials['people'][name]['bearer']}"}


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


async def call(
    http: aiohttp.ClientSession, method: str, path: str, body: object = None, **headers: Any
) -> tuple[int, Any]:
    async with http.request(method, path, json=body, **headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def agreed(
    http: aiohttp.ClientSession, stack: Stack, kind: str, content: dict[str, Any], *who: str
) -> Any:
    """Ask as the operator, agree as `who`; the change."""
    body = {"kind": kind, "content": content, "reason": "test"}
    status, change = await call(http, "POST", "/v1/changes", body, headers=bearer(stack, "operator"))
    assert status == 201, change
    for name in who:
        vote = {"decision": "approve", "reason": "seen"}
        path = f"/v1/changes/{change['number']}/votes"
        status, change = await call(http, "POST", path, vote, headers=bearer(stack, name))
        assert status == 200, change
    return change


ROUTES = [
    (method, route.path)
    for router in (people.router, participants.router, settlement.router)
    for route in router.routes
    for method in route.methods  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
async def test_every_route_authenticates_its_caller(
    http: aiohttp.ClientSession, method: str, path: str
) -> None:
    """Deny by default: a route that is new and forgets to ask fails here."""
    known = path.replace(":int}", "}").format(number=1, id="asha-bank", window=1, currency="INR")
    status, _ = await call(http, method, known + ("?since=2026-01-01" if "calendars" in path else ""), {})

    assert isinstance(people.router, APIRouter)
    assert (status in {200, 400}) if path in OPEN else (status == 401)


async def sign_in(http: aiohttp.ClientSession, stack: Stack, name: str) -> tuple[int, str, str]:
    """Sign in as a browser does; status, token, and the cookie's attributes."""
    entry = stack.credentials["people"][name]
    code = await stack.fresh_code(name, entry["totp_secret"])
    body = {"name": name, "password": entry["password"], "code": code}
    async with http.post("/v1/sign-in", json=body) as answer:
        cookie = answer.headers.get("Set-Cookie", "")
        return answer.status, cookie.partition("=")[2].partition(";")[0], cookie


async def test_a_browser_signs_in_acts_and_signs_out(http: aiohttp.ClientSession, stack: Stack) -> None:
    status, token, attributes = await sign_in(http, stack, "auditor")
    cookie = {"Cookie": f"{sessions.COOKIE}={token}"}
    me = await call(http, "GET", "/v1/me", headers=cookie)
    body = {"kind": "rail.switch", "content": {"country": "PK", "open": True}, "reason": "x"}
    own, other, none = [
        await call(http, "POST", "/v1/changes", body, headers={**cookie, **extra})
        for extra in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://evil.example"}, {})
    ]
    out, _ = await call(http, "POST", "/v1/sign-out", headers={**cookie, "Sec-Fetch-Site": "same-origin"})
    after, _ = await call(http, "GET", "/v1/me", headers=cookie)

    assert status == 204
    assert all(word in attributes for word in ("__Host-", "Secure", "HttpOnly", "SameSite=strict", "Path=/"))
    assert me[0] == 200
    assert me[1]["person"]["role"] == "auditor"
    assert own[1]["detail"] == "your role may not do this"  # the site is right, the role is not
    assert other[1]["detail"] == none[1]["detail"] == "the request comes from another site"
    assert (out, after) == (204, 401)


async def test_who_cannot_sign_in_gets_no_further_detail(http: aiohttp.ClientSession) -> None:
    answers = [
        await call(http, "POST", "/v1/sign-in", {"name": name, "password": "x" * 20, "code": "000000"})
        for name in ("auditor", "nobody-at-all")
    ]

    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_nobody_reads_the_data_of_another(http: aiohttp.ClientSession, stack: Stack) -> None:
    mine = stack.credentials["people"]["participant"]["scope"]
    other = next(
        p["id"] for p in stack.credentials["participants"] if p["id"] != mine and p["country"] == "PK"
    )
    _, own = await call(http, "GET", f"/v1/participants/{mine}", headers=bearer(stack, "participant"))
    _, anothers = await call(http, "GET", f"/v1/participants/{other}", headers=bearer(stack, "participant"))
    _, india = await call(http, "GET", f"/v1/participants/{other}", headers=bearer(stack, "regulator-in"))
    _, pakistan = await call(http, "GET", f"/v1/participants/{other}", headers=bearer(stack, "regulator-pk"))

    assert "positions" in own
    assert "positions" in pakistan
    assert "positions" not in anothers
    assert "positions" not in india


async def test_a_suspended_participant_is_refused_within_seconds_and_taken_again(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    bank = await stack.add_bank(funds_minor=1_000_000_00)
    document = stack.document("asha-bank", "noor-wallet", amount="1.00")
    content = {"participant": bank["id"]}
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["DbtrAgt"]["FinInstnId"]["BICFI"] = bank["bic"]
    states = []
    for kind in ("participant.suspend", "participant.resume"):
        await agreed(http, stack, kind, content, "checker")
        states.append(await until_taken(http, bank["bearer"], document, taken=kind.endswith("resume")))

    assert states == [403, 200]


async def until_taken(http: aiohttp.ClientSession, key: str, document: dict[str, Any], *, taken: bool) -> int:
    """Send new payments until every worker has read the directory; the last status."""
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    agreeing, status = 0, 0
    deadline = time.monotonic() + 60
    while agreeing < 8 and time.monotonic() < deadline:
        made = uuid.uuid4()
        transaction["PmtId"] = {"EndToEndId": made.hex, "UETR": str(made)}
        document["Document"]["FIToFICstmrCdtTrf"]["GrpHdr"]["MsgId"] = made.hex
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=5", "Connection": "close"}
        status, _ = await call(http, "POST", "/v1/iso20022/pacs.008", document, headers=headers)
        agreeing = agreeing + 1 if (status == 200) is taken else 0
        await asyncio.sleep(0.05)
    return status


async def test_a_day_is_settled_over_http(http: aiohttp.ClientSession, stack: Stack) -> None:
    """Pay, close by two people, confirm by central banks, read the instruction, say what became of it."""
    async with stack.client("asha-bank") as client:
        await client.pay(stack.document("asha-bank", "noor-wallet", amount="77.00"), wait=20)
    listed = await call(http, "GET", "/v1/settlements?currency=INR", headers=bearer(stack, "operator"))
    window = next(s["window"] for s in listed[1] if s["state"] == "OPEN")
    await agreed(http, stack, "window.close", {"currency": "INR", "window": window}, "checker")
    found = await until(http, stack, window, "CLOSED")
    content = {"window": window, "positions_sha256": found["positions_sha256"]}
    banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
    change = await agreed(http, stack, "settlement.confirm", content, *banks)
    settling = await until(http, stack, window, "SETTLING")
    agent = stack.credentials["settlement_agents"]["INR"]
    headers = {"Authorization": f"Bearer {agent['bearer']}"}
    async with http.get(f"/v1/settlements/{window}/instruction", headers=headers) as answer:
        instruction, token = await answer.read(), answer.headers["Payswitch-Signature"]
    report = status_report(settling["lines"])
    async with http.post(
        "/v1/settlements/confirmations", data=report, headers={**headers, "Content-Type": "application/xml"}
    ) as answer:
        taken = await answer.json()
    settled = await until(http, stack, window, "SETTLED")

    assert change["state"] == "executed"
    message = codec.decode(instruction, media_type=codec.XML, expect="pacs.009")
    instructed = {line["reference"] for line in settling["lines"] if line["state"] == "INSTRUCTED"}
    assert {tx["PmtId"]["UETR"] for tx in message.document["FICdtTrf"]["CdtTrfTxInf"]} == instructed
    assert token.count(".") == 2
    assert sorted(taken["settled"]) == sorted(line["participant"] for line in settled["lines"])
    assert taken["contradictions"] == []


async def test_a_day_settles_by_itself_through_the_agents_endpoint(
    http: aiohttp.ClientSession, stack: Stack, tmp_path: Path
) -> None:
    """A simulated agent in a process of its own: central banks confirm, everything else is done by machines."""
    with settlement_agent(stack, tmp_path, "PKR") as door:
        owner = await stack.connect()
        await owner.execute("UPDATE switch.settlement_agent SET door = $1 WHERE currency = 'PKR'", door)
        async with stack.client("noor-wallet") as client:
            await client.pay(stack.document("noor-wallet", "asha-bank", amount="77.00"), wait=20)
        listed = await call(http, "GET", "/v1/settlements?currency=PKR", headers=bearer(stack, "operator"))
        window = next(s["window"] for s in listed[1] if s["state"] == "OPEN")
        await agreed(http, stack, "window.close", {"currency": "PKR", "window": window}, "checker")
        found = await until(http, stack, window, "CLOSED")
        content = {"window": window, "positions_sha256": found["positions_sha256"]}
        banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
        await agreed(http, stack, "settlement.confirm", content, *banks)
        settled = await until(http, stack, window, "SETTLED")
        told = await owner.fetchrow(
            "SELECT agent, signature FROM switch.settlement_confirmation ORDER BY received_at DESC LIMIT 1"
        )
        await owner.execute("UPDATE switch.settlement_agent SET door = ''")
        await owner.close()
    moved = {entry.uetr: entry.amount_minor for entry in book.read(tmp_path / "book.jsonl")}

    assert {line["state"] for line in settled["lines"]} == {"SETTLED"}
    assert moved == {
        line["reference"]: Money.parse(line["total"].lstrip("-"), "PKR").minor
        * (-1) ** ("-" in line["total"])
        for line in settled["lines"]
        if line["total"].strip("-0.")
    }
    assert told["agent"] == "settlement-pk"
    assert told["signature"] != "sandbox key"


@contextlib.contextmanager
def settlement_agent(stack: Stack, directory: Path, currency: str) -> Iterator[str]:
    """The agent's process, with the agent's key and the switch's public one; the address of its door."""
    agent, port = stack.credentials["settlement_agents"][currency], free_port()
    public = SettlementFiles(stack.settings.data).public_key
    (directory / "agent.pem").write_text(agent["private_key"])
    (directory / "switch.pem").write_bytes(public.pem)
    command = [
        sys.executable, "-m", "adapters.simulation.settlement_agent", "--port", str(port),
        "--data", str(directory), "--key", str(directory / "agent.pem"), "--keyid", agent["keyid"],
        "--switch", stack.url, "--switch-key", str(directory / "switch.pem"), "--switch-keyid", public.keyid,
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def status_report(lines: list[dict[str, Any]], refused: tuple[str, ...] = ()) -> bytes:
    """The agent's pacs.002 about every line; these participants did not pay."""
    document = {
        "FIToFIPmtStsRpt": {
            "GrpHdr": {"MsgId": uuid.uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat(timespec="seconds")},
            "TxInfAndSts": [
                {
                    "OrgnlUETR": line["reference"],
                    "TxSts": "RJCT" if line["participant"] in refused else "ACSC",
                }
                for line in lines
            ],
        }
    }
    return codec.encode("pacs.002.001.10", document, media_type=codec.XML)


async def until(http: aiohttp.ClientSession, stack: Stack, window: int, state: str) -> Any:
    """Wait for the caretaker to bring the window so far."""
    deadline = time.monotonic() + 60
    while True:
        _, found = await call(http, "GET", f"/v1/settlements/{window}", headers=bearer(stack, "operator"))
        if found["state"] == state and (found["positions_sha256"] or state == "OPEN"):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


async def test_an_unknown_outcome_is_resolved_by_two_people(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    """The rail confirms another amount, which confirms nothing; people have seen its book."""
    document = stack.document("asha-bank", "noor-wallet", word="WRONGAMT", amount="3.00")
    uetr = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    async with stack.client("asha-bank") as client:
        before = await client.pay(document, wait=2)
        content = {"uetr": uetr, "outcome": "committed", "evidence": "the rail's statement, case 17"}
        change = await agreed(http, stack, "payment.resolve", content, "checker")
        after = await client.payment(uetr)

    assert before.status == "PDNG"
    assert change["state"] == "executed"
    assert after.status == "ACCC"


def test_the_command_line_takes_two_people_as_well(stack: Stack) -> None:
    asked = payswitch(
        stack,
        "participant",
        "funds-in",
        "asha-bank",
        "INR",
        "12.00",
        "ref-1",
        "--as",
        "operator",
        "--reason",
        "r",
    )
    change = json.loads(asked.stdout)
    approve = ("change", "approve", str(change["number"]), "--reason", "r")
    alone = payswitch(stack, *approve, "--as", "operator", "--yes")
    unanswered = payswitch(stack, *approve, "--as", "checker")
    agreed_ = payswitch(stack, *approve, "--as", "checker", "--yes")

    assert change["state"] == "requested"
    assert alone.returncode == 1
    assert "may not do this" in alone.stderr
    assert unanswered.returncode == 1
    assert "no vote was recorded" in unanswered.stderr
    assert "Paid in none 12.00 INR" in " ".join(agreed_.stderr.split())
    assert json.loads(agreed_.stdout)["outcome"].startswith("moved 12.00 INR")


def test_participants_settlements_and_people_are_listed(stack: Stack) -> None:
    shown = json.loads(payswitch(stack, "participant", "show", "asha-bank").stdout)
    names = [json.loads(line)["id"] for line in payswitch(stack, "participant", "list").stdout.splitlines()]
    roles = {json.loads(line)["role"] for line in payswitch(stack, "people", "list").stdout.splitlines()}
    windows = [json.loads(line) for line in payswitch(stack, "settlement", "list").stdout.splitlines()]
    days = payswitch(stack, "settlement", "calendar", "INR", "--days", "7").stdout.splitlines()

    assert shown["keys"][0]["state"] == "in force"
    assert "asha-bank" in names
    assert roles == {"operator", "checker", "auditor", "participant", "regulator", "officer"}
    assert {w["state"] for w in windows} >= {"OPEN"}
    assert len(days) == 7
