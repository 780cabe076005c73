"""One definition of a net: on days of chance, every page and report has the figures of the signed instruction.

The days have funds paid in and out, corridors that settle gross, returns, banks that do not pay, and the lines that
are carried for it. What is compared: the lines and the hash that central banks confirm, the pacs.009, the statement
of the window, its pairs, the pages of the window and of the country, the statements of accounts, the report of
liquidity, and the use of liquidity while a window is open.
"""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest_asyncio
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import html
from starlette.requests import Request

from schemas import codec
from schemas.money import Money
from switch.pages import country, windows
from switch.participants import liquidity
from switch.reports import window_statement
from switch.reports.render import render
from switch.reports.table import ColumnKind
from switch.settlement import day, positions, reads
from switch.writer.commands import CloseWindow
from switch.writer.context import ServiceContext
from tests.switch.reports.test_window_figures import (
    answered,
    check_window,
    fund,
    give_back,
    pay,
    report_of,
)
from tests.switch.services import account, done, onboarding, open_services, person

BANKS = ("asha-bank", "ganga-bank", "indus-bank")
PURPOSES = ("position", "gross")
CAP = 100_000
AGENT = {"currency": "INR", "agent": "reserve", "scheme_bic": "PSWTKZKA", "account": "SCHEME01"}
TYPES = ("returned", "funded", "settled")
AMOUNTS = tuple(c.name for c in window_statement.COLUMNS if c.kind is ColumnKind.AMOUNT)


class Step(NamedTuple):
    """One thing that happens on a day; what a field means is up to `what`."""

    what: str
    bank: int
    other: int
    minor: int
    purpose: str


STEPS = st.builds(
    Step,
    st.sampled_from(("pay", "pay", "pay", "return", "fund", "close", "default")),
    st.integers(0, len(BANKS) - 1),
    st.integers(1, len(BANKS) - 1),
    st.integers(1, 900),
    st.sampled_from(PURPOSES),
)


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in (*BANKS, "reserve"):
            await done(opened, "participant.onboard", onboarding(bank, cap=Money(CAP, "INR").text))
        await done(opened, "settlement_agent.set", AGENT, checkers=("chen", "ravi"))
        for bank in BANKS:
            await account(opened, bank, purpose="gross")
            await fund(opened, bank, 1_000_000, "gross")
        await account(opened, "payswitch", purpose="fees")
        yield opened


class Days:
    """Days that follow each other on one switch: what one leaves unpaid, the next has to carry."""

    def __init__(self, services: ServiceContext) -> None:
        self.services = services
        self.paid: list[uuid.UUID] = []
        self.closed: list[int] = []

    async def live(self, steps: list[Step]) -> None:
        for step in steps:
            await self.take(step)
            await self.check_open()
        await self.close(())
        await self.check_open()
        for window in self.closed:
            await self.check(window)
        self.closed.clear()

    async def take(self, step: Step) -> None:
        bank, other = BANKS[step.bank], BANKS[(step.bank + step.other) % len(BANKS)]
        match step.what:
            case "pay":
                self.paid.append(await pay(self.services, bank, other, step.minor, step.purpose))
            case "return" if self.paid:
                await give_back(self.services, self.paid.pop(step.minor % len(self.paid)))
            case "fund":
                await fund(self.services, bank, step.minor * (1 if step.minor % 2 else -1), step.purpose)
            case "close":
                await self.close(())
            case "default":
                await self.close((bank,))

    async def close(self, refused: tuple[str, ...]) -> None:
        window = await self.confirmed()
        await answered(self.services, window, refused)
        self.closed.append(window)

    async def confirmed(self) -> int:
        """Close and instruct a window; every central bank that is concerned confirms it."""
        window = (await self.services.link.ask(CloseWindow("INR"))).number
        await day.run_due(self.services)
        settlement = await reads.find(self.services.pool, window)
        if settlement.state != "SETTLED":
            lines = await reads.lines(self.services.pool, window)
            people = {"IN": "ravi", "PK": "karim"}
            content = {"window": window, "positions_sha256": settlement.positions_sha256}
            checkers = tuple(people[each] for each in reads.countries(lines))
            await done(self.services, "settlement.confirm", content, checkers=checkers)
            await day.run_due(self.services)
        return window

    async def check(self, window: int) -> None:
        """Every figure of a window that was settled is that of its lines, and those are the instruction's."""
        lines = {line.participant: line for line in await reads.lines(self.services.pool, window)}
        settlement = await reads.find(self.services.pool, window)
        statement = json.loads(
            render(await report_of(self.services, "window-statement", window=window), "json")
        )
        rows = {(row["participant"], row["purpose"]): row for row in statement["rows"]}
        nets = {bank: minor(rows[bank, "position"]["net"]) for bank in BANKS}

        assert {bank: line.net_minor for bank, line in lines.items()} == {bank: nets[bank] for bank in lines}
        assert not any(nets[bank] for bank in BANKS if bank not in lines)
        amounts = {bank: (nets[bank], line.carried_minor) for bank, line in lines.items()}
        assert positions.digest(window, "INR", amounts) == settlement.positions_sha256
        if settlement.file is not None:
            await check_window(self.services, window)
        (total,) = statement["totals"]
        assert {total[name] for name in ("net", "settled_gross", *TYPES)} == {"0.00"}
        assert total["debits"] == total["credits"]
        await self.check_pairs(window, rows)
        await self.check_page(window, rows, settlement.positions_sha256)
        await self.check_statements(window, rows)

    async def check_pairs(self, window: int, rows: dict[tuple[str, str], dict[str, Any]]) -> None:
        nets: Counter[str] = Counter()
        for pair in await positions.pairs(self.services.pool, window):
            nets[pair.first] += pair.net
            nets[pair.second] -= pair.net
        owed = {
            owner: minor(row["net"])
            for (owner, purpose), row in rows.items()
            if purpose in {"position", "fees"}
        }
        assert {owner: net for owner, net in owed.items() if net} == {o: n for o, n in nets.items() if n}

    async def check_page(
        self, window: int, rows: dict[tuple[str, str], dict[str, Any]], hash_: str | None
    ) -> None:
        """The page recalculates the hash from the lines that it shows, and shows the table of the statement."""
        page = await shown(windows.get_window, self.services, "olga", window=window)
        assert hash_ is not None
        assert hash_ in page.text_content()
        assert "matches" in page.text_content() or not page.cssselect("td.good")
        assert "DOES NOT MATCH" not in page.text_content()
        table = [cells for cells in cells_of(page) if len(cells) > 10 and tuple(cells[:2]) in rows]
        assert len(table) == len(rows)
        for cells in table:
            row = rows[cells[0], cells[1]]
            assert [minor(cell) for cell in cells[2:11]] == [minor(row[name]) for name in AMOUNTS]

    async def check_statements(self, window: int, rows: dict[tuple[str, str], dict[str, Any]]) -> None:
        """camt.053: balances, and the sum of each type of entry, apart from each other."""
        for bank in BANKS:
            report = await report_of(self.services, "account-statement", window=window, participant=bank)
            message = codec.decode(
                render(report, "camt.053.001.08"), media_type=codec.XML, expect="camt.053.001.08"
            )
            for block in message.content["Stmt"]:
                row = rows[bank, block["Acct"]["Nm"].removeprefix(f"{bank} ")]
                opening, closing = (signed(each) for each in block["Bal"])
                assert (opening, closing) == (minor(row["opening"]), minor(row["closing"]))
                codes = {
                    each["BkTxCd"]["Prtry"]["Cd"]: signed(each["TtlNetNtry"])
                    for each in block["TxsSummry"].get("TtlNtriesPerBkTxCd", ())
                }
                found = {
                    "funded": codes.pop("funding", 0),
                    "settled": codes.pop("settlement", 0),
                    "returned": codes.pop("return", 0),
                }
                assert found == {name: minor(row[name]) for name in found}
                assert sum(codes.values()) == minor(row["credits"]) - minor(row["debits"])

    async def check_open(self) -> None:
        """The open window: the country's page and the use of liquidity are its flows."""
        (window,) = await self.services.pool.fetch(
            "SELECT number FROM ledger.settlement_window WHERE currency = 'INR' AND closing_seq IS NULL"
        )
        flows = {
            flow.owner: flow
            for flow in await positions.flows(self.services.pool, window["number"])
            if flow.purpose == "position"
        }
        page = await shown(country.get_country, self.services, "ravi")
        table = {cells[0]: cells for cells in cells_of(page) if len(cells) == 8}
        for bank in ("asha-bank", "ganga-bank"):
            if bank in flows:
                flow = flows[bank]
                wanted = (
                    *(flow.debits, flow.credits, flow.other.returned, flow.net),
                    *(flow.other.funded, flow.other.settled),
                )
                assert tuple(minor(cell) for cell in table[bank][2:]) == wanted
        assert "indus-bank" not in table
        for use in await liquidity.read(self.services.pool):
            spent = max(0, -flows[use.participant].net) if use.participant in flows else 0
            assert use.used == spent

    async def check_liquidity(self, since: datetime) -> None:
        """The report of liquidity over all days adds up what the statements of their windows have."""
        report = json.loads(
            render(await report_of(self.services, "liquidity", since=since, until=soon()), "json")
        )
        numbers = await self.services.pool.fetch("SELECT number FROM ledger.settlement_window")
        sums: Counter[tuple[str, str, str]] = Counter()
        for flows in (
            await positions.flows_of(self.services.pool, [row["number"] for row in numbers])
        ).values():
            for flow in flows:
                for name in ("debits", "credits"):
                    sums[flow.owner, flow.purpose, name] += getattr(flow, name)
                for name in TYPES:
                    sums[flow.owner, flow.purpose, name] += getattr(flow.other, name)
        for row in report["rows"]:
            for name in ("debits", "credits", *TYPES):
                assert minor(row[name]) == sums[row["participant"], row["account"], name]


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def minor(text: str) -> int:
    return int(Decimal(text.replace(",", "").removesuffix(" INR")) * 100)


def signed(block: dict[str, Any]) -> int:
    amount = block["Amt"] if isinstance(block["Amt"], str) else block["Amt"]["Amt"]
    return minor(amount) * (1 if block["CdtDbtInd"] == "CRDT" else -1)


async def shown(page: Any, services: ServiceContext, name: str, **path: Any) -> Any:
    """A page as its reader gets it, from the function that serves it."""
    scope = {"type": "http", "method": "GET", "path": "/console", "query_string": b"", "headers": []}
    response = await page(Request(scope), services, person(name), **path)
    assert response.status_code == 200
    return html.fromstring(bytes(response.body).decode())


def cells_of(page: Any) -> Iterator[list[str]]:
    for row in page.xpath("//tbody/tr"):
        yield [" ".join(cell.text_content().split()) for cell in row.xpath("th|td")]


async def test_every_page_and_report_equals_the_signed_instruction(services: ServiceContext) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    days = Days(services)
    loop = asyncio.get_running_loop()

    # One day follows another, so a failing one cannot be made shorter.
    @settings(max_examples=8, deadline=None, database=None, phases=[Phase.generate])
    @given(st.lists(STEPS, max_size=14))
    def live(steps: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(days.live(steps), loop).result()

    await asyncio.to_thread(live)
    await days.check_liquidity(began)
