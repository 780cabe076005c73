"""How the client under test is asked to do something, and says what it believes.

A task is a JSON object: `task`, `instruction` (for people), `switch` (the address to use) and `data`. The
answer is an object of what the client believes, such as `{"status": "RJCT", "reason": "AC04", ...}`;
`{"unsupported": true}` says that the client has no such function.
"""

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import aiohttp
import httpx

LINE_MAX: Final = 1_000_000
INSTRUCTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pay": "Pay this order. Follow it until its status is final, or `within_s` seconds are over. If an "
        "order of this number was paid before, make no second payment: find out what became of the first.",
        "outcome": "Find out the outcome of this order. Work off your messages and events first.",
        "resend": "Send the message of this order again.",
        "verify_payee": "Verify the holder of this account.",
        "quote": "Get a quote for this payment.",
        "return": "Return this payment, which was credited to a customer of yours, in full.",
        "recall": "Ask the creditor agent to give the payment of this order back.",
        "answer_recall": "The debtor agent asks for this payment back: read its message, and agree by a "
        "return, or refuse.",
        "request_to_pay": "Request this payment from a customer of the other bank.",
        "request_outcome": "Find out how the other bank answered your request to pay.",
        "answer_request": "The other bank requests a payment with this end-to-end id: read its message, and "
        "refuse it; or accept it, and pay it as this order, with the same end-to-end id.",
        "ask_about": "Ask about the payment of this order in codes (camt.110): this type and reason, of the "
        "creditor agent.",
        "question_outcome": "Find out how your question about the payment of this order was answered.",
        "answer_question": "The other bank asks about this payment, which was credited to a customer of "
        "yours: read its message, and answer by a camt.111 of this status and reason.",
        "balances": "Get the posted balance of each of your accounts: credits less debits.",
        "statement": "Get the interim account report of this period, and count its entries.",
        "events": "Read all events after this cursor, page by page, with at most `limit` on a page.",
        "follow": "Follow the stream of events after this cursor until you have `count` of them.",
        "webhook": "Register the address of your receiver of webhooks, for all types of events.",
        "deliveries": "Say how often you processed this event, which came to your receiver of webhooks.",
    }
)
"""Task -> what the client shall do."""
_ORDER: Final = (
    *(
        "order",
        "debtor",
        "debtor_account",
        "creditor_agent",
        "creditor_agent_member",
        "creditor",
        "creditor_account",
    ),
    *("amount", "currency", "purpose", "within_s"),
)
DATA: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "pay": (*_ORDER, "end_to_end_id", "remittance", "credited_amount", "credited_currency"),
        "outcome": ("order", "within_s"),
        "resend": ("order",),
        "verify_payee": ("account", "name", "creditor_agent"),
        "quote": ("creditor_agent", "amount", "currency"),
        "return": ("uetr", "reason"),
        "recall": ("order", "reason"),
        "answer_recall": ("uetr", "agree", "reason"),
        "request_to_pay": (
            *(
                "end_to_end_id",
                "debtor_agent",
                "debtor",
                "creditor",
                "creditor_account",
                "amount",
                "currency",
            ),
        ),
        "request_outcome": ("end_to_end_id",),
        "answer_request": ("end_to_end_id", "accept", *_ORDER),
        "ask_about": ("order", "type", "reason"),
        "question_outcome": ("order",),
        "answer_question": ("uetr", "status", "reason"),
        "balances": (),
        "statement": ("participant", "currency", "since", "until"),
        "events": ("after", "limit"),
        "follow": ("after", "count"),
        "webhook": (),
        "deliveries": ("event",),
    }
)
"""Task -> the members of its data; those of an order that come last may be missing."""
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "pay": ("status", "reason", "uetr"),
        "outcome": ("status", "reason", "uetr", "returned", "recall"),
        "resend": ("status", "reason", "uetr"),
        "verify_payee": ("match",),
        "quote": ("credited_amount", "fee"),
        "return": ("status", "reason"),
        "recall": ("status",),
        "answer_recall": ("status",),
        "request_to_pay": ("status",),
        "request_outcome": ("status",),
        "answer_request": ("status", "uetr"),
        "ask_about": ("status", "reason"),
        "question_outcome": ("status", "reason"),
        "answer_question": ("status",),
        "balances": ("balances",),
        "statement": ("entries",),
        "events": ("events", "cursor"),
        "follow": ("events",),
        "webhook": ("id", "url"),
        "deliveries": ("count",),
    }
)
"""Task -> the members of its answer."""


class DriverFailed(Exception):
    """The driver gave no answer that can be read."""


class TaskDriver(Protocol):
    """Who has the client do a task."""

    can_restart: bool

    async def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Have a task done; get what the client believes.

        Raises:
            DriverFailed: there is no answer.

        """

    async def restart(self) -> None:
        """Stop the client without a warning, and start it again."""

    async def close(self) -> None:
        """End."""


@dataclass(slots=True)
class HttpDriver:
    """A driver at an address: each task is a POST, its response the answer."""

    url: str
    within_s: float
    can_restart: bool = False

    async def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Post a task."""
        timeout = aiohttp.ClientTimeout(total=self.within_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.post(self.url, json=dict(task)) as answer,
            ):
                text = await answer.text()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DriverFailed(f"the driver at {self.url} gave no answer: {type(error).__name__}") from None
        if status != httpx.codes.OK:
            raise DriverFailed(f"the driver at {self.url} answered {status}")
        return read_answer(text)

    async def restart(self) -> None:
        """Nobody but the bank can restart it."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is kept open."""


class CommandDriver:
    """A driver that is a command: it gets one task a line, and answers each by one line."""

    can_restart = True

    def __init__(self, command: str, within_s: float) -> None:
        self._words: Sequence[str] = shlex.split(command)
        self._within_s = within_s
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Write a task, and read its answer."""
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(dict(task)).encode() + b"\n")
            await process.stdin.drain()
            async with asyncio.timeout(self._within_s):
                line = await process.stdout.readline()
        except (ConnectionError, ValueError, TimeoutError) as error:
            await self.restart()
            raise DriverFailed(f"the command of the driver gave no answer: {type(error).__name__}") from None
        if not line:
            await self.restart()
            raise DriverFailed("the command of the driver ended")
        return read_answer(line.decode("utf-8", "replace"))

    async def restart(self) -> None:
        """Kill the command; the next task starts it again."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
        if process is not None:
            await process.wait()

    async def close(self) -> None:
        """End the command."""
        await self.restart()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            pipe = asyncio.subprocess.PIPE
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._words, stdin=pipe, stdout=pipe, limit=LINE_MAX
                )
            except OSError as error:
                raise DriverFailed(f"the command of the driver cannot be started: {error.strerror}") from None
        return self._process


def read_answer(text: str) -> dict[str, Any]:
    """Read an answer.

    Raises:
        DriverFailed: it is not a JSON object.

    """
    try:
        found = json.loads(text)
    except ValueError:
        raise DriverFailed("the answer of the driver is not JSON") from None
    if not isinstance(found, dict):
        raise DriverFailed("the answer of the driver is not a JSON object")
    return found
