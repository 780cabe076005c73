"""What the parts of a bridge share: the switch, who is who there, the journal, and the way to the DFSP."""

import json
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from switch.clients.python import AsyncClient, NoAnswer, RequestRefused
from switch.fspiop import codec
from switch.fspiop.courier import Courier
from switch.fspiop.errors import ErrorCode, FspiopProblem, code_of
from switch.fspiop.journal import Callback, Journal, Keeper
from switch.fspiop.messages import FspiopMessage
from switch.fspiop.payment import instant_text
from switch.fspiop.settings import BridgeSettings

ANSWER_WITHIN_S: Final = 60.0
"""Seconds after which nobody waits for the answer to a question about a party."""
_DIRECTORY_S: Final = 60.0
_IBAN_CHECK: Final = slice(2, 4)


def log(event: str, **facts: object) -> None:
    """Write one line of JSON on standard error; never an account, a name or an amount."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class OtherFsp:
    """A participant of the switch."""

    id: str
    bic: str
    country: str


@dataclass
class FspDirectory:
    """Participants and currencies of the switch, read again when they are a minute old."""

    client: AsyncClient
    _members: dict[str, OtherFsp] = field(default_factory=dict)
    _read_at: float = -_DIRECTORY_S
    _currencies: dict[str, str] = field(default_factory=dict)

    async def find(self, identifier: str) -> OtherFsp:
        """The active participant of this id.

        Raises:
            FspiopProblem: there is none.

        """
        if time.monotonic() - self._read_at >= _DIRECTORY_S:
            entries = [entry async for entry in self.client.entries("participants")]
            self._members = {
                entry["id"]: OtherFsp(entry["id"], entry["bic"], entry["country"])
                for entry in entries
                if entry["status"] == "active"
            }
            self._read_at = time.monotonic()
        if identifier not in self._members:
            raise FspiopProblem(
                ErrorCode.PAYEE_FSP, "no participant of the switch has this id: GET /v1/participants"
            )
        return self._members[identifier]

    async def currency(self, country: str) -> str:
        """The currency of a country's rail."""
        if country not in self._currencies:
            rail = await self.client.read(f"rails/{country}")
            self._currencies[country] = rail["currency"]
        return self._currencies[country]


@dataclass
class Office:
    """One bridge at work."""

    settings: BridgeSettings
    client: AsyncClient
    keep: Keeper
    courier: Courier
    directory: FspDirectory

    def callback(
        self,
        message: FspiopMessage,
        path: str,
        values: Mapping[str, str],
        *,
        method: str = "PUT",
        key: str = "",
        until: float | None = None,
    ) -> Callback:
        """Make a callback; its message gets an id and an instant."""
        head = "Assgnmt" if message.name.startswith("parties") else "GrpHdr"
        made = {f"{head}.MsgId": uuid.uuid4().hex, f"{head}.CreDtTm": instant_text(datetime.now(UTC))}
        body = codec.dump(codec.write(message, made | dict(values)))
        return Callback(key or path.lstrip("/"), method, path, body, until)

    async def tell(self, callback: Callback, *, while_open: str | None = None) -> None:
        """Queue a callback, and deliver it."""
        await self.keep(Journal.tell, callback, while_open=while_open)
        self.courier.wake()

    def route(self, kind: str, identifier: str) -> str | None:
        """The participant that the settings name for an identifier."""
        if kind == "IBAN":
            identifier = identifier[: _IBAN_CHECK.start] + identifier[_IBAN_CHECK.stop :]
        fitting = [
            route
            for route in self.settings.routes
            if route.type == kind and identifier.startswith(route.prefix)
        ]
        return max(fitting, key=lambda route: len(route.prefix)).fsp if fitting else None


def problem_of(
    error: RequestRefused | NoAnswer, otherwise: ErrorCode = ErrorCode.PAYEE_REJECTED
) -> FspiopProblem:
    """What a DFSP is told when the switch refuses a question, or does not answer it."""
    if isinstance(error, NoAnswer):
        return FspiopProblem(ErrorCode.UNAVAILABLE, "the switch does not answer: ask again")
    if error.status == 429:  # noqa: PLR2004 - too many requests
        return FspiopProblem(ErrorCode.BUSY, "too many requests to the switch: ask again later")
    if error.retryable or error.status >= 500 or error.status in {401, 403}:  # noqa: PLR2004
        return FspiopProblem(ErrorCode.UNAVAILABLE, "the switch does not answer this bridge now: ask again")
    return FspiopProblem(code_of(error.reason, otherwise=otherwise), f"{error.reason}: {error.detail}")
