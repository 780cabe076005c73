"""The command line against a running switch."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.switch.stack import Stack


def payswitch(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "switch.cli", *words, "--data", str(stack.settings.data)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def paid(stack: Stack) -> dict:
    done = payswitch(stack, "pay", "asha-bank", "noor-wallet", "12.34")
    assert done.returncode == 0, done.stderr
    payment: dict = json.loads(done.stdout)
    return payment


def test_pay_prints_the_payment_with_its_journey(paid: dict) -> None:
    assert paid["state"] == "COMMITTED"
    assert paid["interbank_settlement_amount"] == {"currency": "INR", "amount": "12.34"}
    assert paid["journey"][-1]["event"] == "posted"


def test_an_unknown_participant_is_a_clear_error(stack: Stack) -> None:
    done = payswitch(stack, "pay", "nobody", "noor-wallet", "12.34")

    assert done.returncode == 2
    assert "no participant nobody" in done.stderr


def test_a_window_is_closed_and_its_positions_printed_as_json_and_csv(stack: Stack, paid: dict) -> None:
    number = payswitch(stack, "settlement", "close", "INR").stdout.strip()
    as_json = json.loads(payswitch(stack, "settlement", "positions", number).stdout)
    as_csv = list(
        csv.DictReader(io.StringIO(payswitch(stack, "settlement", "positions", number, "--csv").stdout))
    )
    again = payswitch(stack, "settlement", "positions", number, "--csv").stdout

    assert as_json["nets"] == [{**row, "count": int(row["count"])} for row in as_csv]
    assert sum(int(n["net"].replace(".", "")) for n in as_json["nets"]) == 0
    assert again == payswitch(stack, "settlement", "positions", number, "--csv").stdout


def test_a_payment_is_proved_offline_and_a_changed_bundle_is_not(
    stack: Stack, paid: dict, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.json"
    exported = payswitch(stack, "audit", "export", paid["uetr"], "-o", str(file))
    key = exported.stderr.strip().removeprefix("verify with: ")

    def verdict() -> int:
        command = [sys.executable, "-m", "switch.cli", "audit", "verify", str(file), key]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    assert exported.returncode == 0, exported.stderr
    assert verdict() == 0
    bundle = json.loads(file.read_text())
    assert len(bundle["events"]) == 3
    bundle["events"][0]["body"] = bundle["events"][0]["body"][:-2] + "00"
    file.write_text(json.dumps(bundle))
    assert verdict() == 1


def test_events_are_printed_in_order(stack: Stack, paid: dict) -> None:
    lines = payswitch(stack, "events", "--limit", "100000").stdout.splitlines()
    numbers = [json.loads(line)["seq"] for line in lines]

    assert numbers == list(range(1, len(numbers) + 1))


def test_verify_passes_and_exits_0(stack: Stack, paid: dict) -> None:
    done = payswitch(stack, "verify")

    assert json.loads(done.stdout)["ok"], done.stdout
    assert done.returncode == 0


async def test_verify_finds_a_balance_that_was_changed_by_hand_and_exits_1(stack: Stack) -> None:
    connection: asyncpg.Connection = await stack.connect()
    change = "UPDATE ledger.account SET credits_posted = credits_posted {} 1 WHERE owner = 'silkroad-fx' AND currency = 'INR'"
    await connection.execute(change.format("+"))
    try:
        done = payswitch(stack, "verify")
    finally:
        await connection.execute(change.format("-"))
        await connection.close()
        await stack.unfreeze()
    failed = {check["check"] for check in json.loads(done.stdout)["checks"] if not check["ok"]}

    assert done.returncode == 1
    assert "I2 balances" in failed
