"""`docs/operate/going-live.md` is walked literally: a bare data directory, no sandbox, two rails over mutual TLS.

Each block is run as it is printed, but for the ports. What a person does at a terminal is done here as there:
an enrolment types both halves of its code, a sign-in the code of the authenticator, and an approval is read
before it is answered with `y`.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters import originating
from adapters.pakistan import sandbox as pakistan
from adapters.pakistan.country import IBAN as PK_IBAN
from adapters.simulation.harness import order_messages
from adapters.simulation.magic import Magic, magic_account
from adapters.simulation.payers import PaymentAbroad
from adapters.simulation.sandbox import free_port
from schemas import codec
from schemas.money import Money
from switch.clients.python import credit_transfer
from switch.identity.secrets import totp_code
from switch.reports.package import unpack
from tests.docs.blocks import ROOT, Block, of_page

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
PAGE = ROOT / "docs" / "operate" / "going-live.md"
DIRECTORY = ROOT / "docs" / "operate" / "directory.md"
INBOUND = ROOT / "docs" / "operate" / "inbound.md"
REPORTS = ROOT / "docs" / "operate" / "reports.md"
PASSWORD = "a long enough pass phrase"
_CODE_S = 30
_REFRESH_S = 3
"""Longer than a process of a busy machine takes to learn of a change."""


ASKING = """\
import json
from pathlib import Path

from switch.clients.python import Client, SigningKey

key = SigningKey.from_file("{participant}-1", "{key}.pem")
with Client("http://127.0.0.1:{port}", key=key) as client:
    {call}
"""
PAYING = """\
state = client.pay(json.loads(Path("document.json").read_text()), wait=20)
    print(state.status, state.reason)
"""


@dataclass
class Operator:
    """Who follows the page: a directory, an environment, and the authenticators of everybody."""

    directory: Path
    ports: dict[str, str]
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    halves: dict[str, list[str]] = field(default_factory=lambda: {"maker_half": [], "checker_half": []})
    """Of the enrolment codes of new people, in their order."""

    def run(self, script: str, answers: str = "", **more: str) -> str:
        """Run lines of a shell; what they print."""
        for printed, ours in self.ports.items():
            script = script.replace(printed, ours)
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=self.directory,
            env={**self.environment, **more},
            input=answers,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, (script, done.stdout[-1500:], done.stderr[-1500:], self.log())
        return done.stdout

    def asks(self, call: str, participant: str = "asha-bank") -> str:
        """What a bank's client gets, printed."""
        key = participant.partition("-")[0]
        text = ASKING.format(port=self.ports["8320"], call=call, participant=participant, key=key)
        (self.directory / "ask.py").write_text(text)
        return self.run("python ask.py")

    def pays(self, amount: str, creditor_agent: str, account: str, member: str = "") -> tuple[str, str]:
        """A payment of asha-bank to a bank in Pakistan; its status and the reason."""
        document = credit_transfer(
            debtor_agent="ASHAINBB",
            debtor="Asha Rao",
            debtor_account="50100012345678",
            creditor_agent=creditor_agent,
            creditor_agent_member=member,
            creditor="Bilal Khan",
            creditor_account=account,
            amount=amount,
            currency="INR",
            purpose="FAMI",
        )
        agent = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["CdtrAgt"]["FinInstnId"]
        if not creditor_agent:
            del agent["BICFI"]
        (self.directory / "document.json").write_text(json.dumps(document))
        status, reason = self.asks(PAYING).split()
        return status, reason.removeprefix("None")

    def log(self) -> str:
        file = self.directory / "payswitch.log"
        return file.read_text()[-3000:] if file.exists() else ""

    def follow(self, block: Block) -> str:
        """Do what one block says."""
        if block.file:
            (self.directory / block.file).write_text(self._with_ports(block.text))
            return ""
        lines = block.commands()
        if any(line.startswith("python pay.py") for line in lines):
            time.sleep(_REFRESH_S)  # a person is slower: every process has the last change by then
        if all(line.startswith("export ") for line in lines):
            for line in lines:
                name, _, value = line.removeprefix("export ").partition("=")
                self.environment[name] = self.run(f"printf %s {value}")
            return ""
        typed = any(line.startswith("payswitch ") and not line.endswith("&") for line in lines)
        return "".join(map(self.type, lines)) if typed else self.run(block.text)

    def _with_ports(self, text: str) -> str:
        for printed, ours in self.ports.items():
            text = text.replace(printed, ours)
        return text

    def type(self, line: str) -> str:
        """Type one line as a person does."""
        words = line.split()
        if words[:3] == ["payswitch", "people", "enrol"]:
            return self._enrol(words[3])
        more = {"PAYSWITCH_PASSWORD": PASSWORD}
        if words[:3] == ["payswitch", "people", "sign-in"]:
            more["PAYSWITCH_CODE"] = self._code(words[3])
        printed = self.run(line, "y\n", **more)
        for document in documents(printed):
            if "totp_secret" in document:
                self.secrets[document["name"]] = document["totp_secret"]
            if "state" in document and "kind" in document:
                assert document["state"] in {"requested", "executed"}, printed
            for half in ("maker_half", "checker_half"):
                if half in document:
                    self.halves[half].append(document[half])
        return printed

    def _code(self, name: str) -> str:
        """The code of the next half minute: that of now may have been used to enrol."""
        return totp_code(self.secrets[name], int(time.time()) + _CODE_S)

    def _enrol(self, name: str) -> str:
        halves = [self.halves[half].pop(0) for half in ("maker_half", "checker_half")]
        with subprocess.Popen(
            ["payswitch", "people", "enrol", name],
            cwd=self.directory,
            env={**self.environment, "PAYSWITCH_PASSWORD": PASSWORD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n".join([*halves, ""]))
            process.stdin.flush()
            shown = ""
            while (found := re.search(r'"totp_secret": "(\w+)"', shown)) is None:
                piece = process.stdout.read(1)
                assert piece, shown
                shown += piece
            self.secrets[name] = found[1]
            process.stdin.write(f"{totp_code(found[1], int(time.time()))}\n")
            process.stdin.close()
            shown += process.stdout.read()
        assert process.returncode == 0, shown
        return shown


@pytest.fixture
def operator() -> Iterator[Operator]:
    """A bare directory with `payswitch` and `python` on the path, and no setting of a switch."""
    # Not below pytest's temporary directory: the database's own user has to reach it.
    directory = Path(tempfile.mkdtemp(prefix="payswitch-live-"))
    directory.chmod(0o755)
    programs = directory / "bin"
    programs.mkdir()
    for name, arguments in (("python", ""), ("payswitch", "-m switch.cli ")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {arguments}"$@"\n')
        program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAYSWITCH_")}
    ports = {printed: str(free_port()) for printed in ("8320", "7401", "7411")}
    places = {"/srv/backups/payswitch": str(directory / "backups")}
    environment |= {
        "PATH": f"{programs}:{environment['PATH']}",
        "PAYSWITCH_PORT": ports["8320"],
        "PAYSWITCH_WORKERS": "1",
        "PAYSWITCH_REPORT_NETWORKS": '["127.0.0.1/32"]',
    }
    try:
        yield Operator(directory, ports | places, environment)
    finally:
        for file in ("payswitch.pid", "rails/IN/pid", "rails/PK/pid"):
            end(directory / file)
        shutil.rmtree(directory, ignore_errors=True)


def end(file: Path) -> None:
    """End a program that the page started, and wait for it."""
    if not file.exists():
        return
    process = int(file.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    for _ in range(600):
        if not is_running(process):
            return
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def documents(printed: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that a command printed, on one line or on several."""
    decoder, at = json.JSONDecoder(), 0
    while (at := printed.find("{", at)) >= 0:
        document, at = decoder.raw_decode(printed, at)
        yield document


def test_going_live_is_walked_from_nothing_to_a_settled_window(operator: Operator) -> None:
    for block in of_page(PAGE):
        operator.follow(block)

    for file, country in (("first.txt", "PK"), ("second.txt", "IN")):
        status, uetr, *_ = (operator.directory / file).read_text().split()
        book = (operator.directory / "rails" / country / "book.jsonl").read_text()
        assert status == "ACCC", ((operator.directory / file).read_text(), operator.log())
        assert uetr.replace("-", "") in book.replace("-", ""), "what the payee's rail did itself"
    money_came_back(operator)
    a_file_was_paid(operator)
    settlement = json.loads(operator.run("payswitch settlement show INR"))
    assert settlement["state"] in {"SETTLING", "SETTLED"}, operator.log()
    assert {line["state"] for line in settlement["lines"]} == {"SETTLED"}
    assert list((operator.directory / "backups").rglob("backup_manifest")), "a base backup"
    assert not (operator.directory / "data" / "sandbox").exists()
    again = operator.run("payswitch init --from installation.json")
    assert again.splitlines()[-1] == "nothing is missing"
    certify(operator)
    work_on_a_case(operator)
    reach_banks_of_a_directory(operator)
    take_orders_of_a_rail(operator)
    deliver_reports(operator)


def read_paid(operator: Operator, participant: str, resource: str) -> Any:
    """A resource of the API, as the bank's client reads it."""
    return json.loads(operator.asks(f"print(json.dumps(client.read({resource!r})))", participant))


def money_came_back(operator: Operator) -> None:
    """A part and the rest of the first payment; of the second nothing: its recall was refused."""
    first, second = (
        (operator.directory / name).read_text().split()[1] for name in ("first.txt", "second.txt")
    )
    back = read_paid(operator, "asha-bank", f"payments/{first}")
    kept = read_paid(operator, "noor-bank", f"payments/{second}")
    inbox = read_paid(operator, "noor-bank", "messages?limit=200")["messages"]

    parts = [(each["amount"]["amount"], each["received_amount"]["amount"]) for each in back["part_returns"]]
    assert parts == [
        ("1000.00", "304.87"),
        ("3920.00", "1195.13"),
    ]
    assert [(each["state"], each["reason"]) for each in back["recalls"]] == [("returned", "CUST")]
    assert (kept["status"], kept["part_returns"]) == ("ACCC", [])
    assert [each["state"] for each in kept["recalls"]] == ["rejected"]
    assert {"camt.056", "camt.029"} <= {each["definition"][:8] for each in inbox}


def a_file_was_paid(operator: Operator) -> None:
    """One line was credited once, the other refused by the rail; handed in again, the same file is paid once."""
    report = codec.decode(
        (operator.directory / "salaries.pain.002.xml").read_bytes(), media_type=codec.XML, expect="pain.002"
    ).document["CstmrPmtStsRpt"]
    (batch,) = report["OrgnlPmtInfAndSts"]
    (typed,) = (line for block in of_page(PAGE) for line in block.commands() if "bulk hand-in" in line)
    (again,) = documents(operator.type(typed))
    paid, refused = read_paid(operator, "asha-bank", f"payment-files/{again['id']}/lines")
    book = (operator.directory / "rails" / "PK" / "book.jsonl").read_text().replace("-", "")

    assert report["OrgnlGrpInfAndSts"]["GrpSts"] == "PART"
    assert [each["TxSts"] for each in batch["TxInfAndSts"]] == ["ACCC", "RJCT"]
    assert again["by_status"] == {"ACCC": 1, "RJCT": 1}
    assert (refused["status"], refused["reason"]) == ("RJCT", "AC01")
    done = [line for line in book.splitlines() if paid["uetr"].replace("-", "") in line and "done" in line]
    assert len(done) == 1


def until(
    operator: Operator, line: str, holds: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """What a command prints, once it holds."""
    for _ in range(120):
        found = list(documents(operator.run(line)))
        if holds(found):
            return found
        time.sleep(0.5)
    raise AssertionError((line, found, operator.log()))


def by_two(operator: Operator, line: str) -> None:
    """Request a change as olga; chen approves it."""
    (change,) = documents(operator.type(f"{line} --as olga --reason 'agreement 12'"))
    operator.type(f"payswitch change approve {change['number']} --as chen --reason seen")


def work_on_a_case(operator: Operator) -> None:
    """docs/operate/cases.md: the rail confirms another amount, two people end it, and the case closes by itself."""
    account = magic_account("PK", Magic.WRONGAMT)
    doubtful = (operator.directory / "pay.py").read_text().replace("PK36SCBL0000001123456702", account)
    (operator.directory / "doubtful.py").write_text(doubtful)
    operator.run("python doubtful.py asha-bank asha.pem 41.00 > third.txt")
    (operator.directory / "advice.txt").write_text("Booked 41.00.")
    status, uetr, *_ = (operator.directory / "third.txt").read_text().split()
    assert status in {"PDNG", "ACSP"}
    (case,) = until(operator, "payswitch cases list --as olga", bool)
    number = case["number"]
    assert (case["kind"], case["uetr"], case["owner"]) == ("unknown", uetr, None)

    for act in ("take {}", "ask {}", "note {} 'the bank was called'", "attach {} advice.txt"):
        operator.run(f"payswitch cases {act.format(number)} --as olga")
    content = json.dumps({"uetr": uetr, "outcome": "committed", "evidence": "statement of the rail, page 7"})
    by_two(operator, f"payswitch change request payment.resolve '{content}'")
    (shown,) = until(
        operator, f"payswitch cases show {number} --as olga", lambda found: bool(found[0]["closed_at"])
    )
    acts = [each["act"] for each in shown["history"]]
    assert acts[0] == "opened"
    assert acts[-1] == "closed"
    assert {"assigned", "asked", "noted", "attached"} <= {*acts}


def reach_banks_of_a_directory(operator: Operator) -> None:
    """docs/operate/directory.md: the gateway, the page's file by two people, and payments to its banks."""
    gateway, file, typed = of_page(DIRECTORY)
    by_two(operator, gateway.commands()[0].partition(" --as ")[0])
    imported(operator, file.text, typed)
    time.sleep(_REFRESH_S)
    within = operator.pays("40.00", "MEZNPKKA", account_at("MEZN"))
    by_code = operator.pays("41.00", "", account_at("FAYS"), member="FAYS")
    large = operator.pays("160000.00", "MEZNPKKA", account_at("MEZN"))
    elsewhere = operator.pays("42.00", "MEZNPKKA", account_at("FAYS"))
    alias, account = next(iter(pakistan.ALIASES.items()))
    imported(operator, f"{file.text}sand,Sand Bank,SANDPKKA,PKSAND*,pakistan-gateway,,100.00,,\n", typed)
    time.sleep(_REFRESH_S)
    asked = {"amount": "20.00", "currency": "INR", "creditor_alias": {"country": "PK", "alias": alias}}
    quoted = operator.asks(f'print(client.change("POST", "quotes", {asked!r})["creditor_agent"])')
    of_day = [operator.pays("20.00", "SANDPKKA", str(account)) for _ in range(2)]

    assert (within, by_code) == (("ACCC", ""), ("ACCC", ""))
    assert (large, elsewhere) == (("RJCT", "AM02"), ("RJCT", "RC04"))
    assert quoted.strip() == "SANDPKKA"
    assert of_day == [("ACCC", ""), ("RJCT", "AM21")]


def imported(operator: Operator, text: str, typed: Block) -> None:
    """Check and import a directory, as the page says, and let the second person approve it."""
    (operator.directory / "directory.csv").write_text(text)
    check, request, show = typed.commands()
    operator.run(check)
    by_two(operator, request.partition(" --as ")[0])
    found = until(operator, show, lambda banks: len(banks) == text.count("\n") - 1)
    assert {each["gateway"] for each in found} == {"pakistan-gateway"}


def account_at(bank: str) -> str:
    """An account of a Pakistani bank."""
    return PK_IBAN.of(f"{bank}0000001123456702")


def take_orders_of_a_rail(operator: Operator) -> None:
    """docs/operate/inbound.md: two people take the orders of Raast; a person there pays into UPI."""
    orders, *_ = (block for block in of_page(INBOUND) if block.language == "sh")
    by_two(operator, orders.commands()[0].partition(" --as ")[0])
    funds = {"participant": "pakistan-gateway", "currency": "PKR", "amount": "5000.00", "reference": "S-9"}
    by_two(operator, f"payswitch change request funds.in '{json.dumps(funds)}'")
    time.sleep(_REFRESH_S)
    messages, now = (
        order_messages("PK", operator.directory / "rails" / "PK"),
        datetime.now(UTC).replace(microsecond=0),
    )
    wish = PaymentAbroad(
        Money(1000_00, "PKR"),
        "ASHAINBB",
        "OKBK0000001",
        "asha@okbank",
        "Asha Rao",
        now,
        now + timedelta(minutes=2),
    )
    ref, order = messages.order(wish)
    (operator.directory / "order.xml").write_bytes(order)
    (operator.directory / "forged.xml").write_bytes(messages.damaged(order))
    ask = "curl -sS -o {0}.answer -w %{{http_code}} --data-binary @{0}.xml http://127.0.0.1:8320/rails/PK"
    statuses = [operator.run(ask.format(name)) for name in ("forged", "order", "order")]
    uetr = originating.uetr_of("PK", ref)
    (paid,) = until(operator, f"payswitch payment {uetr} --json", lambda found: found[0]["status"] == "ACCC")

    assert statuses == ["401", "200", "200"]
    assert paid["debtor_agent"] == "pakistan-gateway"
    assert paid["source_order"]["id"] == ref
    book = (operator.directory / "rails" / "IN" / "book.jsonl").read_text().replace("-", "")
    assert sum(uetr.replace("-", "") in line and "done" in line for line in book.splitlines()) == 1
    checks = next(documents(operator.run("payswitch verify")))["checks"]
    assert [check for check in checks if not check["ok"]] == []


def certify(operator: Operator) -> None:
    """The switch of the page is a test switch: its rails are simulated, so a bank's client is certified here."""
    driver = "python -m switch.conformance.driver --keyid asha-bank-1 --key asha.pem --bic ASHAINBB --orders orders"
    found = json.loads(
        operator.run(
            "payswitch conform --url http://127.0.0.1:8320 --participant asha-bank --keyid asha-bank-1"
            " --key asha.pem --other noor-bank --other-keyid noor-bank-1 --other-key noor.pem --json --quick"
            f" --report report --driver-command '{driver}'"
        )
    )
    verdicts = {each["scenario"]: each["verdict"] for each in found["results"]}
    assert verdicts.pop("WHK-FALSE") == "not supported", "a receiver on this machine is for a sandbox"
    assert set(verdicts.values()) == {"passed"}, found
    assert len(list((operator.directory / "report").glob("conformance-*.jws"))) == 3


class CentralBank(asyncssh.SSHServer):
    """An SFTP server that takes one user by the key that it was given."""

    def __init__(self, user_key: asyncssh.SSHKey) -> None:
        self.user_key = user_key

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "payswitch" and key == self.user_key


@contextlib.contextmanager
def sftp_server(folder: Path, host: asyncssh.SSHKey, user: asyncssh.SSHKey) -> Iterator[int]:
    """A real SFTP server on a thread of its own; its port."""
    folder.mkdir(parents=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host],
            server_factory=lambda: CentralBank(user),
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder.parent)),
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def deliver_reports(operator: Operator) -> None:
    """docs/operate/reports.md: the example, with a server of this machine as the central bank's."""
    *_, key, changes, _ = of_page(REPORTS)
    operator.run(key.text)
    made = operator.directory / "data" / "keys" / "deliveries" / "centralbank"
    assert made.stat().st_mode & 0o777 == 0o600
    host = asyncssh.generate_private_key("ssh-ed25519")
    public = " ".join(host.export_public_key().decode().split()[:2])
    arrived = operator.directory / "received" / "in"
    with sftp_server(arrived, host, asyncssh.read_public_key(f"{made}.pub")) as port:
        for line in changes.commands():
            there = line.replace("sftp.centralbank.example:22", f"127.0.0.1:{port}")
            by_two(operator, there.replace("ssh-ed25519 AAAA...", public).partition(" --as ")[0])
        by_two(operator, "payswitch settlement close INR")
        (receipt,) = until(
            operator,
            "payswitch report deliveries --limit 5 --as olga",
            lambda found: bool(found) and found[0]["state"] == "delivered",
        )

    (file,) = arrived.iterdir()
    package = file.read_bytes()
    assert file.name == receipt["name"], receipt
    assert hashlib.sha256(package).hexdigest() == receipt["sha256"]
    report = unpack(package)
    assert report.octets.startswith(b"%PDF-")
    (operator.directory / report.name).write_bytes(report.octets)
    (operator.directory / f"{report.name}.jws").write_text(report.signature)
    operator.run("curl -fsS http://127.0.0.1:8320/v1/report-key > report.pub")
    operator.run(f"payswitch report verify {report.name} report.pub")
