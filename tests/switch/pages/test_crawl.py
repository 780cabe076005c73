"""Every page of every role, and every link on it, on a switch where payments end in all the ways there are.

Pages were tried only on payments that succeed once: one refused before it was priced broke its own page, two
reports and the statistics, for everybody.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
import pytest_asyncio

from adapters.simulation.magic import Magic
from ledger import audit
from switch.operations import housekeeping
from switch.reports.catalogue import CATALOGUE
from switch.writer.commands import CloseWindow
from tests import tiers
from tests.switch.api.test_doors import given_back, post
from tests.switch.identity.test_people_api import agreed, bearer, call, status_report, until
from tests.switch.settlement.test_gross_settlement import PAID_IN, fund, settling_gross
from tests.switch.stack import Stack

PEOPLE = (
    *("operator", "checker", "auditor", "participant", "regulator-in", "regulator-pk"),
    *("silkroad-fx", "officer"),
)
FEW = {"officer": 8}
"""Links that a role with few pages follows at least."""
LINK = re.compile(r"""\b(?:href|src)="([^"]+)\"""")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\b\d+\b|=[^&]*")
OF_A_KIND_MAX = 2
"""Pages of one kind that a role follows links to: the third payment's page is made as the first one's."""


@dataclass
class Lived:
    """Payments by how they ended, and the windows of the rupee: one that a bank did not pay, one aborted."""

    refused: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    defaulted: int = 0
    window: int = 0

    @property
    def all(self) -> dict[str, str]:
        return {**self.refused, **self.others}


def with_creditor(document: dict[str, Any], **changes: str) -> dict[str, Any]:
    """The payment with another creditor account or agent."""
    (tx,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    if "account" in changes:
        tx["CdtrAcct"] = {"Id": {"IBAN": changes["account"]}}
    if "bic" in changes:
        tx["CdtrAgt"] = {"FinInstnId": {"BICFI": changes["bic"]}}
    return document


async def refused_early(stack: Stack) -> dict[str, str]:
    """One each: a mistyped account, a bank that nobody knows, too much, another currency."""
    plain = stack.document
    wanted = {
        "account": with_creditor(plain("asha-bank", "indus-bank"), account="PK61SAND0000000000000001"),
        "agent": with_creditor(plain("asha-bank", "indus-bank"), bic="NOSUXX22"),
        "amount": plain("asha-bank", "indus-bank", amount="9999999999.00"),
    }
    async with stack.client("asha-bank") as client:
        states = {name: await client.pay(document, wait=10) for name, document in wanted.items()}
    assert {state.status for state in states.values()} == {"RJCT"}, states
    return {name: str(state.uetr) for name, state in states.items()}


async def others(stack: Stack) -> dict[str, str]:
    async with stack.client("asha-bank") as client:
        done = await client.pay(stack.document("asha-bank", "indus-bank"), wait=25)
        back = await client.pay(stack.document("asha-bank", "indus-bank"), wait=25)
        no = await client.pay(stack.document("asha-bank", "indus-bank", word="AC04"), wait=25)
        doubt = await client.pay(stack.document("asha-bank", "indus-bank", word=Magic.WRONGAMT), wait=1)
        payment = await client.payment(doubt.uetr)
        while payment.state != "UNKNOWN":
            payment = await client.payment(doubt.uetr, wait=1)
        credited = (await client.payment(back.uetr)).credited_amount
    assert (done.status, back.status, no.status) == ("ACCC", "ACCC", "RJCT")
    assert credited is not None
    await give_back(stack, str(back.uetr), credited.amount, credited.currency)
    return {
        name: str(state.uetr)
        for name, state in (("done", done), ("back", back), ("no", no), ("doubt", doubt))
    }


async def give_back(stack: Stack, uetr: str, amount: str, currency: str) -> None:
    """The creditor agent's pacs.004."""
    document = given_back(uetr, amount, currency)
    status, answer = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)
    assert status == 200, answer


async def gross(stack: Stack) -> dict[str, str]:
    """One in a corridor that settles gross, from money that was paid in for it."""
    async with settling_gross(stack) as link:
        await fund(stack, link, "asha-bank", "INR", PAID_IN)
        await fund(stack, link, "silkroad-fx", "INR", 0)
        await fund(stack, link, "silkroad-fx", "PKR", 10 * PAID_IN)
        await fund(stack, link, "indus-bank", "PKR", 0)
        await stack.until_read()
        async with stack.client("asha-bank") as client:
            done = await client.pay(stack.document("asha-bank", "indus-bank"), wait=25)
    assert done.status == "ACCC", done
    return {"gross": str(done.uetr)}


@asynccontextmanager
async def contradicted(stack: Stack) -> AsyncIterator[dict[str, str]]:
    """One that the rail refused when it was asked, and said to be done afterwards: a break, resolved at the end."""
    async with stack.client("asha-bank") as client:
        first = await client.pay(stack.document("asha-bank", "indus-bank", word=Magic.FLIP), wait=25)
    connection = await stack.connect()
    found = "SELECT id FROM switch.reconciliation_break WHERE uetr::text = $1"
    async with asyncio.timeout(60):
        while (number := await connection.fetchval(found, str(first.uetr))) is None:
            await asyncio.sleep(0.2)
    await connection.close()
    yield {"contradicted": str(first.uetr)}
    async with aiohttp.ClientSession(stack.url) as http:
        content = {"number": number, "resolution": "the rail took it back"}
        await agreed(http, stack, "break.resolve", content, "checker")


async def defaulted(stack: Stack) -> int:
    """A window that is settled, but for a bank that did not pay."""
    async with aiohttp.ClientSession(stack.url) as http:
        operator = bearer(stack, "operator")
        _, listed = await call(http, "GET", "/v1/settlements?currency=INR", headers=operator)
        window = next(one["window"] for one in listed if one["state"] == "OPEN")
        await agreed(http, stack, "window.close", {"currency": "INR", "window": window}, "checker")
        found = await until(http, stack, window, "CLOSED")
        content = {"window": window, "positions_sha256": found["positions_sha256"]}
        banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
        await agreed(http, stack, "settlement.confirm", content, *banks)
        settling = await until(http, stack, window, "SETTLING")
        report = status_report(settling["lines"], refused=("asha-bank",))
        agent = stack.credentials["settlement_agents"]["INR"]["bearer"]
        headers = {"Authorization": f"Bearer {agent}", "Content-Type": "application/xml"}
        async with http.post("/v1/settlements/confirmations", data=report, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        settled = await until(http, stack, window, "SETTLED")
    assert {line["participant"]: line["state"] for line in settled["lines"]}["asha-bank"] == "HELD"
    return int(window)


@asynccontextmanager
async def rail_closed(stack: Stack) -> AsyncIterator[dict[str, str]]:
    """Two payments to a rail that is closed: one is held as long as this lasts, the other has expired."""
    connection = await stack.connect()
    opened = "UPDATE switch.rail SET open = $1 WHERE country = 'PK'"
    expires = "UPDATE switch.open_payment SET expires_at = clock_timestamp() + $2 WHERE uetr::text = $1"
    await connection.execute(opened, False)
    try:
        await stack.until_read()
        async with stack.client("asha-bank") as client:
            held = await client.pay(stack.document("asha-bank", "indus-bank"))
            await connection.execute(expires, str(held.uetr), timedelta(hours=1))
            late = await client.pay(stack.document("asha-bank", "indus-bank"))
            await connection.execute(expires, str(late.uetr), timedelta(0))
            expired = await client.payment(late.uetr, wait=25)
            assert (expired.state, expired.reason) == ("ABORTED", "TM01")
        yield {"held": str(held.uetr), "expired": str(late.uetr)}
    finally:
        await connection.execute(opened, True)
        await connection.close()
        await stack.until_read()


async def aborted(stack: Stack) -> int:
    """A window of the rupee whose settlement two people aborted: its lines are held, and not settled."""
    link = stack.link()
    await link.start()
    window = (await link.ask(CloseWindow("INR"))).number
    await link.stop()
    async with aiohttp.ClientSession(stack.url) as http:
        content = {"kind": "settlement.abort", "content": {"window": window}, "reason": "test"}
        async with asyncio.timeout(30):
            while True:  # the caretaker writes the settlement a moment after the closing
                async with http.post(
                    "/v1/changes", json=content, headers=bearer(stack, "operator")
                ) as answer:
                    asked = await answer.json()
                    if answer.status < 300:
                        break
                await asyncio.sleep(0.2)
        vote = {"decision": "approve", "reason": "seen"}
        path = f"/v1/changes/{asked['number']}/votes"
        async with http.post(path, json=vote, headers=bearer(stack, "checker")) as answer:
            assert (await answer.json())["state"] == "executed", await answer.text()
    return window


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived(stack: Stack) -> AsyncIterator[Lived]:
    life = Lived(await refused_early(stack), await others(stack))
    life.others |= await gross(stack)
    life.defaulted = await defaulted(stack)
    life.window = await aborted(stack)
    async with contradicted(stack) as broken, rail_closed(stack) as waiting:
        life.others |= broken | waiting
        await cover(stack)
        yield life


async def cover(stack: Stack) -> None:
    """Sign a checkpoint of everything so far: there is no evidence of a payment before."""
    connection = await stack.connect()
    await audit.checkpoint(connection, housekeeping.signer(stack.settings))
    await connection.close()


def kind_of(path: str) -> str:
    return ID.sub("*", path)


def links_of(path: str, text: str) -> list[str]:
    found = [urljoin(path, unescape(link)).partition("#")[0] for link in LINK.findall(text)]
    return [link for link in dict.fromkeys(found) if link.startswith(("/console", "/v1/", "/docs"))]


def is_expected(path: str, status: int, seeds: list[str]) -> bool:
    """What is of others is not there, or not to be read."""
    return status in {403, 404} and path in seeds[1:]


async def crawl(stack: Stack, name: str, seeds: list[str]) -> tuple[list[tuple[str, int, str]], int]:
    """Follow every link that a role is shown; what failed, with where it stood, and how many were read."""
    waiting, seen, kinds = [(seed, "") for seed in seeds], set(seeds), Counter[str]()
    failed: list[tuple[str, int, str]] = []
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, name)) as http:
        while waiting:
            path, origin = waiting.pop(0)
            async with http.get(path, allow_redirects=False) as answer:
                text = await answer.text(errors="replace")
            if answer.status >= 400 and not is_expected(path, answer.status, seeds):
                failed.append((path, answer.status, origin))
            if answer.content_type != "text/html":
                continue
            for link in links_of(path, text):
                if link not in seen and kinds[kind_of(link)] < OF_A_KIND_MAX:
                    kinds[kind_of(link)] += 1
                    seen.add(link)
                    waiting.append((link, path))
    return failed, len(seen)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", tiers.some(PEOPLE, "operator"))
async def test_no_page_of_a_role_fails_and_no_link_is_dead(stack: Stack, lived: Lived, name: str) -> None:
    payments = [f"/console/payments/{uetr}" for uetr in lived.all.values()]
    windows = [f"/console/windows/{number}" for number in (lived.defaulted, lived.window)]
    failed, read = await crawl(stack, name, ["/console", *payments, *windows])

    assert failed == []
    assert read > FEW.get(name, 20)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", tiers.some(sorted(CATALOGUE), "account-statement", "payments-above"))
async def test_every_report_is_made_in_every_format_of_payments_that_ended_in_all_ways(
    stack: Stack, lived: Lived, name: str
) -> None:
    definition = CATALOGUE[name]
    now = datetime.now(UTC)
    known = {
        "window": str(lived.window),
        "since": (now - timedelta(hours=2)).isoformat(),
        "until": (now + timedelta(hours=9)).isoformat(),
        "participant": "asha-bank",
        "currency": "INR",
        "uetr": lived.refused["account"],
        "above": "0.01",
        "corridor": "IN-PK",
        "quarter": f"{now.year - 1}-Q1",
    }
    asked = {parameter: known[parameter] for parameter in definition.takes}
    if "payer" in definition.may_take:  # or one of its payments
        asked["uetr"] = lived.others["done"]
    connection = await stack.connect()
    await audit.checkpoint(connection, housekeeping.signer(stack.settings))
    await connection.close()
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        for form in definition.formats:
            for language in ("en", "ru", "zh") if form in {"pdf", "xlsx", "csv"} else ("en",):
                given = {**asked, "format": str(form), "lang": language}
                for _ in range(50):
                    async with http.get(f"/v1/reports/{name}", params=given) as answer:
                        octets = await answer.read()
                    if answer.status != 503:  # the parties of new payments are being read
                        break
                    await asyncio.sleep(0.2)
                assert answer.status == 200, (form, language, octets)


@pytest.mark.asyncio(loop_scope="module")
async def test_payments_are_in_every_state_that_pages_have_to_show(stack: Stack, lived: Lived) -> None:
    states = {}
    async with stack.client("asha-bank") as client:
        for name, uetr in lived.others.items():
            payment = await client.payment(uetr)
            states[name] = (payment.state, payment.reason)
    shown = {}
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        for name, uetr in lived.others.items():
            async with http.get(f"/console/payments/{uetr}") as answer:
                shown[name] = (answer.status, await answer.text())

    assert states == {
        "done": ("COMMITTED", None),
        "back": ("COMMITTED", None),
        "no": ("ABORTED", "AC04"),
        "doubt": ("UNKNOWN", None),
        "gross": ("COMMITTED", None),
        "contradicted": ("ABORTED", "MS03"),
        "held": ("RESERVED", None),
        "expired": ("ABORTED", "TM01"),
    }
    assert {status for status, _ in shown.values()} == {200}
    assert "TM01" in shown["expired"][1]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refused_payment_shows_its_parties_amount_and_reason(stack: Stack, lived: Lived) -> None:
    reasons = {}
    for name, uetr in lived.refused.items():
        for person in ("operator", "participant", "regulator-in"):
            async with aiohttp.ClientSession(stack.url, headers=bearer(stack, person)) as http:
                async with http.get(f"/console/payments/{uetr}") as answer:
                    page = await answer.text()
                async with http.get(f"/console/payments?q={uetr}") as answer:
                    listed = await answer.text()
            amount = "9,999,999,999.00 INR" if name == "amount" else "100.00 INR"
            for text in (page, listed):
                assert "asha-bank" in text
                assert amount in text
            assert ("NOSUXX22" if name == "agent" else "indus-bank") in listed
        async with stack.client("asha-bank") as client:
            payment = await client.payment(uetr)
        reasons[name] = payment.reason
        assert payment.credited_amount is None
        assert reasons[name] in listed
    assert len(set(reasons.values())) >= 2
    connection = await stack.connect()
    bodies = await connection.fetch(
        "SELECT convert_from(e.body, 'UTF8') AS body FROM ledger.event AS e"
        " JOIN switch.payment AS p ON p.number = e.number WHERE p.uetr::text = ANY ($1) AND e.kind = 'REFUSE'",
        list(lived.refused.values()),
    )
    await connection.close()
    assert len(bodies) == len(lived.refused)
    for row in bodies:
        assert json.loads(row["body"])["debtor_agent"] == "asha-bank"
        assert "Asha Rao" not in row["body"]
        assert "SAND0000" not in row["body"]


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_switch_refused_is_no_affair_of_the_agent_that_it_names(
    stack: Stack, lived: Lived
) -> None:
    """Anybody could fill another bank's events otherwise, and say to it what it likes."""
    headers = {"Authorization": f"Bearer {stack.participant('indus-bank')['bearer']}"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        for uetr in lived.refused.values():
            async with http.get(f"/v1/payments/{uetr}") as answer:
                assert answer.status == 404
        told, after, more = "", 0, True
        while more:
            async with http.get("/v1/events", params={"after": str(after), "limit": "200"}) as answer:
                told += await answer.text()
                page = await answer.json()
                after, more = page["next"], page["more"]

    assert lived.others["done"] in told
    assert not any(uetr in told for uetr in lived.refused.values())


@pytest.mark.asyncio(loop_scope="module")
async def test_an_unknown_outcome_has_its_true_age_whatever_the_end_of_the_period(
    stack: Stack, lived: Lived
) -> None:
    now = datetime.now(UTC)
    asked = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(hours=9)).isoformat()}
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get("/v1/reports/open-payments", params=asked) as answer:
            rows = {row["uetr"]: row for row in (await answer.json())["rows"]}
    row = rows[lived.others["doubt"]]

    assert 0 < float(row["state_age_s"]) <= float(row["age_s"]) < 600


@pytest.mark.asyncio(loop_scope="module")
async def test_the_list_of_windows_names_who_did_not_pay(stack: Stack, lived: Lived) -> None:
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "regulator-in")) as http:
        async with http.get("/console/windows?currency=INR") as answer:
            page = await answer.text()
        async with http.get("/v1/settlements?currency=INR") as answer:
            listed = {row["window"]: row["not_settled"] for row in await answer.json()}

    rows = {
        number: row
        for row in page.split("<tr")
        for number in (lived.defaulted, lived.window)
        if f'/console/windows/{number}"' in row
    }
    assert "asha-bank did not pay" in rows[lived.defaulted]
    assert "did not pay" not in rows[lived.window]  # of the window that people aborted nobody failed to pay
    assert "asha-bank" in listed[lived.defaulted]
    assert "asha-bank" in listed[lived.window]


@pytest.mark.asyncio(loop_scope="module")
async def test_returned_payments_are_distinguished(stack: Stack, lived: Lived) -> None:
    now = datetime.now(UTC)
    asked = {"since": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat()}
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get("/v1/reports/corridors", params=asked) as answer:
            rows = (await answer.json())["rows"]
        async with http.get(f"/console/payments?q={lived.others['back']}") as answer:
            listed = await answer.text()
    (row,) = [
        row
        for row in rows
        if (row["source"], row["target"], row["debit_currency"], row["credit_currency"])
        == ("IN", "PK", "INR", "PKR")
    ]

    assert row["returned"] >= 1
    assert float(row["debits_returned"]) >= 100
    assert row["refused"] >= 2
    assert "returned" in listed


@pytest.mark.asyncio(loop_scope="module")
async def test_the_signature_of_a_file_is_found_by_its_hash(stack: Stack, lived: Lived) -> None:
    del lived
    now = datetime.now(UTC)
    asked = {"since": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat(), "format": "pdf"}
    async with aiohttp.ClientSession(stack.url) as http:
        url = "/v1/reports/corridors"
        async with http.get(url, params=asked, headers=bearer(stack, "operator")) as answer:
            sha256 = answer.headers["ETag"].strip('"')
            token = answer.headers["Payswitch-Signature"]
        async with http.get(f"/v1/report-artefacts/{sha256}/signature") as answer:
            assert (answer.status, await answer.text()) == (200, token)
        async with http.get(f"/v1/report-artefacts/{'0' * 64}/signature") as answer:
            assert answer.status == 404


SENTENCE = re.compile(r'<li class="(bad|warn|busy)">.*?<span class="what">(.*?)</span>(.*?)</li>', re.DOTALL)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_overview_leads_with_what_is_wrong_worst_first_and_with_the_action(
    stack: Stack, lived: Lived
) -> None:
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get("/console") as answer:
            concerns = SENTENCE.findall(await answer.text())
        for _, text, actions in concerns:
            assert LINK.findall(actions), text
            for path in LINK.findall(actions):
                async with http.get(unescape(path)) as answer:
                    assert answer.status == 200, path
    texts = [text for _, text, _ in concerns]
    tones = [tone for tone, _, _ in concerns]

    assert tones == sorted(tones)  # bad before warn
    assert any(re.match("Payments to Pakistan with an unknown outcome: [1-9]", text) for text in texts)
    owed = f"asha-bank did not pay window {lived.defaulted}. It now owes "
    assert any(text.startswith(owed) and f" in window {lived.window}; " in text for text in texts)
    assert f"Window {lived.window}, INR, was aborted. Its lines wait for the next window." in texts
    assert not any(text.startswith("asha-bank has not paid ") for text in texts)
    assert "The rail of Pakistan, Raast, is closed. Payments that wait for it: 1." in texts
    assert any(text.startswith("Reconciliation breaks that nobody has resolved: ") for text in texts)


CORRIDOR = re.compile(
    r'<th scope="row"[^>]*><a href="(/console/payments\?source=[^"]+)">[^<]*</a></th>'
    r"<td[^>]*>\d+</td><td[^>]*>(\d+)</td>"
)
OLDER = re.compile(r'href="(/console/payments\?[^"]*before=[^"]+)"')


async def _listed(http: aiohttp.ClientSession, path: str | None) -> int:
    """How many payments the list at this path shows, with its older pages."""
    shown: set[str] = set()
    while path:
        async with http.get(path) as answer:
            text = await answer.text()
        shown |= set(re.findall(r"/console/payments/([0-9a-f-]{36})", text))
        older = OLDER.search(text)
        path = unescape(older[1]) if older else None
    return len(shown)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_corridor_of_the_overview_counts_as_aborted_what_its_list_shows_aborted(
    stack: Stack, lived: Lived
) -> None:
    counted, listed = {}, {}
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        async with http.get("/console") as answer:
            rows = CORRIDOR.findall(await answer.text())
        for path, aborted in rows:
            counted[path] = int(aborted)
            listed[path] = await _listed(http, f"{unescape(path)}&state=ABORTED")

    assert sum(counted.values()) >= len(lived.refused), "those refused at once are counted, too"
    assert counted == listed


@pytest.mark.asyncio(loop_scope="module")
async def test_each_person_sees_the_changes_that_await_it(stack: Stack, lived: Lived) -> None:
    content = {"kind": "rail.switch", "content": {"country": "PK", "open": True}, "reason": "test"}
    pages = {}
    async with aiohttp.ClientSession(stack.url) as http:
        async with http.post("/v1/changes", json=content, headers=bearer(stack, "operator")) as answer:
            number = (await answer.json())["number"]
        for name in ("operator", "checker", "regulator-in"):
            async with http.get("/console", headers=bearer(stack, name)) as answer:
                pages[name] = await answer.text()
        async with http.post(f"/v1/changes/{number}/withdraw", headers=bearer(stack, "operator")) as answer:
            assert answer.status == 200
    said = {name: f"Change {number} awaits your decision" in page for name, page in pages.items()}

    assert said == {"operator": False, "checker": True, "regulator-in": False}
    assert "unknown outcome:" not in pages["regulator-in"]
