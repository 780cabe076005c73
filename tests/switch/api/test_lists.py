"""Every list has a bound and a cursor; no query parameter is ignored; wrong ones are told what is allowed."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from yarl import URL

from switch.api import queries
from switch.processes import app as application
from tests.switch.stack import Stack

ROUTES = [route for router in application.ROUTERS for route in router.routes if route.path.startswith("/v1/")]
WHOLE = {"listAnswerKeys", "listFxRates"}
"""Lists of a few, given whole: of keys, and of the pairs of currencies that a provider offers."""
LISTS = [
    route
    for route in ROUTES
    if "GET" in route.methods
    and (route.operation_id.startswith("list") or route.operation_id == "getBilateralPositions")
    and route.operation_id not in WHOLE
]
READS = [route for route in ROUTES if "GET" in route.methods and route.operation_id != "getReport"]
PEOPLES = {
    *("listCases", "getCase", "getCaseAttachment", "getScreeningHits", "getGoamlDraft"),
    *("listScreeningLists", "listScreeningOfficers", "listWatchRules", "listSourceRails"),
    *("listPeople", "listChanges", "listChangeKinds", "getMe", "getChange"),
    *("listMySessions", "listSessionsOfPerson", "listIdentityProviders"),
}


def bearer(stack: Stack, who: str) -> dict[str, str]:
    """A participant's key, or a person's where no participant has the name."""
    banks = {bank["id"]: bank for bank in stack.credentials["participants"]}
    key = (banks.get(who) or stack.credentials["people"][who])["bearer"]
    return {"Authorization": f"Bearer {key}"}


async def get(stack: Stack, path: str, who: str = "asha-bank") -> tuple[int, Any, dict[str, Any]]:
    async with aiohttp.ClientSession(headers=bearer(stack, who)) as session:
        async with session.get(URL(stack.url + path, encoded=True)) as answer:
            text = await answer.text()
            is_json = answer.content_type.endswith("json")
            return answer.status, json.loads(text) if is_json else text, dict(answer.links)


async def walk(stack: Stack, path: str, who: str = "asha-bank") -> list[list[Any]]:
    """Every page of a list, by the address of the next one alone."""
    pages: list[list[Any]] = []
    while path:
        status, page, links = await get(stack, path, who)
        assert status == 200, page
        pages.append(page)
        path = str(links["next"]["url"].relative()) if "next" in links else ""
        assert len(pages) < 1000
    return pages


PERIOD = "since=2026-11-23T00:00:00Z&until=2026-11-24T00:00:00Z"


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.operation_id)
def test_every_list_takes_a_limit_and_a_cursor(route: Any):
    names = set(queries._query(route))

    assert "limit" in names
    assert names & {"before", "after"}


@pytest.mark.parametrize("route", READS, ids=lambda route: route.operation_id)
async def test_an_unknown_query_parameter_is_refused_with_the_names_that_there_are(stack: Stack, route: Any):
    path = route.path_format.replace("{uetr}", str(uuid.uuid4())).replace("{id}", str(uuid.uuid4()))
    path = (
        path.replace(":int}", "}")
        .replace("{window}", "1")
        .replace("{number}", "1")
        .replace("{currency}", "INR")
    )

    status, problem, _ = await get(
        stack, f"{path}?limt=3", "operator" if route.operation_id in PEOPLES else "asha-bank"
    )

    assert status == 400
    for name in queries._query(route):
        assert name in problem["detail"]


async def test_an_unknown_query_parameter_of_an_iso_endpoint_is_refused(stack: Stack):
    async with aiohttp.ClientSession(headers=bearer(stack, "asha-bank")) as session:
        for query, status in (("wiat=10", 400), ("wait=0", 202), ("wait=0&wait=1", 400)):
            url = f"{stack.url}/v1/iso20022/pacs.008?{query}"
            async with session.post(url, json=stack.document("asha-bank", "indus-bank")) as answer:
                assert answer.status == status, await answer.text()


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("/v1/windows?limit=0", "a number from 1 to 500"),
        ("/v1/windows?limit=501", "a number from 1 to 500"),
        ("/v1/windows?limit=ten", "a number from 1 to 500"),
        ("/v1/events?after=-1", "a number from 0 to"),
        ("/v1/settlements?currency=inr", "three capital letters"),
        ("/v1/calendars/INR?since=tomorrow", "YYYY-MM-DD"),
        ("/v1/calendars/INR", "since is missing"),
        ("/v1/payments/123", "a UUID"),
        ("/v1/participants?after=%00", "up to 100 characters"),
        ("/v1/windows?limit=1&limit=2", "repeated"),
        (f"/v1/reports/liquidity?{PERIOD}&format=json&format=csv", "repeated"),
        (f"/v1/reports/liquidity?{PERIOD}&lang=en&lang=ru", "repeated"),
        (f"/v1/reports/notifications?{PERIOD}&participant=asha-bank&currency=INR&page=0", "1 or more"),
        ("/v1/reports/liquidity?since=0001-01-01T00:00:00Z&until=2026-11-24T00:00:00Z", "between 1970"),
        (
            "/v1/reports/availability?since=2026-11-23T00:00:00Z&until=9999-12-31T23:59:59-14:00",
            "between 1970",
        ),
        ("/v1/calendars/INR?since=0", "YYYY-MM-DD"),
        ("/v1/calendars/INR?since=1764547200", "YYYY-MM-DD"),
        ("/v1/statistics?since=1764547200", "an instant, as"),
        ("/v1/statistics?since=2026-01-01T00:00:00", "offset"),
        ("/v1/statistics?step=tomorrow", "hour"),
        (
            "/v1/payment-files/49b311d4-10a2-4ec1-82f1-8a178b8c9128/lines?status=tomorrow",
            "one of RCVD, PDNG, ACCC, RJCT, CANC",
        ),
        ("/v1/statistics/services?source=tomorrow", "two capital letters"),
    ],
)
async def test_a_wrong_value_is_answered_with_what_is_allowed_and_not_echoed(
    stack: Stack, query: str, allowed: str
):
    status, problem, _ = await get(stack, query)

    assert status == 400
    assert allowed in problem["detail"]
    assert "tomorrow" not in problem["detail"]


@pytest.mark.parametrize(
    ("query", "place", "text"),
    [
        ("/v1/reports/open-data?quarter=0001-Q1", "quarter", "no such quarter"),
        ("/v1/open-data?quarter=9999-Q4", "quarter", "no such quarter"),
        ("/v1/open-data?quarter=4046-Q2", "quarter", "has not ended"),
        ("/v1/calendars/INR?since=9999-12-31", "since", "9999-12-31"),
        ("/v1/statistics?since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since", "at most 400 days"),
        ("/v1/statistics?until=0001-01-01T00:00:00Z", "until", "between 1970"),
        ("/v1/statistics?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since", "after since"),
        ("/v1/audit/consistency?from=2&to=1", "from", "larger than to"),
    ],
)
async def test_a_value_of_the_right_form_that_cannot_be_is_refused(
    stack: Stack, query: str, place: str, text: str
):
    status, problem, _ = await get(stack, query)

    assert status == 422
    assert problem["errors"][0]["path"] == f"query.{place}"
    assert text in problem["detail"]


async def test_a_report_lists_its_parameters(stack: Stack):
    _, unknown, _ = await get(stack, "/v1/reports/account-statement?windw=1")
    _, others, _ = await get(stack, "/v1/reports/account-statement?quarter=2026-Q1&currency=INR")

    assert "window" in unknown["detail"]
    assert unknown["status"] == others["status"] == 400


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/v1/participants", "asha-bank"),
        ("/v1/windows", "asha-bank"),
        ("/v1/settlements", "asha-bank"),
        ("/v1/corridors", "asha-bank"),
        ("/v1/rails", "asha-bank"),
        ("/v1/reports", "asha-bank"),
        ("/v1/people", "operator"),
        ("/v1/changes/kinds", "operator"),
        ("/v1/liquidity", "operator"),
    ],
)
async def test_the_pages_of_a_list_are_the_list(stack: Stack, path: str, who: str):
    _, whole, links = await get(stack, path, who)
    assert "next" not in links, "this test wants a list of one page"
    pages = await walk(stack, f"{path}?limit=2", who)

    assert [entry for page in pages for entry in page] == whole
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)


async def test_undelivered_webhooks_beyond_two_hundred_are_listed_and_sent_again(stack: Stack):
    async with aiohttp.ClientSession(headers=bearer(stack, "noor-wallet")) as session:
        async with session.post(f"{stack.url}/v1/webhooks", json={"url": "http://127.0.0.1:9/x"}) as answer:
            hook = (await answer.json())["id"]
        connection = await stack.connect()
        try:
            await connection.execute(
                "INSERT INTO switch.webhook_delivery (webhook, seq, body, due_at, attempts)"
                " SELECT $1, n, '{}', NULL, 9 FROM generate_series(1000000, 1000452) AS n",
                uuid.UUID(hook),
            )
            path = f"/v1/webhooks/{hook}/deliveries?undelivered=true"
            pages = await walk(stack, path, "noor-wallet")
            await connection.execute("DELETE FROM switch.webhook_delivery WHERE seq < 1000000")
            again = f"{stack.url}/v1/webhooks/{hook}/replay"
            since = datetime.now(UTC) - timedelta(hours=1)
            async with session.post(again, json={"since": since.isoformat(), "undelivered": True}) as answer:
                accepted = answer.status
            due = await connection.fetchval(
                "SELECT count(*) FROM switch.webhook_delivery WHERE webhook = $1 AND seq >= 1000000"
                " AND (due_at IS NOT NULL OR attempts = 1)",
                uuid.UUID(hook),
            )
            async with session.post(again, json={"since": "2020-01-01T00:00:00Z"}) as answer:
                long_ago = answer.status, (await answer.json())["detail"]
        finally:
            await connection.close()
            async with session.delete(f"{stack.url}/v1/webhooks/{hook}") as answer:
                assert answer.status == 204

    numbers = [delivery["event"] for page in pages for delivery in page]
    assert numbers[:453] == list(range(1_000_452, 999_999, -1))
    assert (accepted, due) == (202, 453)
    assert long_ago == (400, "since must be an instant in the last 14 days")


async def test_events_since_an_instant_are_sent_again_to_a_webhook_that_is_younger(stack: Stack):
    since = datetime.now(UTC)
    async with stack.client("asha-bank") as client:
        uetr = (await client.pay(stack.document("asha-bank", "indus-bank"), wait=10)).uetr
    async with aiohttp.ClientSession(headers=bearer(stack, "asha-bank")) as session:
        async with session.post(f"{stack.url}/v1/webhooks", json={"url": "http://127.0.0.1:9/x"}) as answer:
            hook = (await answer.json())["id"]
        again = f"{stack.url}/v1/webhooks/{hook}/replay"
        async with session.post(again, json={"since": since.isoformat()}) as answer:
            after = (await answer.json())["after"]
        _, page, _ = await get(stack, f"/v1/events?after={after}&limit=1000")
        expected = {int(event["id"]) for event in page["events"] if event["subject"] == uetr}
        found: set[int] = set()
        async with asyncio.timeout(20):
            while not expected <= found:
                _, deliveries, _ = await get(stack, f"/v1/webhooks/{hook}/deliveries")
                found = {delivery["event"] for delivery in deliveries}
        async with session.delete(f"{stack.url}/v1/webhooks/{hook}") as answer:
            assert answer.status == 204

    assert len(expected) == 3
