"""The load process sends what a participant would, and counts only what became final."""

import asyncio
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from loadtests.generator import PATH, UETR, Load, Messages, MessageTemplate, Sender, dated, run, shares
from schemas.signing import http_signatures
from schemas.signing.http_signatures import SigningKey

KEY = SigningKey.generate("IN-1:2026")
TEMPLATE = MessageTemplate("application/xml", "PK", f"<U>{UETR}</U><H>{UETR.replace('-', '')}</H>")
SENDER = Sender(KEY.keyid, KEY.pem.decode(), "asha-bank", 1.0, "127.0.0.1", [TEMPLATE])


def split(request: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Header lines and body of a request."""
    head, body = request.split(b"\r\n\r\n", 1)
    lines = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
    return [(name.lower(), value) for name, value in lines], body


def test_each_message_is_signed_and_has_its_own_uetr():
    messages = Messages(SENDER, "127.0.0.1:8320")
    seen = set()
    for _ in range(20):
        headers, body = split(messages.next().request)
        stated = http_signatures.parse(headers)
        http_signatures.verify(
            stated,
            method="POST",
            authority="127.0.0.1:8320",
            path=PATH,
            headers=headers,
            body=body,
            key=KEY.public,
            now=stated.created,
        )
        uetr = uuid.UUID(body[3:39].decode())
        assert body == f"<U>{uetr}</U><H>{uetr.hex}</H>".encode()
        assert (uetr.version, uetr.variant) == (4, uuid.RFC_4122)
        assert dict(headers)[b"content-length"] == str(len(body)).encode()
        seen.add(uetr)

    assert len(seen) == 20


def answer(status: str, body: bytes) -> bytes:
    """An HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


FINAL = answer("200 OK", b"<TxSts>ACCC</TxSts>")
REFUSED = answer("200 OK", b"<TxSts>RJCT</TxSts><Rsn><Cd>AC04</Cd></Rsn>")
FLYING = answer("202 Accepted", b"<TxSts>ACSP</TxSts>")
FULL = answer("503 Service Unavailable", b'{"reason": "AB10"}')


async def result_of(*answers: bytes, rate_per_s: float = 0.0, pause_s: float = 0.001):
    """What the load process reports of a switch that gives these answers in turn, for ever."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(dict(split(head)[0])[b"content-length"]))
            given = answers[count % len(answers)]
            count += 1
            # In two pieces, as networks do.
            writer.write(given[:20])
            await asyncio.sleep(pause_s)
            writer.write(given[20:])

    def ignore_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await serve(reader, writer)
            except asyncio.IncompleteReadError:
                writer.close()

        return asyncio.ensure_future(guarded())

    server = await asyncio.start_server(ignore_end, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    load = Load(host, port, [SENDER], connections=4, warm_up_s=0.05, seconds=0.2, rate_per_s=rate_per_s)
    result = await run(load)
    server.close()
    assert sum(result.answers.values()) == count
    return result


async def test_final_payments_are_counted_with_their_latency():
    result = await result_of(FINAL)

    assert 0 < result.payments <= result.answers["200 ACCC"]
    assert len(result.latencies_ms) == result.payments == result.ended
    assert result.latencies_ms == sorted(result.latencies_ms)
    assert min(result.latencies_ms) > 1


@pytest.mark.parametrize(
    ("given", "said"), [(REFUSED, "200 RJCT AC04"), (FLYING, "202 ACSP"), (FULL, "503 AB10")]
)
async def test_what_is_not_final_is_no_payment(given, said):
    result = await result_of(given)

    assert result.payments == 0
    assert set(result.answers) == {said}


async def test_an_open_loop_counts_from_when_a_payment_was_due():
    """Four connections of 0.1 s each serve 40 a second: at 200 a second payments wait for a connection."""
    result = await result_of(FINAL, rate_per_s=200.0, pause_s=0.1)

    assert result.begun == result.payments  # those due while it measured all ended, though later
    assert result.answered < result.begun
    assert result.ended <= result.answered
    assert result.latencies_ms[0] >= 100
    assert result.latencies_ms[-1] > 300
    assert result.in_flight_max == 4
    assert result.unsent == 0


async def test_what_was_paid_is_counted_by_rail_sender_and_representation():
    result = await result_of(FINAL)

    assert result.by_rail == {"PK": result.payments}
    assert result.by_sender == {"asha-bank": result.payments}
    assert result.by_media_type == {"application/xml": result.payments}


@pytest.mark.parametrize(
    ("weights", "count", "expected"),
    [
        ([0.35, 0.35, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05], 128, [45, 45, 7, 7, 6, 6, 6, 6]),
        ([0.5, 0.5], 3, [2, 1]),
        ([1.0, 1.0, 1.0], 0, [0, 0, 0]),
    ],
)
def test_connections_are_divided_by_weight(weights, count, expected):
    assert shares(weights, count) == expected


def test_a_seed_gives_the_same_messages_in_the_same_order():
    two = msgspec.structs.replace(
        SENDER, messages=[TEMPLATE, MessageTemplate("application/json", "IN", UETR)]
    )

    def order(seed):
        messages = Messages(two, "127.0.0.1:8320", seed)
        return [messages.next().form.rail for _ in range(50)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_long_run_renews_the_times_of_its_messages() -> None:
    now = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    as_json = b'"CreDtTm": "2026-11-29T01:00:00Z", "AccptncDtTm":"x", "IntrBkSttlmDt": "2026-11-29"'
    as_xml = b"<CreDtTm>2026-11-29T01:00:00Z</CreDtTm><IntrBkSttlmDt>2026-11-29</IntrBkSttlmDt>"

    moment = b"2026-12-01T08:30:00.000+00:00"
    renewed = b'"CreDtTm": "' + moment + b'", "AccptncDtTm":"' + moment + b'", "IntrBkSttlmDt": "2026-12-01"'
    assert dated(as_json, now) == renewed
    expected = b"<CreDtTm>" + moment + b"</CreDtTm><IntrBkSttlmDt>2026-12-01</IntrBkSttlmDt>"
    assert dated(as_xml, now) == expected
