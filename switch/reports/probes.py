"""Probe each service regularly and record the results, from which availability is computed."""

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import asyncpg

from switch.base.settings import Settings
from switch.payments.rails import Rail, Rails
from switch.reports.sql import statement
from switch.writer.client import Link
from switch.writer.commands import Ping
from switch.writer.verdicts import Verdict

EVERY_S: Final = 15.0
WITHIN_S: Final = 5.0
"""A service that has not responded by then is down."""

_ADD: Final = statement("add_probe")
Check = Callable[[], Awaitable[bool]]


def checks(settings: Settings, link: Link, rails: Rails) -> Mapping[str, Check]:
    """Probes of each service, by its name."""
    return {
        "accept": lambda: _accepts(f"http://{settings.host}:{settings.port}/readyz"),
        "decide": lambda: _decides(link),
        **{f"rail-{country}": partial(_rail_answers, rail) for country, rail in rails.items()},
    }


async def _rail_answers(rail: Rail) -> bool:
    """Probe a rail; its circuit breaker counts the result."""
    answered = False
    try:
        answered = await rail.adapter.probe()
    finally:
        rail.breaker.count_exchange(answered=answered)
    return answered


async def _accepts(url: str) -> bool:
    """A new connection each time, as a new client would make."""

    def ask() -> bool:
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004

    return await asyncio.to_thread(ask)


async def _decides(link: Link) -> bool:
    return (await link.ask(Ping())).verdict is Verdict.PONG


async def probe_all(pool: asyncpg.Pool, services: Mapping[str, Check], every_s: float = EVERY_S) -> None:
    """Probe every service once, concurrently, and record the results."""
    await asyncio.gather(*(_probe(pool, name, check, every_s) for name, check in services.items()))


async def _probe(pool: asyncpg.Pool, service: str, check: Check, every_s: float) -> None:
    began = time.perf_counter()
    try:
        ok = await asyncio.wait_for(check(), WITHIN_S)
        detail = "" if ok else "negative response"
    except Exception as error:  # noqa: BLE001 - whatever happened, the service did not respond
        ok, detail = False, type(error).__name__
    micros = int((time.perf_counter() - began) * 1_000_000)
    await pool.execute(_ADD, service, ok, micros, every_s, detail)
