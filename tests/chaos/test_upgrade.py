"""An upgrade under load: two source trees of different versions, and the schema between them.

The old tree is the last release (the newest tag `v*`, or the revision that is 0.1.0 where there is no tag, or this
tree in a checkout without history), the new one is this tree with an added column, made as CONTRIBUTING.md says. The old code processes payments while the first phase
is applied and after it; the new code before the second phase, while it is applied, and after it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.simulation import book as rail_book
from ledger.migrate import migrations
from switch.clients.python import FINAL, NoAnswer, RequestRefused
from switch.operations.upgrade import CONTRACT
from tests.chaos.switch_process import SwitchProcess, uetr_of

pytestmark = [pytest.mark.chaos, pytest.mark.long]

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "ledger", "adapters", "switch")
OLD, NEW = "0.1.0", "99.0.0"
ROUTES = (("asha-bank", "noor-wallet"), ("noor-wallet", "asha-bank"))
PAYERS = 4
END_S = 60.0
"""How long the last payments may take after the load."""

EXPAND = """
ALTER TABLE switch.claim ADD COLUMN claimed_by text;
CREATE FUNCTION switch.record_claims(keys uuid[], numbers bigint[], untils bigint[], versions text[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.claim (key, number, until, claimed_by)
    SELECT t.key, t.number, to_timestamp(t.until / 1e6), t.version
    FROM unnest(keys, numbers, untils, versions) AS t (key, number, until, version)
    ON CONFLICT (key) DO UPDATE
    SET number = excluded.number, until = excluded.until, claimed_by = excluded.claimed_by;
$$;
"""
CONTRACTION = "DROP FUNCTION switch.record_claims(uuid[], bigint[], bigint[]);"
FIRST_RELEASE = "a5154dc890296e6c30a3ba409a0e576bfda0dcb7"
"""0.1.0, which has no tag."""
CLAIMS = "SELECT claimed_by, count(DISTINCT number) FROM switch.claim GROUP BY 1"
GRANTED = "GRANT UPDATE (number, until) ON switch.claim"
GRANTED_NEW = "GRANT UPDATE (number, until, claimed_by) ON switch.claim"
DECLARED = '    each("untils", "bigint", lambda claim: claim[1].until),\n'
DECLARED_NEW = DECLARED + f'    each("versions", "text", lambda _: "{NEW}"),\n'


def last_release() -> tuple[str, str] | None:
    """Revision and version of the newest release; None without the history that has it."""
    tags = ["git", "-C", str(ROOT), "tag", "--list", "v*", "--sort=-v:refname"]
    found = subprocess.run(tags, capture_output=True, text=True, check=False).stdout.split()
    if found:
        return found[0], found[0].removeprefix("v")
    known = ["git", "-C", str(ROOT), "cat-file", "-e", f"{FIRST_RELEASE}^{{commit}}"]
    there = subprocess.run(known, capture_output=True, check=False).returncode == 0
    return (FIRST_RELEASE, "0.1.0") if there else None


def old_tree(to: Path) -> Path:
    """The newest release, or this tree if its history is not there."""
    release = last_release()
    if release is None:
        return copied(to, OLD)
    revision, version = release
    made = ["git", "-C", str(ROOT), "archive", revision, *PACKAGES]
    archive = subprocess.run(made, capture_output=True, check=True).stdout
    to.mkdir(parents=True)
    subprocess.run(["tar", "--extract", "--directory", str(to)], input=archive, check=True)
    return named(to, version)


def new_tree(to: Path) -> Path:
    """This tree with another column in a function that every payment uses."""
    copied(to, NEW)
    replace_once(to / "switch" / "writer" / "duplicates.py", DECLARED, DECLARED_NEW)
    replace_once(to / "switch" / "grants.sql", GRANTED, GRANTED_NEW)
    last = int(migrations("switch")[-1].name[:4])
    (to / "switch" / "migrations" / f"{last + 1:04}_pre_claimed_by.sql").write_text(EXPAND)
    (to / "switch" / "migrations" / f"{last + 2:04}_post_claimed_by.sql").write_text(CONTRACTION)
    return to


def expansions_of(tree: Path) -> set[str]:
    """The migrations of the first phase that a tree has."""
    return {file.name for package in PACKAGES for file in tree.glob(f"{package}/migrations/*_pre_*.sql")}


def replace_once(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def copied(to: Path, version: str) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    return named(to, version)


def named(tree: Path, version: str) -> Path:
    """The tree as an installed distribution of this version."""
    info = tree / f"payswitch-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: payswitch\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(distribution("payswitch").read_text("entry_points.txt") or "")
    return tree


def of_tree(tree: Path, database_url: str) -> dict[str, str]:
    return {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1", "PAYSWITCH_DATABASE": database_url}


def payswitch(environment: dict[str, str], *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the document of a command of a tree."""
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


class Load:
    """Payments one after the other from several payers, each sent until it has an outcome.

    The switch asks the Indian rail a limited number of times: an order that was lost while rail and switch were
    away may stay unknown until people decide. Each payer has one such payment at most, and goes on to no other.
    """

    def __init__(self, switch: SwitchProcess) -> None:
        self.switch = switch
        self.ends: dict[uuid.UUID, str] = {}
        self.failed: list[str] = []
        self.going = True

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        payers = [asyncio.create_task(self._pay(number)) for number in range(PAYERS)]
        yield self
        self.going = False
        _, stuck = await asyncio.wait(payers, timeout=END_S)
        for payer in stuck:
            payer.cancel()
        await asyncio.gather(*payers, return_exceptions=True)

    async def _pay(self, number: int) -> None:
        debtor, creditor = ROUTES[number % len(ROUTES)]
        async with self.switch.client(debtor) as client:
            while self.going:
                document = self.switch.document(debtor, creditor)
                uetr = uuid.UUID(uetr_of(document))
                self.ends[uetr] = "sent"
                while self.ends[uetr] not in FINAL:
                    try:
                        self.ends[uetr] = (await client.pay(document, wait=5)).status
                    except (RequestRefused, NoAnswer) as error:
                        self.failed.append(str(error))
                        await asyncio.sleep(0.2)

    async def more(self, count: int = 12) -> list[str]:
        """Wait for this many more payments; the tries that failed meanwhile."""
        goal, before = len(self.ends) + count, len(self.failed)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while len(self.ends) < goal:
                    await asyncio.sleep(0.05)
        assert len(self.ends) >= goal, (self.failed[-3:], self._writer_log()[-2000:])
        return self.failed[before:]

    def _writer_log(self) -> str:
        return (self.switch.data / "logs" / "writer.log").read_text()


@pytest.fixture
def switch(data_directory: Path) -> Iterator[SwitchProcess]:
    process = SwitchProcess(data_directory / "data", workers=1)
    process.data.mkdir()
    yield process
    process.kill()


def credits(switch: SwitchProcess) -> Counter[uuid.UUID]:
    found: Counter[uuid.UUID] = Counter()
    for book in (switch.data / "rails").glob(f"*/{rail_book.FILE_NAME}"):
        entries = rail_book.read(book)
        found.update(uuid.UUID(e.uetr) for e in entries if e.outcome is rail_book.EntryStatus.DONE)
    return found


@pytest.mark.timeout(400)
async def test_old_code_works_with_the_new_schema_and_new_code_with_the_old_under_load(
    switch: SwitchProcess, empty_database_url: str, tmp_path: Path
) -> None:
    url = empty_database_url
    trees = old_tree(tmp_path / "old"), new_tree(tmp_path / "new")
    old, new = (of_tree(tree, url) for tree in trees)
    expansions = len(expansions_of(trees[1]) - expansions_of(trees[0]))
    switch.environment = old
    switch.start()
    await asyncio.to_thread(switch.wait_until_ready)

    async with Load(switch).running() as load:
        await load.more()
        code, applied = await asyncio.to_thread(payswitch, new, "migrate", "--phase", "pre")
        assert (code, len(applied["applied"])) == (0, expansions), applied
        assert await load.more() == []
        assert load.failed == [], "the old version did not notice the first phase"

        for writer in switch.children("switch.processes.writer"):
            writer.kill()
        await load.more()  # the old writer begins anew, with a schema that is ahead of it

        await asyncio.to_thread(switch.end)
        switch.environment = new
        switch.start()
        await asyncio.to_thread(switch.wait_until_ready)
        await load.more()
        code, check = await asyncio.to_thread(payswitch, new, "upgrade", "--check", "--json")
        assert (code, check["next"], check["pending"]["pre"]) == (1, [CONTRACT], [])
        assert {one["version"] for one in check["running"]} == {NEW}

        code, _ = await asyncio.to_thread(payswitch, new, "migrate", "--phase", "post")
        assert code == 0
        assert await load.more() == [], "the new version did not notice the second phase"

    connection = await asyncpg.connect(url)
    by_version = dict(await connection.fetch(CLAIMS))
    await connection.close()
    code, checks = await asyncio.to_thread(payswitch, new, "verify", "--data", str(switch.data))

    done = {uetr for uetr, status in load.ends.items() if status == "ACCC"}
    doubtful = load.ends.keys() - done
    assert {load.ends[uetr] for uetr in doubtful} <= {"PDNG"}
    assert len(doubtful) <= PAYERS
    credited = credits(switch)
    assert set(credited.values()) == {1}
    assert done <= credited.keys() <= load.ends.keys()
    assert by_version.keys() == {None, NEW}
    assert by_version[None] + by_version[NEW] == len(load.ends)
    assert code == 0, checks
