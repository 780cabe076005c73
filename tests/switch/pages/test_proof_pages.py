"""Proofs and the event log in the pages, over HTTP, on a whole running switch."""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from ledger import audit, merkle, offline_verifier
from switch.operations import housekeeping
from switch.pages import proofs
from tests.switch.identity.test_people_api import bearer
from tests.switch.pages.test_administration_pages import Answer, page
from tests.switch.stack import Stack


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


@pytest_asyncio.fixture
async def connection(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    opened = await stack.connect()
    yield opened
    await opened.close()


async def paid(stack: Stack, connection: asyncpg.Connection) -> str:
    """A payment from India to Pakistan that a checkpoint covers; its UETR."""
    document = stack.document("asha-bank", "noor-wallet", amount="12.00")
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=60)).status == "ACCC"
    await publish(stack, connection)
    uetr: str = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["PmtId"]["UETR"]
    return uetr


async def publish(stack: Stack, connection: asyncpg.Connection) -> int:
    """Sign a checkpoint, if the caretaker was not first; the newest size."""
    await audit.checkpoint(connection, housekeeping.signer(stack.settings))
    return (await audit.page(connection))[0].size


def bundle_in(answer: Answer) -> Any:
    found = re.search(r'<script id="bundle" type="application/json">(.*?)</script>', answer.text, re.DOTALL)
    assert found is not None, answer
    return json.loads(found[1])


@pytest.mark.parametrize("size", range(1, 40))
def test_the_steps_of_a_proof_end_at_the_root(size: int) -> None:
    events = [
        {"seq": seq, "number": 0, "at": 1, "kind": "X", "change": "", "body": f"{seq:04x}"}
        for seq in range(1, size + 1)
    ]
    leaves = [offline_verifier.leaf_hash(event) for event in events]
    root = merkle.root_of(leaves).hex()
    for place, event in enumerate(events):
        ranges = merkle.inclusion_ranges(place, size)
        event["proof"] = [merkle.root_of(leaves[start:end]).hex() for start, end in ranges]
        leaf, taken = proofs.steps(event, size)

        assert leaf == leaves[place].hex()
        assert (taken[-1].found if taken else leaf) == root


async def test_a_payment_is_proved_to_who_may_see_it(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection
) -> None:
    uetr = await paid(stack, connection)
    path = f"/proofs/show?uetr={uetr}"
    seen = {
        person: await page(http, path, **bearer(stack, person))
        for person in ("operator", "auditor", "regulator-in", "regulator-pk", "regulator-kz")
    }
    bundle = bundle_in(seen["regulator-in"])

    assert {person: answer.status for person, answer in seen.items()} == {
        "operator": 200,
        "auditor": 200,
        "regulator-in": 200,
        "regulator-pk": 200,
        "regulator-kz": 404,
    }
    kinds = [event["kind"] for event in bundle["events"]]
    assert (kinds[:2], kinds[-1]) == (["RESERVE", "SEND"], "CONFIRM")  # a busy machine may doubt in between
    assert offline_verifier.verify(bundle, housekeeping.verifier_lines(stack.settings)) == []
    assert "Verified by the switch." in seen["regulator-in"].text
    assert "Asha" not in seen["regulator-in"].text  # no name of a person or a bank is in an event


async def test_the_downloads_of_a_proof_are_enough_to_check_it_alone(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    uetr = await paid(stack, connection)
    shown = await page(http, f"/proofs/show?uetr={uetr}", **bearer(stack, "auditor"))
    command = re.search(r"<pre><code>python ([^<]+)</code>", shown.text)
    assert command is not None
    for path in (f"/proofs/bundle.json?uetr={uetr}", "/proofs/offline_verifier.py"):
        answer = await page(http, path, **bearer(stack, "auditor"))
        name = f"payment-{uetr}.json" if "bundle" in path else "offline_verifier.py"
        (tmp_path / name).write_text(answer.text)
    words = [word.strip('"') for word in command[1].replace("&#34;", '"').split()]
    good = run_alone(tmp_path, words)
    changed = tmp_path / words[1]
    changed.write_text(changed.read_text().replace('"kind": "CONFIRM"', '"kind": "REJECT"'))
    bad = run_alone(tmp_path, words)

    assert good.returncode == 0
    assert re.match(r"proved: \d+ events in the checkpoint", good.stdout)
    assert bad.returncode == 1
    assert "not in the tree of the checkpoint" in bad.stdout


def run_alone(directory: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", *words], cwd=directory, capture_output=True, text=True, check=False
    )


async def test_one_checkpoint_is_shown_to_extend_another(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection
) -> None:
    await paid(stack, connection)
    first = await publish(stack, connection)
    await paid(stack, connection)
    second = await publish(stack, connection)
    path = f"/proofs/consistency?first={second}&second={first}"  # the other way round does no harm
    shown = await page(http, path, **bearer(stack, "regulator-pk"))
    bundle = bundle_in(shown)
    listed = await page(http, "/proofs", **bearer(stack, "regulator-pk"))
    none = await page(http, f"/proofs/consistency?first=1&second={2**62}", **bearer(stack, "auditor"))
    same = await page(http, f"/proofs/consistency?first={first}&second={first}", **bearer(stack, "auditor"))

    assert first < second
    assert (bundle["events"], len(bundle["older"])) == ([], 1)
    assert offline_verifier.verify(bundle, housekeeping.verifier_lines(stack.settings)) == []
    assert f"/proofs/consistency?first={first}&amp;second=" in listed.text
    assert (none.status, same.status) == (404, 400)


async def test_a_window_and_an_event_are_proved(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection
) -> None:
    await publish(stack, connection)
    window = await connection.fetchval("SELECT min(number) FROM ledger.settlement_window")
    of_window = await page(http, f"/proofs/show?window={window}", **bearer(stack, "regulator-kz"))
    opened = bundle_in(of_window)["events"][0]
    event = await page(http, f"/proofs/show?event={window}", **bearer(stack, "regulator-kz"))
    account = await connection.fetchval("SELECT min(seq) FROM ledger.event WHERE kind = 'account_opened'")
    foreign = await page(http, f"/proofs/show?event={account}", **bearer(stack, "regulator-kz"))
    ours = await page(http, f"/proofs/show?event={account}", **bearer(stack, "checker"))
    wrong = [
        await page(http, f"/proofs/show?{query}", **bearer(stack, "auditor"))
        for query in ("", f"event=1&window={window}", f"event={2**61}", f"window={2**61}")
    ]

    assert (opened["kind"], opened["number"]) == ("window_opened", window)
    assert [each["seq"] for each in bundle_in(event)["events"]] == [window]
    assert (foreign.status, ours.status) == (404, 200)
    assert [answer.status for answer in wrong] == [400, 400, 404, 404]


async def test_the_proof_of_a_fresh_event_is_a_page_to_try_again(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection
) -> None:
    """It was an error of the server, with nothing to do but to guess when."""
    await page(http, "/log", **bearer(stack, "auditor"))  # whose reading is an event
    fresh = await connection.fetchval("SELECT max(seq) FROM ledger.event")
    covered = await audit.page(connection)
    if covered and covered[0].size >= fresh:
        pytest.skip("a checkpoint was made in this instant")
    shown = await page(http, f"/proofs/show?event={fresh}", **bearer(stack, "auditor"))
    await publish(stack, connection)
    later = await page(http, f"/proofs/show?event={fresh}", **bearer(stack, "auditor"))

    assert (shown.status, later.status) == (202, 200)
    assert "usually within a minute" in shown.text
    assert f'href="/console/proofs/show?event={fresh}"' in shown.text


async def test_the_log_is_read_page_by_page_and_a_regulator_reads_its_countrys_payments(
    http: aiohttp.ClientSession, stack: Stack, connection: asyncpg.Connection
) -> None:
    uetr = await paid(stack, connection)
    everything = await page(http, "/log", **bearer(stack, "auditor"))
    people = await page(http, "/log?what=people", **bearer(stack, "auditor"))
    listed = re.findall(r"/proofs/show\?event=(\d+)", everything.text)
    before = await page(http, f"/log?before={listed[3]}", **bearer(stack, "operator"))
    india = await page(http, "/log", **bearer(stack, "regulator-in"))
    kazakhstan = await page(http, "/log", **bearer(stack, "regulator-kz"))

    assert uetr in everything.text
    assert 'title="CONFIRM">Confirm</span>' in everything.text
    assert "Creditor agent" in everything.text
    assert "message_sha256" not in everything.text  # pairs in words, and no JSON
    assert uetr in india.text
    assert uetr not in people.text + kazakhstan.text
    assert "PAGE_READ" in people.text
    assert 'title="CONFIRM"' not in people.text
    assert "PAGE_READ" not in india.text
    assert [int(seq) for seq in listed] == sorted(map(int, listed), reverse=True)
    assert re.findall(r"/proofs/show\?event=(\d+)", before.text)[0] == listed[4]


async def test_a_bundle_has_the_newest_checkpoints_and_the_last_of_each_month(
    database_url: str,
) -> None:
    """One is published a minute: a bundle with all of them would grow without end."""
    opened = await asyncpg.connect(database_url)
    try:
        await opened.execute(
            "INSERT INTO ledger.checkpoint (size, root, at, note)"
            " SELECT n, sha256(int8send(n)), timestamptz '2026-01-01 00:00+00' + n * interval '6 hours', 'note'"
            " FROM generate_series(1::bigint, 1000) AS n"
        )
        rows = await opened.fetch(audit._BUNDLE_CHECKPOINTS, 100)
    finally:
        await opened.close()
    sizes = [row["size"] for row in rows]

    assert sizes[-100:] == list(range(901, 1001))
    assert len(sizes) == 100 + 7  # of January to July the last; of August and September all the rest
    assert sizes[0] == 31 * 4 - 1
