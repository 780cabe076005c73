"""The command line against a running switch."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from switch import cli
from switch.cli import payments
from tests.switch.stack import Stack

CODE_S = 30


def payswitch(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as `payswitch` does, but in this process, whose modules are loaded; nobody types anything.

    A command is a thread, because it has an event loop of its own.
    """
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(3)]
    arguments = [*words, "--data", str(stack.settings.data)]
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = streams
    try:
        with ThreadPoolExecutor(1) as thread:
            code = thread.submit(cli.run, arguments).result()
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(arguments, code, out, err)


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
    keys = [line.removeprefix("verifier key: ") for line in exported.stderr.splitlines()]  # two in a rotation

    def verdict() -> int:
        command = [sys.executable, "-m", "switch.cli", "audit", "verify", str(file), *keys]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    assert exported.returncode == 0, exported.stderr
    assert verdict() == 0
    bundle = json.loads(file.read_text())
    assert len(bundle["events"]) >= 3  # on a busy machine the rail is asked as well
    bundle["events"][0]["body"] = bundle["events"][0]["body"][:-2] + "00"
    file.write_text(json.dumps(bundle))
    assert verdict() == 1


def test_events_are_printed_in_order(stack: Stack, paid: dict) -> None:
    """The sequence number is the event's, also where its body has a `seq` of its own."""
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


def test_a_payment_is_shown_again_as_text_and_as_json(stack: Stack, paid: dict) -> None:
    text = payswitch(stack, "payment", paid["uetr"])
    shown = json.loads(payswitch(stack, "payment", paid["uetr"], "--json").stdout)
    lines = text.stdout.splitlines()

    assert text.returncode == 0, text.stderr
    assert lines[0].startswith(f"{paid['uetr']}  12.34 INR -> ")
    for line, step in zip(lines[1:-1], paid["journey"], strict=True):
        assert line.split()[0] == step["at"]
        assert step["event"] in line
    assert lines[-1] == "ACCC  COMMITTED, final"
    assert (shown["uetr"], shown["status"], shown["journey"]) == (paid["uetr"], "ACCC", paid["journey"])


def test_a_payment_that_was_given_back_is_shown_as_returned() -> None:
    """Its last line read "final" alone, as if the money had stayed with the creditor."""
    payment = {"status": "ACCC", "reason": None, "state": "COMMITTED", "final": True, "returned": True}

    assert payments.last_line(payment) == "ACCC  COMMITTED, final, returned to the sender"


def test_a_payment_of_which_a_part_came_back_says_so() -> None:
    payment = {
        "status": "ACCC",
        "reason": None,
        "state": "COMMITTED",
        "final": True,
        "returned": False,
        "part_returns": [{"reason": "AC04"}],
    }

    assert payments.last_line(payment) == "ACCC  COMMITTED, final, in part returned to the sender"


def test_the_text_of_a_payment_names_the_order_that_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    """As docs/operate/inbound.md says; only `--json` had it."""
    order = {"id": "NPC1", "rail": "IN", "rail_name": "UPI", "state": "done", "owed": None, "refund": None}
    payment = {
        "uetr": "u",
        "journey": [],
        "status": "ACCC",
        "reason": None,
        "state": "COMMITTED",
        "final": True,
        "returned": False,
        "source_order": order | {"acknowledged_at": "2026-12-01T10:56:56Z"},
    }
    shown = payments._Shown(as_json=False, watch=False)
    shown.show(payment)
    shown.end()
    last = "ACCC  COMMITTED, final"

    assert capsys.readouterr().out.splitlines()[1:] == ["order NPC1 of UPI (IN): done, acknowledged", last]
    owed = order | {"acknowledged_at": None, "owed": "refused"}
    assert payments.order_line(owed) == "order NPC1 of UPI (IN): done, owed: see its case"


def test_a_payment_is_watched_to_its_end(stack: Stack) -> None:
    async def begin() -> str:
        document = stack.document("asha-bank", "noor-wallet", word="SILENT")
        async with stack.client("asha-bank") as client:
            return (await client.pay(document)).uetr

    uetr = asyncio.run(begin())
    lines = payswitch(stack, "payment", uetr, "--watch", "--json").stdout.splitlines()
    states = [json.loads(line) for line in lines]

    assert states[-1]["final"]
    assert len({state["uetr"] for state in states}) == 1
    assert payswitch(stack, "payment", uetr, "--watch").stdout.splitlines()[-1].endswith(", final")


def test_a_payment_that_is_not_there_is_a_clear_error(stack: Stack) -> None:
    done = payswitch(stack, "payment", "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "payswitch: there is nothing with this id\n"


def test_a_refused_payment_is_printed_and_exits_1(stack: Stack) -> None:
    done = payswitch(stack, "pay", "indus-bank", "asha-bank", "100.00", "--account", "asha-AC04@okbank")

    assert done.returncode == 1
    assert done.stderr == "payswitch: the payment was refused: AC04\n"
    assert json.loads(done.stdout)["journey"][-1]["event"] == "released"


@pytest.mark.parametrize(
    ("amount", "said"),
    [("1,500.00", "not a plain decimal"), ("1500.123", "more than 2 decimals"), ("0.00", "more than zero")],
)
def test_a_wrong_amount_is_answered_with_the_form(stack: Stack, amount: str, said: str) -> None:
    done = payswitch(stack, "pay", "asha-bank", "noor-wallet", amount)

    assert done.returncode == 2
    assert said in done.stderr
    assert "as in 1500.00 (INR)" in done.stderr


def test_an_amount_may_leave_out_its_decimals(stack: Stack) -> None:
    done = payswitch(stack, "pay", "asha-bank", "noor-wallet", "1500")

    assert json.loads(done.stdout)["interbank_settlement_amount"] == {"currency": "INR", "amount": "1500.00"}


def test_windows_are_named_by_number_or_currency_and_state_when_they_close(stack: Stack, paid: dict) -> None:
    number = payswitch(stack, "settlement", "close", "inr").stdout.strip()
    listed = [
        json.loads(line)
        for line in payswitch(stack, "settlement", "list", "--currency", "INR").stdout.splitlines()
    ]

    assert {window["currency"] for window in listed} == {"INR"}
    assert listed[0]["state"] == "OPEN"
    assert datetime.fromisoformat(listed[0]["closes_at"]) > datetime.now(UTC)
    assert listed[1]["window"] == int(number)
    by_number = payswitch(stack, "settlement", "positions", number, "--csv").stdout
    assert by_number == payswitch(stack, "settlement", "positions", "INR", "--csv").stdout
    shown = json.loads(payswitch(stack, "settlement", "show", "INR").stdout)
    assert shown["window"] == int(number)
    assert "T" in shown["closed_at"], "an instant has the form that the API gives it"
    assert shown["to_be_confirmed_by"] == sorted({line["country"] for line in shown["lines"]})
    assert "confirmed_by" not in shown, "nobody has confirmed it"


def test_a_window_that_is_not_there_names_the_list(stack: Stack) -> None:
    done = payswitch(stack, "settlement", "positions", "424242")

    assert done.returncode == 2
    assert done.stderr.startswith("payswitch: there is no such window: 424242; `payswitch settlement list`")


def sign_in_with_code(stack: Stack, name: str) -> subprocess.CompletedProcess[str]:
    code = payswitch(stack, "people", "code", name).stdout.strip()
    person = stack.credentials["people"][name]
    environment = {**os.environ, "PAYSWITCH_PASSWORD": person["password"], "PAYSWITCH_CODE": code}
    return subprocess.run(
        [sys.executable, "-m", "switch.cli", "people", "sign-in", name, "--data", str(stack.settings.data)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_one_time_code_of_a_made_up_person_signs_in(stack: Stack) -> None:
    done = sign_in_with_code(stack, "auditor")
    if done.returncode != 0:  # another test used the code of this half minute, and a code works once
        time.sleep(CODE_S - time.time() % CODE_S)
        done = sign_in_with_code(stack, "auditor")

    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_finds_the_port_and_the_rails_of_the_switch_that_runs(stack: Stack) -> None:
    """The stack's port is no default, and it has two rails: nobody tells doctor."""
    found = json.loads(payswitch(stack, "doctor", "--json").stdout)
    codes = {finding["code"] for finding in found["findings"]}

    assert not codes & {"api-not-ready", "port-taken", "rail-unconfigured", "writer-away"}, found


def test_every_rail_s_profile_is_listed_as_json() -> None:
    """The forms of a creditor's identifier hold functions: the list ended in a TypeError."""
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", "adapters", "list"], capture_output=True, check=True, text=True
    )
    profiles = json.loads(done.stdout)

    assert len(profiles) == 10
    assert all(form["text"] and form["kind"] for profile in profiles for form in profile["creditor"])
