"""The adapter for every rail that uses ISO 8583 over TCP.

Orders are answered on one of our connections, at once or later; a message that no request waits for is passed
to the handler of `listen`. An enquiry repeats the order (0201): under this profile the rail answers a repeat
and never executes it. Even if a rail executed a repeat that it had not seen, the money is still reserved here
and the order has an expiry, so an enquiry could at worst execute the requested payment once.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from adapters import creditor, keys
from adapters import uetr as uetrs
from adapters.http import HttpFailure
from adapters.identity import require
from adapters.iso8583 import cycle as cycles
from adapters.iso8583 import inbound, messages, private
from adapters.iso8583.codec import Fields, MacKey, own, pack, unpack
from adapters.iso8583.codes import APPROVED, CUT_OFF, ENDED, NOT_FOUND
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.messages import Iso8583Member
from adapters.iso8583.pool import Pool
from adapters.originating import (
    REPLY_SHARE,
    InboundRequest,
    OrderVerdict,
    PayeeVerdict,
    RequestHandler,
)
from adapters.port import (
    Acceptance,
    Acknowledgement,
    Answer,
    MessageHandler,
    Native,
    Order,
    Outcome,
    Payee,
    RailConnection,
    Receipt,
    Violation,
)
from adapters.profile import RailProfile
from schemas.errors import InvalidMessage, Unavailable
from schemas.reasons import Reason

CONTENT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Iso8583Adapter:
    """Implements the port for one rail."""

    dialect: Iso8583Dialect
    us: Iso8583Member
    ours: MacKey
    """Seals the messages that we send."""
    rails: MacKey
    """Seals the messages that the rail sends."""
    pool: Pool

    @property
    def profile(self) -> RailProfile:
        """See `RailAdapter.profile`."""
        return self.dialect.profile

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order, self.dialect)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: 0200, sealed and framed."""
        fields = messages.order_fields(order, self.us, self.dialect)
        return Native(uetrs.to_hex(order.payment.uetr), pack(fields, self.dialect, self.ours))

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: a message that no request waits for; nothing if it is about no order."""
        answer = messages.read_answer(unpack(raw, self.dialect, self.rails), self.dialect)
        return [] if answer is None else [answer]

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: responses are not acknowledged."""
        return Acknowledgement(b"", CONTENT_TYPE)

    def listen(self, overheard: MessageHandler) -> None:
        """See `ListeningAdapter.listen`."""
        self.pool.overheard = overheard

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: 0200, answered by 0210."""
        order = own(native.body, self.dialect)
        reply = await self.pool.exchange(native.body, messages.awaited(order))
        if isinstance(reply, HttpFailure):
            return reply.receipt
        try:
            if reply.get("39") == CUT_OFF:
                return Receipt(Acceptance.LATER, detail="closed", not_before=messages.read_not_before(reply))
            answer = messages.read_answer(reply, self.dialect)
        except InvalidMessage as error:
            return Receipt(Acceptance.UNKNOWN, detail=error.detail)
        if answer is None or answer.ref != native.ref:
            return Receipt(Acceptance.UNKNOWN, detail="response about another order")
        return _receipt(answer)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: 0201, answered by 0211."""
        repeat = messages.repeat_of(own(native.body, self.dialect))
        reply = await self.pool.exchange(self.pool.pack(repeat), messages.awaited(repeat))
        answer = None if isinstance(reply, HttpFailure) else self._read(reply)
        if answer is None or answer.ref != native.ref:
            return Answer(native.ref, Outcome.UNKNOWN)
        return answer

    async def undo(self, native: Native, reason: str) -> Receipt:
        """See `RailAdapter.undo`: 0420, answered by 0430 even if the rail never received the order."""
        order = own(native.body, self.dialect)
        reversal = messages.reversal_of(order, datetime.now(UTC), reason)
        reply = await self.pool.exchange(self.pool.pack(reversal), messages.awaited(reversal))
        if isinstance(reply, HttpFailure):
            return reply.receipt
        match reply.get("39"):
            case code if code == APPROVED:
                return Receipt(Acceptance.ACCEPTED, _undone(native.ref, Outcome.DONE, code))
            case code if code == NOT_FOUND:  # nothing to reverse, and the rail will not execute the order
                return Receipt(Acceptance.ACCEPTED, _undone(native.ref, Outcome.REFUSED, code))
            case code:
                return Receipt(Acceptance.UNKNOWN, detail=f"code {code}")

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: 0100.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, self.dialect.profile.creditor)
        if asked is None:
            return None
        stan, now = self.pool.next_stan(), datetime.now(UTC)
        inquiry = messages.inquiry_fields(asked.value, self.us, stan, now, self.dialect)
        reply = await self.pool.exchange(self.pool.pack(inquiry), messages.awaited(inquiry))
        if isinstance(reply, HttpFailure):
            raise Unavailable("the rail does not respond")
        try:
            return messages.read_payee(reply, self.dialect)
        except InvalidMessage:
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: an echo (0800, 301)."""
        asked = messages.network_fields(messages.ECHO, self.pool.next_stan(), datetime.now(UTC))
        reply = await self.pool.exchange(self.pool.pack(asked), messages.awaited(asked))
        return not isinstance(reply, HttpFailure) and reply.get("39") == APPROVED

    async def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`: the file of a day, by 0300.

        Raises:
            Unavailable: there is no file, or it cannot be read as a whole.

        """
        try:
            text = await self._file(cycles.name_of(date.fromisoformat(cycle)))
            lines = cycles.read(text, self.dialect, cycle, self.rails)
        except (cycles.Iso8583CycleFileError, KeyError, ValueError) as error:
            raise Unavailable(f"the file of cycle {cycle} cannot be read: {type(error).__name__}") from None
        for answer in cycles.answers(lines, self.dialect):
            yield answer

    async def close(self) -> None:
        """See `RailAdapter.close`: sign off, and close."""
        await self.pool.close()

    @property
    def reply_within_s(self) -> float:
        """See `OriginatingAdapter.reply_within_s`: a part of the time in which the rail answers an order."""
        return self.profile.timing.submit_s * REPLY_SHARE

    def serve(self, asked: RequestHandler) -> None:
        """See `ServingAdapter.serve`."""
        self.pool.serve(asked)

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: 0200, 0201, 0100, or a reversal."""
        fields = own(raw, self.dialect) if stored else unpack(raw, self.dialect, self.rails)
        return inbound.read(fields, self.us, self.dialect)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: 0210, 0211, 0410 or 0430."""
        return self._acknowledgement(inbound.response(own(raw, self.dialect), verdict))

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: 0110."""
        return self._acknowledgement(inbound.payee_response(own(raw, self.dialect), verdict, self.dialect))

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: 0220, also about an outcome that the exchange has told."""
        return self.pool.pack(inbound.advice(own(raw, self.dialect), verdict))

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: 0220, answered by 0230; 21 refuses it (profile)."""
        advice = own(answer, self.dialect)
        reply = await self.pool.exchange(answer, messages.awaited(advice))
        if isinstance(reply, HttpFailure):
            return Receipt(Acceptance.UNKNOWN, detail=reply.detail)
        code = reply.get("39", "")
        if private.read(reply.get("48", "")) != private.read(advice["48"]):
            return Receipt(Acceptance.UNKNOWN, detail="response about another order")
        if code == APPROVED:
            return Receipt(Acceptance.ACCEPTED)
        taken = Acceptance.REFUSED if code == ENDED else Acceptance.UNKNOWN
        return Receipt(taken, detail=f"code {code}")

    def _acknowledgement(self, fields: Fields) -> Acknowledgement:
        return Acknowledgement(self.pool.pack(fields), CONTENT_TYPE)

    def _read(self, fields: Fields) -> Answer | None:
        try:
            return messages.read_answer(fields, self.dialect)
        except InvalidMessage:
            return None

    async def _file(self, name: str) -> str:
        """A file, fetched part by part.

        Raises:
            Unavailable: the rail has no such file, or does not respond.
            Iso8583CycleFileError: the parts are not those of one file.

        """
        parts: list[str] = []
        last = 1
        while len(parts) < last:
            part = await self._part(name, len(parts) + 1)
            if part["71"] != f"{len(parts) + 1:04}" or (parts and part["72"] != f"{last:04}"):
                raise cycles.Iso8583CycleFileError("parts of two files")
            parts.append(part["120"])
            last = int(part["72"])
        return cycles.joined(parts)

    async def _part(self, name: str, number: int) -> Fields:
        asked = messages.file_fields(name, number, self.pool.next_stan(), datetime.now(UTC))
        reply = await self.pool.exchange(self.pool.pack(asked), messages.awaited(asked))
        if isinstance(reply, HttpFailure) or reply.get("39") != APPROVED:
            raise Unavailable(f"the rail returned no file {name}")
        return reply


def make(dialect: Iso8583Dialect, connection: RailConnection) -> Iso8583Adapter:
    """The adapter for a dialect and a connection: `tls://host:port`, and a MAC key for each direction.

    `identity` may contain `bitmap` (`hex` or `binary`) if a participant's link differs.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    require(connection.identity, dialect.identity)
    dialect = dialect.on_link(connection.identity)
    ours, rails = MacKey(keys.secret(connection)), MacKey(connection.rail_key)
    pool = Pool(connection, dialect, ours, rails)
    return Iso8583Adapter(dialect, Iso8583Member.of(connection.identity), ours, rails, pool)


def _receipt(answer: Answer) -> Receipt:
    match answer.outcome:
        case Outcome.REFUSED:
            return Receipt(Acceptance.REFUSED, answer)
        case Outcome.DONE | Outcome.PENDING:
            return Receipt(Acceptance.ACCEPTED, answer)
        case _:
            return Receipt(Acceptance.UNKNOWN, detail=f"code {answer.rail_code}")


def _undone(ref: str, outcome: Outcome, code: str) -> Answer:
    """An undo is a separate order, with its own id."""
    reason = Reason.NARRATIVE if outcome is Outcome.REFUSED else None
    return Answer(f"{ref}.{messages.REVERSAL}", outcome, rail_code=code, reason=reason)
