"""Finding a payment: the search in the header, filters that are links, and files of what is shown."""

import csv
import io
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import aiohttp
import pytest
from openpyxl import load_workbook

from schemas.money import Money
from switch.pages import finding, language
from switch.sandbox import world
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

EVENT = re.compile(r"/proofs/show\?event=(\d+)")
ROW = re.compile(r'<a class="uetr" href="/console/payments/([0-9a-f-]{36})"')


@pytest.mark.parametrize(
    ("plain", "currency", "found"),
    [
        ("62345.67", "INR", (Money(6234567, "INR"),)),
        ("62345.67", "", (Money(6234567, "INR"), Money(6234567, "PKR"))),
        ("62345.678", "", ()),
        ("12,34", "", ()),
        ("", "", ()),
        ("1", "XXX", ()),
    ],
)
def test_an_amount_is_sought_in_its_currency_or_in_any(
    plain: str, currency: str, found: tuple[Money, ...]
) -> None:
    assert finding.amounts(plain, currency, ("INR", "PKR")) == found


async def sought(stack: Stack, name: str, text: str) -> str:
    """Where the search leads a person."""
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, name)) as http:
        async with http.get("/console/search", params={"q": text}, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            return answer.headers["Location"]


async def read(stack: Stack, name: str, path: str) -> str:
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, name)) as http:
        async with http.get(path) as answer:
            assert answer.status == 200, path
            return await answer.text()


async def paid(stack: Stack, amount: str, end_to_end: str = "") -> tuple[str, str, str]:
    """UETR, message id and reference of the rail of a new payment."""
    document = stack.document("asha-bank", "indus-bank", amount=amount)
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["PmtId"]["EndToEndId"] = end_to_end or transaction["PmtId"]["EndToEndId"]
    async with stack.client("asha-bank") as client:
        state = await client.pay(document, wait=25)
    assert state.status == "ACCC"
    connection = await stack.connect()
    row = await connection.fetchrow(
        "SELECT message_id, native_ref FROM switch.payment WHERE uetr = $1", state.uetr
    )
    await connection.close()
    assert row is not None
    return str(state.uetr), row["message_id"], row["native_ref"]


@pytest.mark.asyncio
async def test_the_search_leads_to_the_payment_or_the_participant_that_is_meant(stack: Stack) -> None:
    uetr, message, reference = await paid(stack, "77.31")
    page = f"/console/payments/{uetr}"

    assert await sought(stack, "operator", uetr.upper()) == page
    assert await sought(stack, "operator", uetr.replace("-", "")) == page
    assert await sought(stack, "operator", f" {message} ") == page
    assert await sought(stack, "operator", reference) == page
    assert await sought(stack, "operator", "NOTPROVIDED") == "/console/payments?q=NOTPROVIDED"
    assert await sought(stack, "operator", "asha-bank") == "/console/participants/asha-bank"
    bic = stack.participant("asha-bank")["bic"]
    assert await sought(stack, "operator", bic.lower()) == "/console/participants/asha-bank"
    assert await sought(stack, "operator", "no such thing") == "/console/payments?q=no+such+thing"
    assert await sought(stack, "operator", "") == "/console/payments"


@pytest.mark.asyncio
async def test_a_payment_is_found_by_its_end_to_end_id_which_is_kept_as_a_keyed_hash(stack: Stack) -> None:
    own, both = f"RENT {uuid.uuid4().hex[:12]}", f"FEE {uuid.uuid4().hex[:12]}"
    uetr, _, _ = await paid(stack, "77.36", own)
    twice = [(await paid(stack, amount, both))[0] for amount in ("77.37", "77.38")]
    await paid(stack, "77.39", "NOTPROVIDED")
    rows = f"/console/payments?q={both.replace(' ', '+')}"
    connection = await stack.connect()
    stored = await connection.fetchval(
        "SELECT count(*) FROM switch.payment_reference WHERE key = hashtextextended($1, 0)", own
    )
    nameless = await connection.fetchval(
        "SELECT count(*) FROM switch.payment_reference WHERE key IN (0, hashtextextended('NOTPROVIDED', 0))"
    )
    await connection.close()

    assert await sought(stack, "operator", own) == f"/console/payments/{uetr}"
    assert await sought(stack, "participant", own) == f"/console/payments?q={own.replace(' ', '+')}"
    assert await sought(stack, "operator", both) == rows
    assert set(ROW.findall(await read(stack, "operator", rows))) == set(twice)
    assert ROW.findall(await read(stack, "operator", f"{rows}&amount=77.37")) == twice[:1]
    assert stored == nameless == 0


@pytest.mark.asyncio
async def test_a_refused_payment_is_found_by_its_references_too_and_by_its_parties_only(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank", amount="9999999999.00")
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["PmtId"]["EndToEndId"] = end_to_end = f"ALL {uuid.uuid4().hex[:12]}"
    async with stack.client("asha-bank") as client:
        refused = await client.pay(document, wait=25)
    path = f"/console/payments?q={end_to_end.replace(' ', '+')}"

    assert refused.status == "RJCT"
    assert await sought(stack, "operator", end_to_end) == f"/console/payments/{refused.uetr}"
    assert ROW.findall(await read(stack, "participant", path)) == [str(refused.uetr)]
    assert ROW.findall(await read(stack, "regulator-pk", path)) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["77.32", "77.32 INR", "inr 77.32"])
async def test_a_payment_is_found_by_its_amount(stack: Stack, text: str) -> None:
    uetr, _, _ = await paid(stack, "77.32")
    other, _, _ = await paid(stack, "77.33")
    page = await read(stack, "operator", await sought(stack, "operator", text))

    assert uetr in ROW.findall(page)
    assert other not in page


@pytest.mark.asyncio
async def test_a_participant_finds_its_own_payments_only_and_no_directory(stack: Stack) -> None:
    bank = await stack.add_bank(funds_minor=100_000)
    async with stack.client_of(bank) as client:
        document = world.document(
            {**stack.participant("asha-bank"), **bank}, stack.participant("indus-bank"), amount="1.00"
        )
        foreign = await client.pay(document, wait=25)
    own, message, _ = await paid(stack, "77.34")
    elsewhere = await sought(stack, "participant", str(foreign.uetr))

    assert foreign.status == "ACCC"
    assert await sought(stack, "participant", "asha-bank") == "/console/payments?q=asha-bank"
    assert await sought(stack, "participant", message) == f"/console/payments/{own}"
    assert elsewhere == f"/console/payments?q={foreign.uetr}"
    assert str(foreign.uetr) not in ROW.findall(await read(stack, "participant", elsewhere))


@pytest.mark.asyncio
async def test_what_is_no_amount_is_said_at_its_field_and_finds_nothing(stack: Stack) -> None:
    page = await read(stack, "operator", "/console/payments?amount=12,34")

    assert 'id="amount-help"' in page
    assert ROW.findall(page) == []


@pytest.mark.asyncio
async def test_a_file_has_the_rows_of_the_page_and_its_export_is_recorded(stack: Stack) -> None:
    uetr, _, _ = await paid(stack, "77.35")
    path = "/console/payments?amount=77.35&state=COMMITTED"
    shown = ROW.findall(await read(stack, "operator", path))
    text = await read(stack, "operator", f"{path}&format=csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get(f"{path}&format=xlsx", headers={"Accept-Language": "ru"}) as answer:
            sheet = load_workbook(io.BytesIO(await answer.read())).worksheets[0]
    connection = await stack.connect()
    noted = await connection.fetchval(
        "SELECT convert_from(body, 'UTF8') FROM ledger.event WHERE kind = 'PAGE_READ'"
        " AND convert_from(body, 'UTF8') LIKE $1 ORDER BY seq DESC LIMIT 1",
        '%"format":"csv"%person:operator%',
    )
    await connection.close()

    assert [row["uetr"] for row in rows] == shown
    assert uetr in shown
    assert {(row["amount"], row["currency"], row["state"]) for row in rows} == {("77.35", "INR", "COMMITTED")}
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert any("Состояние" in row for row in values)
    assert any(77.35 in row for row in values)
    assert json.loads(noted)["asked"]["format"] == "csv"
    assert "77.35" not in noted  # what was typed is recorded as a fingerprint


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["positions", "changes", "windows", "breaks"])
async def test_every_list_is_a_file_too(stack: Stack, name: str) -> None:
    for form in ("csv", "xlsx"):
        async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "auditor")) as http:
            async with http.get(f"/console/{name}", params={"format": form}) as answer:
                assert answer.status == 200
                assert f'filename="{name}-' in answer.headers["Content-Disposition"]
                assert await answer.read()


@pytest.mark.asyncio
async def test_filters_are_links_that_keep_the_other_filters(stack: Stack) -> None:
    page = await read(stack, "operator", "/console/windows?currency=INR&before=999999999")

    assert 'href="/console/windows?currency=INR&amp;state=OPEN"' in page
    assert 'href="/console/windows" ' not in page.partition("<main")[2].partition("aria-current")[0]
    assert re.search(r'href="/console/windows\?currency=INR&amp;since=[0-9-]{10}&amp;until=[0-9-]{10}"', page)
    listed = await read(stack, "operator", "/console/windows?currency=INR&state=OPEN")
    assert listed.count("/console/windows/") == 1
    assert "/console/windows/" not in (
        await read(stack, "operator", "/console/windows?since=2020-01-01&until=2020-01-02")
    )


@pytest.mark.asyncio
async def test_the_log_begins_at_the_end_of_a_day_and_breaks_are_of_a_rail(stack: Stack) -> None:
    today = datetime.now(UTC).date()
    now = await read(stack, "operator", "/console/log")
    same = await read(stack, "operator", f"/console/log?until={today + timedelta(days=1)}")
    before = await read(stack, "operator", "/console/log?until=2020-01-01")
    listed = await read(stack, "operator", "/console/breaks?rail=IN&resolved=true")

    assert 0 < int(EVENT.findall(now)[0]) <= int(EVENT.findall(same)[0])  # a page that is read is an event
    assert EVENT.findall(before) == []
    today_only = f"since={today}&amp;until={today}"
    assert f'href="/console/breaks?rail=IN&amp;resolved=true&amp;{today_only}"' in listed
    assert "/console/payments/" not in (
        await read(stack, "operator", "/console/breaks?resolved=true&since=2020-01-01&until=2020-01-02")
    )
    assert 'href="/console/breaks?rail=PK&amp;resolved=true"' in listed
    assert 'href="/console/breaks?rail=IN"' in listed


@pytest.mark.asyncio
async def test_reports_their_deliveries_and_messages_are_listed_by_period(stack: Stack) -> None:
    connection = await stack.connect()
    digest = sha256(b"by period")
    await connection.execute(
        "INSERT INTO switch.report_artefact"
        " (sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature)"
        " VALUES ($1, 'rejects', 'json', '{}', 'all', 'by period', false, 1, 1, 1, '')",
        digest.digest(),
    )
    await connection.execute(
        "INSERT INTO switch.report_delivery (schedule, period, destination, report, name, sha256, octets, file_sha256)"
        " VALUES ('by-period', '2026-01-01', 'nowhere', 'rejects', 'by-period.zip', $1, 1, $1)",
        digest.digest(),
    )
    await connection.execute(
        "INSERT INTO switch.correspondence (id, uetr, sender, receiver, definition, message_id, fingerprint, body)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'indus-bank', 'asha-bank', 'pain.013.001.07', 'by period',"
        " '', '')"
    )
    lists = (
        ("operator", "/console/reports", digest.hexdigest()),
        ("operator", "/console/report-deliveries", "by-period.zip"),
        ("participant", "/console/own/messages", "pain.013.001.07"),
    )
    today = datetime.now(UTC).date()
    try:
        for person, path, listed in lists:
            now = await read(stack, person, f"{path}?since={today}&until={today + timedelta(days=1)}")
            long_ago = await read(stack, person, f"{path}?since=2020-01-01&until=2020-01-02")

            assert listed in now
            assert listed not in long_ago
            assert f'href="{path}?since={today}&amp;until={today}"' in long_ago
    finally:
        await connection.execute("DELETE FROM switch.report_delivery WHERE schedule = 'by-period'")
        await connection.execute("DELETE FROM switch.report_artefact WHERE caller = 'by period'")
        await connection.execute("DELETE FROM switch.correspondence WHERE message_id = 'by period'")
        await connection.close()


async def sent(stack: Stack, person: str, path: str, **fields: str) -> tuple[int, str]:
    """What a form of a page is answered, and where it leads."""
    headers = {**bearer(stack, person), "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        async with http.post(f"/console{path}", data=fields, allow_redirects=False) as answer:
            return answer.status, answer.headers.get("Location", "")


@pytest.mark.asyncio
async def test_a_person_keeps_filters_of_a_list_under_a_name_for_itself(stack: Stack) -> None:
    name = f"doubts {uuid.uuid4().hex[:6]}"
    shown = await read(stack, "operator", "/console/payments?state=UNKNOWN&source=IN&before=99")
    query = re.findall(r'name="query" value="([^"]*)"', shown)
    saved = await sent(
        stack, "operator", "/views", page="/payments", name=name, query="state=UNKNOWN&source=IN"
    )
    listed = await read(stack, "operator", "/console/payments")
    there = await read(stack, "operator", "/console/payments?state=UNKNOWN&source=IN")
    others = await read(stack, "checker", "/console/payments")
    (number,) = re.findall(rf'value="(\d+)"><button type="submit">Remove: {name}', listed)
    foreign = await sent(stack, "checker", "/views/remove", number=number)
    kept = await read(stack, "operator", "/console/payments")
    removed = await sent(stack, "operator", "/views/remove", number=number)

    assert query == ["state=UNKNOWN&amp;source=IN"]
    assert saved == (303, "/console/payments?state=UNKNOWN&source=IN")
    assert f'href="/console/payments?state=UNKNOWN&amp;source=IN">★ {name}' in listed
    assert f'aria-current="true">★ {name}' in there
    assert name not in others
    assert foreign[0] == removed[0] == 303
    assert name in kept
    assert name not in await read(stack, "operator", "/console/payments")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "fields",
    [
        {"page": "//evil.example", "name": "x", "query": "state=SENT"},
        {"page": "/people", "name": "x", "query": "state=SENT"},
        {"page": "/payments", "name": " ", "query": "state=SENT"},
        {"page": "/payments", "name": "x" * 41, "query": "state=SENT"},
        {"page": "/payments", "name": "x", "query": ""},
        {"page": "/payments", "name": "x", "query": "a=\r\nLocation: /"},
        {"page": "/payments", "name": "x", "query": "a" * 1001},
    ],
    ids=["elsewhere", "no list", "no name", "long name", "no filters", "line break", "long filters"],
)
async def test_no_other_address_is_kept_as_a_view(stack: Stack, fields: dict[str, str]) -> None:
    status, _ = await sent(stack, "operator", "/views", **fields)

    assert status == 400


@pytest.mark.asyncio
async def test_a_list_has_a_limited_number_of_views_and_a_name_is_given_again(stack: Stack) -> None:
    for number in range(20):
        made = await sent(stack, "auditor", "/views", page="/windows", name=f"v{number}", query="state=OPEN")
        assert made[0] == 303
    again = await sent(stack, "auditor", "/views", page="/windows", name="v0", query="state=CLOSED")
    more = await sent(stack, "auditor", "/views", page="/windows", name="v20", query="state=OPEN")
    connection = await stack.connect()
    await connection.execute("DELETE FROM switch.saved_view WHERE person = 'auditor'")
    await connection.close()

    assert again[0] == 303
    assert more[0] == 400


@pytest.mark.asyncio
async def test_the_kind_of_a_ledger_account_is_said_in_the_readers_language(stack: Stack) -> None:
    uetr, _, _ = await paid(stack, "77.33")
    headers = bearer(stack, "operator")
    shown = {}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        for code in language.LANGUAGES:
            cookie = {"Cookie": f"{language.COOKIE}={code}"}
            async with http.get(f"/console/payments/{uetr}", headers=cookie) as answer:
                shown[code] = await answer.text()

    assert "asha-bank / position" in shown["en"]
    assert "asha-bank / позиция" in shown["ru"]
    assert "asha-bank / 头寸" in shown["zh"]
