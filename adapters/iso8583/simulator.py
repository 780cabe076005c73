"""A simulated rail for ISO 8583 that checks frames, form, MAC, sign-on, ids and elements.

A message in another form ends the connection. A wrong MAC gets code 63, a missing or wrong element code 30;
both before anything is booked.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from adapters import uetr as uetrs
from adapters.framing import framed
from adapters.iso8583 import codes, messages, private
from adapters.iso8583 import cycle as cycles
from adapters.iso8583.codec import Fields, MacKey, own, read, seal, unseal, with_broken_mac
from adapters.iso8583.codes import APPROVED, IN_PROGRESS
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.messages import Iso8583Member, Key, answer_fields
from adapters.iso8583.ordering import Iso8583Orders
from adapters.iso8583.private import PrivateTag
from adapters.port import Outcome
from adapters.simulation.book import BookEntry, EntryStatus
from adapters.simulation.magic import SCRIPTS, Corruption, Magic, Script
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import (
    CreditOrder,
    DifferentContent,
    OrderProcessor,
    RailClosed,
    RailRequest,
    RailResponse,
)
from adapters.simulation.server import SimulatorSettings, open_payers, open_processor
from adapters.simulation.tcp import Peer, Peers
from schemas.errors import InvalidMessage, NotAuthentic

MASKED: Final = "A*** R***"
REVERSALS: Final = "reversals.txt"
"""Reversed references of orders that have not arrived: the rail never executes them."""
_STRANGER: Final = "0" * 31 + "1"
_CYCLE = re.compile(r"CYCLE-(\d{4}-\d{2}-\d{2})", re.ASCII)
_OK: Final = 200
_NO_RESPONSE: Final = 408
_TOLD: Final = {200: APPROVED, 409: codes.ENDED}
"""Answer to an advice, by what became of it; none for others, so that it is sent again."""
_ASK_S: Final = 5.0
_CODES: Final = {Outcome.DONE: APPROVED, Outcome.PENDING: IN_PROGRESS}


class Iso8583Refusal(Exception):
    """The rail refuses before booking anything; an ISO reason states why."""

    def __init__(self, code: str, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(code)


@dataclass(slots=True)
class Iso8583Simulator:
    """The rail as participants see it."""

    dialect: Iso8583Dialect
    processor: OrderProcessor
    peers: Peers
    member: Iso8583Member
    members: MacKey
    """Seals the messages that the participant sends."""
    ours: MacKey
    sandbox: Any
    """The country's module of invented ids and accounts."""
    reversals: Path
    numbers: dict[str, str] = field(default_factory=dict)
    """DE37 -> the order with this number."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Parts of the cycle files that are being fetched."""
    ask_s: float = 0.0
    """How long an order of ours waits for its response."""
    payers: RailPayers | None = None
    _waiting: dict[Key, deque[asyncio.Future[bytes]]] = field(default_factory=dict)

    async def handle(self, request: RailRequest) -> RailResponse | None:  # noqa: ARG002 - the framework's
        """See `tcp.TcpSimulator.handle`."""
        return RailResponse(404)

    async def answer(self, message: bytes, peer: Peer) -> RailResponse | None:
        """See `tcp.TcpSimulator.answer`."""
        try:
            fields = unseal(message, self.dialect, self.members)
        except NotAuthentic:
            return self._say(
                answer_fields(read(message, self.dialect.bitmap), codes.SECURITY, {"44": "DS0B"})
            )
        except InvalidMessage:
            peer.writer.transport.abort()
            return None
        if not messages.is_request(fields):
            self._hear(fields, message)
            return None
        return await self._respond(fields, message, peer)

    async def _respond(self, fields: Fields, message: bytes, peer: Peer) -> RailResponse | None:
        try:
            return await self._answer(fields, message, peer)
        except Iso8583Refusal as refused:
            return self._say(self._echo(fields, refused.code, refused.reason))
        except RailClosed as closed:
            return self._say(self._closed(fields, closed.until))
        except (InvalidMessage, KeyError):
            return self._say(self._echo(fields, codes.FORMAT_ERROR))

    async def ask(self, frame: bytes) -> tuple[int, bytes] | None:
        """Send a request on a connection that takes them. None: there is none; 408: there was no response."""
        key = messages.awaited(own(frame, self.dialect))
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(reply)
        try:
            if not self.peers.ask(frame):
                return None
            async with asyncio.timeout(self.ask_s):
                return _OK, framed(await reply, self.dialect.length)
        except TimeoutError:
            return _NO_RESPONSE, b""
        finally:
            self._waiting[key].remove(reply)

    def sign_off(self) -> None:
        """See `tcp.TcpSimulator.sign_off`: 0800, 002."""
        for number, peer in enumerate(list(self.peers.connected), 1):
            fields = messages.network_fields(messages.SIGN_OFF, number, datetime.now(UTC))
            peer.signed_on = False
            peer.send(seal(fields, self.dialect, self.ours))

    async def _answer(self, fields: Fields, message: bytes, peer: Peer) -> RailResponse | None:
        kind = fields["t"]
        if kind == messages.NETWORK:
            return self._manage(fields, peer)
        if not peer.signed_on:
            raise Iso8583Refusal(codes.NOT_SIGNED_ON)
        if kind == messages.ORDER:
            return await self._pay(fields, message)
        answers: dict[str, Callable[[Fields], RailResponse | None]] = {
            messages.REPEAT: self._repeat,
            messages.REVERSAL: self._reverse,
            messages.INQUIRY: self._inquire,
            messages.FILE: self._file,
            messages.ADVICE: lambda advice: self._told(advice, message),
        }
        if kind not in answers:
            raise Iso8583Refusal("12")
        return answers[kind](fields)

    def _manage(self, fields: Fields, peer: Peer) -> RailResponse:
        match fields["70"]:
            case messages.SIGN_ON:
                values = private.read(fields.get("48", ""))
                peer.takes_orders = PrivateTag.TAKES_ORDERS in values
                self.peers.signed_on(peer)
            case messages.SIGN_OFF:
                peer.signed_on = False
            case messages.ECHO:
                pass
            case _:
                raise Iso8583Refusal(codes.FORMAT_ERROR)
        return self._say(answer_fields(fields, APPROVED))

    def _hear(self, fields: Fields, message: bytes) -> None:
        """A response of the participant, for the request that waits for it."""
        for reply in self._waiting.get(messages.key_of(fields), ()):
            if not reply.done():
                reply.set_result(message)
                return

    def _told(self, fields: Fields, message: bytes) -> RailResponse | None:
        """What the switch says about an order of ours; 21: the payer is not debited any more."""
        assert self.payers is not None, "it is made with them"
        code = _TOLD.get(self.payers.told(framed(message, self.dialect.length)))
        return None if code is None else self._say(self._echo(fields, code))

    async def _pay(self, fields: Fields, message: bytes) -> RailResponse | None:
        credit = self._credit(fields, message)
        if credit.ref in self._reversed():
            raise Iso8583Refusal("12", "CUST")
        if self.numbers.setdefault(fields["37"], credit.ref) != credit.ref:
            raise Iso8583Refusal(codes.DUPLICATE)
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise Iso8583Refusal(codes.DUPLICATE) from None
        return await self.processor.respond_in_exchange(case, _ResponseBuilder(self, fields))

    def _credit(self, fields: Fields, message: bytes) -> CreditOrder:
        """Parse an order and check every element."""
        values = private.read(fields["48"])
        self._must_be_ours(fields)
        amount, limits = messages.read_amount(fields, self.dialect), self.dialect.profile.limits
        account = fields[self.dialect.creditor_field]
        if fields["3"] != self.dialect.processing_code:
            raise Iso8583Refusal("12", "AG03")
        if not self.dialect.is_account(account):
            raise Iso8583Refusal("14", "AC03")
        if amount.minor > limits.maximum_minor:
            raise Iso8583Refusal("61", "AM02")
        if amount.minor < limits.minimum_minor:
            raise Iso8583Refusal("13", "AM06")
        if not values.get(PrivateTag.DEBTOR_NAME) or not values.get(PrivateTag.CREDITOR_NAME):
            raise Iso8583Refusal(codes.FORMAT_ERROR)
        ref = messages.read_ref(fields)
        return CreditOrder(
            ref=ref,
            uetr=uetrs.from_hex(ref) or "",
            amount=amount,
            account=account,
            expires_at=private.read_instant(values[PrivateTag.EXPIRES]),
            content=message,
            script=self._script(values),
        )

    def _must_be_ours(self, fields: Fields) -> None:
        """Check our ids, and that the times agree with each other and with the reference number."""
        ours = {"32": self.member.acquirer, "41": self.member.terminal, "42": self.member.acceptor}
        ours |= {"2": self.member.pan} if self.member.pan else {}
        if any(fields[name] != value for name, value in ours.items()):
            raise Iso8583Refusal("03", "AG01")
        number = fields["37"]
        if number[-6:] != fields["11"] or number[4:6] != fields["7"][4:6] or not _is_clock(fields):
            raise Iso8583Refusal(codes.FORMAT_ERROR)

    def _script(self, values: dict[PrivateTag, str]) -> Script | None:
        """How the channel inside the rail behaves if no magic word demands otherwise."""
        queued: frozenset[str] = getattr(self.sandbox, "QUEUED", frozenset())
        return SCRIPTS[Magic.PENDING] if values.get(PrivateTag.CHANNEL) in queued else None

    def _repeat(self, fields: Fields) -> RailResponse:
        finding = self.processor.enquire(messages.read_ref(fields))
        if finding.entry is None:
            return self._say(self._echo(fields, codes.NOT_FOUND))
        return RailResponse(
            body=self.response_message(
                fields, finding.entry, finding.outcome, finding.corruption, finding.code
            )
        )

    def _reverse(self, fields: Fields) -> RailResponse:
        ref, original = messages.read_ref(fields), fields["90"]
        if original[:10] != messages.ORDER + fields["11"] or int(original[20:31]) != int(fields["32"]):
            raise Iso8583Refusal("64", "AM09")
        if self.processor.book.find(ref) is None:
            with self.reversals.open("a") as file:
                file.write(ref + "\n")
        entry = self.processor.reverse(ref)
        return self._say(self._echo(fields, APPROVED if entry else codes.NOT_FOUND))

    def _inquire(self, fields: Fields) -> RailResponse:
        asked = fields.get(self.dialect.creditor_field) or fields.get("2")
        asked = asked or private.read(fields["48"]).get(PrivateTag.ALIAS, "")
        account = self.sandbox.ALIASES.get(asked, asked)
        if asked == self.sandbox.NOBODY or not self.dialect.is_account(account):
            return self._say(answer_fields(fields, codes.NOT_FOUND))
        agent = self.sandbox.CREDITOR_AGENT
        values = {PrivateTag.CREDITOR_NAME: MASKED, PrivateTag.CREDITOR_AGENT: agent.member_id or agent.bic}
        found = {"48": private.write(values), self.dialect.creditor_field: account}
        return self._say(answer_fields(fields, APPROVED, found))

    def _file(self, fields: Fields) -> RailResponse:
        name, number = _CYCLE.fullmatch(fields["101"]), int(fields["71"])
        if name is None:
            raise Iso8583Refusal(codes.NOT_FOUND)
        if number == 1:
            self.files[name[1]] = cycles.parts_of(self._cycle(name[1]))
        parts = self.files.get(name[1], [])
        if not 0 < number <= len(parts):
            raise Iso8583Refusal(codes.NOT_FOUND)
        part = {"71": f"{number:04}", "72": f"{len(parts):04}", "120": parts[number - 1]}
        return self._say(answer_fields(fields, APPROVED, part))

    def _cycle(self, day: str) -> str:
        lines = [
            cycles.Iso8583CycleLine(
                entry.rail_ref,
                entry.amount_minor // self.dialect.step_minor,
                entry.code[:2] if entry.outcome is EntryStatus.REFUSED else APPROVED,
                entry.code[2:] if entry.outcome is EntryStatus.REFUSED else "",
            )
            for entry in self.processor.cycle(day)
        ]
        return cycles.write(self.dialect, day, lines, self.ours)

    def response_message(
        self, request: Fields, entry: BookEntry, outcome: Outcome, corruption: Corruption, code: str
    ) -> bytes:
        """The response to a request about an entry, corrupted if the script says so."""
        native = code if outcome is Outcome.REFUSED else _CODES[outcome]
        units = entry.amount_minor // self.dialect.step_minor + (corruption is Corruption.AMOUNT)
        ref = _STRANGER if corruption is Corruption.REFERENCE else entry.rail_ref
        values = {
            "4": f"{units:012}",
            "38": entry.fingerprint[:6].upper(),
            "44": native[2:],
            "48": private.write({PrivateTag.UETR: ref}),
        }
        message = seal(answer_fields(request, native[:2], values), self.dialect, self.ours)
        return with_broken_mac(message) if corruption is Corruption.SIGNATURE else message

    def _closed(self, fields: Fields, until: datetime) -> Fields:
        values = {PrivateTag.UETR: messages.read_ref(fields), PrivateTag.NOT_BEFORE: private.instant(until)}
        return answer_fields(fields, codes.CUT_OFF, {"48": private.write(values)})

    def _echo(self, fields: Fields, code: str, reason: str = "") -> Fields:
        """A response with only a code, and the reference of the order if it has one."""
        try:
            values = private.write({PrivateTag.UETR: messages.read_ref(fields)})
        except InvalidMessage:
            values = ""
        return answer_fields(fields, code, {"44": reason, "48": values})

    def _say(self, fields: Fields) -> RailResponse:
        return RailResponse(body=seal(fields, self.dialect, self.ours))

    def _reversed(self) -> set[str]:
        return set(self.reversals.read_text().split()) if self.reversals.exists() else set()


@dataclass(frozen=True, slots=True)
class _ResponseBuilder:
    """Builds the responses about one order."""

    simulator: Iso8583Simulator
    request: Fields

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        return self.simulator.response_message(self.request, entry, outcome, corruption, entry.code)


def make(dialect: Iso8583Dialect, sandbox: Any, settings: SimulatorSettings) -> Iso8583Simulator:
    """The simulated rail of a dialect; `sandbox` is the country's module of invented ids and accounts."""
    dialect = dialect.on_link(settings.identity)
    peers = Peers(dialect.length)
    member = Iso8583Member.of(settings.identity)
    members, ours = MacKey(settings.participant_key), MacKey(settings.rail_key)
    made = Iso8583Simulator(
        dialect=dialect,
        processor=open_processor(
            settings, peers, dialect.profile, native_code=codes.native_code, word_of=sandbox.word_of
        ),
        peers=peers,
        member=member,
        members=members,
        ours=ours,
        sandbox=sandbox,
        reversals=settings.data / REVERSALS,
        ask_s=max(_ASK_S, dialect.profile.timing.submit_s * settings.time_scale),
    )
    orders = Iso8583Orders(dialect, member, ours, members, sandbox.account("").id, sandbox.BANK)
    made.payers = open_payers(settings, made, dialect.profile, orders)
    return made


def _is_clock(fields: Fields) -> bool:
    """Whether the times of an order are valid."""
    try:
        datetime.strptime(f"2024{fields['7']}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is one
        datetime.strptime(f"2024{fields['13']}{fields['12']}", "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return False
    return True
