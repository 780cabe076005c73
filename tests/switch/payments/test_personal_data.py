"""I-4: what a message says about people is sealed; when its key goes, the words go, and every proof stays."""

import json
import stat
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from ledger import audit, offline_verifier
from ledger.roles import Login
from schemas.errors import NotFound
from switch.base import database, personal_data
from switch.base.personal_data import CAME, SENT, Erased, UnreadablePersonalData
from switch.operations import housekeeping, verify
from switch.payments import erasure
from tests.switch.stack import Stack

NAME = "CANARYNAME7714"


@pytest.fixture
def keys(tmp_path):
    return personal_data.load(tmp_path / "keys.json")


def test_what_was_sealed_opens_and_nothing_else_does(keys, tmp_path):
    uetr, other = uuid4(), uuid4()
    sealer = keys.sealer(uetr)
    came, sent = sealer.seal(CAME, b"came"), sealer.seal(SENT, b"sent")

    assert keys.open(uetr, CAME, sealer.sealed_key, came) == b"came"
    assert keys.open(uetr, SENT, sealer.sealed_key, sent) == b"sent"
    for forged in (
        (other, CAME, sealer.sealed_key, came),
        (uetr, SENT, sealer.sealed_key, came),
        (uetr, CAME, keys.sealer(uetr).sealed_key, came),
        (uetr, CAME, sealer.sealed_key, came[:-1]),
        (uetr, CAME, sealer.sealed_key[:-1], came),
        (uetr, CAME, b"\xff" + sealer.sealed_key[1:], came),
        (uetr, CAME, b"x", came),
    ):
        with pytest.raises(UnreadablePersonalData):
            keys.open(*forged)
    with pytest.raises(UnreadablePersonalData):
        personal_data.load(tmp_path / "others.json").open(uetr, CAME, sealer.sealed_key, came)
    with pytest.raises(Erased):
        keys.open(uetr, CAME, None, came)


def test_two_payments_never_share_a_key(keys):
    uetr = uuid4()

    assert keys.sealer(uetr).seal(CAME, b"same") != keys.sealer(uetr).seal(CAME, b"same")


def test_the_key_file_is_its_owners_and_made_once(tmp_path):
    file = tmp_path / "keys" / "personal-data.json"
    first, second = personal_data.load(file), personal_data.load(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.fingerprint("a", b"d") == second.fingerprint("a", b"d")
    assert first.fingerprint("a", b"d") != first.fingerprint("b", b"d")
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_after_a_rotation_the_old_opens_and_the_new_seals(tmp_path):
    file, uetr = tmp_path / "keys.json", uuid4()
    before = personal_data.load(file)
    old = before.sealer(uetr)
    body = old.seal(CAME, b"old")
    assert personal_data.rotate(file) == 2
    after = personal_data.load(file)
    new = after.sealer(uetr)

    assert after.open(uetr, CAME, old.sealed_key, body) == b"old"
    assert after.fingerprint("a", b"d") == before.fingerprint("a", b"d")
    with pytest.raises(UnreadablePersonalData, match="not in the key file"):
        before.open(uetr, CAME, new.sealed_key, new.seal(CAME, b"new"))


@pytest.mark.parametrize("content", ["", "{}", '{"fingerprint": "eA==", "master": ["eA=="]}'])
def test_a_file_that_is_no_key_file_is_refused(tmp_path, content):
    file = tmp_path / "keys.json"
    file.write_text(content)

    with pytest.raises(UnreadablePersonalData):
        personal_data.load(file)


async def pay(stack: Stack):
    """A committed payment whose message names somebody; the message and its UETR."""
    document = stack.document("asha-bank", "noor-wallet")
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["Dbtr"]["Nm"] = NAME
    async with stack.client("asha-bank") as client:
        state = await client.pay(document, wait=20)
    assert state.status == "ACCC"
    return document, UUID(state.uetr)


async def failing(stack: Stack, connection):
    results = verify.verify(connection, stack.settings.rails_directory, None)
    return {result.name: result.detail async for result in results if not result.ok}


async def test_an_erased_payment_is_unreadable_provable_and_known(stack: Stack):
    keys = personal_data.load(stack.settings.personal_data_keys)
    document, uetr = await pay(stack)
    connection, link = await stack.connect(), stack.link()
    await link.start()
    stored = await connection.fetch("SELECT body FROM switch.message")
    assert not any(NAME.encode() in row["body"] for row in stored)
    assert NAME.encode() in await personal_data.read(connection, keys, uetr, CAME)
    assert NAME.encode() in await personal_data.read(connection, keys, uetr, SENT)

    assert await erasure.erase(connection, link, [uetr], "asked for") == 1
    assert await erasure.erase(connection, link, [uetr], "asked again") == 0

    with pytest.raises(Erased):
        await personal_data.read(connection, keys, uetr, CAME)
    async with stack.client("asha-bank") as client:
        again = await client.pay(document, wait=20)
    assert (again.uetr, again.status) == (str(uetr), "ACCC")
    number = await connection.fetchval("SELECT number FROM ledger.transfer WHERE id = $1", uetr)
    signer = housekeeping.signer(stack.settings)
    await audit.checkpoint(connection, signer)
    bundle = await audit.bundle(connection, [number])
    # Another test may have rotated the key: older checkpoints are signed by older keys.
    assert offline_verifier.verify(bundle, housekeeping.verifier_lines(stack.settings)) == []
    assert NAME not in json.dumps(bundle)
    assert await failing(stack, connection) == {}
    await link.stop()
    await connection.close()


async def test_a_key_that_disappeared_silently_is_named(stack: Stack):
    _, uetr = await pay(stack)
    connection = await stack.connect()
    number, sealed = await connection.fetchrow(
        "SELECT number, sealed FROM switch.message_key JOIN switch.payment USING (number) WHERE uetr = $1",
        uetr,
    )
    await connection.execute(
        "UPDATE switch.message_key SET sealed = NULL, erasure = 1 WHERE number = $1", number
    )
    result = await verify.verify_erasures(connection)
    await connection.execute(
        "UPDATE switch.message_key SET sealed = $2, erasure = NULL WHERE number = $1", number, sealed
    )
    await connection.close()

    assert not result.ok
    assert f"payment {number}:" in result.detail


async def test_what_is_unknown_or_open_is_not_erased(stack: Stack):
    connection, link = await stack.connect(), stack.link()
    await link.start()
    with pytest.raises(NotFound):
        await erasure.erase(connection, link, [uuid4()], "no")
    document = stack.document("asha-bank", "noor-wallet", word="SLOW2")
    async with stack.client("asha-bank") as client:
        state = await client.pay(document)
        uetr = UUID(state.uetr)
        if not state.final:
            with pytest.raises(erasure.NotFinal):
                await erasure.erase(connection, link, [uetr], "no")
        await client.payment(state.uetr, wait=20)
    await link.stop()
    await connection.close()


async def test_retention_erases_what_is_older_and_nothing_younger(stack: Stack, monkeypatch):
    monkeypatch.setattr(erasure, "BATCH", 2)
    keys = personal_data.load(stack.settings.personal_data_keys)
    old = [(await pay(stack))[1] for _ in range(3)]
    connection, link = await stack.connect(), stack.link()
    await link.start()
    instant = await connection.fetchval("SELECT clock_timestamp()")
    _, young = await pay(stack)

    assert [n async for n in erasure.erase_before(connection, link, instant - timedelta(days=1), "r")] == []
    count = await erasure.count_before(connection, instant)
    counts = [count async for count in erasure.erase_before(connection, link, instant, "retention")]
    await erasure.scrub(connection)

    assert sum(counts) == count >= 3
    assert await erasure.count_before(connection, instant) == 0
    assert max(counts) == 2
    for uetr in old:
        with pytest.raises(Erased):
            await personal_data.read(connection, keys, uetr, CAME)
    assert await personal_data.read(connection, keys, young, CAME)
    assert [n async for n in erasure.erase_before(connection, link, instant, "retention")] == []
    assert await failing(stack, connection) == {}
    assert datetime.now(UTC) > instant
    await link.stop()
    await connection.close()


@pytest.mark.parametrize(
    "ago", [timedelta(days=-26_000), timedelta(0), timedelta(minutes=5), timedelta(days=34)]
)
def test_payments_minutes_old_were_erased_by_retention(ago: timedelta) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)

    with pytest.raises(erasure.TooYoung):
        erasure.check_age(now - ago, now)
    erasure.check_age(now - erasure.KEPT_AT_LEAST, now)


async def test_no_process_can_erase(stack: Stack):
    connection = await database.connect(stack.settings, Login.API)
    for statement in ("UPDATE switch.message_key SET sealed = ''", "DELETE FROM switch.message_key"):
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute(statement)
    await connection.close()
