"""A short run of the fuzzer, and the fuzzer itself: it must find what is planted.

`make fuzz SEED=7 N=100000` is the long run.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable

import pytest

from tests.fuzz import judge, run
from tests.fuzz.damage import damaged
from tests.fuzz.judge import CANARY, MARKUP, PROBLEM
from tests.fuzz.request import Request, Senders, octets
from tests.fuzz.wire import Answer, Wire

SEED = "1"
REQUESTS = 2100
ASKED = Request("GET /v1/x", "asha-bank", "bearer", "GET", "/v1/x")
FINE = b'{"type":"a","title":"b","status":400,"detail":"c","reason":"FF01","retryable":false}'


@pytest.mark.long
def test_no_mutated_request_is_a_5xx_a_hang_a_reset_or_an_echo() -> None:
    """And all processes live on, their memory is bounded, their logs name nobody, and the books balance."""
    with run.switch() as stack:
        result = asyncio.run(run.run(stack, SEED, REQUESTS, print))
    found = [(one.number, one.request, one.faults, one.body) for one in result.findings]

    assert found == [], f"replay with `python -m tests.fuzz --replay` and a file of {run.FOUND}"
    assert result.of_the_switch == []
    assert result.sent == REQUESTS
    # Otherwise it knocked at the door without getting in.
    assert len([count for count in result.passed.values() if count]) > 80
    assert result.late[True] / result.late.total() > 0.12


def answer(status: int, kind: str = PROBLEM, body: bytes = b"", **more: str) -> Answer:
    return Answer(status, {"content-type": kind, **more}, body, whole=True)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (answer(400, body=FINE), ""),
        (answer(200, "application/json", b"[1]"), ""),
        (answer(503, body=FINE.replace(b"400", b"503"), **{"retry-after": "1"}), ""),
        (answer(500, body=FINE.replace(b"400", b"500")), "status 500"),
        (answer(503, body=FINE.replace(b"400", b"503")), "status 503"),
        (answer(400, body=FINE.replace(b'"c"', f'"{CANARY}"'.encode())), "repeats"),
        (answer(400, body=FINE[:-5]), "no JSON"),
        (answer(404, body=FINE), "contradicts"),
        (answer(400, "text/plain", b"oops"), "no problem"),
        (answer(200, "application/json", b"{"), "no JSON"),
        (answer(200, "text/html", b"<!doctype html><p>"), "not whole"),
        (answer(200, "text/html", f"<!doctype html>{MARKUP}</html>".encode()), "not escaped"),
        (answer(200, "text/plain", b'File "/switch/api/x.py", line 7'), "the program"),
        (Answer(broken="silent"), "no answer"),
        (Answer(broken="closed"), "no answer"),
        (Answer(200, {"content-type": "application/json"}, b"1", broken="ended early"), "ended early"),
    ],
    ids=str,
)
def test_the_judge_sees_what_is_wrong_with_an_answer(given: Answer, fault: str) -> None:
    found = judge.faults(ASKED, given)

    assert bool(found) == bool(fault)
    assert fault in "".join(found)


def test_the_same_seed_makes_the_same_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", itertools.count(1).__next__)
    asked = Request("POST /v1/x", "asha-bank", "bearer", "POST", "/v1/x?a=1", (), b'{"a": [1, {"b": "c"}]}')

    def made(seed: str) -> list[Request]:
        return [damaged(asked, random.Random(f"{seed}:{number}")) for number in range(400)]

    assert made("1") == made("1")
    assert made("1") != made("2")
    assert len({one.damage for one in made("1")}) > 60


def test_a_request_survives_its_reproduction() -> None:
    asked = Request(
        "a", "b", "session", "POST", "/\xff?\ud800", (("X", "\xff"),), b"\0\xff", ("tree",), 7, "chunked"
    )

    assert Request.from_json(asked.to_json()) == asked


async def exchange(serve: Callable[[asyncio.StreamWriter], None], *, head: bool = False) -> Answer:
    """What the client makes of a server that answers like this."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        serve(writer)
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    raw = octets(Request("a", "", "nobody", "GET", "/"), Senders({}, {}, {}), "localhost")
    wire = Wire(host, port)
    found = await wire.exchange(raw, head=head, cut=False)
    await wire.close()
    server.close()
    return found


@pytest.mark.parametrize(
    ("sent", "status", "broken"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 200, "ended early"),
        (b"", 0, "closed"),
        (b"no HTTP at all\r\n\r\n", 0, "no HTTP"),
    ],
)
async def test_the_client_notices_a_broken_answer(sent: bytes, status: int, broken: str) -> None:
    found = await exchange(lambda writer: writer.write(sent))

    assert found.status == status
    assert broken in found.broken
    assert bool(broken) == bool(found.broken)
