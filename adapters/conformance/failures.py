"""Promises that an adapter keeps when things go wrong around it; each has the rail to itself."""

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
"""Of a busy machine."""
_DEBTOR, _CREDITOR, _REMITTANCE = "Zaphod Xenakis", "Quirin Yttrium", "Vogon poetry"
_EVERY_S: Final = 0.05


async def says_nothing_of_people(rail: SimulatedRail) -> str:
    """Nothing about people is logged or said in an error, whatever happens to their payment.

    Look at logging calls and at errors' texts: ids and codes only, never names, accounts or bodies.
    """
    account = sample_order(rail.country).payment.creditor_account
    secrets = [_DEBTOR, _CREDITOR, _REMITTANCE, account and account.id]
    words = ("", "AC04", Magic.GARBAGE, Magic.BADSIG, Magic.CUT, Magic.HTTP502, Magic.WRONGREF)
    with _overheard() as said:
        async with with_short_timeouts(rail) as adapter:
            for word in words:
                native = adapter.translate(_secret(rail.country, word))
                receipt = await reserve_and_submit(adapter, native)
                said.append(receipt.detail)
                await rail.adapter.enquire(native)
                said.extend(_errors(adapter, native))
        await rail.adapter.resolve(registry.module(rail.country, "sandbox").NOBODY)
    text = "\n".join(said).casefold()
    for secret in secrets:
        must(not secret or secret.casefold() not in text, "a name, account or remittance was said")
    return f"{len(said)} lines"


async def leaves_nothing_open(rail: SimulatedRail) -> str:
    """A closed adapter leaves no task and no connection.

    Look at close(): sessions, pools and background tasks.
    """
    before = _connections(rail)
    tasks = await asyncio.to_thread(asyncio.run, _used_and_closed(rail))
    must(tasks == 0, f"{tasks} tasks are left")
    left = await _at_last_none(lambda: len(_connections(rail) - before))
    must(left <= 0, f"{left} connections are left")
    return ""


async def closed_is_later(rail: SimulatedRail) -> str:
    """A closed rail says when it opens: the order is neither refused nor unknown, and comes again then.

    Look at submit(): Taken.LATER with Receipt.not_before, and only when the rail certainly took nothing.
    """
    until = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    await rail.control("POST", "/hours", json.dumps({"closed_until": until.isoformat()}).encode())
    native = rail.adapter.translate(sample_order(rail.country))
    try:
        receipt = await reserve_and_submit(rail.adapter, native)
    finally:
        await rail.control("DELETE", "/hours")
    must(receipt.acceptance is Acceptance.LATER, f"the order is {receipt.acceptance}")
    told = receipt.not_before
    must(told is not None and abs(told - until) < timedelta(minutes=1), "it opens otherwise")
    must(rail.credits(native.ref) == 0, "credited all the same")
    again = await reserve_and_submit(rail.adapter, native)
    must(again.acceptance is Acceptance.ACCEPTED, f"when it is open again the order is {again.acceptance}")
    return ""


async def time_outs_are_kept(rail: SimulatedRail) -> str:
    """A rail that takes connections and says nothing is given up in time, and nothing is learnt from it.

    Look at profile.timing: connect_s and submit_s bound every exchange; a time-out after sending is UNKNOWN.
    """
    timing = rail.adapter.profile.timing
    async with _deaf(rail) as adapter:
        native = adapter.translate(sample_order(rail.country))
        started = time.monotonic()
        receipt, answer, alive, payee = await asyncio.gather(
            reserve_and_submit(adapter, native), adapter.enquire(native), adapter.probe(), _is_open(adapter)
        )
        spent = time.monotonic() - started
    must(
        receipt.acceptance is not Acceptance.ACCEPTED and receipt.answer is None,
        f"the send is {receipt.acceptance}",
    )
    must(answer.outcome is Outcome.UNKNOWN, f"the enquiry says {answer.outcome}")
    must(not alive, "the probe says that it is there")
    must(payee, "a question about an alias was answered")
    most = timing.connect_s + SHORT_TIMEOUT_S + SLACK_S
    must(spent < most, f"given up after {spent:.1f} s, not {most:.1f}")
    return f"{spent:.1f} s"


async def a_killed_rail_comes_back(rail: SimulatedRail) -> str:
    """A killed rail takes nothing and tells nothing; back again it knows its orders.

    Look at submit() and enquire(): without a connection REFUSED and UNKNOWN; and at the simulator: what it
    answers from is in its book, which is durable before it answers.
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
    must(receipt.acceptance is Acceptance.REFUSED, f"the send is {receipt.acceptance}")
    must(answer.outcome is Outcome.UNKNOWN, f"the enquiry says {answer.outcome}")
    must(not alive, "the probe says that it is there")
    again = await rail.adapter.enquire(known)
    must(again.outcome is Outcome.DONE, f"back again, an enquiry says {again.outcome}")
    return ""


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    says_nothing_of_people,
    leaves_nothing_open,
    closed_is_later,
    time_outs_are_kept,
    a_killed_rail_comes_back,
)


_listening: ContextVar["_LogCollector | None"] = ContextVar("listening", default=None)
"""Who listens to the task that runs: several kits may run in one process, with the same made-up people."""


class _LogCollector(logging.Handler):
    """Keeps everything that is logged, but for what another kit's tasks say of their own payments."""

    ordinary: ClassVar[int] = logging.WARNING
    """The root logger's level before the first ear of several at once."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, its exception included; what no kit's task says may be of ours."""
        if _listening.get() in {None, self}:
            self.said.append(self.format(record))


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Everything that is logged meanwhile, down to DEBUG."""
    ear, root = _LogCollector(), logging.getLogger()
    if not _ears(root):
        _LogCollector.ordinary = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    token = _listening.set(ear)
    try:
        yield ear.said
    finally:
        _listening.reset(token)
        root.removeHandler(ear)
        if not _ears(root):
            root.setLevel(_LogCollector.ordinary)


def _ears(root: logging.Logger) -> list[_LogCollector]:
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
    """What reading our own order as an answer says."""
    try:
        adapter.decode(native.body)
    except (InvalidMessage, NotAuthentic) as error:
        return [str(error), error.detail, error.path or ""]
    return []


async def _used_and_closed(rail: SimulatedRail) -> int:
    """Use adapters in a loop of their own and close them: how many tasks are left."""
    for _ in range(3):
        other = rail.load(rail.connection)
        await reserve_and_submit(other, other.translate(sample_order(rail.country)))
        await other.close()
    return await _at_last_none(lambda: len(asyncio.all_tasks()) - 1)


async def _at_last_none(count: Callable[[], int]) -> int:
    """A count when it has come down to nothing, or when it had time enough to."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SLACK_S):
            while count() > 0:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(_EVERY_S)
    return count()


def _connections(rail: SimulatedRail) -> set[int]:
    """Connections of this process to the rail, by their own ports."""
    port = int(rail.connection.base_url.rpartition(":")[2])
    found = psutil.Process().net_connections(kind="tcp")
    return {each.laddr.port for each in found if each.raddr and each.raddr.port == port}


@asynccontextmanager
async def _deaf(rail: SimulatedRail) -> AsyncIterator[RailAdapter]:
    """An adapter at an address that takes connections and never says a word."""

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
    """Whether a question about an alias stays open."""
    place = registry.module(adapter.profile.country, "sandbox")
    try:
        await adapter.resolve(next(iter(place.ALIASES), place.NOBODY))
    except (Unavailable, ValueError):
        return True
    return False
