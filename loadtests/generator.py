"""The load process: many connections of debtor agents, which send signed pacs.008 messages.

Closed loop: each connection sends its next message when the last one is answered. Open loop: payments become
due at a constant rate, whatever the switch does; one that finds no idle connection waits, and its latency
counts from the instant at which it was due, so a stalled switch cannot hide the payments that waited for it.

It shares the machine with what it measures, so it does as little as it can: messages are templates with a
new UETR, signed just before they leave; answers are read with two searches. It reads one JSON object from
standard input (`Load`), and says on standard output `measuring`, `measured`, and then its `Result` as JSON.
"""

import asyncio
import hashlib
import random
import re
import resource
import sys
import time
from array import array
from base64 import b64encode
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, cast

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
_TICK_S: Final = 0.001
"""How often an open loop looks for payments that became due."""
PENDING_EVERY_S: Final = 0.1
_NOT_NOW: Final = frozenset({b"503", b"429"})
_RETRY_MS: Final = re.compile(rb"\r\nretry-after-ms: *(\d+)", re.IGNORECASE)
_RETRY_S: Final = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_PAUSE_S: Final = 0.2
_PAUSE_S_MAX: Final = 5.0
"""What was refused for now is sent again as `switch/clients` do: when the answer says, and a pause later."""


class MessageTemplate(msgspec.Struct, frozen=True):
    """One message, with `UETR` where each payment has its own."""

    media_type: str
    rail: str
    """Country of the rail that credits it."""
    text: str
    names: list[tuple[str, str]] = []
    """Names of parties in the text, each with its country; `Load.names` has others for them."""


class Sender(msgspec.Struct, frozen=True):
    """A debtor agent and its messages, which are sent in a random order."""

    keyid: str
    private_key: str
    """PEM."""
    name: str
    weight: float
    """Its share of the payments, or of the connections of a closed loop."""
    address: str
    """Where its connections come from."""
    messages: list[MessageTemplate]


class Load(msgspec.Struct, frozen=True):
    """What to send, to where, for how long (seconds)."""

    host: str
    port: int
    senders: list[Sender]
    connections: int
    """In a closed loop, payments in flight; in an open one, the most that can be."""
    warm_up_s: float
    seconds: float
    rate_per_s: float = 0.0
    """Payments that become due in a second; 0: a closed loop."""
    seed: int = 0
    repeats: bool = False
    """Whether what was refused for now is sent again, until it is accepted; in an open loop only."""
    names: dict[str, list[str]] = {}
    """By country: names that payments have in place of those of their message; none: they keep these."""


class SendResult(msgspec.Struct, frozen=True):
    """What came of it. Only payments that were final when they were answered count as payments.

    In a closed loop those that ended while it was measuring; in an open one those that became due then.
    """

    payments: int
    seconds: float
    latencies_ms: list[float]
    answers: dict[str, int]
    """Answers by status and, where there is one, transaction status, warm-up included."""
    cpu_s: float
    """This process's own."""
    begun: int = 0
    """Payments that were sent while it was measuring, or in an open loop became due."""
    answered: int = 0
    """Of all payments, those answered while it was measuring, with whatever answer."""
    ended: int = 0
    """Payments confirmed while it was measuring, whenever they were due: what its CPU was for."""
    per_second: list[int] = []
    """Payments in each whole second of the measurement."""
    by_rail: dict[str, int] = {}
    by_sender: dict[str, int] = {}
    by_media_type: dict[str, int] = {}
    in_flight_max: int = 0
    unsent: int = 0
    """Payments of an open loop that were due and never found an idle connection."""
    latencies_by_sender_ms: dict[str, list[float]] = {}
    pending: list[int] = []
    """Payments of an open loop that are not answered, or refused for now, every `PENDING_EVERY_S`."""


def dated(template: bytes, now: datetime) -> bytes:
    """The template with the times and the date of `now`: a long run outlives those that it began with."""
    instant, day = now.isoformat(timespec="milliseconds").encode(), now.date().isoformat().encode()
    template = _TIMES.sub(rb"\g<1>" + instant, template)
    return _DAYS.sub(rb"\g<1>" + day, template)


class _Form(NamedTuple):
    """A template, ready to be filled."""

    body: bytes
    media_type: str
    rail: str
    head: str
    names: Sequence[tuple[str, bytes]] = ()


class PreparedRequest(NamedTuple):
    """A request, and what it was made of."""

    request: bytes
    form: _Form
    body: bytes


class Messages:
    """The endless messages of one sender, each with its signature."""

    def __init__(
        self, sender: Sender, authority: str, seed: int = 0, names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._key = SigningKey.from_pem(sender.keyid, sender.private_key.encode())
        self._forms = [
            _Form(
                one.text.encode(),
                one.media_type,
                one.rail,
                _head(authority, one.media_type),
                [(country, name.encode()) for country, name in one.names] if names else (),
            )
            for one in sender.messages
        ]
        self._names = {country: [one.encode() for one in known] for country, known in (names or {}).items()}
        self._base = f'"@method": POST\n"@authority": {authority}\n"@path": {PATH}\n'
        self._order = random.Random(f"{seed} {sender.name}")
        self._ids = random.SystemRandom()
        self._stale_at = time.time() + _FRESH_S

    def next(self) -> PreparedRequest:
        """One request, with a UETR that was never there before."""
        if time.time() > self._stale_at:
            now = datetime.now(UTC)
            self._forms = [form._replace(body=dated(form.body, now)) for form in self._forms]
            self._stale_at = time.time() + _FRESH_S
        form = self._order.choice(self._forms)
        hexadecimal = f"{self._ids.getrandbits(128):032x}"
        hexadecimal = f"{hexadecimal[:12]}4{hexadecimal[13:16]}8{hexadecimal[17:]}"
        uetr = "-".join(
            (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
        )
        body = form.body.replace(_UETR, uetr.encode()).replace(_HEX, hexadecimal.encode())
        for country, name in form.names:
            body = body.replace(name, self._order.choice(self._names[country]))
        return PreparedRequest(self._signed(form, body, nonce=hexadecimal), form, body)

    def again(self, made: PreparedRequest) -> PreparedRequest:
        """The same message under a new signature."""
        nonce = f"{self._ids.getrandbits(128):032x}"
        return made._replace(request=self._signed(made.form, made.body, nonce))

    def _signed(self, form: _Form, body: bytes, nonce: str) -> bytes:
        digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
        now = int(time.time())
        parameters = (
            '("@method" "@authority" "@path" "content-digest" "content-type" "accept" "prefer")'
            f";created={now};expires={now + LIFETIME_S_MAX}"
            f';keyid="{self._key.keyid}";nonce="{nonce}";tag="{TAG}"'
        )
        base = (
            f'{self._base}"content-digest": {digest}\n"content-type": {form.media_type}\n'
            f'"accept": {form.media_type}\n"prefer": wait={WAIT_S}\n'
            f'"@signature-params": {parameters}'
        )
        signature = b64encode(self._key.sign(base.encode())).decode()
        head = (
            f"{form.head}Content-Length: {len(body)}\r\nContent-Digest: {digest}\r\n"
            f"Signature-Input: sig={parameters}\r\nSignature: sig=:{signature}:\r\n\r\n"
        )
        return head.encode() + body


def _head(authority: str, media_type: str) -> str:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: {authority}\r\nAccept: {media_type}\r\n"
        f"Prefer: wait={WAIT_S}\r\nContent-Type: {media_type}\r\n"
    )


class LatencyTally:
    """Counts answers, and keeps the latencies of the payments that belong to the measurement."""

    def __init__(self, *, by_due_time: bool = False) -> None:
        self.answers: Counter[str] = Counter()
        self.by_rail: Counter[str] = Counter()
        self.by_sender: Counter[str] = Counter()
        self.by_media_type: Counter[str] = Counter()
        self.per_second: Counter[int] = Counter()
        self.latencies: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        """By sender."""
        self.begun = 0
        self.answered = 0
        self.ended = 0
        self.in_flight = 0
        self.in_flight_max = 0
        self.pending = 0
        self.stopping = False
        self._by_due_time = by_due_time
        self._from = self._until = float("inf")

    def measure_from(self, instant: float) -> None:
        """Begin to measure, at an instant of `time.perf_counter`."""
        self._from = instant

    def measure_until(self, instant: float) -> None:
        """End the measurement."""
        self._until = instant

    def covers(self, instant: float) -> bool:
        """Whether the measurement includes an instant."""
        return self._from <= instant < self._until

    def begin(self, due_at: float) -> None:
        """Note one request that leaves."""
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        self.begun += not self._by_due_time and self.covers(due_at)

    def due(self, due_at: float) -> None:
        """Note one payment of an open loop that became due."""
        self.pending += 1
        self.begun += self.covers(due_at)

    def end(self, status: bytes, body: bytes, sent: "AwaitedAnswer", now: float) -> None:
        """Note one answer."""
        self.in_flight -= 1
        self.pending -= self._by_due_time and status not in _NOT_NOW
        final = status == b"200" and b"ACCC" in body
        self.answers["200 ACCC" if final else _described(status, body)] += 1
        self.answered += self.covers(now)
        self.ended += final and self.covers(now)
        place = sent.due_at if self._by_due_time else now
        if final and self.covers(place):
            self.latencies[sent.sender].append(now - sent.due_at)
            self.per_second[int(place - self._from)] += 1
            self.by_rail[sent.made.form.rail] += 1
            self.by_sender[sent.sender] += 1
            self.by_media_type[sent.made.form.media_type] += 1


class AwaitedAnswer(NamedTuple):
    """A request that waits for its answer."""

    due_at: float
    """By `time.perf_counter`; in a closed loop when it was sent."""
    sender: str
    made: PreparedRequest
    tries: int = 1


def _described(status: bytes, body: bytes) -> str:
    words = [word for word in (b"RJCT", b"ACSP", b"PDNG") if word in body]
    reason = re.search(rb'(?:<Cd>|"Cd": ?"|"reason": ?")(\w+)', body)
    return b" ".join([status, *words, *([reason[1]] if reason else [])]).decode()


class Customer:
    """One debtor agent: its messages, its idle connections, and its payments that wait for one."""

    def __init__(
        self,
        sender: Sender,
        messages: Messages,
        tally: LatencyTally,
        *,
        closed: bool,
        repeats: bool = False,
    ) -> None:
        self.name = sender.name
        self._repeats = repeats
        self._chance = random.Random(sender.name)
        self._messages = messages
        self._tally = tally
        self._closed = closed
        self._idle: list[CustomerConnection] = []
        self.waiting: deque[tuple[float, AwaitedAnswer | None]] = deque()
        """When they were due, and what was refused before, if it is sent again."""

    def pay(self, due_at: float) -> None:
        """Send a payment that is due, now or as soon as a connection is idle."""
        self._tally.due(due_at)
        if self._idle:
            self.send(self._idle.pop(), due_at)
        else:
            self.waiting.append((due_at, None))

    def refused(self, sent: AwaitedAnswer, head: bytes) -> None:
        """Send a payment again that was refused for now, not earlier than the answer says."""
        if not self._repeats or self._tally.stopping:
            return
        stated = _RETRY_MS.search(head)
        stated_s = int(stated[1]) / 1000 if stated else int((_RETRY_S.search(head) or (b"", b"1"))[1])
        own_s = min(_PAUSE_S * 2.0 ** (sent.tries - 1), _PAUSE_S_MAX) * self._chance.uniform(0.5, 1)
        asyncio.get_running_loop().call_later(stated_s + own_s, self._repeat, sent)

    def _repeat(self, sent: AwaitedAnswer) -> None:
        if self._idle:
            self.send(self._idle.pop(), sent.due_at, sent)
        else:
            self.waiting.append((sent.due_at, sent))

    def ready(self, connection: "CustomerConnection") -> None:
        """Use a connection that has nothing to do."""
        if self._closed:
            if self._tally.stopping:
                connection.close()
            else:
                self.send(connection, time.perf_counter())
        elif self.waiting:
            self.send(connection, *self.waiting.popleft())
        elif self._tally.stopping:
            connection.close()
        else:
            self._idle.append(connection)

    def forget(self, connection: "CustomerConnection") -> None:
        """Use a connection no longer: it is closed."""
        if connection in self._idle:
            self._idle.remove(connection)

    def close_idle(self) -> None:
        """Close the connections that wait for payments."""
        for connection in self._idle:
            connection.close()

    def send(
        self, connection: "CustomerConnection", due_at: float, before: AwaitedAnswer | None = None
    ) -> None:
        """Send the next message on a connection, or one that was refused `before`."""
        made = self._messages.next() if before is None else self._messages.again(before.made)
        # A closed loop measures from here: making and signing the message is the sender's time.
        due_at = time.perf_counter() if self._closed else due_at
        self._tally.begin(due_at)
        tries = 1 if before is None else before.tries + 1
        connection.write(made.request, AwaitedAnswer(due_at, self.name, made, tries))


class CustomerConnection(asyncio.Protocol):
    """One connection of a customer: sends, waits for the answer, and is ready again."""

    def __init__(self, customer: Customer, tally: LatencyTally, ended: asyncio.Future[None]) -> None:
        self._customer = customer
        self._tally = tally
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent: AwaitedAnswer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._customer.ready(self)

    def data_received(self, data: bytes) -> None:
        """Read an answer; when it is whole, this connection is ready for the next request."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        assert length is not None, "an answer without a length"
        if len(self._buffer) < end + 4 + int(length[1]):
            return
        sent, self._sent = self._sent, None
        assert sent is not None, "an answer without a request"
        status, head = self._buffer[_STATUS], self._buffer[: end + 2]
        self._tally.end(status, self._buffer[end + 4 :], sent, time.perf_counter())
        self._buffer = b""
        if status in _NOT_NOW:
            self._customer.refused(sent, head)
        self._customer.ready(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """The end; an answer that was still awaited is counted as missing."""
        self._customer.forget(self)
        if self._sent is not None:
            self._tally.in_flight -= 1
            self._tally.answers["connection lost"] += 1
        if not self._ended.done():
            self._ended.set_result(None)

    def write(self, request: bytes, sent: AwaitedAnswer) -> None:
        """Send a request."""
        assert self._transport is not None
        self._sent = sent
        self._transport.write(request)

    def close(self) -> None:
        """Close it."""
        assert self._transport is not None
        self._transport.close()


def shares(weights: Sequence[float], count: int) -> list[int]:
    """Divide `count` by weights, in whole numbers whose sum is `count` (largest remainders)."""
    total = sum(weights)
    exact = [count * weight / total for weight in weights]
    whole = [int(part) for part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: whole[place] - exact[place])
    for place in by_remainder[: count - sum(whole)]:
        whole[place] += 1
    return whole


async def run(load: Load) -> SendResult:
    """Send for as long as the load says, then let what is under way finish."""
    closed = not load.rate_per_s
    tally = LatencyTally(by_due_time=not closed)
    authority = f"{load.host}:{load.port}"
    customers = [
        Customer(
            one, Messages(one, authority, load.seed, load.names), tally, closed=closed, repeats=load.repeats
        )
        for one in load.senders
    ]
    ended = await _connect(load, customers, tally)
    arrivals = None if closed else asyncio.create_task(_arrive(load, customers))
    await asyncio.sleep(load.warm_up_s)
    cpu, started = time.process_time(), time.perf_counter()
    tally.measure_from(started)
    print("measuring", flush=True)
    pending: list[int] = []
    noting = asyncio.create_task(_note_pending(tally, pending))
    await asyncio.sleep(load.seconds)
    noting.cancel()
    tally.measure_until(time.perf_counter())
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print("measured", flush=True)
    tally.stopping = True
    if arrivals is not None:
        arrivals.cancel()
    for customer in customers:
        customer.close_idle()
    await asyncio.wait(ended, timeout=DRAIN_S)
    by_sender = {name: sorted(1000 * latency for latency in found) for name, found in tally.latencies.items()}
    latencies = sorted(latency for found in by_sender.values() for latency in found)
    return SendResult(
        payments=len(latencies),
        seconds=seconds,
        latencies_ms=latencies,
        answers=dict(tally.answers),
        cpu_s=cpu,
        begun=tally.begun,
        answered=tally.answered,
        ended=tally.ended,
        per_second=[tally.per_second[second] for second in range(int(seconds))],
        by_rail=dict(tally.by_rail),
        by_sender=dict(tally.by_sender),
        by_media_type=dict(tally.by_media_type),
        in_flight_max=tally.in_flight_max,
        unsent=sum(len(customer.waiting) for customer in customers),
        latencies_by_sender_ms=by_sender,
        pending=pending,
    )


async def _note_pending(tally: LatencyTally, noted: list[int]) -> None:
    began = time.perf_counter()
    while True:
        noted.append(tally.pending)
        await asyncio.sleep(max(0.0, began + len(noted) * PENDING_EVERY_S - time.perf_counter()))


async def _connect(
    load: Load, customers: Sequence[Customer], tally: LatencyTally
) -> list[asyncio.Future[None]]:
    """Open the connections; in an open loop each customer needs at least one."""
    loop = asyncio.get_running_loop()
    counts = shares([sender.weight for sender in load.senders], load.connections)
    ended: list[asyncio.Future[None]] = []
    for sender, customer, count in zip(load.senders, customers, counts, strict=True):
        for _ in range(max(count, 1) if load.rate_per_s else count):
            end = loop.create_future()
            connect = partial(CustomerConnection, customer, tally, end)
            await loop.create_connection(connect, load.host, load.port, local_addr=(sender.address, 0))
            ended.append(end)
    return ended


async def _arrive(load: Load, customers: Sequence[Customer]) -> None:
    """Let payments become due at a constant rate."""
    chance = random.Random(load.seed)
    weights = [sender.weight for sender in load.senders]
    began, number = time.perf_counter(), 0
    while True:
        now = time.perf_counter()
        while (due_at := began + number / load.rate_per_s) <= now:
            chance.choices(customers, weights)[0].pay(due_at)
            number += 1
        await asyncio.sleep(max(due_at - now, _TICK_S))


def main() -> None:
    """Entry point of the process; each connection is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    print(msgspec.json.encode(uvloop.run(run(load))).decode(), flush=True)


if __name__ == "__main__":
    main()
