"""What anybody on the bridge's network may send: it is refused, answered in time, and repeated to nobody."""

import asyncio
import gzip
import json
import resource
import socket

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from adapters.simulation.magic import magic_account
from switch.fspiop.server import STRANGERS_MAX
from tests.switch.fspiop.dfsp import BridgeProcess, Dfsp
from tests.switch.fspiop.offers import offer_of

PAYEE = magic_account("PK", "")
NAME = "Zebulon Quartermaine"
"""A name that no answer and no line of the log may repeat."""


@pytest.fixture
async def dfsp():
    dfsp = Dfsp()
    runner = await dfsp.start()
    yield dfsp
    await runner.cleanup()


@pytest.fixture
async def bridge(dfsp, tmp_path):
    """A bridge whose switch is away: what is hostile needs none."""
    form = serialization.PrivateFormat.PKCS8
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    nobody = {"id": "asha-bank", "keyid": "asha-bank-1", "private_key": pem}
    bridge = BridgeProcess.configured(tmp_path / "bridge", dfsp, "http://127.0.0.1:1", nobody)
    await asyncio.to_thread(bridge.start)
    yield bridge
    if bridge.process is not None:
        await asyncio.to_thread(bridge.stop)


async def test_hostile_requests_are_refused_and_repeated_to_nobody(dfsp, bridge):
    quote = dfsp.quote("indus-bank", "IBAN", PAYEE)
    for date in (f"Mon, 23 Nov 2026 10:15:00 +{'9' * 20}", "Mon, 99 Nov 2026 10:15:00 GMT", "x" * 5000):
        assert await _code(dfsp.post("quotes", quote, date=date)) == (400, "3101"), date
    for body in (*HOSTILE_BODIES, _half_a_pair(quote)):
        assert await _code(dfsp.send("POST", "/quotes", body)) == (400, "3101"), body[:40]
    for body in (gzip.compress(b"{}"), b"no gzip"):
        assert await _code(dfsp.send("POST", "/quotes", body, content_encoding="gzip")) == (400, "3101")
    too_large = json.dumps({"GrpHdr": NAME * 20_000}).encode()
    assert await _code(dfsp.send("POST", "/quotes", too_large)) == (400, "3104")

    port = int(dfsp.bridge.rpartition(":")[2])
    for raw in HOSTILE_BYTES:
        seen = await asyncio.to_thread(_exchange, port, raw)
        assert seen.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 501")), raw[:40]
        assert seen.count(b"HTTP/1.") == 1, "a second request was smuggled in"

    logged = await asyncio.to_thread(bridge.stop)
    assert {"failed"} & {line["event"] for line in logged} == set()
    assert {line["event"] for line in logged} >= {"broken_request", "stopped"}
    assert NAME not in json.dumps(logged)
    assert dfsp.told == []


async def _code(sent):
    answer = await sent
    assert NAME not in answer.text
    return answer.status_code, answer.json()["errorInformation"]["errorCode"]


def _half_a_pair(quote):
    """Half of a surrogate pair: JSON can state it, and it is no text."""
    quote["CdtTrfTxInf"]["Cdtr"]["Nm"] = f"{NAME} \ud800"
    return json.dumps(quote).encode()


HOSTILE_BODIES = (
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b"[" * 100_000,
    b'{"a":NaN}',
    b'{"a":1,"a":2}',
    b"\xef\xbb\xbf{}",
    b'{"a":"\xe9"}',
    b"[]",
    b"",
)
_HEAD = (
    b"Host: x\r\nAccept: application/vnd.interoperability.iso20022.parties+json;version=2.0\r\n"
    b"Date: Mon, 23 Nov 2026 10:15:00 GMT\r\nFSPIOP-Source: asha-dfsp\r\nConnection: close\r\n"
)
_ASKED = b"GET /parties/IBAN/PK1 HTTP/1.1\r\n" + _HEAD
_SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
HOSTILE_BYTES = (
    b"POST /quotes HTTP/1.1\r\n"
    + _HEAD
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + _SMUGGLED,
    b"POST /quotes HTTP/1.1\r\n" + _HEAD + b"Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd" + _SMUGGLED,
    _ASKED + b"FSPIOP-Source: other\r\n\r\n",
    _ASKED.replace(b"FSPIOP-Source", b"FSPIOP_Source") + b"\r\n",
    _ASKED + b"X: a\r\n b\r\n\r\n",
    _ASKED + f"X: {NAME}\x00\r\n\r\n".encode(),
    _ASKED + b"X: a\rFSPIOP-Source: other\r\n\r\n",
    _ASKED.replace(b"PK1", b"%00") + b"\r\n",
    _ASKED.replace(b"PK1", b"..%2f..%2fx") + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"\x16\x03\x01" + b"\x00" * 40 + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\nX: " + NAME.encode() * 5_000 + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"".join(b"X%d: a\r\n" % number for number in range(500)) + b"\r\n",
)


def _exchange(port, raw):
    """Send bytes; get what comes until the bridge closes the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(raw)
        while more := connection.recv(65536):
            found += more
    return found


async def test_a_transfer_that_is_replayed_or_changed_is_one_transfer(dfsp, bridge):
    """The same bytes again, the same id with other content, another id for the same quote, another sender."""
    offer = offer_of(dfsp, (bridge.folder / "ilp.secret").read_bytes())
    transfer = dfsp.transfer({"CdtTrfTxInf": offer})
    for _ in range(3):
        assert (await dfsp.post("transfers", transfer)).status_code == 202
    other = dfsp.transfer({"CdtTrfTxInf": offer}, 61) | {"GrpHdr": dfsp.header(59)}
    other["CdtTrfTxInf"]["PmtId"] = transfer["CdtTrfTxInf"]["PmtId"]

    assert await _code(dfsp.post("transfers", other)) == (400, "3106")
    assert await _code(dfsp.post("transfers", dfsp.transfer({"CdtTrfTxInf": offer}))) == (400, "3100")
    assert await _code(dfsp.post("transfers", transfer, signed=False)) == (400, "3105")
    assert await _code(dfsp.post("transfers", transfer, fspiop_source="noor-wallet")) == (403, "3202")
    moved = await dfsp.post("transfers", transfer, fspiop_uri="/quotes")
    assert moved.status_code == 400

    await asyncio.to_thread(bridge.kill)
    await asyncio.to_thread(bridge.start)
    assert (await dfsp.post("transfers", transfer)).status_code == 202
    async with httpx.AsyncClient(trust_env=False) as http:
        health = (await http.get(f"{dfsp.bridge}/health")).json()
    assert health == {"status": "OK", "open_transfers": 1, "waiting_callbacks": 0}
    assert [each.path for each in dfsp.told] == []


async def test_connections_of_strangers_leave_room_for_the_dfsp(dfsp, bridge):
    """Idle connections, and heads that never end: the oldest are closed, and the DFSP is served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    port = int(dfsp.bridge.rpartition(":")[2])
    held = []
    try:
        for number in range(STRANGERS_MAX + 200):
            held.append(await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port), 10))
            if number % 2:
                held[-1].sendall(b"GET /hea")
        quote = dfsp.quote("indus-bank", "IBAN", PAYEE)
        assert (await dfsp.post("quotes", quote)).status_code == 202
        async with asyncio.timeout(10):
            while sum(map(_is_closed, held)) < 200:
                await asyncio.sleep(0.1)
        assert _is_closed(held[0])
        assert not _is_closed(held[-1])
    finally:
        for each in held:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
