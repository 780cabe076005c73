"""Finding a payment: the search in the header, filters that are links, and files of what is shown."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from openpyxl import load_workbook

from schemas.money import Money
from switch.pages import finding
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


async def paid(stack: Stack, amount: str) -> tuple[str, str, str]:
    """UETR, message id and reference of the rail of a new payment."""
    document = stack.document("asha-bank", "indus-bank", amount=amount)
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
    assert await sought(stack, "operator", "asha-bank") == "/console/participants/asha-bank"
    bic = stack.participant("asha-bank")["bic"]
    assert await sought(stack, "operator", bic.lower()) == "/console/participants/asha-bank"
    assert await sought(stack, "operator", "no such thing") == "/console/payments?q=no+such+thing"
    assert await sought(stack, "operator", "") == "/console/payments"


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

    assert len(EVENT.findall(now)) == len(EVENT.findall(same)) > 0
    assert EVENT.findall(before) == []
    assert 'href="/console/breaks?rail=PK&amp;resolved=true"' in listed
    assert 'href="/console/breaks?rail=IN"' in listed
