"""The load process: many connections, each sending its next signed pacs.008 when the last one is final.

It shares the machine with what it measures, so it does as little as it can: messages are a template with a
new UETR, signed just before they leave; answers are read with two searches. It reads one JSON object from
standard input (`Load`), and says on standard output `measuring`, `measured`, and then its `Result` as JSON.
"""

import asyncio
import hashlib
import random
import re
import sys
import time
from array import array
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

import msgspec
import uvloop

from schemas.signing.http_signatures import LIFETIME_S_MAX, TAG, SigningKey

PATH: Final = "/v1/iso20022/pacs.008"
UETR: Final = "00000000-0000-4000-8000-000000000000"
"""Stands in a template for the UETR of each payment; so does its form without hyphens."""
WAIT_S: Final = 20
DRAIN_S: Final = 30.0

_UETR: Final = UETR.encode()
_HEX: Final = UETR.replace("-", "").encode()
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS: Final = slice(9, 12)
_TIMES: Final = re.compile(rb"""((?:CreDtTm|AccptncDtTm)(?:>|":\s*"))[^<"]+""")
_DAYS: Final = re.compile(rb"""(IntrBkSttlmDt(?:>|":\s*"))[^<"]+""")
_FRESH_S: Final = 600.0
"""How long a template keeps its times: a switch refuses a payment that was accepted an hour ago."""


class Sender(msgspec.Struct, frozen=True):
    """A participant and the one payment that it makes again and again."""

    keyid: str
    private_key: str
    """PEM."""
    media_type: str
    template: str


class Load(msgspec.Struct, frozen=True):
    """What to send, to where, for how long (seconds). Connections take the senders in turn."""

    host: str
    port: int
    senders: list[Sender]
    connections: int
    warm_up_s: float
    seconds: float


class SendResult(msgspec.Struct, frozen=True):
    """What came of it. Only payments that were final when they were answered count as payments."""

    payments: int
    seconds: float
    latencies_ms: list[float]
    answers: dict[str, int]
    """Answers by status and, where there is one, transaction status, warm-up included."""
    cpu_s: float
    """This process's own."""


def dated(template: bytes, now: datetime) -> bytes:
    """The template with the times and the date of `now`: a long run outlives those that it began with."""
    instant, day = now.isoformat(timespec="milliseconds").encode(), now.date().isoformat().encode()
    template = _TIMES.sub(rb"\g<1>" + instant, template)
    return _DAYS.sub(rb"\g<1>" + day, template)


class Messages:
    """The endless messages of one sender, each with its signature."""

    def __init__(self, sender: Sender, authority: str) -> None:
        self._key = SigningKey.from_pem(sender.keyid, sender.private_key.encode())
        self._template = sender.template.encode()
        self._media_type = sender.media_type
        self._base = f'"@method": POST\n"@authority": {authority}\n"@path": {PATH}\n'
        self._head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {authority}\r\nAccept: {sender.media_type}\r\n"
            f"Prefer: wait={WAIT_S}\r\nContent-Type: {sender.media_type}\r\n"
        )
        self._random = random.SystemRandom()
        self._stale_at = time.time() + _FRESH_S

    def next(self) -> bytes:
        """One request, with a UETR that was never there before."""
        if time.time() > self._stale_at:
            self._template = dated(self._template, datetime.now(UTC))
            self._stale_at = time.time() + _FRESH_S
        hexadecimal = f"{self._random.getrandbits(128):032x}"
        hexadecimal = f"{hexadecimal[:12]}4{hexadecimal[13:16]}8{hexadecimal[17:]}"
        uetr = "-".join(
            (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
        )
        body = self._template.replace(_UETR, uetr.encode()).replace(_HEX, hexadecimal.encode())
        return self._signed(body, nonce=hexadecimal)

    def _signed(self, body: bytes, nonce: str) -> bytes:
        digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
        now = int(time.time())
        parameters = (
            '("@method" "@authority" "@path" "content-digest" "content-type" "accept" "prefer")'
            f";created={now};expires={now + LIFETIME_S_MAX}"
            f';keyid="{self._key.keyid}";nonce="{nonce}";tag="{TAG}"'
        )
        base = (
            f'{self._base}"content-digest": {digest}\n"content-type": {self._media_type}\n'
            f'"accept": {self._media_type}\n"prefer": wait={WAIT_S}\n'
            f'"@signature-params": {parameters}'
        )
        signature = b64encode(self._key.sign(base.encode())).decode()
        head = (
            f"{self._head}Content-Length: {len(body)}\r\nContent-Digest: {digest}\r\n"
            f"Signature-Input: sig={parameters}\r\nSignature: sig=:{signature}:\r\n\r\n"
        )
        return head.encode() + body


class LatencyTally:
    """Counts answers, and keeps the latencies of the payments that ended while it was measuring."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.latencies = array("d")
        self.measuring = False
        self.stopping = False

    def add(self, status: bytes, body: bytes, latency: float) -> None:
        """Note one answer."""
        final = status == b"200" and b"ACCC" in body
        self.answers["200 ACCC" if final else _described(status, body)] += 1
        if final and self.measuring:
            self.latencies.append(latency)


def _described(status: bytes, body: bytes) -> str:
    words = [word for word in (b"RJCT", b"ACSP", b"PDNG") if word in body]
    reason = re.search(rb'(?:<Cd>|"Cd": ?"|"reason": ?")(\w+)', body)
    return b" ".join([status, *words, *([reason[1]] if reason else [])]).decode()


class CustomerConnection(asyncio.Protocol):
    """One customer: sends, waits for the answer, sends the next."""

    def __init__(self, messages: Messages, tally: LatencyTally, ended: asyncio.Future[None]) -> None:
        self._messages = messages
        self._tally = tally
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read an answer; the next request goes out when it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        assert length is not None, "an answer without a length"
        if len(self._buffer) < end + 4 + int(length[1]):
            return
        self._waiting = False
        self._tally.add(self._buffer[_STATUS], self._buffer[end + 4 :], time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """The end; an answer that was still awaited is counted as missing."""
        if self._waiting:
            self._tally.answers["connection lost"] += 1
        if not self._ended.done():
            self._ended.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        if self._tally.stopping:
            self._transport.close()
            return
        request = self._messages.next()
        self._sent_at = time.perf_counter()
        self._waiting = True
        self._transport.write(request)


async def run(load: Load) -> SendResult:
    """Send for as long as the load says, then let what is under way finish."""
    loop = asyncio.get_running_loop()
    tally = LatencyTally()
    authority = f"{load.host}:{load.port}"
    senders = [Messages(sender, authority) for sender in load.senders]
    ended: list[asyncio.Future[None]] = []
    for number in range(load.connections):
        end = loop.create_future()
        messages = senders[number % len(senders)]
        connect = partial(CustomerConnection, messages, tally, end)
        await loop.create_connection(connect, load.host, load.port)
        ended.append(end)
    await asyncio.sleep(load.warm_up_s)
    cpu, started, tally.measuring = time.process_time(), time.perf_counter(), True
    print("measuring", flush=True)
    await asyncio.sleep(load.seconds)
    tally.measuring = False
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print("measured", flush=True)
    tally.stopping = True
    await asyncio.wait(ended, timeout=DRAIN_S)
    latencies = sorted(1000 * latency for latency in tally.latencies)
    return SendResult(len(latencies), seconds, latencies, dict(tally.answers), cpu)


def main() -> None:
    """Entry point of the process."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    print(msgspec.json.encode(uvloop.run(run(load))).decode(), flush=True)


if __name__ == "__main__":
    main()
