"""The switch and its witnesses: registered by two people, sent each checkpoint, and heard when they cosign."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import offline_verifier
from ledger.merkle import verify_consistency
from ledger.signing import Cosigner, content_of, cosigned_at, open_note
from switch.operations import housekeeping
from tests.switch.stack import Stack
from tests.switch.webhooks.test_webhook_keys import change
from tests.switch.witness.serving import ServedWitness, served, witness_command


async def get(stack: Stack, path: str) -> tuple[int, Any]:
    """As anybody: without a signature or a session."""
    async with aiohttp.ClientSession(stack.url) as session, session.get(f"/v1/audit/{path}") as answer:
        return answer.status, await answer.json()


async def post(stack: Stack, size: int, line: str | bytes) -> int:
    path = f"/v1/audit/checkpoints/{size}/cosignatures"
    async with aiohttp.ClientSession(stack.url) as session, session.post(path, data=line) as answer:
        return answer.status


async def publish(stack: Stack) -> dict[str, Any]:
    """Publish a checkpoint of new events, as the caretaker does every minute."""
    async with stack.client("asha-bank") as client:
        await client.pay(stack.document("asha-bank", "noor-wallet"))
    connection = await stack.connect()
    await housekeeping.publish(connection, stack.settings)
    await connection.close()
    return (await get(stack, "checkpoints?limit=1"))[1][0]


async def until_cosigned(stack: Stack, name: str, size: int) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            _, found = await get(stack, "witnesses")
            for witness in found:
                if witness["name"] == name and witness["size"] >= size:
                    return witness
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def registered(stack: Stack, key: str, url: str = "") -> AsyncIterator[str]:
    name = key.split("+", maxsplit=1)[0]
    status, done = await change(stack, "witness.add", {"key": key, "url": url})
    assert (status, done.get("state")) == (201, "executed"), done
    try:
        yield name
    finally:
        assert (await change(stack, "witness.remove", {"name": name}))[1]["state"] == "executed"


@pytest.fixture
def keys(stack: Stack) -> list[str]:
    return housekeeping.verifier_lines(stack.settings)


async def test_each_checkpoint_is_sent_and_what_is_cosigned_is_kept(
    stack: Stack, keys: list[str], tmp_path: Path
) -> None:
    name = f"pushed-{uuid.uuid4()}.test"
    with served(tmp_path / "w", keys, name=name) as witness:
        async with registered(stack, witness.key, witness.url):
            for _ in range(3):
                published = await publish(stack)
                await until_cosigned(stack, name, published["size"])
            _, found = await get(stack, f"checkpoints/{published['size']}")
            _, listed = await get(stack, "checkpoints?limit=3")
        _, bundle = await get(stack, f"consistency?from={listed[-1]['size']}&to={published['size']}")

    assert name in found["cosigned_by"]
    assert open_note(found["checkpoint"], keys) == content_of(published["checkpoint"])
    line = next(line for line in found["checkpoint"].splitlines() if line.startswith(f"\u2014 {name} "))
    assert cosigned_at(found["checkpoint"], line, witness.key)
    assert [name in each["cosigned_by"] for each in listed] == [True, True, True]
    assert offline_verifier.verify(bundle, keys) == []
    code, text = offline_verifier.witnessed(bundle, witness.key)
    assert (code, text.startswith(f"witnessed: {name} cosigned {published['size']} events at ")) == (0, True)
    stranger = Cosigner(name, Ed25519PrivateKey.generate()).verifier_key
    assert offline_verifier.witnessed(bundle, stranger)[0] == 1
    assert offline_verifier.witnessed(bundle, keys[0])[0] == 1
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    assert offline_verifier.main([str(file), *keys, "--witness", witness.key]) == 0
    assert offline_verifier.main([str(file), *keys, "--witness", stranger]) == 1


async def test_a_witness_that_nobody_may_call_fetches(stack: Stack, keys: list[str], tmp_path: Path) -> None:
    folder, name = tmp_path / "w", f"pulling-{uuid.uuid4()}.test"
    key = witness_command("init", str(folder), *keys, "--name", name).strip()
    await publish(stack)
    await asyncio.to_thread(witness_command, "pull", str(folder), stack.url, code=1)  # nobody knows it yet
    async with registered(stack, key):
        for _ in range(2):
            published = await publish(stack)
            await asyncio.to_thread(witness_command, "pull", str(folder), stack.url)
            witness = await until_cosigned(stack, name, published["size"])
            _, listed = await get(
                stack, "checkpoints?limit=20"
            )  # the caretaker may have published in between
            assert witness["size"] in {each["size"] for each in listed if each["size"] >= published["size"]}


@pytest.mark.parametrize(
    ("beside", "kind"),
    [(-1, "missing"), (0, "fork"), (1_000_000, "shorter")],
    ids=["missing", "fork", "shorter"],
)
async def test_who_fetches_finds_what_the_log_no_longer_shows(
    stack: Stack, keys: list[str], tmp_path: Path, beside: int, kind: str
) -> None:
    """The witness holds a checkpoint, signed by the log, that is not the log's now."""
    folder, file = tmp_path / "w", tmp_path / "held"
    witness_command("init", str(folder), *keys, "--name", f"{kind}.test")
    published = await publish(stack)
    while (await get(stack, f"checkpoints/{published['size'] + beside}"))[0] == 200 and beside:
        beside -= 1
    size = published["size"] + beside
    file.write_text(housekeeping.signer(stack.settings).sign(size, bytes(32), _epoch(published)))
    witness_command("check", str(folder), str(file))
    await publish(stack)
    await asyncio.to_thread(witness_command, "pull", str(folder), stack.url, code=4)

    kept = [evidence.name.partition("-")[0] for evidence in (folder / "evidence").glob("*")]
    assert kept == ([] if kind == "missing" else [kind])


async def test_a_witness_without_a_network_gets_files(stack: Stack, keys: list[str], tmp_path: Path) -> None:
    """A bundle is carried to it, and its line is carried back."""
    folder, file, name = tmp_path / "w", tmp_path / "bundle.json", f"offline-{uuid.uuid4()}.test"
    key = witness_command("init", str(folder), *keys, "--name", name).strip()
    async with registered(stack, key):
        first = (await publish(stack))["size"]
        file.write_text(json.dumps((await get(stack, f"consistency?from={first}&to={first}"))[1]))
        line = witness_command("check", str(folder), str(file))
        assert await post(stack, first, line) == 204
        second = (await publish(stack))["size"]
        file.write_text(json.dumps((await get(stack, f"consistency?from={first}&to={second}"))[1]))
        line = witness_command("check", str(folder), str(file))
        assert await post(stack, first, line) == 401
        assert await post(stack, second, line) == 204
        assert await post(stack, second, line) == 204
        assert (await until_cosigned(stack, name, second))["size"] == second


async def test_only_registered_witnesses_are_heard(stack: Stack) -> None:
    published = await publish(stack)
    stranger = Cosigner("stranger.test", Ed25519PrivateKey.generate())
    line = stranger.cosign(published["checkpoint"], 1_700_000_000)

    assert await post(stack, published["size"], line) == 401
    async with registered(stack, stranger.verifier_key):
        assert await post(stack, published["size"] + 1_000_000, line) == 404
        for wrong in ("", "nonsense", line[:-9], b"\xff\xfe", "\n" * 900):
            assert await post(stack, published["size"], wrong) in {400, 401}
        assert await post(stack, published["size"], "x" * 5000) == 413
        assert await post(stack, published["size"], line) == 204
    assert await post(stack, published["size"], line) == 401


async def test_a_rewritten_log_is_refused_by_its_witness_and_operators_see_it(
    stack: Stack, keys: list[str], tmp_path: Path
) -> None:
    """The witness holds another history: here it is the witness that was shown another log before."""
    name = f"contradicting-{uuid.uuid4()}.test"
    published = await publish(stack)
    with served(tmp_path / "w", keys, name=name) as witness:
        forged = housekeeping.signer(stack.settings).sign(published["size"], bytes(32), _epoch(published))
        (tmp_path / "forged").write_text(forged)
        witness_command("check", str(tmp_path / "w"), str(tmp_path / "forged"))
        async with registered(stack, witness.key, witness.url):
            later = await publish(stack)
            async with asyncio.timeout(60):
                while not (found := await _named(stack, name))["refuses_since"]:
                    await asyncio.sleep(0.1)
        told = [each["event"] for each in witness.told]

    assert later["size"] > published["size"]
    assert found["size"] == 0
    assert "ALARM_FORK" in told
    kept = [json.loads(file.read_bytes()) for file in (tmp_path / "w" / "evidence").iterdir()]
    fork = next(each for each in kept if content_of(each["shown"]).size == published["size"])
    for note in (fork["held"], fork["shown"]):
        assert open_note(note, keys).size == published["size"]


def _epoch(published: dict[str, Any]) -> int:
    return int(published["origin"].rpartition("/epoch-")[2]) if "/epoch-" in published["origin"] else 1


async def _named(stack: Stack, name: str) -> dict[str, Any]:
    return next(each for each in (await get(stack, "witnesses"))[1] if each["name"] == name)


async def test_a_witness_that_is_away_is_tried_again(stack: Stack, keys: list[str], tmp_path: Path) -> None:
    name = f"away-{uuid.uuid4()}.test"
    key = witness_command("init", str(tmp_path / "w"), *keys, "--name", name).strip()
    async with registered(stack, key, "http://127.0.0.1:1"):
        published = await publish(stack)
        connection = await stack.connect()
        async with asyncio.timeout(60):
            while not (
                row := await connection.fetchrow(
                    "SELECT * FROM switch.witness WHERE key = $1 AND attempts > 0", key
                )
            ):
                await asyncio.sleep(0.1)
        assert row["result"].startswith("no answer: ")
        witness = ServedWitness(tmp_path / "w")
        try:
            assert (await change(stack, "witness.add", {"key": key, "url": witness.url}))[0] == 201
            await until_cosigned(stack, name, published["size"])
        finally:
            witness.end()
            await connection.close()


async def test_proofs_are_between_published_checkpoints_only(stack: Stack) -> None:
    first, second = await publish(stack), await publish(stack)
    one, two = first["size"], second["size"]
    _, bundle = await get(stack, f"consistency?from={one}&to={two}")
    proof = [bytes.fromhex(part) for part in bundle["older"][0]["proof"]]
    assert verify_consistency(one, two, bytes.fromhex(first["root"]), bytes.fromhex(second["root"]), proof)

    for query, status, word in (
        (f"from={two}&to={one}", 422, "larger"),
        (f"from={one - 1}&to={two}", 404, f"the newest has {two}"),
        (f"from={one}&to={two + 1_000_000}", 404, f"the newest has {two}"),
        ("from=0&to=1", 400, "from"),
        (f"from={one}", 400, "to is missing"),
        (f"from={one}&to={'9' * 30}", 400, "to"),
        (f"from={one}&to={two}&x=1", 400, "unknown query parameter"),
    ):
        found = await get(stack, f"consistency?{query}")
        assert (found[0], word in found[1]["detail"]) == (status, True), found


async def test_checkpoints_are_listed_in_pages(stack: Stack) -> None:
    for _ in range(3):
        await publish(stack)
    _, first = await get(stack, "checkpoints?limit=2")
    _, second = await get(stack, f"checkpoints?limit=2&before={first[-1]['size']}")
    sizes = [each["size"] for each in (*first, *second)]

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert (await get(stack, "checkpoints/1000000000"))[0] == 404


async def test_wrong_witnesses_are_not_registered(stack: Stack, keys: list[str]) -> None:
    good = Cosigner("good.test", Ed25519PrivateKey.generate())
    other = Cosigner("good.test", Ed25519PrivateKey.generate())
    for content, word in (
        ({"key": keys[0]}, "verifier key of a witness"),
        ({"key": good.verifier_key, "url": "ftp://good.test"}, "https"),
        ({"key": good.verifier_key, "url": "https://u:p@good.test"}, "credentials"),
        ({"key": good.verifier_key, "url": "https://good.test/?a=b"}, "query"),
    ):
        status, problem = await change(stack, "witness.add", content)
        assert (status, word in problem["detail"]) == (422, True), problem
    async with registered(stack, good.verifier_key):
        for content, word in (
            ({"key": good.verifier_key}, "registered already"),
            ({"key": other.verifier_key}, "has another key"),
        ):
            status, problem = await change(stack, "witness.add", content)
            assert (status, word in problem["detail"]) == (422, True), problem


async def test_addresses_of_private_networks_get_nothing(stack: Stack) -> None:
    key = Cosigner(f"private-{uuid.uuid4()}.test", Ed25519PrivateKey.generate()).verifier_key
    async with registered(stack, key, "https://10.1.2.3"):
        await publish(stack)
        connection = await stack.connect()
        async with asyncio.timeout(60):
            while not (
                found := await connection.fetchval("SELECT result FROM switch.witness WHERE key = $1", key)
            ):
                await asyncio.sleep(0.1)
        await connection.close()

    assert found == "an address of a public network is required"
