"""A run of the fuzzer: a switch of its own, N requests by a seed, and what was found.

Request `i` depends only on the seed, `i` and the ids that the switch gave; so a run of the same seed sends the
same requests. What is found is written as one file that `python -m tests.fuzz --replay FILE` sends again.
"""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from switch.operations.verify import verify
from tests.fuzz import judge, seeds
from tests.fuzz.damage import damaged
from tests.fuzz.request import Request, Senders, octets
from tests.fuzz.wire import Answer, Wire
from tests.switch.stack import Stack, started

LANES = 8
FOUND = Path("build/fuzz")
"""Where reproductions are written."""
GROWTH_MAX_BYTES = 96 << 20
"""By how much any process may be larger at the end than after the first tenth of the requests."""
_ASKED_TO_WAIT = re.compile(r"wait=(\d{1,4})(?!\d)")
_WAIT_MAX_S = 60.0
_DEFECTS = re.compile(rb'"event": ?"(request_failed|database_away)"|Traceback|task_exception|never retrieved')


@dataclass
class Finding:
    """A request, and what was wrong with its answer."""

    number: int
    request: Request
    faults: list[str]
    status: int
    body: str


@dataclass
class Result:
    """What a run saw."""

    seed: str
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    """Operation -> requests that were answered with success."""
    tried: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    of_the_switch: list[str] = field(default_factory=list)
    """What was wrong with the processes, the logs or the books afterwards."""
    unavailable: Counter[str] = field(default_factory=Counter)
    """What the answers with 503 said."""
    late: Counter[bool] = field(default_factory=Counter)
    """Whether requests of the last tenth were answered with success: senders must not have been shut out."""
    slowest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0
    growth: dict[str, int] = field(default_factory=dict)
    """Process -> bytes by which it grew after the first tenth of the requests."""


@contextlib.contextmanager
def switch() -> Iterator[Stack]:
    """A switch without rate limits, which have tests of their own."""
    unlimited = dict.fromkeys(
        ("rate_pay", "rate_enquire", "rate_report", "rate_change", "rate_failure", "rate_sign_in"), 0.0
    )
    with started(**unlimited, rate_callback_failure=0.0) as stack:
        yield stack


async def run(stack: Stack, seed: str, count: int, say: Callable[[str], None], first: int = 0) -> Result:
    """Send `count` requests, then examine the switch."""
    found = await seeds.gather(stack, seed)
    result = Result(seed)
    began = time.monotonic()
    before = _processes(stack)
    numbers = iter(range(first, first + count))
    door = asyncio.create_task(seeds.keep_signed_in(stack, found.senders))
    marks: dict[str, int] = {}

    async def lane() -> None:
        wire = Wire(stack.settings.host, stack.settings.port)
        for number in numbers:
            if number == first + count // 10:
                marks.update(_sizes(stack))
            chance = random.Random(f"{seed}:{number}")
            request = damaged(found.request(chance), chance)
            answer = await send(wire, request, found.senders, stack)
            _note(result, number, request, answer, say)
            if number >= first + count - count // 10:
                result.late[succeeded(answer)] += 1
        await wire.close()

    await asyncio.gather(*(lane() for _ in range(LANES)))
    door.cancel()
    result.seconds = time.monotonic() - began
    result.growth = {name: size - marks.get(name, size) for name, size in _sizes(stack).items()}
    result.of_the_switch = [*_ended(before, _processes(stack)), *_grown(result.growth), *_logged(stack)]
    result.of_the_switch += await unbalanced(stack)
    return result


async def send(wire: Wire, request: Request, senders: Senders, stack: Stack) -> Answer:
    """Sign a request now, send it, and keep a session that the switch renewed."""
    authority = f"{stack.settings.host}:{stack.settings.port}"
    said = f"{request.target} {dict(request.headers).get('Prefer', '')}"
    patience = max([min(float(text), _WAIT_MAX_S) for text in _ASKED_TO_WAIT.findall(said)], default=0.0)
    answer = await wire.exchange(
        octets(request, senders, authority),
        head=request.method == "HEAD",
        cut=request.is_cut,
        patience_s=patience,
    )
    if request.door == "session" and is_signed_out(answer):
        senders.out.add(request.sender)
    cookie = re.match(r"__Host-payswitch=([^;\s\"]{20,});", answer.headers.get("set-cookie", ""))
    if cookie and request.door == "session":
        senders.sessions[request.sender] = cookie[1]
    return answer


def is_signed_out(answer: Answer) -> bool:
    """Whether a page leads to the sign-in: a request before it ended the session."""
    return answer.status == 303 and answer.headers.get("location", "").startswith("/console/sign-in")


def succeeded(answer: Answer) -> bool:
    """Whether the request did what it asked for."""
    return 200 <= answer.status < 400 and not is_signed_out(answer)


def _note(result: Result, number: int, request: Request, answer: Answer, say: Callable[[str], None]) -> None:
    result.sent += 1
    result.statuses[answer.status] += 1
    result.tried[request.operation] += 1
    result.passed[request.operation] += succeeded(answer)
    if answer.status == 503:
        said = re.search(rb'"detail": ?"([^"]*)"|<h1>([^<]*)', answer.body)
        text = (said[1] or said[2]).decode() if said else ""
        result.unavailable[f"{request.operation}: {text}"] += 1
    result.slowest = max(result.slowest, (answer.seconds, request.operation))
    if faults := judge.faults(request, answer):
        body = answer.body[:400].decode(errors="replace")
        result.findings.append(Finding(number, request, faults, answer.status, body))
        said = f"{request.operation} ({', '.join(request.damage) or 'valid'}): {'; '.join(faults)}"
        say(f"{write(result.findings[-1], result.seed)} {said}")
    if result.sent % 5000 == 0:
        say(f"{result.sent} requests, {len(result.findings)} findings")


def _processes(stack: Stack) -> dict[str, int]:
    return {child.name: child.process.pid for child in stack.supervisor._children if child.process}


def _sizes(stack: Stack) -> dict[str, int]:
    return {name: psutil.Process(pid).memory_info().rss for name, pid in _processes(stack).items()}


def _ended(before: dict[str, int], after: dict[str, int]) -> list[str]:
    return [f"{name} ended and was started again" for name, pid in before.items() if after.get(name) != pid]


def _grown(growth: dict[str, int]) -> list[str]:
    return [f"{name} grew by {size >> 20} MiB" for name, size in growth.items() if size > GROWTH_MAX_BYTES]


def _logged(stack: Stack) -> list[str]:
    """Defects that the switch itself noticed, and personal data in its logs."""
    found = []
    for log in sorted((stack.settings.data / "logs").glob("*.log")):
        octets_ = log.read_bytes()
        if judge.CANARY.encode() in octets_ and not log.name.startswith("rail-"):
            found.append(f"{log.name} has personal data")
        lines = [line for line in octets_.splitlines() if _DEFECTS.search(line)]
        found += [f"{log.name}: {line[:400].decode(errors='replace')}" for line in lines[:20]]
    return found


async def unbalanced(stack: Stack) -> list[str]:
    """What `payswitch verify` finds wrong once the payments have ended."""
    connection = await asyncpg.connect(stack.settings.database)
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(
                "SELECT count(*) FROM switch.open_payment WHERE state IN ('RESERVED', 'SENT') AND due_at < clock_timestamp()"
            ):
                await asyncio.sleep(0.2)
        results = [one async for one in verify(connection, stack.settings.rails_directory, None)]
    finally:
        await connection.close()
    return [f"{one.name}: {one.detail}" for one in results if not one.ok]


def write(finding: Finding, seed: str) -> Path:
    """The reproduction of a finding."""
    FOUND.mkdir(parents=True, exist_ok=True)
    file = FOUND / f"{seed}-{finding.number}.json"
    file.write_text(finding.request.to_json())
    return file
