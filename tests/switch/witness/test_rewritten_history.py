"""An attack: root of the switch rewrites an event, the tree and every checkpoint, and signs them again.

Every check of the log, which knows nothing but the database and the key of the log, agrees with the forgery. A
witness outside does not, and no power over the host of the switch makes it.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger import audit
from ledger.encoding import encode_event, leaf_hash, microseconds
from ledger.signing import Signer, open_note
from switch.clients.python import NoAnswer
from switch.operations import housekeeping
from tests.switch.cli.test_cli import payswitch
from tests.switch.stack import Stack, started
from tests.switch.witness.serving import served
from tests.switch.witness.test_witnessing import publish, registered, until_cosigned


@pytest.fixture
def own() -> Iterator[Stack]:
    """A switch that nothing else uses: its history is forged."""
    with started() as running:
        yield running


async def rewrite(stack: Stack) -> tuple[int, int]:
    """What root does, with the database and DATA/audit/checkpoint.key; the event, and the signed checkpoints."""
    connection = await stack.connect()
    key = load_pem_private_key((stack.settings.data / "audit" / "checkpoint.key").read_bytes(), None)
    signer = Signer(stack.settings.log_origin, key)
    event = await connection.fetchrow("SELECT * FROM ledger.event WHERE kind = 'FUND' ORDER BY seq LIMIT 1")
    body = b'{"note":"change 3: settlement agent ref 2026-11-27/0007"}'
    leaf = leaf_hash(
        encode_event(event["seq"], event["number"], microseconds(event["at"]), "FUND", event["change"], body)
    )
    async with connection.transaction():
        await connection.execute(
            "UPDATE ledger.event SET body = $2, leaf = $3 WHERE seq = $1", event["seq"], body, leaf
        )
        await connection.execute("DELETE FROM ledger.audit_node")
        await audit.grow(connection)
        rewritten = await audit.checkpoints(connection, beyond=event["seq"] - 1)
        for each in rewritten:
            root = await audit.root(connection, each.size)
            await connection.execute(
                "UPDATE ledger.checkpoint SET root = $2, note = $3 WHERE size = $1",
                each.size,
                root,
                signer.sign(each.size, root),
            )
        await connection.execute("DELETE FROM switch.invariant_look")
    await connection.close()
    return event["seq"], len(rewritten)


async def run(stack: Stack, statement: str) -> None:
    connection: asyncpg.Connection = await stack.connect()
    await connection.execute(statement)
    await connection.close()


def verify(stack: Stack, *words: str) -> dict[str, Any]:
    """The checks of the log, by name. The rails' books are no part of this."""
    done = payswitch(stack, "verify", *words)
    return {each["check"]: each for each in json.loads(done.stdout)["checks"]}


@pytest.mark.long
async def test_root_rewrites_the_log_and_the_witness_proves_it(own: Stack, tmp_path: Path) -> None:
    keys = housekeeping.verifier_lines(own.settings)
    name = f"central-bank-{uuid.uuid4()}.test"
    with served(tmp_path / "w", keys, name=name) as witness:
        async with registered(own, witness.key, witness.url):
            for _ in range(2):
                published = await publish(own)
                await until_cosigned(own, name, published["size"])
            before = verify(own, "--witness-state", witness.url)
            seq, signed = await rewrite(own)

            with_rows = verify(own)
            await run(own, "DELETE FROM ledger.cosignature")
            alone = verify(own)
            by_address = verify(own, "--witness-state", witness.url)
            by_file = verify(own, "--witness-state", str(tmp_path / "w" / "state.json"))
            await publish_in_any_case(own)
            refused = await _until_refused(own, witness.key)
        told = [each["event"] for each in witness.told]

    assert signed >= 2
    assert [before[check]["ok"] for check in ("audit", "witnesses", f"witness {name}")] == [True] * 3
    assert f"{name} up to event {published['size']}" in before["witnesses"]["detail"]
    assert not with_rows["witnesses"]["ok"]
    assert f"is not the one that {name} cosigned" in with_rows["witnesses"]["detail"]
    assert all(alone[check]["ok"] for check in ("sequence", "I11 leaves", "audit", "witnesses"))
    for found in (by_address, by_file):
        assert not found["audit"]["ok"]
        assert f"are not those that the witness {name} cosigned" in found["audit"]["detail"]
    assert refused == f"it holds another tree of {published['size']} events"
    assert "ALARM_FORK" in told
    forks = [json.loads(file.read_bytes()) for file in (tmp_path / "w" / "evidence").glob("fork-*")]
    assert {open_note(forks[0][which], keys).size for which in ("held", "shown")} == {published["size"]}
    assert open_note(forks[0]["held"], keys).root != open_note(forks[0]["shown"], keys).root
    assert seq < published["size"]


async def publish_in_any_case(stack: Stack) -> None:
    """The caretaker may have found the rewriting already: then the books are frozen, which is an event too."""
    try:
        await publish(stack)
    except NoAnswer as refused:
        if "books-frozen" not in str(refused):
            raise
        connection = await stack.connect()
        await housekeeping.publish(connection, stack.settings)
        await connection.close()


async def _until_refused(stack: Stack, key: str) -> str:
    connection = await stack.connect()
    try:
        while not (
            row := await connection.fetchrow(
                "SELECT * FROM switch.witness WHERE key = $1 AND refuses_at IS NOT NULL", key
            )
        ):
            await asyncio.sleep(0.1)
        return str(row["result"])
    finally:
        await connection.close()
