"""Ninety corridors: amounts at the edges of what both ends can say, names in their own scripts, and at the end
the switch, the rail's book and every invariant agree."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from adapters import registry
from adapters.simulation import book as rail_book
from schemas.money import Money
from switch.clients.python import AsyncClient, PaymentState
from switch.sandbox import world
from switch.sandbox.corridors import span, table
from tests.switch.stack import Stack

COUNTRIES = registry.countries()
CORRIDORS = list(itertools.permutations(COUNTRIES, 2))
AT_ONCE = 8
PURSE = 10**12
"""Minor units: more than this no made-up bank pays at once."""
NAMES = {
    "BY": "Алесь Ковалёў",
    "CN": "王小明",
    "IN": "आशा राव",
    "IR": "محمد رضایی",
    "KG": "Айгүл Өмүрова",
    "KZ": "Әсел Нұрланқызы",
    "PK": "بلال خان",
    "RU": "Иван Щёголев",
    "TJ": "Ҷамшед Қодиров",
    "UZ": "Gʻayrat Oʻktamov",  # noqa: RUF001 - the letters of the Uzbek alphabet
}


@dataclass(frozen=True)
class Trial:
    """One payment and what must become of it."""

    source: str
    target: str
    minor: int
    reason: str | None

    @property
    def corridor(self) -> str:
        return f"{self.source}->{self.target}"


def trials() -> Iterator[Trial]:
    for source, target in CORRIDORS:
        edges = span(source, target)
        most = min(edges.most, PURSE)
        for minor in {edges.least, (edges.least + most) // 2, most}:
            yield Trial(source, target, minor, None)
        if edges.most < PURSE:
            yield Trial(source, target, edges.most + 1, "AM02")


def test_all_ninety_are_there():
    assert len(CORRIDORS) == 90


@pytest.mark.long
async def test_every_corridor_carries_payments_end_to_end(ten: Stack):
    by_country = {p["country"]: p for p in reversed(ten.credentials["participants"])}
    gate = asyncio.Semaphore(AT_ONCE)

    async def pay(clients: dict[str, AsyncClient], trial: Trial) -> tuple[Trial, PaymentState]:
        payer, payee = by_country[trial.source], by_country[trial.target]
        amount = Money(trial.minor, payer["currency"]).text
        names = {"debtor": NAMES[trial.source], "creditor": NAMES[trial.target]}
        async with gate:
            document = world.document(payer, payee, amount=amount, **names)
            state = await clients[trial.source].pay(document, wait=20)
            return trial, await clients[trial.source].payment(state.uetr, wait=60)

    async with AsyncExitStack() as stack:
        clients = {
            c: await stack.enter_async_context(AsyncClient(ten.url, bearer=by_country[c]["bearer"]))
            for c in COUNTRIES
        }
        ended = await asyncio.gather(*(pay(clients, trial) for trial in trials()))
    wrong = [
        (trial.corridor, trial.minor, state.status, state.reason)
        for trial, state in ended
        if (state.status, state.reason) != (("RJCT", trial.reason) if trial.reason else ("ACCC", None))
    ]
    assert wrong == []
    await agrees_with_the_books(ten, ended)
    command = [sys.executable, "-m", "switch.cli", "verify", "--data", str(ten.settings.data)]
    verified = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["ok"] is True


async def agrees_with_the_books(ten: Stack, ended: list[tuple[Trial, PaymentState]]) -> None:
    connection = await ten.connect()
    rows = await connection.fetch("SELECT uetr, credit_minor, credit_currency FROM switch.payment")
    await connection.close()
    here = {row["uetr"]: (row["credit_minor"], row["credit_currency"]) for row in rows}
    there: dict[str, dict[UUID, list[tuple[int, str]]]] = {}
    for country in COUNTRIES:
        credited = defaultdict(list)
        for entry in rail_book.read(ten.settings.rails_directory / country / rail_book.FILE_NAME):
            if entry.outcome is rail_book.EntryStatus.DONE:
                credited[UUID(entry.uetr)].append((entry.amount_minor, entry.currency))
        there[country] = credited
    for trial, state in ended:
        uetr = UUID(state.uetr)
        expected = [] if trial.reason else [here[uetr]]
        assert there[trial.target].get(uetr, []) == expected, trial


async def test_a_credit_in_rials_is_whole_rials(ten: Stack):
    """Bug: a credit with a fraction of a rial, which the conversion made, was refused by the rail."""
    async with ten.client("pamir-bank") as client:
        state = await client.pay(ten.document("pamir-bank", "alborz-bank", amount="33.33"), wait=20)
        payment = await client.payment(state.uetr, wait=20)
    book = rail_book.read(ten.settings.rails_directory / "IR" / rail_book.FILE_NAME)
    (entry,) = [entry for entry in book if entry.uetr == payment.uetr]

    assert payment.status == "ACCC"
    assert entry.amount_minor % 100 == 0


def test_the_page_of_the_corridors_agrees_with_the_code():
    page = Path(__file__).parents[3] / "docs" / "rails" / "corridors.md"
    assert table() in page.read_text(encoding="utf-8")
