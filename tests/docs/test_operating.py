"""What the documents for operators change is done, in one ordered walk on the tests' switch.

Each line that changes something is typed as it is printed, but for made-up names: the people are those of the
sandbox, and the bank is one that the walk itself lets take part, so that no other test finds another bank than
before. What cannot be typed here is named, with the reason.
"""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.simulation.magic import Magic
from schemas.signing import jws, key_request
from schemas.signing.keys import SigningKey
from switch import cli
from switch.clients.python import AsyncClient
from switch.identity.secrets import totp_code
from switch.writer.commands import Advance
from tests.docs.blocks import ROOT, blocks
from tests.docs.test_examples import READS, leaf
from tests.switch.identity.test_people_api import status_report, until
from tests.switch.stack import Stack

PAGES = ("docs/operate/", "docs/regulate/")
WALKED_ELSEWHERE = {
    "docs/operate/going-live.md": "it needs a bare data directory: tests/docs/test_going_live.py",
    "docs/operate/witnesses.md": "it needs a witness: tests/docs/test_witnesses.py",
    "docs/regulate/witnesses.md": "it needs a witness: tests/docs/test_witnesses.py",
    "docs/operate/screening.md": "it needs payments that are held: tests/docs/test_screening_way.py",
    "docs/operate/inbound.md": "it needs a rail that differs: tests/switch/payments/test_inbound.py",
    "docs/operate/runbooks/orders-of-rails.md": "the same",
    "docs/operate/restore.md": "it needs a switch whose database was restored: tests/chaos/test_restore.py",
}
"""Pages, and where they are walked."""
CASES = ("list", "show", "take", "assign", "note", "attach", "fetch", "ask", "erase")
NOT_TYPED = {
    "up": "it is what runs here: tests/docs/test_quickstart.py and tests/switch/cli/test_start.py start it",
    "restore": "it needs a switch that is stopped, and makes another of its past: tests/ledger/test_backup.py",
    "backup": "it needs a directory of backups from the first start on: tests/ledger/test_backup.py",
    "database roles": "it is for a server of one's own: tests/switch/processes/test_external_database.py",
    "database urls": "the same: tests/deploy/test_chart_runs.py",
    "export parquet": "it needs payswitch[analytics] and a day that is over: tests/switch/operations/test_export.py",
    "export query": "the same",
    **dict.fromkeys(
        [f"cases {name}" for name in CASES],
        "it needs a case: tests/switch/cases/test_walk.py",
    ),
    "screening hits": "it needs a payment that is held: tests/docs/test_screening_way.py",
    "screening lists": "the same",
    "screening try-engine": "it needs an engine: tests/docs/test_screening_way.py",
    "screening engine": "it is for an engine in force: tests/docs/test_screening_way.py",
    "screening show-engine": "the same",
    "report deliver-again": "it needs a delivery: tests/switch/reports/test_delivery.py",
    "participant certify": "it needs a certificate: tests/switch/participants/test_certification.py",
    "people found": "a switch has one first operator and one first checker: tests/switch/identity/test_sign_in.py",
}
"""Commands that are read by their parser alone, in `test_examples.py`, and why."""

NAMES = {"olga": "operator", "chen": "checker", "fx": "silkroad-fx", "/archive": "archive"}
"""Made-up names of the documents, and who or what it is here."""


def typed_lines() -> dict[tuple[str, str], str]:
    """(Page, line) -> the command that it is, of every line that changes something."""
    found = {}
    for block in blocks():
        if not block.page.startswith(PAGES) or block.language not in {"sh", "console"}:
            continue
        if block.page in WALKED_ELSEWHERE:
            continue
        for line in block.commands():
            words = shlex.split(line, comments=True)
            if words[0] == "payswitch":
                name, _, _ = leaf(words[1:])
                if name not in READS or (name == "migrate" and "--dry-run" not in words):
                    found[block.page, line] = name
    return found


@dataclass
class Walk:
    """Who types: what is left to be typed, and what made-up names are here."""

    stack: Stack
    capfd: pytest.CaptureFixture[str]
    environment: pytest.MonkeyPatch
    names: dict[str, str]
    left: dict[tuple[str, str], str] = field(default_factory=typed_lines)

    def type(self, start: str, on: str = "", *, more: tuple[str, ...] = ()) -> str:
        """Type the one line that begins so, on a page if several have it; what it prints."""
        found = [key for key in self.left if key[1].startswith(f"payswitch {start}") and on in key[0]]
        assert len(found) == 1, (start, on, found)
        del self.left[found[0]]
        return self.done([*self.words(found[0][1]), *more])

    def passed(self, name: str, on: str = "") -> None:
        """Lines of a command that were typed with another prompt, or are typed on another page."""
        self.left = {key: other for key, other in self.left.items() if other != name or on not in key[0]}

    def words(self, line: str) -> list[str]:
        return [self.named(word) for word in shlex.split(line, comments=True)[1:]]

    def named(self, word: str) -> str:
        if not word.startswith("{"):
            return self.names.get(word, word)
        content = {
            key: type(value)(self.names.get(str(value), value)) for key, value in json.loads(word).items()
        }
        return json.dumps(content)

    def done(self, words: list[str]) -> str:
        """Run a command that must succeed; a factor that it asks to confirm is confirmed."""
        code, out, err = self.tried(words)
        factor = re.findall(r'ask again with confirmed_factor "([^"]+)"', err)
        if factor and words[:2] == ["change", "request"]:
            words[3] = json.dumps({**json.loads(words[3]), "confirmed_factor": factor[0]})
            code, out, err = self.tried(words)
        elif factor:
            code, out, err = self.tried([*words, "--confirmed-factor", factor[0]])
        assert code == 0, (words, out[-500:], err)
        return out

    def tried(self, words: list[str]) -> tuple[int, str, str]:
        self.capfd.readouterr()
        code = cli.run(words)
        return code, *self.capfd.readouterr()

    def agree(self, printed: str, *, by: str = "chen", on: str = "") -> dict[str, Any]:
        """Approve what was requested, by the line of the page if it has one; the change, executed."""
        number = str(json.loads(printed)["number"])
        own = [line for page, line in self.left if on and on in page and "change approve" in line]
        line = own[0] if own else 'payswitch change approve 7 --as chen --reason "seen"'
        self.left = {key: name for key, name in self.left.items() if not (own and key[1] == line)}
        words = [*self.words(line), "--yes"]  # the page has it read first
        words[2] = number
        words[words.index("--as") + 1] = self.names.get(by, by)
        change: dict[str, Any] = json.loads(self.done(words))
        return change

    def two(self, start: str, on: str = "") -> dict[str, Any]:
        """A line that requests a change, and its approval."""
        change = self.agree(self.type(start, on), on=on)
        assert change["state"] == "executed", change
        return change

    def enrolled(self, name: str, maker_half: str, checker_half: str) -> None:
        """Enrol as somebody at a terminal does: the code is known when the secret has been shown."""
        command = [sys.executable, "-m", "switch.cli", "people", "enrol", name]
        environment = {**os.environ, "PAYSWITCH_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{maker_half}\n{checker_half}\n")
            process.stdin.flush()
            shown = ""
            while (found := re.search(r'"totp_secret": "(\w+)"', shown)) is None:
                piece = process.stdout.read(1)
                assert piece, shown
                shown += piece
            self.names["secret"] = found[1]
            process.stdin.write(f"{totp_code(found[1], int(time.time()))}\n")
            process.stdin.close()
            shown += process.stdout.read()
        assert process.returncode == 0, shown


PASSWORD = "a long enough pass phrase"


@pytest.fixture
def walk(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Walk:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
    monkeypatch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
    monkeypatch.chdir(tmp_path)
    own = f"walk-{uuid.uuid4().hex[:8]}"
    names = {**NAMES, "asha-bank": own, "nadia": f"nadia-{own}", "STATEMENT-77": f"STATEMENT-{own}"}
    return Walk(stack, capfd, monkeypatch, {**names, **{f"asha-bank-{n}": f"{own}-{n}" for n in (1, 2)}})


@pytest.mark.long
def test_what_the_documents_for_operators_change_can_be_typed(walk: Walk, tmp_path: Path) -> None:
    for part in (
        people,
        a_bank,
        certificates,
        keys,
        rails,
        prices,
        pairs,
        directory,
        doubts,
        a_window,
        records,
        the_books,
    ):
        part(walk, tmp_path)

    left = set(walk.left.values())
    assert left == NOT_TYPED.keys(), {key: name for key, name in walk.left.items() if name not in NOT_TYPED}


def people(walk: Walk, _: Path) -> None:
    """A new person enrols with both halves, signs in, loses the authenticator, and enrols again."""
    name = walk.names["nadia"]
    for reset, page in ((False, "operate/participants.md"), (True, "lost-second-factor.md")):
        start = "change request person.reset" if reset else "people add"
        requested = walk.type(start, page)
        agreed = walk.agree(requested, on=page)
        walk.passed("people enrol", page)
        walk.enrolled(name, json.loads(requested)["maker_half"], agreed["checker_half"])
    walk.environment.setenv("PAYSWITCH_PASSWORD", PASSWORD)
    walk.environment.setenv("PAYSWITCH_CODE", totp_code(walk.names["secret"], int(time.time()) + 30))
    operator, walk.names["olga"] = walk.names["olga"], name
    walk.type("people sign-in", "operate/participants.md")
    walk.done(["people", "sign-out", name])
    walk.names["olga"] = operator
    assert walk.type("people sessions") == ""  # signed out
    assert json.loads(walk.type("people end-sessions"))["ended"] == 0
    walk.passed("people sign-in")
    walk.two("change request identity_provider.set")
    ended = ["change", "request", "identity_provider.remove", '{"id": "bank-login"}']
    walk.agree(walk.done([*ended, "--as", operator, "--reason", "tried"]))
    removed = ["change", "request", "person.remove", json.dumps({"name": name})]
    walk.agree(walk.done([*removed, "--as", operator, "--reason", "left"]))


def a_bank(walk: Walk, place: Path) -> None:
    """A bank comes, is given a cap and money, is suspended, and pays."""
    (written,) = (b for b in blocks() if b.page == "docs/operate/participants.md" and b.language == "json")
    content = json.loads(written.text.replace("\\n...", "\\n"))
    own = walk.names["asha-bank"]
    letters = "".join(chr(ord("A") + int(digit, 16)) for digit in own[5:9])
    content |= {"id": own, "bic": f"{letters}INBB"}
    request = key_request.make(SigningKey.generate(f"{own}-1"), own)
    content["keys"] = [{"keyid": f"{own}-1", "request": request}]
    (place / "participant.json").write_text(json.dumps(content))
    onboard = ["participant", "onboard", "participant.json", "--as", "operator", "--reason", "new"]
    assert walk.agree(walk.done(onboard))["state"] == "executed"

    walk.two("change request cap.set", "operate/participants.md")
    walk.two("change request participant.member_ids", "operate/participants.md")
    for page, line in [key for key in walk.left if "change request rate.set" in key[1]]:
        code, _, error = walk.tried(walk.words(line))
        assert (code, "ask again with confirmed_factor" in error) == (1, True), error
        walk.left.pop((page, line))
    walk.two("participant funds-in")
    walk.two("participant cap")
    for page in ("participant-over-cap", "mass-duplicates", "settlement-unpaid"):
        walk.two("participant suspend", page)
        resume(walk)


def resume(walk: Walk) -> None:
    words = ["participant", "resume", walk.names["asha-bank"], "--as", "operator", "--reason", "cleared"]
    assert walk.agree(walk.done(words))["state"] == "executed"


def keys(walk: Walk, place: Path) -> None:
    """A key is revoked, and another one added; the central bank stands for a bank without people."""
    own = walk.names["asha-bank"]
    (place / "asha.csr").write_text(key_request.make(SigningKey.generate(f"{own}-2"), own))
    for start in ("participant key-revoke", "participant suspend"):
        walk.two(start, "key-compromise")
    asked = walk.type("participant key-add", "key-compromise")
    assert walk.agree(asked)["state"] == "requested"
    assert walk.agree(asked, by="regulator-in")["state"] == "executed"
    resume(walk)


def rails(walk: Walk, _: Path) -> None:
    """A rail is closed, and opened again; its profile is tightened, and given back."""
    for name in ("rail-down", "operate/rails.md"):
        closed = next(line for page, line in walk.left if name in page and "rail.switch" in line)
        walk.two("change request rail.switch", name)
        opened = walk.words(closed.replace("false", "true"))
        assert walk.agree(walk.done(opened))["state"] == "executed"
    for start in ('{"country": "PK", "maximum"', '{"country": "PK"}'):
        walk.two(f"change request rail.profile '{start}", "operate/rails.md")
    for start in (
        '{"source": "IN"',
        '{"source": "PK", "target": "IN", "purpose"',
        '{"source": "PK", "target": "IN"}',
    ):
        walk.two(f"change request corridor.rules '{start}", "operate/data-rules.md")
    limit = '{"scope": "debtor_account", "currency": "INR"'
    for start in (limit + ", ", '{"scope": "participant"', limit + "}"):
        walk.two(f"change request velocity.set '{start}", "operate/limits.md")
    limit = [
        "change",
        "request",
        "velocity.set",
        json.dumps({"scope": "participant", "currency": "INR", "participant": walk.names["asha-bank"]}),
    ]
    walk.agree(walk.done([*limit, "--as", "operator", "--reason", "withdrawn"]))


def prices(walk: Walk, _: Path) -> None:
    """Tariffs are set, and ended: other tests pay in the same corridor."""
    starts = [
        line for page, line in walk.left if page.endswith("operate/tariffs.md") and "tariff.set" in line
    ]
    numbers = [
        re.findall(
            r"tariff (\d+)", walk.two(line.removeprefix("payswitch "), "operate/tariffs.md")["outcome"]
        )[0]
        for line in starts
    ]
    walk.names["12"] = numbers[0]
    walk.two("change request tariff.end", "operate/tariffs.md")
    for number in numbers:
        end = ["change", "request", "tariff.end", json.dumps({"tariff": int(number)})]
        walk.agree(walk.done([*end, "--as", walk.names["olga"], "--reason", "tried"]))


def directory(walk: Walk, place: Path) -> None:
    """A gateway comes, and the directory of its rail is checked, imported and shown; then it is emptied."""
    page, own = "operate/directory.md", f"gate-{uuid.uuid4().hex[:8]}"
    letters = "".join(chr(ord("A") + int(digit, 16)) for digit in own[5:9])
    walk.names |= {"pakistan-gateway": own, "GATEPKKA": f"{letters}PKKA"}
    (written,) = (b for b in blocks() if b.page.endswith(page) and b.language == "text")
    (place / "directory.csv").write_text(written.text.replace("pakistan-gateway", own))
    walk.two("change request participant.onboard", page)
    assert json.loads(walk.type("directory check", page))["banks"] == 2
    changed = walk.two("directory import", page)
    assert changed["outcome"].startswith("the directory of PK has 2 banks"), changed
    shown = [json.loads(line)["gateway"] for line in walk.type("directory show", page).splitlines()]
    assert shown.count(own) == 2
    (place / "directory.csv").write_text(written.text.splitlines()[0])
    ended = ["directory", "import", "PK", "directory.csv", "--as", walk.names["olga"], "--reason", "tried"]
    walk.agree(walk.done(ended))


def pairs(walk: Walk, _: Path) -> None:
    """Requests alone, withdrawn again: each central bank has one person here, and a decision needs a second."""
    walk.names["2026-11-23T18:00:00Z"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    walk.names["2026-11-24T12:00:00Z"] = walk.names["2026-11-23T18:00:00Z"]
    lines = [line for page, line in walk.left if page.endswith("regulate/pairs.md")]
    assert len(lines) == 4
    for line in lines:
        number = json.loads(walk.type(line.removeprefix("payswitch "), "regulate/pairs.md"))["number"]
        walk.done(["change", "withdraw", str(number), "--as", "regulator-in"])


def paid(walk: Walk, word: str = "", state: str = "COMMITTED") -> str:
    """A payment of the walk's own bank that ends so; its UETR."""
    stack, own = walk.stack, walk.names["asha-bank"]
    bearer = f"sk_test_{own}"

    async def pay() -> str:
        connection = await stack.connect()
        await connection.execute(
            "INSERT INTO switch.bearer_key (sha256, participant) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            sha256(bearer.encode()).digest(),
            own,
        )
        bic = await connection.fetchval("SELECT bic FROM switch.participant WHERE id = $1", own)
        await connection.close()
        await stack.until_everywhere(lambda status: status == 200, "/v1/positions", bearer)
        document = stack.document("asha-bank", "indus-bank", word=word)
        (tx,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        tx["DbtrAgt"] = {"FinInstnId": {"BICFI": bic}}
        async with AsyncClient(stack.url, bearer=bearer) as client, asyncio.timeout(60):
            uetr = (await client.pay(document, wait=5)).uetr
            while (payment := await client.payment(uetr, wait=5)).state != state:
                assert payment.state in {"SENT", "RESERVED", "RECEIVED"}, payment
        return str(uetr)

    return asyncio.run(pay())


def doubts(walk: Walk, _: Path) -> None:
    """A doubt is ended by evidence; a payment that was given back returns; a break is resolved."""
    walk.names["UETR"] = paid(walk, Magic.WRONGAMT, "UNKNOWN")
    walk.two("change request payment.resolve", "unknowns-growing")

    walk.names["UETR"] = paid(walk)
    walk.names["3"] = str(asyncio.run(contradicted(walk.stack, walk.names["UETR"])))
    walk.two("change request break.return", "reconciliation-breaks")

    walk.names["UETR"] = paid(walk)
    walk.two("change request payment.return", "operate/day.md")

    walk.names["UETR"] = paid(walk)
    walk.two("change request payment.reverse", "operate/day.md")

    walk.names["3"] = str(asyncio.run(contradicted(walk.stack, paid(walk))))
    walk.type("rails resolve", "reconciliation-breaks")


async def contradicted(stack: Stack, uetr: str) -> int:
    """The rail takes back what it said; the number of the break."""
    link, connection = stack.link(), await stack.connect()
    await link.start()
    reply = await link.ask(Advance(uuid.UUID(uetr).bytes, "REJECT", rail="PK", rail_code="AC04"))
    await link.stop()
    assert reply.verdict == "contradiction"
    question = "SELECT id FROM switch.reconciliation_break WHERE uetr = $1 AND resolved_at IS NULL"
    async with asyncio.timeout(60):
        while (number := await connection.fetchval(question, uuid.UUID(uetr))) is None:
            await asyncio.sleep(0.2)
    await connection.close()
    return int(number)


def a_window(walk: Walk, place: Path) -> None:
    """A window is closed and confirmed, one bank's line is held, and the agent confirms the others."""
    paid(walk)
    change = walk.two("settlement close", "window-wont-close")
    walk.names["42"] = str(change["content"]["window"])
    lines = asyncio.run(settled_so_far(walk, "CLOSED"))["lines"]
    confirmed = walk.type("settlement confirm ", "operate/settlement.md")
    banks = sorted({f"regulator-{line['country'].lower()}" for line in lines})
    assert {walk.agree(confirmed, by=bank)["state"] for bank in banks} <= {"requested", "executed"}

    asyncio.run(settled_so_far(walk, "SETTLING"))
    walk.two("settlement hold", "window-wont-close")
    lines = asyncio.run(settled_so_far(walk, "SETTLING"))["lines"]
    agent = walk.stack.credentials["settlement_agents"]["INR"]
    report = status_report([line for line in lines if line["state"] == "INSTRUCTED"])
    key = SigningKey.from_pem(agent["keyid"], agent["private_key"].encode())
    (place / "camt054.xml").write_bytes(report)
    (place / "camt054.xml.jws").write_text(jws.sign(key, report))
    taken = json.loads(walk.type("settlement confirmation", "operate/settlement.md"))
    assert taken["contradictions"] == []
    asyncio.run(settled_so_far(walk, "SETTLED"))


async def settled_so_far(walk: Walk, state: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(walk.stack.url) as http:
        found: dict[str, Any] = await until(http, walk.stack, int(walk.names["42"]), state)
        return found


def records(walk: Walk, place: Path) -> None:
    """Proofs are verified, keys rotated, personal data erased, reports verified; what is old is put away."""
    walk.names["UETR"] = paid(walk)
    deadline = time.monotonic() + 60
    while walk.tried(["audit", "export", walk.names["UETR"], "-o", "bundle.json"])[0] != 0:
        assert time.monotonic() < deadline, "no checkpoint covers the payment"
    lines = walk.done(["audit", "keys"]).splitlines()
    walk.names["LINE"] = lines[0]
    walk.type("audit verify", more=tuple(lines[1:]))
    walk.type("audit rotate")
    walk.type("audit retire")

    walk.type("migrate --phase pre", "operate/upgrade.md")
    walk.type("migrate --phase post", "operate/upgrade.md")
    walk.passed("migrate", "operate/migrations.md")

    walk.type("erase UETR", "operate/retention.md")
    walk.type("erase --before", "operate/retention.md")
    walk.names["UETR"] = paid(walk)
    walk.type("erase UETR", "erasure-request")
    walk.type("ledger detach", "operate/retention.md")
    walk.type("ledger detach", "disk-full")

    made = [
        "report",
        "make",
        "window-statement",
        f"window={walk.names['42']}",
        "--format",
        "csv",
        "-o",
        "FILE",
    ]
    walk.done(made)
    with urllib.request.urlopen(f"{walk.stack.url}/v1/report-key") as answer:
        (place / "report.pub").write_bytes(answer.read())
    walk.names["FILE"] = next(str(one) for one in place.glob("*FILE*") if one.suffix != ".jws")
    walk.type("report verify")
    for change in ("destination.add", "schedule.add", "schedule.remove", "destination.remove"):
        walk.two(f'change request report_{change} \'{{"name": "rbi', "operate/reports.md")
    # The example of delivery by SFTP is followed in test_going_live.py.
    walk.left = {key: name for key, name in walk.left.items() if "centralbank" not in key[1]}
    walk.type("report add-regulator")


def certificates(walk: Walk, _: Path) -> None:
    """Certificates are required, and then not: the participants of later tests have none."""
    walk.two("change request certification.require", "operate/participants.md")
    content = '{"required": false, "kit": 1, "days": 366}'
    request = ["change", "request", "certification.require", content, "--as", walk.names["olga"]]
    walk.agree(walk.done([*request, "--reason", "tried"]))
    walk.passed("change approve", "operate/participants.md")


def the_books(walk: Walk, _: Path) -> None:
    """The books are frozen by hand; two people end that after a look that found nothing."""
    walk.type("ledger freeze", "ledger-imbalance")
    walk.passed("ledger freeze", "witness-refuses")
    try:
        asyncio.run(walk.stack.until_looked())
        walk.two("ledger unfreeze", "ledger-imbalance")
    finally:
        asyncio.run(walk.stack.unfreeze())
