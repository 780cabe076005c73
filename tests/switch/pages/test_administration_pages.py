"""Pages of windows, participants and people, over HTTP, on a whole running switch."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
import structlog
from fastapi import Request

from ledger import audit
from schemas.errors import NotAllowed, SwitchError, TooManyRequests
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.api import problems
from switch.operations import housekeeping
from switch.pages import site
from tests.switch.identity.test_people_api import agreed, bearer, call, status_report, until
from tests.switch.payments.test_originate import control
from tests.switch.stack import Stack

ROLES = ("operator", "checker", "auditor", "regulator-in", "regulator-pk", "participant")


class Answer(NamedTuple):
    status: int
    text: str
    location: str


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


async def page(
    http: aiohttp.ClientSession, path: str, said: Mapping[str, str] | None = None, **headers: str
) -> Answer:
    """A page, or what a form's sending comes to."""
    method = "GET" if said is None else "POST"
    async with http.request(
        method, "/console" + path, data=said, headers=headers, allow_redirects=False
    ) as answer:
        return Answer(answer.status, await answer.text(), answer.headers.get("Location", ""))


NEW = {
    "id": "neu-bank",
    "name": "Neu <Bank>",
    "bic": "NEUBINBB",
    "country": "IN",
    "kind": "direct",
    "currency.0": "INR",
    "net_debit_cap.0": "0",
    "currency.1": "",
    "net_debit_cap.1": "0",
    "keyid.0": "neu-bank-1",
    "why": "letter 7",
}


async def test_a_new_participant_is_requested_and_active_after_a_second_approval(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    request = key_request.make(SigningKey.generate("neu-bank-1"), "neu-bank").replace("\n", "\r\n")
    said = {**NEW, "request.0": request}
    denied = [
        await page(http, "/participants/new", said, **bearer(stack, person))
        for person in ROLES
        if person != "operator"
    ]
    asked = await page(http, "/participants/new", said, **bearer(stack, "operator"))
    vote = {"decision": "approve", "reason": "seen"}
    path = f"/v1{asked.location.removeprefix('/console')}/votes"
    before = await page(http, "/participants/neu-bank", **bearer(stack, "operator"))
    await call(http, "POST", path, vote, headers=bearer(stack, "checker"))
    after = await page(http, "/participants/neu-bank", **bearer(stack, "operator"))

    assert {answer.status for answer in denied} == {403}
    assert asked.status == 303
    assert (before.status, after.status) == (404, 200)
    assert "Neu &lt;Bank&gt;" in after.text
    assert "neu-bank-1" in after.text
    assert "0.00 INR" in after.text


async def test_a_new_participant_that_is_wrong_is_shown_again_with_what_was_typed(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    wrong = {**NEW, "id": "other-bank", "bic": "ASHAINBB", "keyid.0": ""}
    refused = await page(http, "/participants/new", wrong, **bearer(stack, "operator"))
    unreadable = await page(http, "/participants/new", {**wrong, "id": "A B"}, **bearer(stack, "operator"))

    assert (refused.status, unreadable.status) == (422, 400)
    for answer in (refused, unreadable):
        assert 'role="alert"' in answer.text
        assert 'value="letter 7"' in answer.text
        assert 'value="ASHAINBB"' in answer.text


async def test_what_is_offered_fits_its_state_and_the_reader_and_leads_to_a_form(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    window = await open_window(http, stack)
    operator = bearer(stack, "operator")
    pages = [
        await page(http, path, **operator)
        for path in ("/participants/asha-bank", "/people", "/windows", f"/windows/{window}", "/participants")
    ]
    offered = {
        html.unescape(found)
        for answer in pages
        for found in re.findall(r'href="/console(/changes/new/[^"]+|/participants/new)"', answer.text)
    }
    kinds = {address.partition("?")[0].rpartition("/")[2] for address in offered}
    forms = {address: await page(http, address, **operator) for address in offered}
    others = [
        await page(http, path, **bearer(stack, person))
        for path in ("/participants/asha-bank", f"/windows/{window}")
        for person in ("checker", "auditor", "regulator-in")
    ]

    assert {address for address, answer in forms.items() if answer.status != 200} == set()
    assert "/changes/new/cap.set?participant=asha-bank&currency=INR&account=position" in offered
    assert f"/changes/new/window.close?currency=INR&window={window}" in offered
    assert kinds >= {"participant.suspend", "key.revoke", "limit.set", "person.add", "schedule.set", "new"}
    assert not kinds & {"participant.resume", "participant.remove", "settlement.abort"}
    assert "/changes/new/person.suspend?name=auditor" in offered
    assert not any("name=operator" in address for address in offered)
    assert not [answer for answer in others if "/changes/new/" in answer.text]


async def test_a_regulator_sees_what_is_of_its_country_and_names_of_others(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    own = await page(http, "/participants/noor-wallet", **bearer(stack, "regulator-pk"))
    others = await page(http, "/participants/noor-wallet", **bearer(stack, "regulator-in"))
    everything = await page(http, "/participants/noor-wallet", **bearer(stack, "auditor"))

    assert "noor-wallet-1" in own.text
    assert "noor-wallet-1" in everything.text
    assert "Noor Wallet" in others.text
    assert "noor-wallet-1" not in others.text
    assert "<table" not in others.text
    assert "/changes/new/" not in own.text + everything.text


async def test_what_a_regulator_or_an_auditor_opens_is_an_event(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    connection = await stack.connect()
    try:
        start = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM ledger.event")
        await page(http, "/participants/asha-bank?x=1", **bearer(stack, "regulator-in"))
        await page(http, "/people", **bearer(stack, "auditor"))
        await page(http, "/people", **bearer(stack, "operator"))
        rows = await connection.fetch(
            "SELECT body FROM ledger.event WHERE seq > $1 AND kind = 'PAGE_READ' ORDER BY seq", start
        )
    finally:
        await connection.close()

    assert [json.loads(row["body"]) for row in rows] == [
        {"asked": {}, "caller": "person:regulator-in", "page": "/console/participants/asha-bank"},
        {"asked": {}, "caller": "person:auditor", "page": "/console/people"},
    ]


async def test_a_searched_name_does_not_stay_in_the_log(http: aiohttp.ClientSession, stack: Stack) -> None:
    """The log cannot be erased, and held every name and account that a regulator typed into the search."""
    connection = await stack.connect()
    uetr = str(uuid4())
    try:
        start = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM ledger.event")
        for asked in (f"q={uetr}", "q=Zarina+Canary&rail=PK", "q=%20zarina%20canary&name=Zarina"):
            await page(http, f"/payments?{asked}", **bearer(stack, "auditor"))
        rows = await connection.fetch(
            "SELECT body FROM ledger.event WHERE seq > $1 AND kind = 'PAGE_READ' ORDER BY seq", start
        )
    finally:
        await connection.close()

    by_id, by_name, again = [json.loads(row["body"])["asked"] for row in rows]
    assert by_id == {"q": uetr}
    assert by_name.keys() == {"q", "rail"}
    assert "zarina" not in "".join(row["body"].decode().casefold() for row in rows)
    assert again == {"q": by_name["q"]}, "the same text in another case is found again"


TYPED: Final = [
    *(f"/payments?{name}=ZarinaCanary" for name in ("rail", "source", "target", "state", "since", "until")),
    *(
        "/payments?before=ZarinaCanary",
        "/payments?direction=ZarinaCanary",
        "/payments?q=" + "ZarinaCanary" * 9,
    ),
    *("/windows?currency=ZarinaCanary", "/windows?before=-1ZarinaCanary", "/payments/ZarinaCanary"),
    *("/windows/ZarinaCanary", "/windows/ZarinaCanary/instruction.jws", "/participants/ZarinaCanary"),
    *(
        "/participants/zarina-canary",
        "/payments/" + "ZarinaCanary" * 1_000,
        "/payments?rail=" + "ZarinaCanary" * 1_000,
    ),
    *("/log?before=ZarinaCanary", "/changes?state=ZarinaCanary", "/breaks?after=ZarinaCanary"),
    "/proofs/consistency?first=ZarinaCanary",
]


async def test_text_of_a_refused_request_does_not_stay_in_the_log(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    """`rail=ZarinaCanary` was refused with 400 and kept for ever, and so was a path of 20,000 characters."""
    connection = await stack.connect()
    try:
        start = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM ledger.event")
        answers = [await page(http, path, **bearer(stack, "auditor")) for path in TYPED]
        rows = await connection.fetch(
            "SELECT body FROM ledger.event WHERE seq > $1 AND kind = 'PAGE_READ' ORDER BY seq", start
        )
    finally:
        await connection.close()
    bodies = [json.loads(row["body"]) for row in rows]

    assert {answer.status for answer in answers} <= {400, 403, 404}
    assert len(bodies) >= len(TYPED)
    assert not [body for body in bodies if "zarina" in json.dumps(body).casefold()]
    assert max(len(row["body"]) for row in rows) < 300
    assert {"/console/payments", "/console/payments/{uetr}", "/console/participants/{id}"} <= {
        body["page"] for body in bodies
    }
    assert all(value.startswith("hmac:") for body in bodies for value in body["asked"].values())


async def test_a_page_that_fetches_itself_again_is_noted_once(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    connection = await stack.connect()
    live = {"Sec-Fetch-Dest": "empty"}
    try:
        start = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM ledger.event")
        for path in ("", "/payments", "/doubt", "/held", "/positions", "/rails", "/breaks", "/changes"):
            await page(http, path, **bearer(stack, "regulator-pk"))
        opened = await connection.fetchval(
            "SELECT count(*) FROM ledger.event WHERE seq > $1 AND kind = 'PAGE_READ'", start
        )
        # Each of the workers notes a reading that it has not heard of.
        nobodys = f"/payments/{uuid4()}"
        for _ in range(20):
            await page(http, nobodys, **live, **bearer(stack, "auditor"))
        again = await connection.fetchval(
            "SELECT count(*) FROM ledger.event WHERE seq > $1 AND kind = 'PAGE_READ'", start
        )
    finally:
        await connection.close()

    assert opened == 8
    assert opened < again <= opened + stack.supervisor.settings.workers


async def open_window(http: aiohttp.ClientSession, stack: Stack, currency: str = "INR") -> int:
    _, listed = await call(
        http, "GET", f"/v1/settlements?currency={currency}", headers=bearer(stack, "operator")
    )
    window: int = next(s["window"] for s in listed if s["state"] == "OPEN")
    return window


async def closed(http: aiohttp.ClientSession, stack: Stack) -> tuple[int, Any]:
    """A window with a payment from India to Pakistan, closed by two people; its number, and it."""
    async with stack.client("asha-bank") as client:
        await client.pay(stack.document("asha-bank", "noor-wallet", amount="81.00"), wait=20)
    window = await open_window(http, stack)
    await agreed(http, stack, "window.close", {"currency": "INR", "window": window}, "checker")
    return window, await until(http, stack, window, "CLOSED")


async def ask(http: aiohttp.ClientSession, stack: Stack, kind: str, content: dict[str, Any]) -> int:
    body = {"kind": kind, "content": content, "reason": "end of day"}
    status, change = await call(http, "POST", "/v1/changes", body, headers=bearer(stack, "operator"))
    assert status == 201, change
    number: int = change["number"]
    return number


async def test_a_window_is_confirmed_by_each_central_bank_in_the_page_and_settles(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    window, found = await closed(http, stack)
    offered = await page(http, f"/windows/{window}", **bearer(stack, "operator"))
    content = {"window": window, "positions_sha256": found["positions_sha256"]}
    number = await ask(http, stack, "settlement.confirm", content)
    asked = await page(http, f"/windows/{window}", **bearer(stack, "operator"))
    banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
    before = await page(http, f"/windows/{window}", **bearer(stack, banks[0]))
    foreign = await page(http, f"/windows/{window}", **bearer(stack, "regulator-pk"))
    country_ = await page(http, "/country", **bearer(stack, banks[0]))
    for bank in banks:
        vote = {"decision": "approve", "reason": "compared"}
        status, _ = await call(http, "POST", f"/v1/changes/{number}/votes", vote, headers=bearer(stack, bank))
        assert status == 200
    voted = await page(http, f"/windows/{window}", **bearer(stack, banks[0]))
    settling = await until(http, stack, window, "SETTLING")
    agent = stack.credentials["settlement_agents"]["INR"]["bearer"]
    headers = {"Authorization": f"Bearer {agent}", "Content-Type": "application/xml"}
    async with http.post(
        "/v1/settlements/confirmations", data=status_report(settling["lines"]), headers=headers
    ) as answer:
        assert answer.status == 200
    await until(http, stack, window, "SETTLED")
    after = await page(http, f"/windows/{window}", **bearer(stack, "auditor"))
    token = await page(http, f"/windows/{window}/instruction.jws", **bearer(stack, "auditor"))

    assert f"/console/changes/new/settlement.confirm?window={window}" in offered.text
    assert f"/console/changes/new/settlement.abort?window={window}" in offered.text
    assert "recalculated from the lines below: matches" in before.text
    assert "settlement.confirm?" not in asked.text  # one request is enough
    form = f'action="/console/changes/{number}/votes"'
    assert form in before.text
    assert f'href="/console/windows/{window}"' in country_.text
    assert form not in foreign.text + asked.text + voted.text
    assert after.text.count("confirmed by regulator-") == len(banks)
    assert after.text.count('class="chip good"><span class="word">done') == len(settling["lines"])
    assert "Opening position" in after.text
    assert "/changes/new/" not in after.text
    assert token.text.count(".") == 2


async def test_a_window_of_others_shows_a_regulator_no_line(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    window, found = await closed(http, stack)
    assert all(line["country"] != "PK" for line in found["lines"])
    seen = await page(http, f"/windows/{window}", **bearer(stack, "regulator-pk"))
    denied = [
        await page(http, f"/windows/{window}/instruction.jws", **bearer(stack, person))
        for person in ("regulator-pk", "regulator-in", "participant")
    ]

    assert "No lines are visible to you" in seen.text
    assert "asha-bank" not in seen.text
    assert "silkroad-fx" not in seen.text
    assert {answer.status for answer in denied} == {403}


async def test_a_held_part_is_shown_with_its_rule(http: aiohttp.ClientSession, stack: Stack) -> None:
    window, found = await closed(http, stack)
    content = {"window": window, "positions_sha256": found["positions_sha256"]}
    banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
    await agreed(http, stack, "settlement.confirm", content, *banks)
    settling = await until(http, stack, window, "SETTLING")
    part = next(line for line in settling["lines"] if line["state"] == "INSTRUCTED")
    during = await page(http, f"/windows/{window}", **bearer(stack, "operator"))
    change = await agreed(
        http, stack, "settlement.hold", {"window": window, "participant": part["participant"]}, "checker"
    )
    after = await page(http, f"/windows/{window}", **bearer(stack, "operator"))

    link = f"/console/changes/new/settlement.hold?window={window}&amp;participant={part['participant']}"
    assert link in during.text
    assert link not in after.text
    assert "Rule: the line is held" in after.text
    assert f"two people: change {change['number']}" in after.text


async def test_there_is_no_page_of_what_there_is_not(http: aiohttp.ClientSession, stack: Stack) -> None:
    operator = bearer(stack, "operator")
    paths = (
        "/windows/999999",
        "/participants/nobody-here",
        "/request/cap.sett",
        "/windows/1/instruction.jws",
    )

    assert [(await page(http, path, **operator)).status for path in paths] == [404] * len(paths)


@pytest.mark.parametrize("language", ["ru", "zh"])
async def test_pages_speak_the_readers_language(
    http: aiohttp.ClientSession, stack: Stack, language: str
) -> None:
    """Headings, states and numbers: an English heading that is left over is a missing text."""
    window = await open_window(http, stack)
    connection = await stack.connect()
    try:
        # A new switch has its first checkpoint after a minute.
        await audit.checkpoint(connection, housekeeping.signer(stack.settings))
    finally:
        await connection.close()
    headers = {**bearer(stack, "operator"), "Accept-Language": language}
    paths = ("/windows", f"/windows/{window}", "/participants", "/participants/asha-bank", "/people")
    more = ("/participants/new", "/proofs", "/proofs/show?event=1", "/log", "/statistics")
    for path in (*paths, *more):
        answer = await page(http, path, **headers)
        headings = re.findall(r"<(?:h1|h2|th scope=\"col\"|label|legend|caption)[^>]*>([^<]+)", answer.text)
        english = [
            h for h in headings if re.search("[a-z]{4}", re.sub("payswitch|asha-bank|[a-z]+-.*", "", h))
        ]

        assert answer.status == 200
        assert not [h for h in english if not re.search(r"[\u0400-\u04ff\u4e00-\u9fff]", h)], (path, english)


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/changes?before=x", 400), ("/payments/x", 400)]
)
async def test_what_leads_nowhere_is_a_page_in_the_readers_language(
    http: aiohttp.ClientSession, stack: Stack, path: str, status: int
) -> None:
    headers = {"Accept-Language": "ru", **bearer(stack, "operator")}
    answer = await page(http, path, **headers)

    assert answer.status == status
    assert '<html lang="ru"' in answer.text
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(("error", "status"), [(OSError("CANARY"), 503), (KeyError("CANARY"), 500)])
async def test_a_database_that_is_away_is_a_page_too(error: Exception, status: int) -> None:
    handle = site.or_page(problems.on_defect, site.unexpected)
    scope = {"type": "http", "method": "GET", "headers": [], "query_string": b"", "path": "/console/rails"}
    shown = await handle(Request(scope), error)
    told = await handle(Request(scope | {"path": "/v1/rails"}), error)

    assert (shown.status_code, told.status_code) == (status, status)
    assert shown.media_type == "text/html"
    assert told.media_type == problems.MEDIA_TYPE
    assert b"CANARY" not in shown.body + told.body
    assert ("Retry-After" in shown.headers, "Retry-After" in told.headers) == (status == 503, status == 503)


@pytest.mark.parametrize(
    ("method", "error", "again", "numbered"),
    [
        ("GET", KeyError("a defect"), True, True),
        ("GET", OSError("away"), True, True),
        ("POST", OSError("away"), False, True),
        ("GET", TooManyRequests("too many requests"), True, False),
        ("GET", NotAllowed("not yours"), False, False),
    ],
)
async def test_a_page_of_an_error_says_what_to_do_and_by_which_number_it_is_found(
    method: str, error: Exception, again: bool, numbered: bool
) -> None:
    """To be tried again only where it does nothing twice; the log has the number of a failure of the switch."""
    if isinstance(error, SwitchError):
        handle = site.or_page(problems.on_switch_error)
    else:
        handle = site.or_page(problems.on_defect, site.unexpected)
    scope = {
        "type": "http",
        "method": method,
        "headers": [],
        "query_string": b"a=1",
        "path": "/console/rails",
    }
    with structlog.contextvars.bound_contextvars(request_id="0a1b2c3d-0000"):
        text = bytes((await handle(Request(scope), error)).body).decode()

    assert ('href="/console/rails?a=1"' in text) is again
    assert ("<code>0a1b2c3d-0000</code>" in text) is numbered
    assert text.lower().count("too many requests") <= 2  # title and heading, not once more


async def test_a_payment_that_waits_for_its_rail_is_held_and_then_is_not(
    http: aiohttp.ClientSession, stack: Stack
) -> None:
    until_then = datetime.now(UTC) + timedelta(seconds=7)  # before its expiry
    await control(stack, "PK", "POST", "/hours", {"closed_until": until_then.isoformat()})
    async with stack.client("asha-bank") as client:
        first = await client.pay(stack.document("asha-bank", "noor-wallet"))
        async with asyncio.timeout(6):
            while (await client.payment(first.uetr)).state != "RESERVED":
                await asyncio.sleep(0.05)
        held = await page(http, "/held", **bearer(stack, "operator"))
        journey = await page(http, f"/payments/{first.uetr}", **bearer(stack, "operator"))
        ended = await client.payment(first.uetr, wait=20)
    later = await page(http, "/held", **bearer(stack, "operator"))

    assert first.uetr in held.text
    assert "asha-bank" in held.text
    assert "RESERVED" in journey.text
    assert ended.state == "COMMITTED"
    assert first.uetr not in later.text
