"""The integrator's client: what it sends, what it makes of answers, and when it tries again."""

import json

import pytest
from aiohttp import web

from schemas import codec
from schemas.signing.http_signatures import SigningKey
from switch.clients.python import (
    Amount,
    AsyncClient,
    NoAnswer,
    Overloaded,
    RequestRefused,
    credit_transfer,
)
from switch.clients.python.exchange import Exchange, Request, Response
from tests.clients.answering_server import KEY, UETR, answering, cut, problem, status_report

BODY = b'{"Document":  {}}'


def transfer(**changes):
    fields = {
        "debtor_agent": "HDFCINBB",
        "debtor": "Asha Rao",
        "debtor_account": "50100012345678",
        "creditor_agent": "SCBLPKKX",
        "creditor": "Bilal Khan",
        "creditor_account": "PK36SCBL0000001123456702",
        "amount": "1000.00",
        "currency": "INR",
    }
    return credit_transfer(**(fields | changes))


async def test_a_final_payment_is_reported(server, client):
    server.answers += [status_report("ACCC")]

    state = await client.pay(transfer(), wait=5)
    assert (state.uetr, state.status, state.final) == (UETR, "ACCC", True)
    request, _ = server.requests[0]
    assert request.path == "/v1/iso20022/pacs.008"
    assert request.headers["Prefer"] == "wait=5"
    assert request.headers["Accept"] == "application/json"


async def test_a_payment_in_flight_is_not_final(server, client):
    server.answers += [status_report("ACSP", http=202)]

    assert not (await client.pay(transfer())).final
    assert "Prefer" not in server.requests[0][0].headers


@pytest.mark.parametrize("http", [200, 422])
async def test_a_refused_payment_is_an_answer_not_an_error(server, client, http):
    server.answers += [status_report("RJCT", "AC04", http=http)]

    state = await client.pay(transfer())
    assert (state.status, state.reason, state.final) == ("RJCT", "AC04", True)


async def test_bytes_are_sent_as_they_are(server, client):
    server.answers += [status_report("ACCC"), status_report("ACCC")]
    await client.pay(BODY)
    await client.pay(b"<Document/>", media_type="application/xml")

    assert [body for _, body in server.requests] == [BODY, b"<Document/>"]
    assert [r.headers["Content-Type"] for r, _ in server.requests] == ["application/json", "application/xml"]


@pytest.mark.parametrize("failure", [cut, problem(500), problem(503, "AB10"), problem(429), problem(502)])
async def test_a_retry_sends_the_same_bytes_under_a_new_nonce(server, client, failure):
    server.answers += [failure, failure, status_report("ACCC")]

    assert (await client.pay(transfer())).status == "ACCC"
    bodies = {body for _, body in server.requests}
    assert (len(server.requests), len(bodies), len(set(server.nonces))) == (3, 1, 3)


async def test_an_unknown_outcome_is_learnt_by_the_same_message(server, client):
    """The switch may have taken it: a new UETR would be a second payment."""
    server.answers += [problem(503, name="outcome-unknown"), problem(503, "AB10", name="unavailable")]
    server.answers += [status_report("ACCC")]

    assert (await client.pay(transfer())).status == "ACCC"
    assert len({body for _, body in server.requests}) == 1


async def test_an_outcome_that_stays_unknown_is_reported_as_such(server):
    server.answers += [problem(503, name="outcome-unknown")] * 2
    async with AsyncClient(server.url, key=KEY, tries=2) as client:
        with pytest.raises(NoAnswer, match="http 503 outcome-unknown"):
            await client.pay(transfer())


@pytest.mark.parametrize("failure", [cut, problem(500), problem(503), problem(429)])
async def test_when_every_try_fails_the_outcome_is_not_known(server, failure):
    server.answers += [failure, failure]
    async with AsyncClient(server.url, key=KEY, tries=2) as client:
        with pytest.raises(NoAnswer, match="2 tries"):
            await client.pay(transfer())


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_caller_decides_nothing_about_an_earlier_try(server, status):
    """The first try may have moved money; that the second was not let in does not undo it."""
    server.answers += [cut, problem(status)]
    async with AsyncClient(server.url, key=KEY, tries=2) as client:
        with pytest.raises(NoAnswer):
            await client.pay(transfer())


@pytest.mark.parametrize(("status", "reason"), [(400, "FF01"), (401, "DS0H"), (409, "DUPL"), (415, "FF01")])
async def test_a_problem_is_raised_at_once(server, client, status, reason):
    server.answers += [problem(status, reason)]

    with pytest.raises(RequestRefused) as raised:
        await client.pay(transfer())
    assert (raised.value.status, raised.value.reason) == (status, reason)
    assert len(server.requests) == 1


def page(status: int, text: str = "<html>", media_type: str = "text/html"):
    async def handler(_):
        headers = {"Location": "http://127.0.0.1:9/"}
        return web.Response(status=status, text=text, headers=headers, content_type=media_type)

    return handler


async def not_gzip(_):
    return web.Response(
        body=b"no gzip", headers={"Content-Encoding": "gzip"}, content_type="application/json"
    )


BROKEN = [
    page(200),
    page(200, '{"ok": true}', "application/json"),
    page(200, "", "application/json"),
    page(200, '{"Document": ', "application/json"),
    not_gzip,
]
PROBLEM = "application/problem+json"
NOT_OURS = [
    '{"type": "/docs/problems#unavail',
    "[]",
    "null",
    '{"type": "about:blank", "errors": {"amount": ["required"]}}',
    '{"type": 7, "errors": ["no"], "detail": null}',
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_success_without_the_answer_of_the_switch_decides_nothing(server, client, broken):
    """The payment was taken as refused: a proxy had answered 200 in place of the switch, which had credited it."""
    server.answers += [broken, broken, status_report("ACCC")]

    assert (await client.pay(transfer())).status == "ACCC"
    assert len({body for _, body in server.requests}) == 1


@pytest.mark.parametrize("text", NOT_OURS)
async def test_a_problem_that_is_not_the_switchs_decides_nothing(server, client, text):
    """A proxy's own form of problems, or half a problem, ended a call with an error of the JSON parser."""
    server.answers += [page(503, text, PROBLEM), page(503, text, PROBLEM), status_report("ACCC")]

    assert (await client.pay(transfer())).status == "ACCC"
    assert len({body for _, body in server.requests}) == 1


async def test_a_resource_that_is_cut_in_its_middle_is_read_again(server, client):
    server.answers += [
        page(200, '[{"country": "IN"', "application/json"),
        page(200, "[]", "application/json"),
    ]

    assert await client.read("rails") == []


async def test_a_page_of_a_proxy_decides_nothing_of_an_earlier_try(server, client):
    server.answers += [cut, page(404), status_report("ACCC")]

    assert (await client.pay(transfer())).status == "ACCC"


@pytest.mark.parametrize("status", [301, 404])
async def test_an_answer_that_is_not_the_switchs_is_a_problem(server, client, status):
    server.answers.append(page(status))

    with pytest.raises(RequestRefused, match="not a response"):
        await client.pay(transfer())


async def test_a_payment_is_read_with_its_journey(server, client):
    journey = [{"event": "RESERVE", "at": "2026-11-23T10:00:00Z"}]
    server.answers += [
        answering(
            {
                "uetr": UETR,
                "state": "COMMITTED",
                "status": "ACCC",
                "reason": None,
                "journey": journey,
                "fee": {"currency": "INR", "amount": "6.00"},
                "rail": "PK",
                "rail_name": "Raast",
                "a member of tomorrow": 1,
            }
        )
    ]

    state = await client.payment(UETR, wait=3)
    assert (state.rail, state.rail_name) == ("PK", "Raast")
    assert (state.state, state.journey, state.fee) == ("COMMITTED", journey, Amount("INR", "6.00"))
    assert server.requests[0][0].raw_path == f"/v1/payments/{UETR}?wait=3"


async def test_reads_carry_their_query_under_the_signature(server, client):
    server.answers += [answering([]), answering([{"currency": "INR"}])]

    assert await client.read("quotes", source="INR", note="a b&c") == []
    assert await client.positions() == [{"currency": "INR"}]
    assert [r.path for r, _ in server.requests] == ["/v1/quotes", "/v1/positions"]


async def test_a_bearer_key_is_sent_and_nothing_is_signed(server):
    server.answers += [status_report("ACCC")]
    async with AsyncClient(server.url, bearer="sk_test_1") as client:
        await client.pay(transfer())

    headers = server.requests[0][0].headers
    assert headers["Authorization"] == "Bearer sk_test_1"
    assert "Signature" not in headers


def test_one_way_to_prove_oneself_is_needed():
    for proof in ({}, {"key": KEY, "bearer": "sk_test_1"}):
        with pytest.raises(ValueError, match="either"):
            AsyncClient("http://127.0.0.1:1", **proof)


async def test_a_sandbox_participant_is_read_from_its_credentials(server, tmp_path):
    entry = {"id": "IN-1", "keyid": KEY.keyid, "private_key": KEY.pem.decode(), "bearer": "sk_test_1"}
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"url": server.url, "participants": [entry]}))
    server.answers += [answering([])]
    async with AsyncClient.of_sandbox(path, "IN-1") as client:
        assert await client.positions() == []
    assert len(server.nonces) == 1
    with pytest.raises(KeyError):
        AsyncClient.of_sandbox(path, "XX")


async def test_a_stranger_is_not_believed(server):
    """The server of these tests does check: another key under the same name gets no further."""
    server.answers += [status_report("ACCC")]
    async with AsyncClient(server.url, key=SigningKey.generate(KEY.keyid), tries=1) as client:
        with pytest.raises(NoAnswer):
            await client.pay(transfer())
    assert server.requests == []


def transaction(document):
    return document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]


def test_a_transfer_is_a_valid_message():
    document = transfer(creditor_account="asha@okbank", remittance="invoice 7 " * 20)
    message = codec.decode(json.dumps(document).encode(), media_type="application/json", expect="pacs.008")

    assert message.id == "pacs.008.001.08"


@pytest.mark.parametrize(
    "amount", ["1e3", "-1", "1.0001", "1_000", "0", "0.00", ".5", "1,000", " 1", "\u0661", ""]
)
def test_an_amount_that_is_no_amount_is_refused_before_anything_is_sent(amount):
    with pytest.raises(ValueError, match="plain decimal number"):
        transfer(amount=amount)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("PK36SCBL0000001123456702", {"Id": {"IBAN": "PK36SCBL0000001123456702"}}),
        ("50100012345678", {"Id": {"Othr": {"Id": "50100012345678"}}}),
        ("asha@okbank", {"Id": {"Othr": {"Id": "asha@okbank"}}, "Prxy": {"Id": "asha@okbank"}}),
    ],
)
def test_an_account_is_an_iban_a_number_or_a_proxy(account, expected):
    assert transaction(transfer(creditor_account=account))["CdtrAcct"] == expected


def test_a_uetr_is_made_once_and_kept():
    assert transaction(transfer(uetr=UETR))["PmtId"]["UETR"] == UETR
    first, second = (transaction(transfer())["PmtId"]["UETR"] for _ in range(2))
    assert first != second


async def test_a_list_is_read_page_after_page_by_the_addresses_that_the_switch_gives(server, client):
    def page(numbers: list[int], more: str) -> web.Response:
        headers = {"Link": f'<{more}>; rel="next"'} if more else {}
        return web.json_response([{"window": number} for number in numbers], headers=headers)

    async def first(_):
        return page([3, 2], "/v1/windows?limit=2&before=2")

    async def second(_):
        return page([1], "")

    server.answers += [first, second]

    found = [entry["window"] async for entry in client.entries("windows", limit="2")]

    assert found == [3, 2, 1]
    assert [str(request.rel_url) for request, _ in server.requests] == [
        "/v1/windows?limit=2",
        "/v1/windows?limit=2&before=2",
    ]


@pytest.mark.parametrize(
    "page", [[1, 2], {"messages": [1, 2], "next": 2, "more": False}], ids=["list", "object"]
)
async def test_the_entries_of_an_object_are_those_of_its_list(server, client, page):
    async def answer(_):
        return web.json_response(page)

    server.answers.append(answer)

    assert [entry async for entry in client.entries("messages")] == [1, 2]


async def test_a_next_page_of_another_server_is_not_fetched(server, client):
    async def astray(_):
        return web.json_response([1], headers={"Link": '<http://127.0.0.1:9/v1/windows>; rel="next"'})

    server.answers.append(astray)

    assert [entry async for entry in client.entries("windows")] == [1]


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "1", "retry-after-ms": "240"}, 0.34, 0.44),
        ({"retry-after": "2"}, 2.1, 2.2),
        ({"retry-after": "3600"}, 10.1, 10.2),
        ({"retry-after-ms": "soon"}, 0.1, 0.2),
    ],
)
def test_a_repetition_is_not_earlier_than_the_switch_states_and_each_client_has_its_own(headers, least, most):
    exchange = Exchange("http://127.0.0.1:9", KEY, None, tries=2)
    body = {"type": "/docs/problems#overloaded", "retryable": True, "retry_after_ms": 240, "reason": "AB10"}
    content = json.dumps(body).encode()
    refused = Response(503, {"content-type": "application/problem+json", **headers}, content)
    pauses = set()
    for _ in range(20):
        steps = exchange.ask(Request("GET", exchange.url("rails")))
        next(steps)
        pauses.add(steps.send(refused))
        next(steps)
        with pytest.raises(NoAnswer) as gone:
            steps.send(refused)
    assert least <= min(pauses) < max(pauses) <= most
    assert isinstance(gone.value.last, Overloaded)
    assert gone.value.last.retry_after_ms == 240
