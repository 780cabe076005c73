"""A case on a running switch: opened by itself, worked on by API, pages and commands, and closed by itself."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from typer.testing import CliRunner

from ledger import audit, offline_verifier
from switch.api import models
from switch.cli import application
from switch.operations import housekeeping
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

FILE = b"%PDF-1.7\n" + bytes(range(256))


async def call(http: aiohttp.ClientSession, method: str, path: str, **named: Any) -> tuple[int, Any]:
    async with http.request(method, f"/v1/{path}", **named) as answer:
        return answer.status, await answer.json() if "json" in answer.content_type else await answer.read()


async def until(found: Any) -> Any:
    async with asyncio.timeout(60):
        while not (result := await found()):
            await asyncio.sleep(0.1)
        return result


async def case_of(http: aiohttp.ClientSession, uetr: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        _, cases = await call(http, "GET", "cases?limit=200")
        return next((case for case in cases if case["uetr"] == uetr), None)

    return dict(await until(found))


@pytest.fixture
def data(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find the switch of the tests without being told where it is."""
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
    monkeypatch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))


def typed(*words: str) -> Any:
    done = CliRunner().invoke(application(["cases"]), ["cases", *words])
    assert done.exit_code == 0, (words, done.output, done.exception)
    lines = done.stdout.strip()
    return json.loads(lines) if not lines.startswith('{"') else [json.loads(x) for x in lines.splitlines()]


async def test_a_doubt_is_a_case_that_people_work_on_until_it_ends(
    stack: Stack, data: None, tmp_path: Path
) -> None:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "indus-bank", word="LOST"), wait=0)
    async with (
        aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as operator,
        aiohttp.ClientSession(stack.url, headers=bearer(stack, "auditor")) as auditor,
        aiohttp.ClientSession(stack.url, headers=bearer(stack, "asha-bank")) as bank,
    ):
        case = await case_of(operator, state.uetr)
        number = case["number"]
        path = f"cases/{number}"
        assert (case["kind"], case["state"], case["subject"]["type"]) == ("unknown", "open", "payment")
        assert (await call(bank, "GET", "cases"))[0] == 403
        assert (await call(auditor, "PUT", f"{path}/owner", json={"owner": "auditor"}))[0] == 403

        # The rail is asked again, by a person.
        status, _ = await call(operator, "POST", f"{path}/questions")
        assert status in {202, 422}  # the payment may just have ended

        status, taken = await call(operator, "PUT", f"{path}/owner", json={"owner": "operator"})
        assert status in {200, 422}, taken
        assert (await call(operator, "POST", f"{path}/notes", json={"text": "Called the rail."}))[0] == 201
        attachment = {
            "name": "advice.pdf",
            "media_type": "application/pdf",
            "content": base64.b64encode(FILE).decode(),
        }
        status, with_file = await call(operator, "POST", f"{path}/attachments", json=attachment)
        assert status == 201, with_file
        act = with_file["history"][-1]["number"]
        assert (await call(auditor, "GET", f"{path}/attachments/{act}")) == (200, FILE)
        assert (await call(bank, "GET", f"{path}/attachments/{act}"))[0] == 403
        assert (await call(operator, "POST", f"{path}/attachments", json={**attachment, "name": "x.exe"}))[
            0
        ] == 201  # the type counts, not the name
        assert (
            await call(
                operator, "POST", f"{path}/attachments", json={**attachment, "media_type": "text/html"}
            )
        )[0] == 415

        # The case closes by itself, and shows what happened.
        async def closed() -> Any:
            _, found = await call(operator, "GET", path)
            return found if found["closed_at"] else None

        found = await until(closed)
        assert msgspec.convert(found, models.CaseWithHistoryDocument) == found
        assert [entry["act"] for entry in found["history"] if entry["act"] in {"opened", "closed"}] == [
            "opened",
            "closed",
        ]
        assert (await call(operator, "PUT", f"{path}/owner", json={"owner": None}))[0] == 422
        await verified(stack, number, act, found)

    shown = await asyncio.to_thread(typed, "show", str(number), "--as", "auditor")
    assert shown["uetr"] == state.uetr
    copy = tmp_path / "copy.pdf"
    await asyncio.to_thread(typed, "fetch", str(number), str(act), str(copy), "--as", "auditor")
    assert copy.read_bytes() == FILE
    await asyncio.to_thread(typed, "note", str(number), "Closed by the file.", "--as", "operator")
    await asyncio.to_thread(typed, "attach", str(number), str(copy), "--as", "checker")
    await asyncio.to_thread(typed, "erase", str(number), str(act), "--reason", "a test")
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as operator:
        assert (await call(operator, "GET", f"cases/{number}/attachments/{act}"))[0] == 404


async def verified(stack: Stack, number: int, act: int, case: dict[str, Any]) -> None:
    """The hash of the attachment is an event of the log, which a proof covers that needs nothing of the switch."""
    connection = await stack.connect()
    try:

        async def logged() -> Any:
            return await connection.fetchrow(
                "SELECT seq, body FROM ledger.event WHERE kind = 'CASE_ATTACHMENT'"
                " AND convert_from(body, 'UTF8')::jsonb @> $1::jsonb",
                json.dumps({"case": number, "act": act}),
            )

        row = await until(logged)
        await housekeeping.publish(connection, stack.settings)
        event = await audit.find_event(connection, row["seq"])
        assert event is not None
        bundle = await audit.bundle_of(connection, [event])
    finally:
        await connection.close()
    digest = hashlib.sha256(FILE).hexdigest()

    assert json.loads(row["body"])["sha256"] == digest
    assert next(entry["sha256"] for entry in case["history"] if entry["number"] == act) == digest
    assert offline_verifier.verify(bundle, housekeeping.verifier_lines(stack.settings)) == []


async def test_pages_show_cases_without_scripts(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        state = await client.pay(stack.document("asha-bank", "indus-bank", word="LOST"), wait=0)
    headers = {**bearer(stack, "operator"), "Sec-Fetch-Site": "same-origin"}
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        aiohttp.ClientSession(stack.url, headers=bearer(stack, "asha-bank")) as bank,
    ):
        number = (await case_of(http, state.uetr))["number"]
        page = f"/console/cases/{number}"
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", b"confirmed\n", filename="ответ.txt", content_type="text/plain")
        async with http.post(f"{page}/attachments", data=form) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        assert "ответ.txt" in text
        async with http.post(f"{page}/notes", data={"text": "<b>Seen.</b>"}) as answer:
            text = await answer.text()
        assert "&lt;b&gt;Seen.&lt;/b&gt;" in text
        bad = aiohttp.FormData(quote_fields=False)
        bad.add_field("file", b"MZ", filename="a.pdf")
        async with http.post(f"{page}/attachments", data=bad) as answer:
            assert answer.status == 415
            assert "the file is not application/pdf" in await answer.text()
        for filters in ("", "?state=closed", "?state=every&kind=unknown&owner=-&rail=PK", "?format=csv"):
            async with http.get(f"/console/cases{filters}") as answer:
                assert answer.status == 200
        for period, is_listed in (("since=2026-01-01", True), ("since=2026-01-01&until=2026-01-02", False)):
            async with http.get(f"/console/cases?state=every&{period}") as answer:
                assert (f'href="{page}"' in await answer.text()) is is_listed, period
        async with http.get(f"/console/payments/{state.uetr}") as answer:
            assert f'href="{page}"' in await answer.text()
        wanted = {"email": "duty@bank.example", "webhook": "", "language": "zh", "unknown:email": "on"}
        async with http.post("/console/cases/notices", data=wanted) as answer:
            text = await answer.text()
            assert answer.status == 200, text
        assert 'name="unknown:email" checked' in text
        async with http.post("/console/cases/notices", data={**wanted, "email": "nobody"}) as answer:
            assert answer.status == 400
        async with bank.get(page) as answer:
            assert answer.status == 403
