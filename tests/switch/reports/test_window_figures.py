"""Every report of a window says what was instructed; every posting of every account is in a statement, once.

The days have what real ones have: payments that settle net and gross, money paid in and out, returns, banks that
do not pay, lines that are carried into the next window.
"""

import csv
import io
import itertools
import json
import random
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import openpyxl
import pypdf
import pytest
import pytest_asyncio

from schemas import codec
from schemas.errors import Unavailable
from switch.reports import catalogue, settlement_instruction
from switch.reports.render import render
from switch.reports.table import Report
from switch.settlement import day, positions, reads
from switch.settlement.files import SettlementFiles
from switch.settlement.states import LineState
from switch.writer.commands import CloseWindow, CommandLeg, Fund, Hold, Release, Return
from switch.writer.context import ServiceContext
from tests.switch.reports.conftest import make
from tests.switch.services import account, confirmed, done, onboarding, open_services

BANKS = ("asha-bank", "ganga-bank")
AGENT = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "SCHEME01"}
FORMS = {
    "account-report": ("camt.052.001.08", "Rpt"),
    "account-statement": ("camt.053.001.08", "Stmt"),
    "notifications": ("camt.054.001.08", "Ntfctn"),
}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in (*BANKS, "reserve"):
            await done(opened, "participant.onboard", onboarding(bank))
        await done(opened, "settlement_agent.set", AGENT, checkers=("chen", "ravi"))
        for bank in BANKS:
            await account(opened, bank, purpose="gross")
        await account(opened, "payswitch", purpose="fees")
        yield opened


async def fund(services: ServiceContext, bank: str, minor: int, purpose: str = "position") -> None:
    """Money paid in, or, below zero, out."""
    ours = await account(services, bank, purpose=purpose)
    scheme = await account(services, "payswitch", purpose="settlement")
    leg = (
        CommandLeg(scheme, ours, minor, "funding")
        if minor > 0
        else CommandLeg(ours, scheme, -minor, "funding")
    )
    reply = await services.link.ask(Fund(uuid.uuid4().bytes, b"f" * 32, [leg], "test"))
    assert reply.verdict == "created", reply


async def pay(
    services: ServiceContext, debtor: str, creditor: str, minor: int, purpose: str = "position"
) -> uuid.UUID:
    """A payment with its fee; returns its UETR."""
    uetr = uuid.uuid4()
    payer = await account(services, debtor, purpose=purpose)
    legs = [
        CommandLeg(payer, await account(services, creditor, purpose=purpose), minor, "principal"),
        CommandLeg(payer, await account(services, "payswitch", purpose="fees"), 5, "fee"),
    ]
    held = await services.link.ask(Hold(uetr.bytes, b"f" * 32, legs, "payment"))
    assert held.verdict == "created", held
    await services.link.ask(Release(uetr.bytes, "post", "payment"))
    return uetr


async def give_back(services: ServiceContext, uetr: uuid.UUID) -> None:
    reply = await services.link.ask(
        Return(uuid.uuid4().bytes, b"r" * 32, uetr.bytes, "ganga-bank", "M1", "AC04")
    )
    assert reply.verdict == "created", reply


async def instructed(services: ServiceContext) -> int:
    """Close the window, have it confirmed and instructed; its number."""
    window = (await services.link.ask(CloseWindow("INR"))).number
    await day.run_due(services)
    settlement = await reads.find(services.pool, window)
    if settlement.state != "SETTLED":
        content = {"window": window, "positions_sha256": settlement.positions_sha256}
        await done(services, "settlement.confirm", content, checkers=("ravi",))
        await day.run_due(services)
    return window


async def answered(services: ServiceContext, window: int, refused: tuple[str, ...] = ()) -> None:
    """The agent's word on every line that was instructed."""
    statuses = [
        {
            "OrgnlUETR": str(line.id),
            "TxSts": "RJCT" if line.participant in refused else "ACSC",
        }
        for line in await reads.lines(services.pool, window)
        if line.state is LineState.INSTRUCTED
    ]
    if statuses:
        header = {"MsgId": uuid.uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat(timespec="seconds")}
        document = {"FIToFIPmtStsRpt": {"GrpHdr": header, "TxInfAndSts": statuses}}
        raw = codec.encode("pacs.002.001.10", document, media_type=codec.XML)
        await confirmed(services, raw)
    await day.run_due(services)


async def report_of(services: ServiceContext, name: str, **asked: Any) -> Report:
    async with services.pool.acquire() as connection:
        return await make(connection, name, **asked)


async def sent(services: ServiceContext, window: int) -> dict[str, tuple[str, Decimal]]:
    """What the signed pacs.009 has, by UETR: who pays or receives, signed amount."""
    found = await reads.find(services.pool, window)
    assert found.file is not None
    octets, _ = SettlementFiles(services.data).read(found.file)
    message = codec.decode(octets, media_type=codec.XML, expect="pacs.009")
    banks = {
        row["bic"]: row["id"] for row in await services.pool.fetch("SELECT id, bic FROM switch.participant")
    }
    lines = {}
    for tx in message.content["CdtTrfTxInf"]:
        amount = Decimal(tx["IntrBkSttlmAmt"]["Amt"])
        debtor, creditor = (tx[side]["FinInstnId"]["BICFI"] for side in ("Dbtr", "Cdtr"))
        signed = (banks[debtor], -amount) if debtor in banks else (banks[creditor], amount)
        lines[tx["PmtId"]["UETR"]] = signed
    return lines


class Told(NamedTuple):
    """One line of a settlement as a report tells it; amounts are plain decimals."""

    line: str
    participant: str
    bic: str
    currency: str
    direction: str
    amount: Decimal
    net: Decimal
    carried: Decimal
    state: str
    uetr: str
    reason: str


class Total(NamedTuple):
    label: str
    direction: str
    amount: Decimal


Figures = tuple[set[Told], set[Total]]


def figures(rows: Iterable[Mapping[str, Any]]) -> Figures:
    """Lines and totals of a table; a cell without a value is None or empty."""
    told, totals = set(), set()
    for row in rows:
        if row["uetr"]:
            texts = [str(row[name] if row[name] is not None else "") for name in Told._fields]
            told.add(Told(*texts[:5], *map(Decimal, texts[5:8]), *texts[8:]))
        else:
            totals.add(Total(row["participant"], row["direction"], Decimal(str(row["amount"]))))
    return told, totals


def of_csv(octets: bytes) -> Figures:
    return figures(csv.DictReader(io.StringIO(octets.decode("utf-8-sig"))))


def of_json(octets: bytes) -> Figures:
    document = json.loads(octets)
    return figures([*document["rows"], *document["totals"]])


def of_sheet(octets: bytes) -> Figures:
    titles = {column.heading: column.name for column in settlement_instruction.COLUMNS}
    heading, *rows = openpyxl.load_workbook(io.BytesIO(octets))["Report"].iter_rows(values_only=True)
    return figures(dict(zip((titles[str(title)] for title in heading), row, strict=True)) for row in rows)


ON_PAPER = re.compile(
    r"^(?:(?P<line>\d+) )?(?P<participant>[a-z][a-z0-9-]+) (?P<bic>[A-Z0-9]{8}) (?P<currency>[A-Z]{3})"
    r" (?P<direction>\w+) (?P<amount>[\d,.]+) (?P<net>-?[\d,.]+) (?P<carried>-?[\d,.]+) (?P<state>[A-Z]+)"
    r" (?P<uetr>(?:[0-9a-f-]\n?){36})(?P<reason>(?:(?!\d+ [a-z]|total|[a-z-]+ [A-Z0-9]{8} ).*\n)*)"
    r"|^(?P<label>total[a-z ]*) [A-Z]{3} (?P<summed>\w+) (?P<total>[\d,.]+)\s[A-Z]{3}\s*$",
    re.MULTILINE,
)


def of_paper(octets: bytes) -> Figures:
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(octets)).pages)
    text = text.replace("\u200b", "")  # where a long id may break
    rows = []
    for found in ON_PAPER.finditer(text[: text.index("Numbered lines are")]):
        amounts = {
            name: (found[name] or "").replace(",", "") for name in ("amount", "net", "carried", "total")
        }
        row = {
            **found.groupdict(),
            **amounts,
            "uetr": "".join((found["uetr"] or "").split()),
            "reason": " ".join((found["reason"] or "").split()),
        }
        if found["label"]:
            row |= {"participant": found["label"], "direction": found["summed"], "amount": amounts["total"]}
        rows.append(row)
    return figures(rows)


READERS = {"csv": of_csv, "json": of_json, "xlsx": of_sheet, "pdf": of_paper}


async def meant(services: ServiceContext, window: int) -> Figures:
    """What every format must tell: each line as it is kept, numbered as the signed instruction has it."""
    instruction = await sent(services, window)
    numbers = {uetr: str(number) for number, uetr in enumerate(instruction, 1)}
    told = {
        Told(
            numbers.get(str(line.id), ""),
            line.participant,
            line.bic,
            "INR",
            "receives" if line.total_minor > 0 else "pays",
            abs(Decimal(line.total_minor) / 100),
            Decimal(line.net_minor) / 100,
            Decimal(line.carried_minor) / 100,
            str(line.state),
            str(line.id),
            line.reason,
        )
        for line in await reads.lines(services.pool, window)
        if line.total_minor
    }
    for line in told:
        if line.line:
            amount = line.amount if line.direction == "receives" else -line.amount
            assert instruction[line.uetr] == (line.participant, amount)
    assert numbers.keys() <= {line.uetr for line in told}
    return told, {
        Total(label, direction, sum((line.amount for line in lines), Decimal(0)))
        for label, part in (
            ("total", [line for line in told if line.line]),
            ("total not settled", [line for line in told if line.state in {"HELD", "CARRIED"}]),
        )
        for direction in ("pays", "receives")
        if (lines := [line for line in part if line.direction == direction])
    }


async def check_window(services: ServiceContext, window: int) -> None:
    """The file that was sent, the report in every format, the page's lines and the statement agree."""
    instruction = await sent(services, window)
    report = await report_of(services, "settlement-instruction", window=window)
    document = json.loads(render(report, "json"))
    lines = await reads.lines(services.pool, window)
    statement = json.loads(render(await report_of(services, "window-statement", window=window), "json"))
    nets = {
        row["participant"]: Decimal(row["net"]) for row in statement["rows"] if row["purpose"] == "position"
    }
    expected = await meant(services, window)

    for form, read in READERS.items():
        assert read(render(report, form)) == expected, form
    assert settlement_instruction.read_back(render(report, "csv")) == {
        bank: int(amount * 100) for bank, amount in instruction.values()
    }
    for line in lines:
        assert nets[line.participant] == Decimal(line.net_minor) / 100
        if line.transfer is not None:
            assert instruction[str(line.id)] == (line.participant, Decimal(line.total_minor) / 100)
    assert sum(Decimal(row["net"]) for row in statement["rows"]) == 0
    assert document["parameters"]["message_id"] == f"SETTLE-INR-{window}"


async def test_every_report_of_a_window_is_the_instruction_that_was_sent(services: ServiceContext) -> None:
    """Funds were counted in once: a bank that had to pay 3 million was shown as one that receives 50,000."""
    for bank in BANKS:
        await fund(services, bank, 50_000_000_00)
        await fund(services, bank, 1_000_00, "gross")
    await pay(services, "asha-bank", "ganga-bank", 3_239_677_64)
    await pay(services, "asha-bank", "ganga-bank", 400_00, "gross")
    returned = await pay(services, "asha-bank", "ganga-bank", 250_00)
    await give_back(services, returned)
    await fund(services, "ganga-bank", -7_00)
    first = await instructed(services)
    await check_window(services, first)
    rows = {
        row["participant"]: row
        for row in json.loads(
            render(await report_of(services, "settlement-instruction", window=first), "json")
        )["rows"]
    }

    assert (rows["asha-bank"]["direction"], rows["asha-bank"]["amount"]) == ("pays", "3239677.69")
    assert rows["ganga-bank"]["amount"] == "3239677.64"

    await answered(services, first, refused=("asha-bank",))
    await check_window(services, first)
    report = await report_of(services, "settlement-instruction", window=first)
    assert [row[1] for row in report.totals] == ["total", "total", "total not settled"]
    states = {row[1]: row[8] for row in report.rows}
    assert states == {"asha-bank": "HELD", "ganga-bank": "SETTLED"}

    await pay(services, "ganga-bank", "asha-bank", 100_00)
    second = await instructed(services)
    await check_window(services, first)
    await answered(services, second)
    await check_window(services, second)
    report = await report_of(services, "settlement-instruction", window=second)
    carried = {row[1]: row[7].text for row in report.rows}  # type: ignore[union-attr]
    assert carried["asha-bank"] == "-3239677.69"
    told, _ = await meant(services, first)
    assert {line.state for line in told} == {"CARRIED", "SETTLED"}
    assert await report_of(services, "settlement-instruction", window=first) != report


def test_every_format_of_an_instruction_is_compared_with_what_was_sent() -> None:
    assert READERS.keys() == set(catalogue.find("settlement-instruction").formats)


async def test_a_window_that_just_closed_has_no_instruction_yet(services: ServiceContext) -> None:
    await fund(services, "asha-bank", 100_00)
    await pay(services, "asha-bank", "ganga-bank", 10_00)
    window = (await services.link.ask(CloseWindow("INR"))).number

    with pytest.raises(Unavailable):
        await report_of(services, "settlement-instruction", window=window)


async def test_a_window_statement_separates_payments_returns_funds_and_settlements(
    services: ServiceContext,
) -> None:
    await fund(services, "asha-bank", 1_000_00)
    await pay(services, "asha-bank", "ganga-bank", 100_00)
    first = await instructed(services)
    await answered(services, first)
    await give_back(services, await pay(services, "asha-bank", "ganga-bank", 30_00))
    second = await instructed(services)
    rows = {
        (row["participant"], row["purpose"]): row
        for row in json.loads(render(await report_of(services, "window-statement", window=second), "json"))[
            "rows"
        ]
    }
    asha = rows["asha-bank", "position"]

    assert asha["debits"] == "30.05"
    assert asha["returned"] == "30.05"
    assert asha["net"] == "0.00"
    assert asha["settled"] == "100.05"
    flows = await positions.flows(services.pool, first)
    assert {each.other.funded for each in flows if each.owner == "asha-bank"} == {1_000_00}


def camt_entries(report: Report, name: str) -> Counter[tuple[str, str]]:
    """Account and reference of each entry of the message, counted; its balances must meet."""
    form, block = FORMS[name]
    octets = render(report, form)
    message = codec.decode(octets, media_type=codec.XML, expect=form, max_bytes=10 * len(octets))
    signs = {"CRDT": 1, "DBIT": -1}
    found: Counter[tuple[str, str]] = Counter()
    for one in message.content[block]:
        amounts = [signs[e["CdtDbtInd"]] * Decimal(e["Amt"]["Amt"]) for e in one.get("Ntry", ())]
        found.update((one["Acct"]["Id"]["Othr"]["Id"], e["NtryRef"]) for e in one.get("Ntry", ()))
        if "Bal" in one:
            opening, closing = (signs[b["CdtDbtInd"]] * Decimal(b["Amt"]["Amt"]) for b in one["Bal"])
            assert opening + sum(amounts) == closing
    return found


POSTINGS = """
SELECT a.number::text AS account, a.owner, count(*) AS n
FROM ledger.event AS e JOIN ledger.leg AS l ON l.number = e.number
JOIN ledger.account AS a ON a.number IN (l.debit, l.credit)
WHERE e.change <> '' AND get_byte(e.change, 0) IN (ascii('P'), ascii('M'), ascii('C'))
GROUP BY 1, 2
"""


@dataclass
class Days:
    """Days of chance on a services: when they were cut, and the windows that were closed."""

    services: ServiceContext
    chance: random.Random
    made: list[uuid.UUID] = field(default_factory=list)
    cuts: list[datetime] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)

    async def begin(self) -> None:
        self.cuts.append(datetime.now(UTC) - timedelta(seconds=1))
        for bank in BANKS:
            for purpose in ("position", "gross"):
                await fund(self.services, bank, 1_000_000, purpose)

    async def step(self) -> None:
        debtor, creditor = self.chance.sample(BANKS, 2)
        purpose = self.chance.choice(("position", "gross"))
        match self.chance.choice(("pay", "pay", "pay", "back", "fund", "window", "cut")):
            case "pay":
                minor = self.chance.randint(1, 900)
                self.made.append(await pay(self.services, debtor, creditor, minor, purpose))
            case "back" if self.made:
                await give_back(self.services, self.made.pop(self.chance.randrange(len(self.made))))
            case "fund":
                minor = self.chance.choice((-1, 1)) * self.chance.randint(1, 500)
                await fund(self.services, debtor, minor, purpose)
            case "window":
                self.windows.append(await instructed(self.services))
                await answered(self.services, self.windows[-1], self.chance.choice(((), (debtor,))))
            case "cut":
                self.cuts.append(datetime.now(UTC))

    async def end(self) -> None:
        """Settle what is left, and close a window over the settlement itself."""
        self.windows.append(await instructed(self.services))
        await answered(self.services, self.windows[-1])
        self.windows.append((await self.services.link.ask(CloseWindow("INR"))).number)
        await day.run_due(self.services)
        self.cuts.append(datetime.now(UTC) + timedelta(seconds=1))

    def asked(self, name: str) -> list[dict[str, Any]]:
        """Everything of these days, in parts, as a report asks for it."""
        if name == "account-statement":
            return [{"window": window} for window in self.windows]
        return [{"since": a, "until": b, "currency": "INR"} for a, b in itertools.pairwise(self.cuts)]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_posting_of_every_account_is_in_a_statement_once(
    services: ServiceContext, seed: int
) -> None:
    """What moved on accounts that settle gross was in no statement once."""
    days = Days(services, random.Random(seed))
    await days.begin()
    for _ in range(40):
        await days.step()
    await days.end()
    expected: dict[str, Counter[str]] = {bank: Counter() for bank in (*BANKS, "payswitch")}
    for row in await services.pool.fetch(POSTINGS):
        expected[row["owner"]][row["account"]] += row["n"]
    for bank, name in itertools.product(BANKS, FORMS):
        entries: Counter[tuple[str, str]] = Counter()
        rows = 0
        for asked in days.asked(name):
            report = await report_of(services, name, participant=bank, **asked)
            entries += camt_entries(report, name)
            rows += len(report.rows)

        assert set(entries.values()) == {1}, "an entry is in one statement, once"
        assert Counter(number for number, _ in entries.elements()) == expected[bank]
        assert rows == sum(expected[bank].values())
    for window in days.windows:
        if (await reads.find(services.pool, window)).file is not None:
            await check_window(services, window)


async def test_returns_are_separate_in_statements(services: ServiceContext) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    await fund(services, "asha-bank", 1_000_00)
    uetr = await pay(services, "asha-bank", "ganga-bank", 100_00)
    await give_back(services, uetr)
    asked = {"since": since, "until": datetime.now(UTC) + timedelta(hours=9), "currency": "INR"}
    report = await report_of(services, "notifications", participant="asha-bank", **asked)
    rows = json.loads(render(report, "json"))["rows"]
    octets = render(report, "camt.054.001.08")
    message = codec.decode(octets, media_type=codec.XML, expect="camt.054.001.08")
    (block,) = message.content["Ntfctn"]
    entries = [
        (e["BkTxCd"]["Prtry"]["Cd"], e["NtryDtls"][0]["TxDtls"][0]["Refs"].get("UETR"), e["CdtDbtInd"])
        for e in block["Ntry"]
    ]

    assert [(row["what"], row["id"] == str(uetr)) for row in rows] == [
        ("funds", False),
        ("payment", True),
        ("payment", True),
        ("return", True),
        ("return", True),
    ]
    assert entries[-2:] == [("return", str(uetr), "CRDT"), ("return", str(uetr), "CRDT")]
    only = await report_of(services, "notifications", participant="asha-bank", account="gross", **asked)
    assert only.rows == ()


async def test_liquidity_has_the_accounts_that_settle_gross(services: ServiceContext) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    await fund(services, "asha-bank", 1_000_00, "gross")
    await pay(services, "asha-bank", "ganga-bank", 100_00, "gross")
    report = await report_of(services, "liquidity", since=since, until=datetime.now(UTC) + timedelta(hours=1))
    rows = {(row[0], row[1]): row for row in report.rows}

    assert rows["asha-bank", "gross"][9].text == "100.05"  # type: ignore[union-attr]
