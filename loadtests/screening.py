"""What screening costs: CPU for a payment, memory and time for an index, and what an outside engine costs.

A payment has two names, debtor and creditor: all of them are common ones of ten countries, so nearly none is
a hit, and each comes for the first time. What words of names are like is remembered: at first most words are
new too; later words are known, and only names come for the first time; names that came lately are remembered.
The made-up list is as large as those of the UN, the OFAC and the EU together; nearly a third of its words are
those of common names, which is more than in such lists; real ones are added with `--list`. The tables of an
index are made once for an installation, and loaded by each process.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import psutil
from aiohttp import web

from loadtests import keeping, watch_rules
from loadtests.names import common
from switch.base import outward
from switch.base.settings import Settings
from switch.screening import list_files, tables
from switch.screening.engine import AskedParty, EngineClient, EngineTerms
from switch.screening.index import NameIndex
from switch.screening.listed import ListedKind, ListedName, ListedParty

ENTRIES: Final = 45_000
ALIASES: Final = 0.8
"""Aliases for an entry, on average."""
COMMON_WORDS: Final = 0.3
"""Share of words of the made-up list that are those of common names."""
PAYMENTS: Final = 1_600
ENGINE_PAYMENTS: Final = 1_000
_SEED: Final = 19
_HEAD: Final = (
    "| list | entries | names | made once, CPU s | loaded, CPU s | memory, MB | new words: mean | median"
    " | 99 % | new names: mean | median | known names |"
)
SYLLABLES: Final = tuple(first + vowel for first in "bcdfghjklmnprstvz" for vowel in "aeiou")
_MEGABYTE: Final = 1024 * 1024


def made_up(entries: int) -> Iterator[ListedParty]:
    """A list of persons, the same in every run."""
    chance = random.Random(_SEED)
    known = [word for _, name in common() if name.isascii() for word in name.split()]
    rare = ["".join(chance.choices(SYLLABLES, k=chance.choice((2, 3, 3, 4)))) for _ in range(entries)]

    def name() -> ListedName:
        words = (
            chance.choice(known if chance.random() < COMMON_WORDS else rare)
            for _ in range(chance.choice((2, 3, 3, 4)))
        )
        return ListedName(" ".join(words))

    for at in range(entries):
        aliases = chance.choices((0, 1, 2, 5), weights=(60, 20, 15, 5))[0]
        yield ListedParty(str(at), ListedKind.PERSON, [name() for _ in range(1 + aliases)])


def payments(count: int) -> list[tuple[str, str]]:
    """Names of debtor and creditor: each once, the same in every run."""
    names = sorted({name for _, name in common()})
    random.Random(_SEED).shuffle(names)
    return list(zip(names[:count], names[count : 2 * count], strict=True))


def figures(taken_us: list[float]) -> dict[str, float]:
    """Mean, median and 99th percentile, in microseconds."""
    taken_us.sort()
    return {
        "mean_us": round(statistics.fmean(taken_us), 1),
        "median_us": round(statistics.median(taken_us), 1),
        "p99_us": round(taken_us[len(taken_us) * 99 // 100], 1),
    }


def of_list(packed: bytes) -> dict[str, Any]:
    """Time and memory to load an index, and the CPU of payments that are compared with it.

    `packed`: its tables, as processes load them.
    """
    process = psutil.Process()
    before, started = process.memory_info().rss, time.process_time()
    index = NameIndex(tables.unpack(packed))
    loaded_s = time.process_time() - started
    asked = payments(PAYMENTS)
    first, hits = _searched(index, asked)
    again_us = statistics.fmean(_searched(index, asked)[0])
    index.forget_names()
    known, _ = _searched(index, asked)
    return {
        "names": len(index),
        "load_s": round(loaded_s, 3),
        "memory_mb": round((process.memory_info().rss - before) / _MEGABYTE, 1),
        "payments": len(asked),
        "payments_with_a_hit": hits,
        "again_us": round(again_us, 1),
        "known_words": figures(known),
        **figures(first),
    }


def _searched(index: NameIndex, asked: Sequence[tuple[str, str]]) -> tuple[list[float], int]:
    """The CPU of each payment in microseconds, and how many have a hit."""
    taken, hits = [], 0
    for names in asked:
        begun = time.thread_time_ns()
        found = [hit for name in names for hit in index.search(name)]
        taken.append((time.thread_time_ns() - begun) / 1000)
        hits += bool(found)
    return taken, hits


def _apart(to: Connection, packed: bytes) -> None:
    """Measure in a fresh process, whose memory is its own."""
    to.send(of_list(packed))


def measured(file: Path | None) -> dict[str, Any]:
    """The figures of one list; None: the made-up one."""
    parties = list(made_up(ENTRIES)) if file is None else list(list_files.read(file.read_bytes()).parties)
    started = time.process_time()
    packed = tables.pack(tables.make(parties))
    made_s = time.process_time() - started
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_apart, args=(theirs, packed))
    process.start()
    try:
        found: dict[str, Any] = ours.recv()
    finally:
        process.join(60)
    return {"entries": len(parties), "make_s": round(made_s, 2), "packed_mb": _megabytes(packed)} | found


def _megabytes(packed: bytes) -> float:
    return round(len(packed) / _MEGABYTE, 1)


async def _finds_nobody(_: web.Request) -> web.Response:
    return web.json_response({"hits": [], "entities": None, "lists": {"made_up": 1}})


def _serve(to: Connection) -> None:
    """An engine that finds nobody, and answers at once: what remains is the cost of asking."""

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", _finds_nobody)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        to.send(runner.addresses[0][1])
        await asyncio.to_thread(to.recv)
        await runner.cleanup()

    asyncio.run(run())


@contextmanager
def engine() -> Iterator[str]:
    """The address of an engine in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.send(None)
        process.join(30)


async def _asked(form: Any, address: str) -> dict[str, Any]:
    """CPU of this process and time of a payment whose parties an engine is asked about, one after another."""
    settings = Settings(screening_engine_networks=outward.LOOPBACK)
    client = EngineClient(settings, EngineTerms(form, address, 75, 30.0))

    async def ask(debtor: str, creditor: str) -> None:
        await client.ask("", [AskedParty("debtor", debtor), AskedParty("creditor", creditor)])

    try:
        return await _timed(ask)
    finally:
        await client.close()


async def _timed(ask: Callable[[str, str], Awaitable[None]]) -> dict[str, Any]:
    asked = payments(ENGINE_PAYMENTS)
    await ask(*asked[0])
    cpu, taken = time.process_time(), []
    for names in asked:
        begun = time.perf_counter_ns()
        await ask(*names)
        taken.append((time.perf_counter_ns() - begun) / 1000)
    cpu_us = (time.process_time() - cpu) / len(asked) * 1_000_000
    return {"payments": len(asked), "cpu_us": round(cpu_us, 1), "answer": figures(taken)}


def table(report: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [*__doc__.strip().splitlines(), "", "## Lists", ""]
    lines += [
        (
            "CPU of a payment in microseconds: with new words, new names of known words, and known names. "
            f"Load average of the {report['machine']['cpus']} cores: {report['machine']['load_average']}."
        ),
        "",
        _HEAD,
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in report["lists"].items():
        cells = ("entries", "names", "make_s", "load_s", "memory_mb", "mean_us", "median_us", "p99_us")
        known = (one["known_words"]["mean_us"], one["known_words"]["median_us"], one["again_us"])
        lines.append(
            f"| {name} | {' | '.join(f'{one[cell]:,}' for cell in cells)} | {' | '.join(map(str, known))} |"
        )
    lines += [
        "",
        "## An outside engine",
        "",
        "CPU is that of the process that takes the payment. `Watchman` is a real one, if it was given.",
        "",
        "| engine | CPU for a payment, us | answer, us: median | 99 % |",
        "|---|---|---|---|",
    ]
    for name, one in report["engines"].items():
        answer = one["answer"]
        lines.append(f"| {name} | {one['cpu_us']:,} | {answer['median_us']:,} | {answer['p99_us']:,} |")
    lines += ["", "## Watch rules", "", "| CPU for a payment | us |", "|---|---|"]
    lines += [
        f"| {name.removesuffix('_us').replace('_', ' ')} | {us} |"
        for name, us in report["watch_rules"].items()
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m loadtests screening")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", type=Path, action="append", default=[], help="file of a sanctions list")
    parser.add_argument("--watchman", help="address of a Moov Watchman, which is measured too")
    keeping.add_options(parser)
    options = parser.parse_args(arguments)
    lists = {"made up": measured(None)} | {file.name: measured(file) for file in options.list}
    with engine() as address:
        engines = {
            "json, finds nobody": asyncio.run(_asked("json", f"{address}/screen")),
            "the form of Watchman, finds nobody": asyncio.run(_asked("watchman", address)),
        }
    if options.watchman:
        engines["Watchman"] = asyncio.run(_asked("watchman", options.watchman))
    machine = {"cpus": os.cpu_count(), "load_average": round(os.getloadavg()[1], 1)}
    report = {"machine": machine, "lists": lists, "engines": engines, "watch_rules": watch_rules.figures()}
    keeping.keep(options.results, "screening", report, table(report))
    print(json.dumps(report) if options.json else table(report), end="\n" if options.json else "")
    return 0
