"""What a restore can have lost, besides plain payments: returns, refusals, unknown outcomes, a settled window.

And a restore that this machine cannot know of, because another one ran the writer last.
"""

import asyncio
import base64
import json
import shutil
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.simulation.debit_book import DebitEntry, DebitState
from adapters.simulation.harness import order_messages
from ledger import offline_verifier
from switch.clients.python import NoAnswer
from switch.sandbox import gateways
from tests.chaos.switch_process import SETTINGS, SwitchProcess
from tests.chaos.test_kill import decided
from tests.chaos.test_kill_inbound import Wish, originate
from tests.chaos.test_restore import TO_INDIA, TO_PAKISTAN, Life, ask_and_approve, run, until
from tests.conftest import named, psql
from tests.switch.api.test_doors import given_back, wish
from tests.switch.identity.test_people_api import status_report
from tests.switch.payments.inbound_world import debits

pytestmark = [pytest.mark.chaos, pytest.mark.long]

ENVIRONMENT = {"PAYSWITCH_CHECKPOINT_EVERY_S": "1", "PAYSWITCH_INVARIANTS_EVERY_S": "1"}
APPROVE = 'payswitch change approve 1 --as checker --reason "compared"'
BANKS = ("asha-bank", "noor-wallet", "silkroad-fx")


class Bank(Life):
    """Everything that banks, central banks and the settlement agent do over HTTP."""

    def post(self, path: str, who: str, body: bytes, media_type: str = "application/json") -> int:
        headers = {"Authorization": f"Bearer {who}", "Content-Type": media_type, "Accept": "application/json"}
        request = urllib.request.Request(f"{self.switch.url}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def return_of(self, uetr: str) -> bytes:
        """The message by which the creditor's bank returns a payment; sent again, the same bytes."""
        _, payment, _ = self.get(f"/v1/payments/{uetr}", "noor-wallet")
        credited = payment["credited_amount"]
        document = given_back(uetr, credited["amount"], credited["currency"])
        return json.dumps({"$type": "pacs.004.001.09", "Document": document}).encode()

    def send_return(self, message: bytes) -> int:
        return self.post("/v1/iso20022/pacs.004", self.bearer("noor-wallet"), message)

    def nets(self) -> dict[tuple[str, str], Decimal]:
        """What each position comes to, by participant and currency."""
        found = {}
        for bank in BANKS:
            _, detail, _ = self.get(f"/v1/participants/{bank}", "operator")
            for each in detail["positions"]:
                net = Decimal(each["credits_posted"]) - Decimal(each["debits_posted"])
                found[bank, each["currency"]] = net
        return found

    def settlement(self, window: int) -> dict[str, Any]:
        _, found, _ = self.get(f"/v1/settlements/{window}", "operator")
        return found

    def close_window(self) -> int:
        """Close the INR window; its number, when its lines are there."""
        run(self.switch, "payswitch settlement close INR")
        listed = [json.loads(line) for line in run(self.switch, "payswitch settlement list").splitlines()]
        window = max(
            each["window"] for each in listed if each["currency"] == "INR" and each["state"] != "OPEN"
        )
        until(lambda: bool(self.settlement(window).get("lines")))
        return int(window)

    def settle_window(self) -> list[dict[str, Any]]:
        """Close the INR window, and settle it with its central banks and its agent; its lines."""
        window = self.close_window()
        lines: list[dict[str, Any]] = self.settlement(window)["lines"]
        asked = run(self.switch, f'payswitch settlement confirm {window} --as operator --reason "end of day"')
        number = json.loads(asked)["number"]
        for country in sorted({line["country"].lower() for line in lines}):
            run(
                self.switch, f'payswitch change approve {number} --as regulator-{country} --reason "compared"'
            )
        until(lambda: self.settlement(window)["state"] == "SETTLING")
        agent = json.loads(self.switch.credentials_file.read_text())["settlement_agents"]["INR"]["bearer"]
        report = status_report(self.settlement(window)["lines"])
        assert self.post("/v1/settlements/confirmations", agent, report, "application/xml") == 200
        until(lambda: self.settlement(window)["state"] == "SETTLED")
        return lines


@pytest.fixture
def switch(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwitchProcess]:
    environment = {**ENVIRONMENT, "PAYSWITCH_BACKUPS": str(data_directory / "backups")}
    yield from switch_in(data_directory / "data", environment, monkeypatch)


def switch_in(
    data: Path, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SwitchProcess]:
    process = SwitchProcess(data, workers=1, environment=environment)
    for name, value in {**SETTINGS, **environment}.items():  # the commands of the test have the same settings
        monkeypatch.setenv(name, value)
    process.data.mkdir()
    yield process
    process.kill()


def open_again(switch: SwitchProcess) -> None:
    until(lambda: json.loads(run(switch, "payswitch restore status", expected=(1,)))["checked"])
    complete = "--complete IN --complete PK"
    ask_and_approve(
        switch, f'payswitch restore open "agreed" {complete} --as operator --reason "restore"', APPROVE
    )
    until(lambda: "closed" not in urllib.request.urlopen(f"{switch.url}/readyz").read().decode())


def begin(switch: SwitchProcess) -> None:
    switch.start()
    assert switch.wait_until_ready()


@pytest.mark.timeout(400)
def test_returned_refused_unknown_and_settled_payments_are_found_again(switch: SwitchProcess) -> None:
    life = Bank(switch)
    begin(switch)
    opening = life.nets()
    run(switch, "payswitch backup")
    kept = asyncio.run(life.pay(TO_PAKISTAN))
    time.sleep(0.1)
    instant = datetime.now(UTC)
    time.sleep(0.1)

    # After the instant: returns, a refusal, a settled window, and two payments without an answer of the rail.
    paid, returned, refused = (asyncio.run(life.pay(TO_PAKISTAN, word)) for word in ("", "", "AC04"))
    returns = [life.return_of(uetr) for uetr in (kept, returned)]
    assert [life.send_return(message) for message in returns] == [200, 200]
    lines = life.settle_window()
    silent, lost = (asyncio.run(life.pay(TO_PAKISTAN, word, wait=0)) for word in ("SILENT", "LOST"))
    until(lambda: asyncio.run(life.send(silent, wait=0)) == "ACCC")
    was = life.nets()
    assert [life.told[uetr] for uetr in (paid, returned, refused)] == ["ACCC", "ACCC", "RJCT"]
    switch.end()

    run(switch, f"payswitch restore --at {instant.isoformat()}")
    begin(switch)
    for rail in ("IN", "PK"):  # India's has not a single order
        run(switch, f"payswitch rails reconcile {rail}", expected=(0, 1))
    again = {uetr: asyncio.run(life.send(uetr, wait=0)) for uetr in (kept, paid, returned, silent, refused)}
    assert again == {kept: "ACCC", paid: "PDNG", returned: "PDNG", silent: "PDNG", refused: "RJCT"}
    with pytest.raises(NoAnswer, match="503 restoring"):
        asyncio.run(life.send(lost, wait=0))
    assert [life.send_return(message) for message in returns] == [503, 503]
    assert life.get(f"/v1/payments/{lost}", "asha-bank")[0] == 503, "not found would be untrue"
    assert recall(life, lost) == 503, "that there is no such payment would be untrue"

    ask_and_approve(
        switch, 'payswitch restore post "files of both" --as operator --reason "restore"', APPROVE
    )
    for line in lines:
        total = Decimal(line["total"])
        content = {
            "currency": "INR",
            "participant": line["participant"],
            "evidence": "statement of the agent",
        }
        content |= {"side": "paid" if total < 0 else "received", "amount": f"{abs(total)}"}
        request = f"payswitch change request restore.settled '{json.dumps(content)}'"
        ask_and_approve(switch, f'{request} --as operator --reason "restore"', APPROVE)
    open_again(switch)

    # The bank returns again, the same bytes; what the rail does not know is executed once.
    assert [life.send_return(message) for message in (*returns, *returns)] == [200] * 4
    assert asyncio.run(life.send(lost, wait=0)) in {"ACSP", "PDNG"}
    assert life.credits() == Counter([kept, paid, returned, silent])
    assert life.nets() == was
    window = life.close_window()
    owed = {line["participant"]: Decimal(line["total"]) for line in life.settlement(window)["lines"]}
    assert owed == {
        bank: was[bank, "INR"] - opening[bank, "INR"]
        for bank in BANKS
        if was.get((bank, "INR")) != opening.get((bank, "INR"))
    }
    assert json.loads(run(switch, "payswitch verify"))["ok"]


@pytest.mark.timeout(600)
def test_an_order_of_a_rail_that_was_executed_before_the_restore_is_booked_once_and_refunded_by_nobody(
    switch: SwitchProcess,
) -> None:
    """Its rail sends it again. Until then the switch neither refuses it nor says that it never came."""
    life = Bank(switch)
    begin(switch)
    run(switch, "payswitch backup")
    time.sleep(0.1)
    instant = datetime.now(UTC)
    time.sleep(0.1)
    for _ in range(2):
        originate(switch, "IN", Wish("PK", look_up=""))
    until(lambda: len(payers := debits(switch.data / "rails", "IN")) == 2 and _are_done(payers))
    first, second = debits(switch.data / "rails", "IN").values()
    switch.end()

    run(switch, f"payswitch restore --at {instant.isoformat()}")
    begin(switch)
    orders = [base64.b64decode(entry.order) for entry in (first, second)]
    messages = order_messages("IN", switch.data / "rails" / "IN")

    sends = partial(status_of, switch)

    for rail in ("IN", "PK"):
        run(switch, f"payswitch rails reconcile {rail}", expected=(0, 1))
    assert {sends(messages.enquiry(orders[0])), sends(messages.reversal(orders[0]))} == {503}
    assert {sends(orders[0]), sends(orders[0])} <= {200, 202}
    until(lambda: state_of(life, first.uetr) == ("PDNG", "taken"))
    ask_and_approve(
        switch, 'payswitch restore post "files of both" --as operator --reason "restore"', APPROVE
    )
    until(lambda: state_of(life, first.uetr) == ("ACCC", "done"))

    # The other one is not sent again before the opening: its break is ended by people, and it comes later.
    (left,) = (json.loads(row) for row in run(switch, "payswitch rails breaks").splitlines())
    assert left["uetr"] == second.uetr
    content = json.dumps({"number": int(left["id"]), "resolution": "its rail sends the order again"})
    request = f"payswitch change request break.resolve '{content}'"
    ask_and_approve(switch, f'{request} --as operator --reason "restore"', APPROVE)
    open_again(switch)
    assert sends(messages.enquiry(orders[1])) == 503
    pause = {"country": "IN", "gateway": gateways.gateway("IN")["id"], "open": False, "refunds": True}
    decided(switch, "rail.inbound", pause)
    until(lambda: sends(orders[1]) in {200, 202})
    until(lambda: state_of(life, second.uetr) == ("PDNG", "taken"))
    ask_and_approve(
        switch, 'payswitch restore post "files of both" --as operator --reason "restore"', APPROVE
    )
    until(lambda: state_of(life, second.uetr) == ("ACCC", "done"))

    assert life.credits() == Counter([first.uetr, second.uetr])
    assert json.loads(run(switch, "payswitch verify"))["ok"]
    decided(switch, "payment.return", {"uetr": first.uetr, "reason": "FR01", "evidence": "court order 12"})
    until(lambda: life.get(f"/v1/payments/{first.uetr}", "indus-bank")[1]["source_order"]["refund"])
    (order, shown) = life.get(f"/v1/payments/{first.uetr}", "indus-bank")[1]["source_order"], life.credits()
    assert (order["refund"]["state"], order["refund"]["detail"]) == ("left", "the database was restored")
    assert shown == Counter([first.uetr, second.uetr]), "a refund that was forgotten may have been made"


def status_of(switch: SwitchProcess, raw: bytes) -> int:
    """What a message of the rail of India gets: 503, and it asks again, or an answer."""
    request = urllib.request.Request(f"{switch.url}/rails/IN", data=raw)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def state_of(life: Bank, uetr: str) -> tuple[str, str]:
    """The status of a payment, and the state of its order, as the payee's bank reads them."""
    status, found, _ = life.get(f"/v1/payments/{uetr}", "indus-bank")
    return (found["status"], found["source_order"]["state"]) if status == 200 else ("", "")


def _are_done(payers: Mapping[str, DebitEntry]) -> bool:
    return all(entry.state is DebitState.DONE for entry in payers.values())


@pytest.fixture
def machines(
    data_directory: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SwitchProcess]:
    """The first machine of two that run a writer of the same database."""
    environment = {**ENVIRONMENT, "PAYSWITCH_DATABASE": empty_database_url}
    yield from switch_in(data_directory / "first", environment, monkeypatch)


@pytest.mark.timeout(400)
def test_a_machine_that_did_not_run_the_writer_last_needs_the_end_of_the_log_stated(
    machines: SwitchProcess, postgres_url: str, empty_database_url: str
) -> None:
    first = machines
    life = Bank(first)
    begin(first)
    kept = asyncio.run(life.pay(TO_PAKISTAN))
    first.end()
    second = SwitchProcess(first.data.parent / "second", workers=1, environment=first.environment)
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("rails", "metrics", "logs", "run"))
    (second.data / "rails").symlink_to(first.data / "rails")  # they are other people's machines
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    psql(postgres_url, f"CREATE DATABASE {name}_kept TEMPLATE {name}")
    begin(first)
    lost = [asyncio.run(life.pay(route)) for route in (TO_PAKISTAN, TO_INDIA)]
    bundle = first.data.parent / "bundle.json"
    until(lambda: exported(first, lost[-1], bundle))
    last = max({**life.events("asha-bank"), **life.events("noor-wallet")})
    first.end()
    psql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
    psql(postgres_url, f"CREATE DATABASE {name} TEMPLATE {name}_kept")
    psql(postgres_url, f"DROP DATABASE {name}_kept")
    assert named(postgres_url, name) == empty_database_url

    # The second machine's own mark and checkpoint are older than the instant: people state what they know.
    published = first.data / "audit" / "published.txt"
    foreign = first.data.parent / "foreign.txt"
    foreign.write_text(published.read_text().replace("\n", "x\n", 1))
    statement = f'payswitch restore begin --by "Olga Ivanova" --beyond {last + 10} --checkpoint'
    run(second, f"{statement} {foreign}", expected=(1,))
    run(second, f"{statement} {published}")
    life.switch = second
    try:
        begin(second)
        state = json.loads(run(second, "payswitch restore status", expected=(1,)))
        for rail in ("IN", "PK"):
            run(second, f"payswitch rails reconcile {rail}", expected=(0, 1))
        statuses = {asyncio.run(life.send(uetr, wait=0)) for uetr in lost}
        ask_and_approve(
            second, 'payswitch restore post "files of both" --as operator --reason "restore"', APPROVE
        )
        open_again(second)
        new = asyncio.run(life.pay(TO_PAKISTAN))
        newer = first.data.parent / "newer.json"
        until(lambda: exported(second, new, newer))
        keys = run(second, "payswitch audit keys").split()
        kept_verdict = offline_verifier.main([str(newer), *keys, "--kept", str(bundle)])
        ids = life.events("asha-bank", after=state["restores"][0]["kept"])
        verified = json.loads(run(second, "payswitch verify"))["ok"]
    finally:
        second.end()

    assert state["closed"]
    assert statuses == {"PDNG"}
    assert life.credits() == Counter([kept, *lost, new])
    assert min(ids) > last + 10
    assert kept_verdict == 3, "left out, not rewritten"
    assert verified


def recall(life: Bank, uetr: str) -> int:
    """The status of the response to a cancellation request of the payment's sender."""
    message = json.dumps({"$type": "camt.056.001.08", "Document": wish(uetr)}).encode()
    return life.post("/v1/iso20022/camt.056", life.bearer("asha-bank"), message)


def exported(switch: SwitchProcess, uetr: str, bundle: Path) -> bool:
    """Whether a checkpoint covers a payment; then its proof is in the file."""
    return not run(switch, f"payswitch audit export {uetr} -o {bundle}", expected=(0, 1)).startswith("no")
