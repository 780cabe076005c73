"""The tables of an index are made once, kept, and loaded by every process before its lists are in force."""

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil
import pytest

from loadtests.screening import made_up, payments
from schemas import codec
from schemas.errors import Unavailable
from switch.base import metrics, personal_data
from switch.base.settings import Settings
from switch.names.similarity import hear
from switch.operations import screening_lists
from switch.payments import screening
from switch.payments.directory import Directory, DirectorySnapshot, ScreeningSet
from switch.payments.dispatch import now_us
from switch.payments.screening import Screening
from switch.sandbox.world import credit_transfer
from switch.screening import tables
from switch.screening.index import NameIndex
from switch.screening.listed import ListedKind, ListedName, ListedParty
from switch.screening.vocabulary import KeyTable

LISTED, OTHER = "Ozimand Kvartsenko", "Zelkova Ombrane"
SOON_US = 60_000_000
SET = 7


def parties(*known: str) -> list[ListedParty]:
    return [ListedParty(f"T-{at}", ListedKind.PERSON, [ListedName(name)]) for at, name in enumerate(known)]


def test_kept_tables_find_what_fresh_ones_find() -> None:
    listed = [*made_up(300), *parties("王小明", "Усама бен Ладен", LISTED)]
    made = NameIndex(listed)
    loaded = NameIndex(tables.unpack(tables.pack(tables.make(listed))))
    asked = [name for pair in payments(60) for name in pair]
    asked += ["王晓明", "Wang Xiaoming", "Ozymand Kvarcenko", *(one.names[0].text for one in listed[::10])]

    assert [loaded.search(name) for name in asked] == [made.search(name) for name in asked]
    assert sum(bool(made.search(name)) for name in asked) > 30


def test_tables_state_what_frequent_words_are_like() -> None:
    index = NameIndex(made_up(100))
    words = [word for word in index._words if len(word) > 2][:: len(index._words) // 60]

    stated = [index._stated_by_tables(word) for word in words]
    assert stated == [tables.alike(hear(word), index._near, index._heard, pinyin=False) for word in words]
    assert index._stated_by_tables("zzyzxq") is None
    assert index._stated_by_tables("zz") is None


def test_a_table_refuses_a_place_that_would_hide_a_name() -> None:
    assert KeyTable(KeyTable.made([("one", (1 << 24) - 1)])).at("one") == [(1 << 24) - 1]
    with pytest.raises(ValueError, match="places"):
        KeyTable.made([("one", 1 << 24)])


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A database with one list and one set of it."""
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    await add_set(pool, SET, LISTED)
    yield pool
    await pool.close()


async def add_set(pool: asyncpg.Pool, number: int, *known: str) -> int:
    """A set of one list with these names, in the database; the number of the list."""
    raw = "id,kind,name\n" + "".join(f"T-{at},person,{name}\n" for at, name in enumerate(known))
    found, file, packed = screening_lists._packed(raw.encode())
    stated = (found.publisher, None, "a test", number.to_bytes(32, "big"), len(raw), len(known), len(known))
    listed: int = await pool.fetchval(screening_lists._ADD, *stated, file, packed, "operator")
    statement = "INSERT INTO switch.screening_set VALUES ($1, $2, 85, clock_timestamp())"
    await pool.execute(statement, number, [listed])
    return listed


def of_process(pool: asyncpg.Pool, sets: Sequence[tuple[int, int]], **keeps: bool) -> Screening:
    """Screening of a process, which has read that these sets begin in so many microseconds."""
    directory = Directory(pool)
    wanted = [ScreeningSet(number, [at + 1], 85, now_us() + in_us) for at, (number, in_us) in enumerate(sets)]
    directory.now = DirectorySnapshot(screening=wanted)
    settings = Settings()
    return Screening(settings, pool, directory, personal_data.load(settings.personal_data_keys), **keeps)


def message(creditor: str) -> codec.Message:
    stated: dict[str, Any] = credit_transfer(
        debtor_agent="ASHAINBB", debtor="Asha Rao", debtor_account="1", creditor_agent="NOORPKKA",
        creditor=creditor, creditor_account="2", amount="1.00", currency="INR",
    )  # fmt: skip
    return codec.again(msgspec.json.encode(stated), stated["$type"])


async def test_one_process_makes_the_tables_and_others_load_them(pool: asyncpg.Pool) -> None:
    """The kept tables are of another list: a process that made its own would not find the name."""
    caretaker = of_process(pool, [(SET, SOON_US)], keeps_tables=True)
    await caretaker.prepare()
    kept = await pool.fetchrow("SELECT number, made_with, tables FROM switch.screening_tables")
    await pool.execute(
        "UPDATE switch.screening_tables SET tables = $1", tables.pack(tables.make(parties(OTHER)))
    )
    api = of_process(pool, [(SET, 0)])
    await api.prepare()

    assert (kept["number"], kept["made_with"]) == (SET, tables.made_with())
    assert len(NameIndex(tables.unpack(kept["tables"])).search(LISTED)) == 1
    assert [one.entry for one in (await api.compare(message(OTHER), "asha-bank")).findings] == ["T-0"]
    assert (await api.compare(message(LISTED), "asha-bank")).findings == []


async def test_tables_that_are_late_are_made_by_each_process_and_kept_by_none(pool: asyncpg.Pool) -> None:
    early, late = of_process(pool, [(SET, SOON_US)]), of_process(pool, [(SET, 0)])
    await early.prepare()
    await late.prepare()

    assert (len(early._indexes), len(late._indexes)) == (0, 1)
    (found,) = (await late.compare(message(LISTED), "asha-bank")).findings
    assert (found.entry, found.score) == ("own:T-0", 100)
    assert await pool.fetchval("SELECT count(*) FROM switch.screening_tables") == 0


async def test_tables_of_other_programs_are_not_read_and_those_of_past_sets_go(pool: asyncpg.Pool) -> None:
    foreign = tables.pack(tables.make(parties(OTHER)))
    await pool.execute("INSERT INTO switch.screening_tables VALUES ($1, $2, $3)", SET, bytes(32), foreign)
    process = of_process(pool, [(SET, 0)], keeps_tables=True)
    await process.prepare()
    assert len((await process.compare(message(LISTED), "asha-bank")).findings) == 1

    listed = await add_set(pool, SET + 1, OTHER)
    process._directory.now = DirectorySnapshot(screening=[ScreeningSet(SET + 1, [listed], 85, 0)])
    await process.prepare()

    assert [row["number"] for row in await pool.fetch("SELECT number FROM switch.screening_tables")] == [
        SET + 1
    ]
    assert len((await process.compare(message(OTHER), "asha-bank")).findings) == 1


async def test_a_payment_waits_a_moment_for_the_index_and_is_not_taken_without(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "READY_WITHIN_S", 60.0)
    process = of_process(pool, [(SET, 0)])
    waiting = asyncio.create_task(process.compare(message(LISTED), "asha-bank"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await process.prepare()
    assert len((await waiting).findings) == 1

    monkeypatch.setattr(screening, "READY_WITHIN_S", 0.1)
    with pytest.raises(Unavailable, match="nothing was decided"):
        await of_process(pool, [(SET, 0)]).compare(message(LISTED), "asha-bank")


def test_tables_that_are_not_whole_are_not_read() -> None:
    packed = tables.pack(tables.make(parties(LISTED)))

    for damaged in (packed[:-9], packed[:40] + bytes([packed[40] ^ 1]) + packed[41:], b"", packed[1:]):
        with pytest.raises(tables.DamagedTables):
            tables.unpack(damaged)


async def in_force(process: Screening) -> None:
    """Let a process read what is in force, as each does every second, and prepare for it."""
    await process._directory.refresh()
    await process.prepare()


async def found(process: Screening, name: str) -> tuple[int, list[str]]:
    """The set that a payee of this name is compared with, and the entries that it may be."""
    result = await process.compare(message(name), "asha-bank")
    return result.lists, [each.entry for each in result.findings]


@pytest.fixture
async def caretaker(pool: asyncpg.Pool) -> Screening:
    """The caretaker's screening, with tables of the set in force, which it has kept."""
    process = of_process(pool, [], keeps_tables=True)
    await in_force(process)
    return process


@pytest.fixture
def tries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process tries again at once, and payments do not wait for it."""
    monkeypatch.setattr(screening, "MAKES_AGAIN_S", 0.0)
    monkeypatch.setattr(screening, "READY_WITHIN_S", 0.05)


def late_s() -> float:
    return float(metrics.SCREENING_LISTS_LATE._value.get())


async def test_lists_that_are_damaged_stop_no_payment(
    pool: asyncpg.Pool, caretaker: Screening, tries_at_once: None
) -> None:
    """The lists before count on, in every process and after a restart, until the new ones are whole."""
    api = of_process(pool, [])
    await in_force(api)
    listed = await add_set(pool, SET + 1, OTHER)
    whole = await pool.fetchval("SELECT parties FROM switch.screening_list WHERE number = $1", listed)
    damage = "UPDATE switch.screening_list SET parties = $2 WHERE number = $1"
    await pool.execute(damage, listed, whole[:-8])
    restarted = of_process(pool, [])
    for process in (caretaker, api, restarted):
        await in_force(process)

        assert await found(process, LISTED) == (SET, ["own:T-0"])
        assert await found(process, OTHER) == (SET, [])
        assert late_s() > 0

    await pool.execute(damage, listed, whole)
    for process in (caretaker, api, restarted):
        await in_force(process)
        assert await found(process, OTHER) == (SET + 1, ["own:T-0"])
        assert late_s() == 0
    await in_force(api)
    assert [each.number for each in api._directory.now.screening] == [SET + 1]
    assert list(api._indexes) == [SET + 1]
    assert await pool.fetchval("SELECT count(*) FROM switch.screening_tables") == 1 + 1  # until the next set


async def test_a_maker_that_is_killed_stops_no_payment(
    pool: asyncpg.Pool, caretaker: Screening, tries_at_once: None
) -> None:
    """It is a process of its own, the first that the kernel ends if memory is short."""
    await add_set(pool, SET + 1, *(party.names[0].text for party in made_up(6_000)))
    await caretaker._directory.refresh()
    making = asyncio.create_task(caretaker.prepare())
    maker = await maker_at_work(making)
    maker.kill()
    await making

    assert await found(caretaker, LISTED) == (SET, ["own:T-0"])
    assert late_s() > 0
    await in_force(caretaker)
    assert (await found(caretaker, LISTED))[0] == SET + 1


async def maker_at_work(making: "asyncio.Task[None]") -> psutil.Process:
    """The process that makes tables for this one, once it has begun."""
    while not making.done():
        for child in psutil.Process(os.getpid()).children():
            with contextlib.suppress(psutil.Error):
                adjusted = Path(f"/proc/{child.pid}/oom_score_adj")
                if adjusted.exists() and adjusted.read_text(encoding="ascii").strip() == "1000":
                    return child
        await asyncio.sleep(0.001)
    raise AssertionError("no process made tables")


@pytest.fixture
async def small_disk(pool: asyncpg.Pool) -> AsyncIterator[Path]:
    """A disk of half a megabyte, on which PostgreSQL keeps the tables."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "disk"
        place.mkdir()
        Path(directory).chmod(0o755)
        owner = Path(await pool.fetchval("SHOW data_directory")).stat().st_uid
        command = ["mount", "-t", "tmpfs", "-o", f"size=512k,mode=0700,uid={owner}", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk needs root")
        await pool.execute(f"CREATE TABLESPACE small_disk LOCATION '{place}'")
        await pool.execute("ALTER TABLE switch.screening_tables SET TABLESPACE small_disk")
        yield place
        await pool.execute("ALTER TABLE switch.screening_tables SET TABLESPACE pg_default")
        await pool.execute("DROP TABLESPACE small_disk")
        subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_stops_no_payment_by_new_lists(
    pool: asyncpg.Pool, caretaker: Screening, small_disk: Path, tries_at_once: None
) -> None:
    await add_set(pool, SET + 1, OTHER, *(party.names[0].text for party in made_up(6_000)))
    await in_force(caretaker)
    assert await found(caretaker, LISTED) == (SET, ["own:T-0"])
    assert late_s() > 0

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    await in_force(caretaker)
    assert await found(caretaker, OTHER) == (SET + 1, ["own:T-0"])


async def test_kept_tables_that_are_damaged_are_made_again(pool: asyncpg.Pool, caretaker: Screening) -> None:
    await pool.execute("UPDATE switch.screening_tables SET tables = substr(tables, 1, 99)")
    api, other = of_process(pool, []), of_process(pool, [], keeps_tables=True)

    for process in (api, other):
        await in_force(process)
        assert await found(process, LISTED) == (SET, ["own:T-0"])
    kept = await pool.fetchval("SELECT tables FROM switch.screening_tables")
    assert len(NameIndex(tables.unpack(kept)).search(LISTED)) == 1


async def test_the_first_lists_refuse_payments_if_they_are_damaged(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are none before them: nothing passes without having been compared."""
    await pool.execute("UPDATE switch.screening_list SET parties = substr(parties, 1, 9)")
    monkeypatch.setattr(screening, "READY_WITHIN_S", 0.1)
    process = of_process(pool, [])
    await in_force(process)

    with pytest.raises(Unavailable, match="nothing was decided"):
        await found(process, LISTED)


async def test_lists_before_an_end_of_screening_do_not_count_again(
    pool: asyncpg.Pool, caretaker: Screening, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.execute("INSERT INTO switch.screening_set VALUES ($1, '{}', 85, clock_timestamp())", SET + 1)
    await in_force(caretaker)
    assert await found(caretaker, LISTED) == (0, [])
    await add_set(pool, SET + 2, OTHER)
    await pool.execute("UPDATE switch.screening_list SET parties = substr(parties, 1, 9)")
    await in_force(caretaker)

    monkeypatch.setattr(screening, "READY_WITHIN_S", 0.1)
    with pytest.raises(Unavailable):
        await found(caretaker, LISTED)
