"""A new adapter, built as a wheel and installed out of tree, works; the tutorial does what it says."""

import ast
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from msgspec import structs

from adapters import new
from adapters.simulation.harness import sample_order
from schemas import codec, credit_transfer
from schemas.money import Money
from schemas.payment import PartyAccount
from switch.clients.python import AsyncClient
from switch.clients.python import credit_transfer as payment_document
from tests.docs.test_quickstart import read_until_ready
from tests.switch.identity.test_people_api import agreed, bearer, call, status_report, until

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adapters" / "tutorial.md"
EDIT = re.compile(
    r"^In `(\S+)`, (?:remove `([^`\n]+)`\.$|in place of `([^`\n]+)`:\n\n```python\n(.*?)```)",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)


class Place:
    """A directory where the commands of a page are run, and where its package is installed."""

    def __init__(self, directory):
        self.directory = directory
        self.site = directory / "site"

    def run(self, command, **options):
        """One command of the page. `pip install -e` is what it comes to: metadata, and the sources on the path."""
        words = shlex.split(command)
        if words[:3] == ["pip", "install", "-e"]:
            return self.install(self.directory / words[3])
        assert words[0] == "payswitch"
        path = [*map(str, self.directory.glob("payswitch-*")), str(self.site), str(ROOT)]
        return payswitch(words[1:], path, cwd=self.directory, **options)

    def install(self, distribution):
        """Unpack what tells the entry point."""
        with zipfile.ZipFile(self.wheel(distribution)) as archive:
            assert f"{distribution.name.replace('-', '_')}/client.py" in archive.namelist()
            archive.extractall(self.site, [name for name in archive.namelist() if ".dist-info/" in name])

    def wheel(self, distribution):
        """Build the wheel, as any installer does."""
        directory = self.directory / "dist"
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
        subprocess.run(build, cwd=distribution, check=True, capture_output=True)
        (wheel,) = directory.glob("*.whl")
        return wheel

    def edit(self, file, target, text):
        """Put a text in the place of an import, assignment or function, with the words below it."""
        path = self.directory / "payswitch-az" / file
        lines = path.read_text().splitlines()
        nodes = ast.parse(path.read_text()).body
        (place,) = [n for n, node in enumerate(nodes) if named(node) == target]
        lines[nodes[place].lineno - 1 : nodes[place].end_lineno] = text.rstrip("\n").splitlines()
        path.write_text("\n".join(lines) + "\n")

    def report(self, command):
        done = self.run(f"{command} --json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


def named(node):
    match node:
        case ast.Import():
            return f"import {node.names[0].name}"
        case ast.ImportFrom():
            return f"from {node.module}"
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return None


def payswitch(words, path, **options):
    """The command with these directories on the path of its packages, and no others but the environment's."""
    return subprocess.run(
        [sys.executable, "-m", "switch.cli", *words], env=environment(path), text=True, capture_output=True, check=False,
        **options,
    )  # fmt: skip


def environment(path, **settings):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PAYSWITCH_")}
    return {**plain, "PYTHONPATH": os.pathsep.join(map(str, path)), **settings}


def follow(place, *, check):
    """Each command of the page in its order, each change where the page has it; the reports of the kit."""
    page = PAGE.read_text()
    write_payment(place.directory / "payment.json")
    steps = [(found.start(), found) for pattern in (EDIT, COMMAND) for found in pattern.finditer(page)]
    reports = []
    for _, step in sorted(steps, key=lambda step: step[0]):
        command = step[1]
        if step.re is EDIT:
            place.edit(step[1], step[2] or step[3], step[4] or "")
        elif command.endswith("--quick"):
            reports += [place.report(command)] if check else []
        elif command not in {"payswitch adapters check AZ", "payswitch up --sandbox"}:
            done = place.run(command)
            assert done is None or done.returncode == 0, done.stderr
    return reports


@pytest.mark.long
def test_the_tutorial_works_as_written(tmp_path):
    """Each command in its order, each change where the page has it; the kit finds nothing at any step."""
    page, place = PAGE.read_text(), Place(tmp_path)
    reports = follow(place, check=True)

    assert [broken(report) for report in reports] == [{}, {}]
    begun, changed = reports
    assert begun["kept"] * 2 >= len(begun["checks"])
    assert "payswitch adapters check AZ\n" in page
    assert any(check["detail"] == "28 of 28 misspelt accounts detected" for check in changed["checks"])
    listed = json.loads(place.run("payswitch adapters list").stdout)
    profile = next(profile for profile in listed if profile["country"] == "AZ")
    assert profile["limits"]["maximum_minor"] == 40_000_00


def broken(report):
    return {check["name"]: check["detail"] for check in report["checks"] if not check["ok"]}


@dataclass
class Sandbox:
    """A sandbox that runs with what is installed on a path, and the commands of the same installation."""

    path: list[Path]
    data: Path
    url: str

    @property
    def credentials(self):
        return json.loads((self.data / "sandbox" / "credentials.json").read_text())

    def say(self, *words):
        done = payswitch(words, self.path, cwd=self.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def pay(self, debtor, creditor, amount):
        """A payment between two participants; its state in the end."""
        known = self.credentials
        banks = {bank["id"]: bank for bank in known["participants"]}
        payer, payee = banks[debtor], banks[creditor]
        document = payment_document(
            debtor_agent=payer["bic"], debtor="Leyla Aliyeva", debtor_account=known["accounts"][payer["country"]],
            creditor_agent=payee["bic"], creditor_agent_member=payee["member_id"], creditor="Asha Rao",
            creditor_account=known["accounts"][payee["country"]], amount=amount, currency=payer["currency"],
        )  # fmt: skip
        async with AsyncClient(self.url, bearer=payer["bearer"]) as client:
            return await client.pay(document, wait=30)


@contextmanager
def sandbox(path):
    """`payswitch up --sandbox` with every setting as it is by default, but the port and what makes it quick."""
    # Not below pytest's temporary directory: the database's own user has to reach it.
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        process = subprocess.Popen(
            [sys.executable, "-m", "switch.cli", "up", "--sandbox", "--port", "0", "--data", directory],
            env=environment(path, PAYSWITCH_WORKERS="1"), cwd=directory, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            printed = read_until_ready(process)
            found = re.search(r"payswitch is ready: (\S+)", printed)
            assert found, printed
            yield Sandbox(path, Path(directory), found[1])
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=60)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_an_eleventh_country_that_is_only_installed_pays_and_is_paid(tmp_path):
    """The page said so while ten tables listed ten countries: the sandbox did not start, with KeyError.

    Its banks pay and are paid, and so are the customers of its rail, over the rail.
    """
    place, installed = Place(tmp_path), tmp_path / "installed"
    follow(place, check=False)
    with zipfile.ZipFile(place.wheel(tmp_path / "payswitch-az")) as archive:
        archive.extractall(installed)
    with sandbox([installed, ROOT]) as running:
        there = await running.pay("asha-bank", "khazar-bank", "1000.00")
        orders = [
            json.loads(running.say("simulate", "pay", *way, "--data", str(running.data)))
            for way in (
                ("AZ", "IN", "30.00"),
                ("IN", "AZ", "700.00"),
                ("AZ", "IN", "31.00", "--behaviour", "TWICE"),
            )
        ]
        back = await running.pay("khazar-bank", "asha-bank", "20.00")
        async with aiohttp.ClientSession(running.url) as http:
            settled = {currency: await settle(running, http, currency) for currency in ("AZN", "INR")}
            operator = bearer(running, "operator")
            async with http.get("/console", headers={**operator, "Accept-Language": "ru"}) as answer:
                shown = await answer.text()
            path = "/v1/calendars/AZN?since=2026-05-28&days=1"  # Republic Day
            _, calendar = await call(http, "GET", path, headers=operator)
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        period = (
            f"{name}={now + timedelta(days=days)}Z".replace(" ", "T")
            for name, days in (("since", -1), ("until", 1))
        )
        report = running.say("report", "make", "corridors", *period, "--data", str(running.data))
        account = running.credentials["accounts"]["AZ"]
        shop = ("--name", "Cay Evi", "--city", "Baku", "--category", "5812")
        made = json.loads(running.say("qr", "make", "AZ", "--payee", account, *shop))
        read = json.loads(running.say("qr", "read", made["text"]))

    assert (there.status, back.status) == ("ACCC", "ACCC")
    assert [(each["payer"]["state"], each["switch"]["state"]) for each in orders] == [("done", "done")] * 3
    assert [each["payer"]["rail"] for each in orders] == ["IPS", "UPI", "IPS"]
    assert [each["payee"]["country"] for each in orders] == ["IN", "AZ", "IN"]
    assert {line["participant"] for line in settled["AZN"]["lines"]} == {
        "khazar-bank",
        "silkroad-fx",
        "azerbaijan-gateway",
    }
    assert {line["participant"] for line in settled["INR"]["lines"]} == {
        "asha-bank",
        "silkroad-fx",
        "india-gateway",
    }
    assert 'cx="210" cy="220"' in shown
    assert "Азербайджан: IPS" in shown
    assert "Индия → Азербайджан: 2" in shown
    assert (calendar["country"], calendar["zone"]) == ("AZ", "Asia/Baku")
    assert calendar["days"][0]["business"] is False
    assert {("IN", "AZ"), ("AZ", "IN")} <= {
        (row["source"], row["target"]) for row in json.loads(report)["rows"]
    }
    assert (read["country"], read["payee"], read["currency"]) == ("AZ", account, "AZN")


async def settle(running, http, currency):
    """Close the open window, have its central banks confirm it, and settle what is instructed; the settlement."""
    window = int(running.say("settlement", "close", currency, "--data", str(running.data)))
    found = await until(http, running, window, "CLOSED")
    content = {"window": window, "positions_sha256": found["positions_sha256"]}
    banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
    await agreed(http, running, "settlement.confirm", content, *banks)
    settling = await until(http, running, window, "SETTLING")
    bearer_key = running.credentials["settlement_agents"][currency]["bearer"]
    headers = {"Authorization": f"Bearer {bearer_key}"}
    async with http.get(f"/v1/settlements/{window}/instruction", headers=headers) as answer:
        instruction = codec.decode(await answer.read(), media_type=codec.XML, expect="pacs.009").document
    assert instruction["FICdtTrf"]["GrpHdr"]["TtlIntrBkSttlmAmt"]["Ccy"] == currency
    async with http.post(
        "/v1/settlements/confirmations",
        data=status_report(settling["lines"]),
        headers={**headers, "Content-Type": codec.XML},
    ) as answer:
        assert answer.status == 200
    return await until(http, running, window, "SETTLED")


def write_payment(path):
    """A pacs.008 to the IBAN that the page's sandbox has."""
    payment = structs.replace(
        sample_order("KZ").payment,
        interbank_settlement_amount=Money(150000, "AZN"),
        creditor_account=PartyAccount(iban="AZ21NABZ00000000137010001944"),
    )
    document = credit_transfer.build(payment)
    path.write_bytes(codec.encode(credit_transfer.DEFAULT_VERSION, document, media_type=codec.JSON))


def test_what_is_made_is_python_without_a_placeholder(tmp_path):
    for path in new.make("MN", "Bank & Co.", tmp_path / "mn"):
        text = path.read_text()
        assert not re.search(r"\$\{?[a-z]", text), path
        if path.suffix == ".py":
            compile(text, str(path), "exec")


WRONG = [
    ("am", "Rail", None, "two capital letters"),
    ("AM", "", None, "a name"),
    ("AM", 'Rail"""', None, "a name"),
    ("AM", "Rail", "XXX", "ISO 4217"),
    ("ZZ", "Rail", None, "state the currency"),
]


@pytest.mark.parametrize(("country", "name", "currency", "said"), WRONG)
def test_what_cannot_be_made_states_why(tmp_path, country, name, currency, said):
    with pytest.raises(ValueError, match=said):
        new.make(country, name, tmp_path / "x", currency)
    assert not (tmp_path / "x").exists()


def test_nothing_that_exists_is_overwritten(tmp_path):
    new.make("AM", "Rail", tmp_path)
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="exists"):
        new.make("AM", "Other", tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_the_command_states_what_is_wrong(tmp_path):
    done = Place(tmp_path).run("payswitch adapters new am --name Rail")

    assert done.returncode == 1
    assert "two capital letters" in done.stderr
