"""A restore to an earlier instant while the rails are ahead: docs/operate/restore.md, walked literally."""

import asyncio
import contextlib
import io
import json
import re
import shlex
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from adapters.simulation import book as rail_book
from ledger import offline_verifier
from ledger.signing import content_of
from switch import cli
from switch.clients.python import NoAnswer, PaymentState
from switch.settlement.day import line_id
from switch.witness.folder import WitnessFolder, WitnessState
from tests.chaos.switch_process import SETTINGS, SwitchProcess, uetr_of
from tests.docs.blocks import ROOT, of_page
from tests.switch.witness.serving import ServedWitness, served

pytestmark = [pytest.mark.chaos, pytest.mark.long]

PAGE = ROOT / "docs" / "operate" / "restore.md"
TO_PAKISTAN = ("asha-bank", "noor-wallet")
TO_INDIA = ("noor-wallet", "asha-bank")


@pytest.fixture
def switch(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwitchProcess]:
    environment = {
        "PAYSWITCH_BACKUPS": str(data_directory / "backups"),
        "PAYSWITCH_CHECKPOINT_EVERY_S": "1",
        "PAYSWITCH_INVARIANTS_EVERY_S": "1",
    }
    process = SwitchProcess(data_directory / "data", workers=1, environment=environment)
    for name, value in {**SETTINGS, **environment}.items():  # the commands of the test have the same settings
        monkeypatch.setenv(name, value)
    process.data.mkdir()
    yield process
    process.kill()


class Life:
    """What participants and rails know, whatever happens to the database."""

    def __init__(self, switch: SwitchProcess) -> None:
        self.switch = switch
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        """Every message, by UETR, with its sender."""
        self.told: dict[str, str] = {}
        """The last status that each sender was told."""

    async def pay(self, route: tuple[str, str], word: str = "", wait: float = 10) -> str:
        document = self.switch.document(*route, word)
        uetr = uetr_of(document)
        self.sent[uetr] = (route[0], document)
        await self.send(uetr, wait)
        return uetr

    async def send(self, uetr: str, wait: float = 10) -> str:
        sender, document = self.sent[uetr]
        async with self.switch.client(sender) as client:
            state: PaymentState = await client.pay(document, wait=wait)
        self.told[uetr] = state.status
        return state.status

    def credits(self) -> Counter[str]:
        """Credits by UETR in the rails' own books."""
        return Counter(e.uetr for e in self.entries() if e.outcome is rail_book.EntryStatus.DONE)

    def references(self) -> Counter[tuple[str, str]]:
        """UETRs by each rail's reference: a reference that was given out twice has two."""
        found: dict[tuple[str, str], set[str]] = {}
        for entry in self.entries():
            found.setdefault((entry.currency, entry.rail_ref), set()).add(entry.uetr)
        return Counter({key: len(uetrs) for key, uetrs in found.items()})

    def entries(self) -> list[rail_book.BookEntry]:
        books = (self.switch.data / "rails").glob(f"*/{rail_book.FILE_NAME}")
        return [entry for book in books for entry in rail_book.read(book)]

    def bearer(self, name: str) -> str:
        credentials = json.loads(self.switch.credentials_file.read_text())
        found = next((p["bearer"] for p in credentials["participants"] if p["id"] == name), None)
        return found or credentials["people"][name]["bearer"]

    def get(self, path: str, who: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        request = urllib.request.Request(
            f"{self.switch.url}{path}", headers={"Authorization": f"Bearer {self.bearer(who)}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer), _lower(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), _lower(error.headers)

    def events(self, who: str, after: int = 0) -> dict[int, str]:
        """Every event of a participant after a cursor: its id, and what it was about."""
        found: dict[int, str] = {}
        while True:
            status, page, _ = self.get(f"/v1/events?limit=1000&after={after}", who)
            assert status == 200, page
            found |= {int(event["id"]): event["subject"] + event["type"] for event in page["events"]}
            after = page["next"]
            if not page["more"]:
                return found


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def run(switch: SwitchProcess, command: str, *, expected: Container[int] = (0,)) -> str:
    """One command, as an operator types it; what it printed."""
    words = shlex.split(command)
    assert words[0] == "payswitch", command
    out, errors = io.StringIO(), io.StringIO()
    answer = ["--yes"] if words[1:3] == ["change", "approve"] else []
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = cli.run([*words[1:], *answer, "--data", str(switch.data)])
    assert code in expected, (command, out.getvalue(), errors.getvalue())
    return out.getvalue()


def page_commands() -> list[str]:
    """Every command of the page, in order."""
    return [line for block in of_page(PAGE) if block.language == "sh" for line in block.commands()]


def ask_and_approve(switch: SwitchProcess, request: str, approval: str) -> None:
    """A request of the page, and the approval that follows it, of the change that was requested."""
    number = json.loads(run(switch, request))["number"]
    assert re.match(r"payswitch change approve \d+ ", approval), approval
    voted = json.loads(run(switch, re.sub(r"approve \d+", f"approve {number}", approval)))
    assert voted["state"] == "executed", voted


async def pay_all(life: Life, routes: list[tuple[str, str]]) -> list[str]:
    return [await life.pay(route) for route in routes]


def until(holds: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, holds
        time.sleep(0.5)


@dataclass
class Forgotten:
    """What happened before and after the instant, as everybody but the database knows it."""

    kept: list[str]
    lost: list[str]
    instant: datetime
    events_kept: dict[int, str]
    events: dict[int, str]
    """Of both banks, with those after the instant."""
    bundle: Path
    """Exported after the instant."""


@contextlib.contextmanager
def witnessed(switch: SwitchProcess) -> Iterator[ServedWitness]:
    """The switch, started, and a witness of its log that two people have registered."""
    switch.start()
    switch.wait_until_ready()
    keys = run(switch, "payswitch audit keys").split()
    with served(switch.data.parent / "witness", keys, name="central-bank.test") as witness:
        content = json.dumps({"key": witness.key, "url": witness.url})
        ask_and_approve(
            switch,
            f"payswitch change request witness.add '{content}' --as operator --reason test",
            "payswitch change approve 1 --as checker --reason test",
        )
        yield witness


def held(witness: ServedWitness) -> WitnessState:
    return WitnessFolder(witness.directory).read()


def check_witness(switch: SwitchProcess, witness: ServedWitness, kept: int) -> None:
    """It has cosigned the new epoch, and told its people; what it holds of the kept events is still proved."""
    until(lambda: held(witness).epoch == 2)
    state = held(witness)
    assert [each.kept for each in state.restores] == [kept]
    told = [each["event"] for each in witness.told]
    assert told.count("ALARM_RESTORE") == 1
    assert {"ALARM_FORK", "WARNING_UNPROVED"}.isdisjoint(told)
    left_out = [state.is_left_out(each) for each in state.checkpoints]
    assert {True, False} == set(left_out)
    checks = json.loads(run(switch, f"payswitch verify --witness-state {witness.url}"))["checks"]
    found = {each["check"]: each["ok"] for each in checks}
    assert [found[name] for name in ("audit", "witnesses", "witness central-bank.test")] == [True] * 3


def live_past_the_instant(switch: SwitchProcess, life: Life, witness: ServedWitness) -> Forgotten:
    until(lambda: held(witness).size > 0)
    run(switch, "payswitch backup")
    kept = asyncio.run(pay_all(life, [TO_PAKISTAN, TO_INDIA]))
    time.sleep(0.1)
    instant = datetime.now(UTC)
    time.sleep(0.1)
    events_kept = life.events("asha-bank")
    lost = asyncio.run(pay_all(life, [TO_PAKISTAN, TO_INDIA, TO_PAKISTAN, TO_INDIA]))
    assert life.told == dict.fromkeys(kept + lost, "ACCC")
    bundle = switch.data.parent / "bundle.json"
    run(switch, f"payswitch audit export {lost[0]} -o {bundle}")
    published = content_of(json.loads(bundle.read_text())["checkpoint"]).size
    until(lambda: held(witness).size >= published)
    events = {**life.events("asha-bank"), **life.events("noor-wallet")}
    switch.end()
    return Forgotten(kept, lost, instant, events_kept, events, bundle)


def check_closed(life: Life, was: Forgotten, kept: int) -> str:
    """A new payment is refused, and so is a cursor that the log no longer has; return the refused payment."""
    with pytest.raises(NoAnswer, match="503 restoring"):
        asyncio.run(life.pay(TO_PAKISTAN))
    status, problem, headers = life.get(f"/v1/events?after={max(was.events)}", "asha-bank")
    assert (status, headers["payswitch-closed"]) == (409, "restored")
    assert problem["type"].endswith("#cursor-ahead")
    assert problem["resume"] == kept
    assert life.events("asha-bank") == was.events_kept
    return next(uetr for uetr in life.sent if uetr not in life.told)


def walk(switch: SwitchProcess, life: Life, was: Forgotten) -> str:
    """Do what the page says, from the restore to the opening; the payment that was refused meanwhile."""
    commands = iter(page_commands())
    run(switch, next(commands).replace("2026-11-23T10:15:00+00:00", was.instant.isoformat()))
    assert next(commands) == "payswitch up"
    switch.start()
    switch.wait_until_ready()
    state = json.loads(run(switch, next(commands), expected=(1,)))
    assert [gap["rail"] for gap in state["unread"]] == ["IN", "PK"]
    refused = check_closed(life, was, state["restores"][0]["kept"])

    # The rails' files, then the senders' messages. One sender is silent.
    for _ in ("IN", "PK"):
        run(switch, next(commands), expected=(0, 1))  # 0: the caretaker was faster
    *again, silent = was.lost
    assert {asyncio.run(life.send(uetr)) for uetr in was.kept} == {"ACCC"}
    assert {asyncio.run(life.send(uetr, wait=0)) for uetr in again} == {"PDNG"}
    state = json.loads(run(switch, "payswitch restore status", expected=(1,)))
    amounts = [each[side] for each in state["to_post"] for side in ("debit", "credit")]
    assert len(amounts) == 2 * len(again)
    assert all(re.fullmatch(r"\d+\.\d\d [A-Z]{3}", amount) for amount in amounts), amounts
    ask_and_approve(switch, next(commands), next(commands))
    state = json.loads(run(switch, "payswitch restore status", expected=(1,)))
    assert [each["uetr"] for each in state["without_message"]] == [silent]
    assert next(commands) == "payswitch rails breaks"
    number = state["without_message"][0]["break"]
    ask_and_approve(switch, next(commands).replace('"number": 1,', f'"number": {number},'), next(commands))

    ask_and_approve(switch, next(commands), next(commands))

    until(lambda: json.loads(run(switch, "payswitch restore status", expected=(1,)))["checked"])
    ask_and_approve(switch, next(commands), next(commands))
    assert json.loads(run(switch, next(commands)))["ok"]
    assert list(commands) == []
    until(lambda: "closed" not in urllib.request.urlopen(f"{switch.url}/readyz").read().decode())
    return refused


def carried(switch: SwitchProcess, life: Life) -> dict[str, set[int]]:
    """Amounts carried to the lines of a bank, and how many restores are in the id of each line."""
    found: dict[str, set[int]] = {}
    listed = [json.loads(line) for line in run(switch, "payswitch settlement list").splitlines()]
    for window in [each["window"] for each in listed if each["currency"] == "INR"]:
        _, settlement, _ = life.get(f"/v1/settlements/{window}", "operator")
        for line in settlement.get("lines", ()):
            if line["participant"] == "asha-bank":
                made = {n for n in (0, 1) if line["reference"] == str(line_id(window, "asha-bank", n))}
                found.setdefault(line["carried"], set()).update(made)
    return found


@pytest.mark.timeout(300)
def test_rails_that_are_ahead_of_a_restored_database(switch: SwitchProcess) -> None:
    with witnessed(switch) as witness:
        life = Life(switch)
        was = live_past_the_instant(switch, life, witness)
        refused = walk(switch, life, was)
        kept = json.loads(run(switch, "payswitch restore status"))["restores"][0]["kept"]
        check_witness(switch, witness, kept)
    check_after_opening(switch, life, was, refused)


def check_after_opening(switch: SwitchProcess, life: Life, was: Forgotten, refused: str) -> None:
    new = asyncio.run(pay_all(life, [TO_PAKISTAN, TO_INDIA]))

    # What was refused is executed once, what a rail has is not sent again, and no id is given out twice.
    *again, silent = was.lost
    assert {asyncio.run(life.send(uetr)) for uetr in (refused, *again)} == {"ACCC"}
    assert asyncio.run(life.send(silent, wait=0)) == "PDNG"
    assert life.credits() == Counter([*was.kept, *was.lost, *new, refused])
    assert set(life.references().values()) == {1}
    events = {**life.events("asha-bank"), **life.events("noor-wallet")}
    assert {seq for seq in events.keys() & was.events.keys() if events[seq] != was.events[seq]} == set()
    assert min(events.keys() - was.events.keys()) > max(was.events)

    # What an agent settled is subtracted, and instructed under an id that was never used.
    # The schedule may have closed the window first.
    run(switch, "payswitch settlement close INR")
    until(lambda: "10.00" in carried(switch, life))
    assert carried(switch, life)["10.00"] == {1}

    # What was published of the forgotten part is left out, not wrong.
    keys = run(switch, "payswitch audit keys").split()
    newer = switch.data.parent / "newer.json"
    run(switch, f"payswitch audit export {new[0]} -o {newer}")
    assert offline_verifier.main([str(was.bundle), *keys]) == 0
    assert offline_verifier.main([str(newer), *keys, "--kept", str(was.bundle)]) == 3
