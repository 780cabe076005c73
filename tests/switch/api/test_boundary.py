"""The strict boundary: whatever bytes come, a clear 4xx problem, nothing done, nothing said back."""

import asyncio
import contextlib
import gzip
import json
import uuid
from typing import Any

import aiohttp
import pytest

from schemas import codec
from tests.switch.stack import Stack

CANARY = "CANARY7391"
JSON, XML = "application/json", "application/xml"


def good(stack: Stack) -> dict[str, Any]:
    document = stack.document("asha-bank", "noor-wallet")
    document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["Dbtr"]["Nm"] = CANARY
    return document


def as_json(stack: Stack) -> bytes:
    return json.dumps(good(stack)).encode()


def as_xml(stack: Stack) -> bytes:
    decoded = codec.decode(as_json(stack), media_type=JSON, expect="pacs.008")
    return codec.encode(decoded.id, decoded.document, media_type=XML)


def swap(old: str, new: str):
    def change(raw: bytes) -> bytes:
        changed = raw.replace(old.encode(), new.encode("utf-8", "surrogatepass"), 1)
        assert changed != raw
        return changed

    return change


AMOUNT_JSON = '"Amt": "100.00"'
# fmt: off
JSON_ROWS = {
    "empty":                   lambda _: b"",
    "not JSON":                lambda raw: raw[:-7],
    "trailing bytes":          lambda raw: raw + b"{}",
    "an array":                lambda raw: b"[" + raw + b"]",
    "null":                    lambda _: b"null",
    "duplicate key":           swap(AMOUNT_JSON, '"Amt": "1.00", ' + AMOUNT_JSON),
    "duplicate key, escaped":  swap(AMOUNT_JSON, '"\\u0041mt": "1.00", ' + AMOUNT_JSON),
    "float amount":            swap(AMOUNT_JSON, '"Amt": 100.00'),
    "integer amount":          swap(AMOUNT_JSON, '"Amt": 100'),
    "huge integer":            swap(AMOUNT_JSON, '"Amt": ' + "9" * 5000),
    "exponent amount":         swap(AMOUNT_JSON, '"Amt": "1e3"'),
    "signed amount":           swap(AMOUNT_JSON, '"Amt": "-100.00"'),
    "underscored amount":      swap(AMOUNT_JSON, '"Amt": "1_000"'),
    "blank in amount":         swap(AMOUNT_JSON, '"Amt": " 100.00"'),
    "foreign digits":          swap(AMOUNT_JSON, '"Amt": "\u0661\u0660\u0660"'),
    "NaN":                     swap(AMOUNT_JSON, '"Amt": NaN'),
    "Infinity":                swap(AMOUNT_JSON, '"Amt": -Infinity'),
    "lone surrogate escaped":  swap(CANARY, CANARY + "\\ud800"),
    "NUL escaped":             swap(CANARY, CANARY + "\\u0000"),
    "control character":       swap(CANARY, CANARY + "\\u0007"),
    "raw NUL":                 swap(CANARY, CANARY + "\x00"),
    "raw newline in a string": swap(CANARY, CANARY + "\n"),
    "invalid UTF-8":           lambda raw: raw.replace(CANARY.encode(), b"\xff\xfe"),
    "encoded surrogate":       lambda raw: raw.replace(CANARY.encode(), b"\xed\xa0\x80"),
    "overlong":                lambda raw: raw.replace(CANARY.encode(), b"\xc0\x80"),
    "BOM":                     lambda raw: b"\xef\xbb\xbf" + raw,
    "UTF-16":                  lambda raw: raw.decode().encode("utf-16"),
    "deep":                    lambda _: b"[" * 100_000,
    "deep objects":            lambda _: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "unknown element":         swap('"Dbtr":', '"Zzz": "x", "Dbtr":'),
    "prototype":               swap('"Dbtr":', '"__proto__": {"a": 1}, "Dbtr":'),
    "missing element":         swap('"ChrgBr"', '"ChrgBx"'),
    "object for a list":       lambda raw: json.dumps({"Document": {"FIToFICstmrCdtTrf": {
                                   **json.loads(raw)["Document"]["FIToFICstmrCdtTrf"], "CdtTrfTxInf": {}}}}).encode(),
    "oversize":                lambda raw: raw + b" " * (300 * 1024),
    "XML sent as JSON":        lambda _: b"<Document/>",
}
XML_ROWS = {
    "empty":                   lambda _: b"",
    "truncated":               lambda raw: raw[:-20],
    "DOCTYPE":                 lambda raw: b"<!DOCTYPE a>" + raw,
    "billion laughs":          lambda _: b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><l>&b;</l>',
    "external entity":         lambda raw: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + swap(CANARY, "&x;")(raw),
    "comment in a value":      swap(CANARY, CANARY[:4] + "<!-- -->" + CANARY[4:]),
    "processing instruction":  swap(CANARY, CANARY + "<?x y?>"),
    "wrong namespace":         swap("pacs.008.001.08", "pacs.008.001.99"),
    "another message":         swap("pacs.008.001.08", "pacs.002.001.10"),
    "UTF-16":                  lambda raw: raw.decode().encode("utf-16"),
    "declared latin-1":        lambda raw: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + raw.partition(b"?>")[2],
    "character reference 0":   swap(CANARY, CANARY + "&#0;"),
    "invalid UTF-8":           lambda raw: raw.replace(CANARY.encode(), b"\xff\xfe"),
    "deep":                    lambda _: b"<a>" * 20_000,
    "many siblings":           lambda _: b"<a>" + b"<b/>" * 60_000 + b"</a>",
    "element of no schema":    swap("<ChrgBr>", "<Zzz>x</Zzz><ChrgBr>"),
    "wrong order":             swap("<GrpHdr>", "<CdtTrfTxInf></CdtTrfTxInf><GrpHdr>"),
    "two documents":           lambda raw: raw + raw,
    "unknown attribute":       swap("<ChrgBr>", '<ChrgBr a="1">'),
    "xsi:nil":                 swap("<ChrgBr>", '<ChrgBr xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">'),
    "oversize":                lambda raw: raw + b" " * (300 * 1024),
    "JSON sent as XML":        lambda _: b"{}",
}
# fmt: on


async def post(stack: Stack, raw: bytes, **headers: str) -> tuple[int, str, bytes]:
    sent = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Content-Type": JSON,
        **headers,
    }
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{stack.url}/v1/iso20022/pacs.008", data=raw, headers=sent) as answer:
            return answer.status, answer.content_type, await answer.read()


def assert_clear_problem(answer: tuple[int, str, bytes]) -> dict[str, Any]:
    status, kind, raw = answer
    assert 400 <= status < 500, (status, raw)
    assert kind == "application/problem+json"
    assert CANARY.encode() not in raw
    problem: dict[str, Any] = json.loads(raw)
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["reason"]
    assert problem["retryable"] is False
    return problem


@pytest.mark.parametrize("row", JSON_ROWS)
async def test_hostile_json_is_a_clear_problem(stack: Stack, row: str) -> None:
    assert_clear_problem(await post(stack, JSON_ROWS[row](as_json(stack))))


@pytest.mark.parametrize("row", XML_ROWS)
async def test_hostile_xml_is_a_clear_problem(stack: Stack, row: str) -> None:
    assert_clear_problem(await post(stack, XML_ROWS[row](as_xml(stack)), **{"Content-Type": XML}))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "application/json; boundary=x"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"Accept": "image/png"}, 406),
        ({"Authorization": "Bearer sk_test_wrong"}, 401),
        ({"Authorization": "Basic x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Signature": "sig=:AAAA:"}, 401),
        ({"Signature-Input": "sig=()", "Signature": "x"}, 401),
    ],
)
async def test_wrong_headers_are_a_clear_problem(stack: Stack, headers: dict[str, str], status: int) -> None:
    raw = as_json(stack)
    if headers.get("Content-Encoding") == "gzip":
        raw = gzip.compress(raw)
    problem = assert_clear_problem(await post(stack, raw, **headers))

    assert problem["status"] == status


async def test_a_malformed_message_gets_admi_002_where_only_xml_is_accepted(stack: Stack) -> None:
    status, kind, raw = await post(stack, b"<x/>", **{"Content-Type": XML, "Accept": XML})

    assert (status, kind) == (400, XML)
    assert codec.decode(raw, media_type=XML).id == "admi.002.001.01"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/iso20022/pacs.008", 405),
        ("POST", "/v1/iso20022/pacs.999", 404),
        ("POST", "/rails/XX", 404),
        ("POST", "/rails/IN", 400),
        ("GET", "/v1/payments/not-a-uetr", 400),
        ("GET", "/v1/payments/9d8bad84-1f74-4ff6-a9db-9eb9fc5489c6?wait=x", 400),
        ("GET", "/v1/payments/9d8bad84-1f74-4ff6-a9db-9eb9fc5489c6", 404),
        ("GET", "/v1/windows/999999999999999999999999", 400),
        ("GET", "/v1/windows/0", 400),
        ("GET", "/v1/windows/999999", 404),
    ],
)
async def test_wrong_addresses_are_a_clear_problem(stack: Stack, method: str, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}"}
    async with aiohttp.ClientSession() as session:
        async with session.request(method, stack.url + path, headers=headers) as answer:
            problem = assert_clear_problem((answer.status, answer.content_type, await answer.read()))

    assert problem["status"] == status


async def test_a_problem_links_its_explanation(stack: Stack) -> None:
    problem = assert_clear_problem(await post(stack, b"{"))
    async with aiohttp.ClientSession() as session:
        async with session.get(stack.url + problem["type"]) as answer:
            assert answer.status == 200
            assert f'id="{problem["type"].partition("#")[2]}"' in await answer.text()


async def test_every_read_needs_a_caller(stack: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        for path in (
            "payments/" + str(uuid.uuid4()),
            "positions",
            "windows",
            "windows/1",
            "participants",
            "corridors",
            "rails",
        ):
            async with session.get(f"{stack.url}/v1/{path}") as answer:
                assert answer.status == 401, path


async def raw_exchange(stack: Stack, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(stack.settings.host, stack.settings.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(65536), 10)
    finally:
        await hang_up(writer)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /v1/iso20022/pacs.008 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /v1/iso20022/pacs.008 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/iso20022/pacs.008 HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/iso20022/pacs.008 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_http_gets_4xx_or_a_closed_connection(stack: Stack, request_bytes: bytes) -> None:
    answer = await raw_exchange(stack, request_bytes)

    assert answer == b"" or answer.split(b" ")[1].startswith(b"4")


async def test_a_header_without_end_is_cut_off(stack: Stack) -> None:
    reader, writer = await asyncio.open_connection(stack.settings.host, stack.settings.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ")
    answer = b""
    try:
        for _ in range(64):
            writer.write(b"a" * 0x10000)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(65536), 10)
    except ConnectionError:
        pass
    finally:
        await hang_up(writer)

    assert answer == b"" or b" 431 " in answer.splitlines()[0]


async def test_two_requests_in_one_segment_are_both_answered(stack: Stack) -> None:
    answer = await raw_exchange(
        stack,
        b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )

    assert answer.count(b"HTTP/1.1 200") >= 1


async def test_a_body_without_end_is_cut_off_at_the_limit(stack: Stack) -> None:
    reader, writer = await asyncio.open_connection(stack.settings.host, stack.settings.port)
    writer.write(b"POST /v1/iso20022/pacs.008 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while sent < 64 and not reader.at_eof():
            writer.write(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
            await writer.drain()
            sent += 1
        answer = await asyncio.wait_for(reader.read(65536), 10)
    except ConnectionError:
        answer = b""
    finally:
        await hang_up(writer)

    assert answer == b"" or b" 413 " in answer.splitlines()[0]
