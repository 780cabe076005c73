"""The demonstration of `payswitch demo`: payments in both directions, a closed window, every check."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from ledger.roles import Login
from schemas.money import Money
from switch.base import files, personal_data
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli import between_rails, output
from switch.cli.as_person import CommandContext, open_services, request, vote
from switch.cli.between_rails import OrderAbroad
from switch.cli.connect import database
from switch.cli.supervisor import Say
from switch.clients.python import AsyncClient, PaymentState
from switch.operations import verify
from switch.sandbox import corridors, world
from switch.settlement import positions

TIME_SCALE: Final = 0.1
"""Time-outs of rails in a demonstration are a tenth of the real ones."""
_NATIVE_LINES: Final = 4
_AT_ONCE: Final = 8
_WIDTH: Final = 108
_OPEN_WINDOW: Final = "SELECT number FROM ledger.settlement_window WHERE currency = $1 AND closed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Scene:
    """One payment to show. `word` selects how the simulated rail responds for the creditor's account."""

    title: str
    debtor: str
    debtor_name: str
    creditor: str
    creditor_name: str
    amount: str
    word: str = ""


SCENES: Final = (
    Scene("a bank in India pays a wallet in Pakistan", "asha-bank", "Asha Rao", "noor-wallet", "Bilal Khan", "12500.00"),
    Scene("a wallet in Pakistan pays a bank in India", "noor-wallet", "Bilal Khan", "ganga-bank", "Ravi Kumar", "48000.00"),
    Scene("the creditor's account is closed: the reservation is released at once", "asha-bank", "Asha Rao", "indus-bank", "Sana Mir", "990.50", "AC04"),
    Scene("the rail does not respond after it paid: the outcome is enquired, then posted once", "indus-bank", "Sana Mir", "asha-bank", "Asha Rao", "7600.00", "SILENT"),
)  # fmt: skip


RAIL_SCENES: Final = (OrderAbroad("PK", "IN", "5200.00"), OrderAbroad("IN", "PK", "1850.00"))
"""Payments that begin at a rail."""


def is_running(data: Path) -> bool:
    """Whether the switch of this data directory responds."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        url = json.loads((data / "sandbox" / "credentials.json").read_text())["url"]
        with contextlib.suppress(urllib.error.URLError):
            return bool(urllib.request.urlopen(f"{url}/readyz", timeout=2).status == 200)  # noqa: PLR2004, S310
    return False


@contextlib.contextmanager
def temporary_directory(given: Path | None) -> Iterator[Path]:
    """Use the given directory, or a temporary one that is removed at the end."""
    if given is not None:
        yield given
        return
    place = Path(tempfile.mkdtemp(prefix="payswitch-demo-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def show(data: Path, say: Say) -> int:
    """Run the scenes; 0 if every check passed."""
    settings = Settings(data=data)
    credentials = json.loads(settings.credentials_file.read_text())
    participants = {p["id"]: p for p in credentials["participants"]}
    keys = personal_data.load(settings.personal_data_keys)
    async with database(settings) as connection:
        await _begin_day(settings)
        for scene in SCENES:
            state = await _pay(settings, scene, participants)
            say(f"{scene.title}")
            for line in await _history(connection, keys, scene, state):
                output.text(f"          {line}")
        await _every_corridor(settings, credentials["participants"], say)
        await _between_rails(settings, connection, say)
        await _close_windows(settings, connection, say)
        return await _verify(settings, connection, say)


def _currencies(settings: Settings) -> list[str]:
    credentials = json.loads(settings.credentials_file.read_text())
    return sorted({p["currency"] for p in credentials["participants"]})


async def _begin_day(settings: Settings) -> None:
    """Open new windows, so that they contain only the payments shown, not the earlier deposits."""
    for currency in _currencies(settings):
        await _close_window(settings, currency)


async def _close_window(settings: Settings, currency: str) -> int:
    """Have two people close the open window of a currency; return its number."""
    async with open_services(settings, Login.PAGES) as services:
        number: int = await services.pool.fetchval(_OPEN_WINDOW, currency)
        context = CommandContext(services, settings)
        content = {"window": number, "currency": currency}
        change = await request(context, "operator", "window.close", content=content, reason="demo")
        await vote(context, "checker", change["number"], decision="approve", reason="demo")
    return number


async def _pay(settings: Settings, scene: Scene, participants: dict[str, Any]) -> PaymentState:
    debtor, creditor = participants[scene.debtor], participants[scene.creditor]
    document = world.document(
        debtor,
        creditor,
        debtor=scene.debtor_name,
        creditor=scene.creditor_name,
        amount=scene.amount,
        word=scene.word,
    )
    async with AsyncClient.of_sandbox(settings.credentials_file, scene.debtor) as client:
        return await _send(settings, client, document)


async def _send(settings: Settings, client: AsyncClient, document: dict[str, Any]) -> PaymentState:
    """Send a payment and record the response: `verify` checks the switch against it."""
    state = await client.pay(document, wait=20)
    with (settings.data / "sandbox" / "acknowledged.jsonl").open("a") as told:
        told.write(json.dumps({"uetr": state.uetr, "status": state.status}) + "\n")
    return await client.payment(state.uetr, wait=20)


async def _every_corridor(settings: Settings, participants: Sequence[dict[str, str]], say: Say) -> None:
    """Send one payment from every country to every other, concurrently, and print how long each took."""
    banks = {p["country"]: p for p in reversed(participants)}
    pairs = list(permutations(sorted(banks), 2))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def cross(client: AsyncClient, source: str, target: str) -> tuple[tuple[str, str], str]:
        amount = Money(corridors.span(source, target).most // 10, banks[source]["currency"])
        async with gate:
            document = world.document(banks[source], banks[target], amount=amount.text)
            state = await _send(settings, client, document)
        return (source, target), _took(state) if state.status == "ACCC" else f"{state.status} {state.reason}"

    say(f"{len(pairs)} corridors, one payment each: milliseconds until the creditor's rail credited it")
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            country: await stack.enter_async_context(
                AsyncClient.of_sandbox(settings.credentials_file, bank["id"])
            )
            for country, bank in banks.items()
        }
        took = dict(await asyncio.gather(*(cross(clients[source], source, to) for source, to in pairs)))
    output.text(f"          {'to':<8}" + "".join(f"{target:>8}" for target in sorted(banks)))
    for source in sorted(banks):
        cells = "".join(f"{took.get((source, target), '-'):>8}" for target in sorted(banks))
        output.text(f"          from {source:<3}{cells}")


async def _between_rails(settings: Settings, connection: asyncpg.Connection, say: Say) -> None:
    """Have customers of two rails pay each other: what the payer's bank debited, and what was credited."""
    able = between_rails.sources(settings)
    scenes = [scene for scene in RAIL_SCENES if {scene.source, scene.target} <= {*able}]
    if not scenes:
        return
    say("people pay abroad over their own rail: it orders the payment, and no bank sends us anything")
    for scene in scenes:
        paid = await between_rails.pay(settings, connection, scene)
        debit = Money(paid.payer.amount_minor, paid.payer.currency)
        payee = paid.payee
        credited = "nothing" if payee is None else Money(payee.amount_minor, payee.currency)
        state = "unknown here" if paid.order is None else paid.order["state"]
        output.text(
            f"          {scene.source} -> {scene.target}  payer {paid.payer.state}: {debit}; order {state};"
            f" payee credited {credited}"
        )


def _took(state: PaymentState) -> str:
    first, last = (datetime.fromisoformat(state.journey[place]["at"]) for place in (0, -1))
    return f"{(last - first).total_seconds() * 1000:.0f}"


async def _history(
    connection: asyncpg.Connection, keys: KeyRing, scene: Scene, state: PaymentState
) -> Sequence[str]:
    lines = [f"UETR {state.uetr}  {scene.amount} -> {state.status} {state.reason or ''}"]
    start = state.journey[0]["at"] if state.journey else ""
    for step in state.journey:
        facts = " ".join(str(step[name]) for name in ("reason", "rail_code", "detail") if step.get(name))
        lines.append(f"  {_offset(start, step['at']):>10}  {step['event']:<10} {facts}")
        if step["event"] == "sent":
            lines += [f"              | {part}" for part in await _native(connection, keys, UUID(state.uetr))]
    return lines


def _offset(start: str, at: str) -> str:
    return f"+{(datetime.fromisoformat(at) - datetime.fromisoformat(start)).total_seconds() * 1000:.1f} ms"


async def _native(connection: asyncpg.Connection, keys: KeyRing, uetr: UUID) -> list[str]:
    """Get the first lines of the message to the rail."""
    body = await personal_data.read(connection, keys, uetr, personal_data.SENT)
    text = body.decode("utf-8", "replace")
    return [*textwrap.wrap(text, _WIDTH, max_lines=_NATIVE_LINES, placeholder=" ...")]


async def _close_windows(settings: Settings, connection: asyncpg.Connection, say: Say) -> None:
    for currency in _currencies(settings):
        number = await _close_window(settings, currency)
        nets = await positions.flows(connection, number)
        say(f"settlement window {number} of {currency} is closed; net positions:")
        for net in nets:
            if net.count:
                output.text(
                    f"          {net.owner:<14} {net.purpose:<12} {Money(net.net, currency).text:>24}"
                )
        output.text(f"          {'sum':<27} {Money(sum(net.net for net in nets), currency).text:>24}")


async def _verify(settings: Settings, connection: asyncpg.Connection, say: Say) -> int:
    say("payswitch verify")
    failed = 0
    acknowledged = settings.data / "sandbox" / "acknowledged.jsonl"
    async for result in verify.verify(
        connection,
        settings.rails_directory,
        acknowledged,
        keys=personal_data.load(settings.personal_data_keys),
        kinds=KINDS,
    ):
        failed += not result.ok
        mark = "ok  " if result.ok else "FAIL"
        output.text(f"          {mark} {result.name:<20} {result.checked:>6}  {result.detail}")
    say("every check passed" if not failed else f"{failed} checks failed")
    return 1 if failed else 0


NEXT: Final = (
    "",
    "What now:",
    "  make run               the same switch, left running, with a first payment to paste",
    "  docs/quickstart.md     send, follow, settle and verify payments yourself",
    "  docs/integrate         for banks and wallets; docs/operate for operators, docs/regulate for supervisors",
)
"""What to do after a demonstration."""
_EXAMPLE: Final = frozenset({"IN", "PK"})
"""The two countries of the first payment, if their rails run."""
_FIRST: Final = "first"
_NAME: Final = "payswitch"


def welcome(settings: Settings, url: str) -> list[str]:
    """The lines that tell where everything is, and how to send the first payment."""
    lines = [
        "",
        f"payswitch is ready: {url}",
        f"  pages    {url}/console",
        f"  metrics  {url}/metrics",
        f"  logs     {_short(settings.data / 'logs')}",
    ]
    if not settings.sandbox:
        return lines
    credentials = json.loads(settings.credentials_file.read_text())
    banks = {bank["country"]: bank for bank in reversed(credentials["participants"])}
    debtor, *others = sorted(
        banks.values(), key=lambda bank: (bank["country"] not in _EXAMPLE, bank["country"])
    )
    lines += [f"  credentials of banks and people: {_short(settings.credentials_file)}", ""]
    if others:
        account = credentials["accounts"][others[0]["country"]]
        lines += [
            "A first payment, one line to paste (with new ids and today's date each time):",
            "",
            _first_payment(
                settings, url, world.document(debtor, others[0], amount="1500.00", account=account), debtor
            ),
            "",
        ]
    return [
        *lines,
        *_sign_in(url, debtor["id"], credentials["people"][debtor["id"]]["password"], settings.data),
        "",
        "Press Ctrl-C to stop; the data is kept.",
    ]


def _sign_in(url: str, name: str, password: str, data: Path) -> list[str]:
    """How to sign in to the pages, with the second factor."""
    return [
        f"To see it in the console, sign in at {url}/console as {name}",
        f"(or operator, checker, auditor, regulator-in, ...) with the password {password} and the",
        "one-time code that this command prints:",
        "",
        f"{_program()} people code {name} --data {_short(data)}",
    ]


def _first_payment(settings: Settings, url: str, document: dict[str, Any], debtor: dict[str, str]) -> str:
    """Write the message and the options of curl to files; get the one line that sends it."""
    message = settings.credentials_file.with_name(f"{_FIRST}.json")
    options = message.with_suffix(".curl")
    lines = (
        f'url = "{url}/v1/iso20022/pacs.008"',
        f'header = "Authorization: Bearer {debtor["bearer"]}"',
        'header = "Content-Type: application/json"',
        'header = "Prefer: wait=10"',
        'data-binary = "@-"',
        'write-out = "\\n"',
    )
    files.write_whole(message, json.dumps(document, indent=1).encode())
    files.write_whole(options, "\n".join([*lines, ""]).encode())
    return f"{_program()} iso fresh {_short(message)} | curl -sK {_short(options)}"


def _program() -> str:
    """What a person types to run this program."""
    ours = Path(sys.argv[0])
    if ours.name != _NAME:
        return _NAME
    found = shutil.which(ours.name)
    return ours.name if found and Path(found).resolve() == ours.resolve() else _short(ours)


def _short(path: Path) -> str:
    """The path from here if that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
