"""Requirements on an adapter under failures; each of them uses the rail alone."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import psutil

from adapters import registry
from adapters.conformance.report import Requirement, must
from adapters.conformance.timeouts import SHORT_TIMEOUT_S, connection_with_scale, with_short_timeouts
from adapters.port import Acceptance, Native, Order, Outcome, RailAdapter, reserve_and_submit
from adapters.simulation.harness import SimulatedRail, sample_order
from adapters.simulation.magic import Magic
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable
from schemas.payment import Party

SLACK_S: Final = 10.0
"""Allowance for a busy machine."""
_DEBTOR, _CREDITOR, _REMITTANCE = "Zaphod Xenakis", "Quirin Yttrium", "Vogon poetry"
_EVERY_S: Final = 0.05


async def personal_data_is_not_disclosed(rail: SimulatedRail) -> str:
    """Personal data never appears in logs or error texts, whatever happens to a payment.

    Check the logging calls and the error texts: they may contain ids and codes, never names, accounts or
    bodies.
    """
    account = sample_order(rail.country).payment.creditor_account
    secrets = [_DEBTOR, _CREDITOR, _REMITTANCE, account and account.id]
    words = ("", "AC04", Magic.GARBAGE, Magic.BADSIG, Magic.CUT, Magic.HTTP502, Magic.WRONGREF)
    with _collected_logs() as lines:
        async with with_short_timeouts(rail) as adapter:
            for word in words:
                native = adapter.translate(_secret(rail.country, word))
                receipt = await reserve_and_submit(adapter, native)
                lines.append(receipt.detail)
                await rail.adapter.enquire(native)
                lines.extend(_errors(adapter, native))
        await rail.adapter.resolve(registry.module(rail.country, "sandbox").NOBODY)
    text = "\n".join(lines).casefold()
    for secret in secrets:
        must(not secret or secret.casefold() not in text, "a name, account or remittance text was disclosed")
    return f"{len(lines)} lines"


async def leaves_nothing_open(rail: SimulatedRail) -> str:
    """After close() an adapter leaves no task and no connection.

    Check close(): sessions, pools and background tasks.
    """
    # What one trial leaves may be of the rail's other adapter, which reconnected meanwhile.
    left = await _left_open(rail) and await _left_open(rail)
    must(not left, f"{left} connections remain")
    return ""


async def _left_open(rail: SimulatedRail) -> int:
    """How many connections a closed adapter left open."""
    before = _connections(rail)
    tasks = await asyncio.to_thread(asyncio.run, _used_and_closed(rail))
    must(tasks == 0, f"{tasks} tasks remain")
    return max(0, await _at_last_none(lambda: len(_connections(rail) - before)))


async def closed_is_later(rail: SimulatedRail) -> str:
    """A closed rail states when it opens; the order is not refused or unknown and can be sent again then.

    Check submit(): Acceptance.LATER with Receipt.not_before, and only when the rail certainly accepted
    nothing.
    """
    until = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    await rail.control("POST", "/hours", json.dumps({"closed_until": until.isoformat()}).encode())
    native = rail.adapter.translate(sample_order(rail.country))
    try:
        receipt = await reserve_and_submit(rail.adapter, native)
    finally:
        await rail.control("DELETE", "/hours")
    must(receipt.acceptance is Acceptance.LATER, f"the result is {receipt.acceptance}")
    opens_at = receipt.not_before
    must(
        opens_at is not None and abs(opens_at - until) < timedelta(minutes=1),
        "another opening time was reported",
    )
    must(rail.credits(native.ref) == 0, "credited although the rail was closed")
    again = await reserve_and_submit(rail.adapter, native)
    must(again.acceptance is Acceptance.ACCEPTED, f"after the rail opened the result is {again.acceptance}")
    return ""


async def time_outs_are_kept(rail: SimulatedRail) -> str:
    """A rail that accepts connections and never responds causes a time-out, which proves nothing.

    Check profile.timing: connect_s and submit_s limit every exchange; a time-out after sending is UNKNOWN.
    """
    timing = rail.adapter.profile.timing
    async with _without_responses(rail) as adapter:
        native = adapter.translate(sample_order(rail.country))
        started = time.monotonic()
        receipt, answer, alive, payee = await asyncio.gather(
            reserve_and_submit(adapter, native), adapter.enquire(native), adapter.probe(), _is_open(adapter)
        )
        spent = time.monotonic() - started
    must(
        receipt.acceptance is not Acceptance.ACCEPTED and receipt.answer is None,
        f"the result of the submission is {receipt.acceptance}",
    )
    must(answer.outcome is Outcome.UNKNOWN, f"the outcome of the enquiry is {answer.outcome}")
    must(not alive, "the probe reports that the rail is available")
    must(payee, "an alias was resolved")
    most = timing.connect_s + SHORT_TIMEOUT_S + SLACK_S
    must(spent < most, f"timed out after {spent:.1f} s, not {most:.1f}")
    return f"{spent:.1f} s"


async def a_restarted_rail_knows_its_orders(rail: SimulatedRail) -> str:
    """While the rail is down no outcome is known; after a restart it knows its earlier orders.

    Check submit() and enquire(): without a connection they return REFUSED and UNKNOWN. Check the simulator:
    it must respond from its book, which is durable before it responds.
    """
    known, native = [rail.adapter.translate(sample_order(rail.country)) for _ in range(2)]
    await reserve_and_submit(rail.adapter, known)
    await rail.wait_for_answers(known.ref, timeout_s=1)
    await rail.kill()
    await rail.adapter.close()
    try:
        receipt = await reserve_and_submit(rail.adapter, native)
        answer = await rail.adapter.enquire(native)
        alive = await rail.adapter.probe()
    finally:
        await rail.start()
    must(receipt.acceptance is Acceptance.REFUSED, f"the result of the submission is {receipt.acceptance}")
    must(answer.outcome is Outcome.UNKNOWN, f"the outcome of the enquiry is {answer.outcome}")
    must(not alive, "the probe reports that the rail is available")
    again = await rail.adapter.enquire(known)
    must(again.outcome is Outcome.DONE, f"after the restart the outcome of the enquiry is {again.outcome}")
    return ""


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    personal_data_is_not_disclosed,
    leaves_nothing_open,
    closed_is_later,
    time_outs_are_kept,
    a_restarted_rail_knows_its_orders,
)


_collector: ContextVar["_LogCollector | None"] = ContextVar("listening", default=None)
"""The collector of the running task: several kits may run in one process, with the same invented people."""


class _LogCollector(logging.Handler):
    """Keeps all log records, except those of tasks of another kit about its own payments."""

    ordinary: ClassVar[int] = logging.WARNING
    """The root logger's level before the first of several collectors was added."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record and its exception; a record without a kit's task may be about our payments."""
        if _collector.get() in {None, self}:
            self.lines.append(self.format(record))


@contextmanager
def _collected_logs() -> Iterator[list[str]]:
    """Everything that is logged meanwhile, down to DEBUG."""
    collector, root = _LogCollector(), logging.getLogger()
    if not _collectors(root):
        _LogCollector.ordinary = root.level
    root.addHandler(collector)
    root.setLevel(logging.DEBUG)
    token = _collector.set(collector)
    try:
        yield collector.lines
    finally:
        _collector.reset(token)
        root.removeHandler(collector)
        if not _collectors(root):
            root.setLevel(_LogCollector.ordinary)


def _collectors(root: logging.Logger) -> list[_LogCollector]:
    return [handler for handler in root.handlers if isinstance(handler, _LogCollector)]


def _secret(country: str, word: str) -> Order:
    return sample_order(
        country,
        word,
        debtor=Party(name=_DEBTOR, country="RU"),
        creditor=Party(name=_CREDITOR, country=country),
        remittance=_REMITTANCE,
    )


def _errors(adapter: RailAdapter, native: Native) -> list[str]:
    """The error texts when our own order is parsed as a response."""
    try:
        adapter.decode(native.body)
    except (InvalidMessage, NotAuthentic) as error:
        return [str(error), error.detail, error.path or ""]
    return []


async def _used_and_closed(rail: SimulatedRail) -> int:
    """Use adapters in a separate event loop and close them; returns the number of tasks that remain."""
    for _ in range(3):
        other = rail.load(rail.connection)
        await reserve_and_submit(other, other.translate(sample_order(rail.country)))
        await other.close()
    return await _at_last_none(lambda: len(asyncio.all_tasks()) - 1)


async def _at_last_none(count: Callable[[], int]) -> int:
    """The count when it has become zero, or after the time allowed for that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SLACK_S):
            while count() > 0:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(_EVERY_S)
    return count()


def _connections(rail: SimulatedRail) -> set[int]:
    """Connections of this process to the rail, identified by their local ports."""
    port = int(rail.connection.base_url.rpartition(":")[2])
    found = psutil.Process().net_connections(kind="tcp")
    return {each.laddr.port for each in found if each.raddr and each.raddr.port == port}


@asynccontextmanager
async def _without_responses(rail: SimulatedRail) -> AsyncIterator[RailAdapter]:
    """An adapter for an address that accepts connections and never responds."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = f"{rail.connection.base_url.rpartition(':')[0]}:{port}"
    scaled = connection_with_scale(rail, SHORT_TIMEOUT_S / rail.adapter.profile.timing.submit_s)
    adapter = rail.load(dataclasses.replace(scaled, base_url=address))
    try:
        yield adapter
    finally:
        await adapter.close()
        server.close()


async def _is_open(adapter: RailAdapter) -> bool:
    """Whether the look-up of an alias remains without a response."""
    place = registry.module(adapter.profile.country, "sandbox")
    try:
        await adapter.resolve(next(iter(place.ALIASES), place.NOBODY))
    except (Unavailable, ValueError):
        return True
    return False
