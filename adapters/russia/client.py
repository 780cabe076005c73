"""The SBP adapter: ED201 accepts orders, ED706 or ED705 reports their outcome.

All messages are sent to one address. The control result in the same exchange is a receipt. The outcome
arrives later at our callback address, or in the response to ED202.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbelow
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import creditor, keys
from adapters import uetr as uetrs
from adapters.cycle import FILE_BYTES
from adapters.http import ANSWER_BYTES, HttpClient, HttpFailure, HttpReply
from adapters.opened import LastOpened
from adapters.originating import InboundRequest, OrderVerdict, PayeeVerdict, StatusQuery
from adapters.port import (
    Acceptance,
    Acknowledgement,
    Answer,
    Native,
    Order,
    Outcome,
    Payee,
    RailAdapter,
    RailConnection,
    Receipt,
    Violation,
)
from adapters.profile import RailProfile
from adapters.russia import codes, directory, inbound, messages
from adapters.russia.directory import BankDirectory
from adapters.russia.envelope import UfebsMessage, open_own, open_sealed, own_id, seal
from adapters.russia.messages import SbpParticipant, SentSbpMessage
from adapters.russia.profile import PROFILE
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable

PATH: Final = "/ufebs/v1/messages"
CONTENT_TYPE: Final = "application/soap+xml; charset=windows-1251"
_OK: Final = 200
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def adapter(connection: RailConnection) -> RailAdapter:
    """The SBP adapter for a connection; `identity["directory"]` may name a file with the ED807 of the day.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    named = connection.identity.get("directory")
    banks = directory.load(Path(named)) if named else directory.load()
    return Sbp(
        us=SbpParticipant.of(connection.identity, banks),
        banks=banks,
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, PROFILE.timing),
    )


@dataclass(frozen=True, slots=True)
class Sbp:
    """Implements the port for Russia's rail."""

    us: SbpParticipant
    banks: BankDirectory
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient
    profile: RailProfile = PROFILE
    reply_within_s: float = 0.0
    """See `OriginatingAdapter`: an order is answered by ED201 at once."""
    came: LastOpened[UfebsMessage] = field(default_factory=LastOpened, init=False, repr=False, compare=False)

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order, self.banks)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: a signed ED702 or ED701."""
        message = messages.order_message(order, self.us, self.banks)
        return Native(message.about, seal(message, self.signing_key))

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: ED706 or ED705; ED330 is about no order."""
        message = self.came.of(raw, self._open)
        return [] if messages.read_notice(message) is not None else messages.read_answers(message)

    def notice(self, raw: bytes) -> str | None:
        """See `NoticeAdapter.notice`: ED330."""
        return messages.read_notice(self.came.of(raw, self._open))

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: the HTTP status is enough."""
        return Acknowledgement(b"")

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: ED701, ED702, ED202 or ED243."""
        return inbound.read(open_own(raw) if stored else self.came.of(raw, self._open), self.us)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: ED705 to an inquiry, otherwise ED201."""
        message = open_own(raw)
        if isinstance(inbound.read(message, self.us), StatusQuery):
            return self._reply(inbound.state(message, verdict, self.us))
        return self._reply(inbound.control(message, verdict.at, self.us))

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: ED244."""
        return self._reply(inbound.payee(open_own(raw), verdict, self.us))

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: ED706, or ED705 for a refusal."""
        return seal(inbound.outcome(open_own(raw), verdict, self.us), self.signing_key)

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: answered by ED201; control code 6004 refuses it (profile)."""
        reply = await self._post(answer)
        if isinstance(reply, HttpFailure):
            return Receipt(Acceptance.UNKNOWN, detail=reply.detail)
        try:
            code, _ = messages.read_control(self._open(reply.body), own_id(answer))
        except (InvalidMessage, NotAuthentic):
            return Receipt(Acceptance.UNKNOWN, detail="unreadable control result")
        known = {codes.ACCEPTED: Acceptance.ACCEPTED, codes.ENDED: Acceptance.REFUSED}
        return Receipt(known.get(code, Acceptance.UNKNOWN), detail=f"control code {code}")

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: answered by ED201."""
        return await self._hand_over(native)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: ED202, answered by ED705 and, when settled, a copy of ED706."""
        asked = messages.status_inquiry(self._sent(native), self.us, _now(), _number())
        unknown = Answer(native.ref, Outcome.UNKNOWN)
        try:
            reply = await self._exchange(asked)
            if reply is None or reply.correlation != asked.id:
                return unknown
            answers = messages.read_answers(reply, enquired=True)
        except (InvalidMessage, NotAuthentic):
            return unknown
        return next((answer for answer in answers if answer.ref == native.ref), unknown)

    async def undo(self, native: Native, reason: str) -> Receipt:  # noqa: ARG002 - a return states none
        """See `RailAdapter.undo`: a return order, answered like any order."""
        message = messages.return_order(self._sent(native), self.us, _now())
        return await self._hand_over(Native(message.about, seal(message, self.signing_key)))

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: ED243, answered by ED244.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, PROFILE.creditor)
        if asked is None:
            return None
        inquiry = messages.payee_inquiry(asked.value, self.us, _now(), _number())
        try:
            reply = await self._exchange(inquiry)
            if reply is None:
                raise Unavailable("the rail does not respond")
            return messages.read_payee(reply, inquiry.id)
        except (InvalidMessage, NotAuthentic):
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: ED999."""
        asked = messages.probe(self.us, _now(), _number())
        try:
            reply = await self._exchange(asked)
            return reply is not None and messages.read_control(reply, asked.id)[0] == codes.ACCEPTED
        except (InvalidMessage, NotAuthentic):
            return False

    async def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`: ED742, answered by the register ED743.

        Raises:
            Unavailable: the rail returned no register, or none that can be read as a whole.

        """
        if _DAY.fullmatch(cycle) is None:
            raise Unavailable("a cycle is a day")
        asked = messages.register_request(cycle, self.us, _now(), _number())
        try:
            reply = await self._exchange(asked, FILE_BYTES)
            if reply is None:
                raise Unavailable(f"the rail returned no register of {cycle}")
            answers = messages.read_register(reply, asked.id, cycle)
        except (InvalidMessage, NotAuthentic) as error:
            raise Unavailable(f"the register of {cycle} cannot be read") from error
        for answer in answers:
            yield answer

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    async def _hand_over(self, native: Native) -> Receipt:
        reply = await self._post(native.body)
        if isinstance(reply, HttpFailure):
            return reply.receipt
        try:
            code, annotation = messages.read_control(self._open(reply.body), own_id(native.body))
        except (InvalidMessage, NotAuthentic):
            return Receipt(Acceptance.UNKNOWN, detail="unreadable control result")
        return _receipt(native.ref, code, annotation)

    async def _exchange(self, asked: UfebsMessage, most: int = ANSWER_BYTES) -> UfebsMessage | None:
        """The rail's response to a message that is not an order; None if it does not respond."""
        reply = await self._post(seal(asked, self.signing_key), most)
        return None if isinstance(reply, HttpFailure) else self._open(reply.body, most)

    async def _post(self, body: bytes, most: int = ANSWER_BYTES) -> HttpReply | HttpFailure:
        reply = await self.http.request("POST", PATH, body, content_type=CONTENT_TYPE, answer_bytes=most)
        if isinstance(reply, HttpReply) and reply.status != _OK:
            return HttpFailure(sent=True, detail=f"http {reply.status}")
        return reply

    def _open(self, raw: bytes, most: int = ANSWER_BYTES) -> UfebsMessage:
        """A message to us, signed by the rail."""
        message = open_sealed(raw, self.rail_key, most)
        if message.sender != self.us.operator or message.receiver != self.us.uid:
            raise InvalidMessage("not from the rail to us")
        return message

    def _reply(self, message: UfebsMessage) -> Acknowledgement:
        return Acknowledgement(seal(message, self.signing_key), CONTENT_TYPE)

    def _sent(self, native: Native) -> SentSbpMessage:
        return SentSbpMessage.of(open_own(native.body))


def _receipt(ref: str, code: str, annotation: str) -> Receipt:
    """The control either accepts or refuses an order; a code that does neither proves nothing."""
    if code == codes.ACCEPTED:
        return Receipt(Acceptance.ACCEPTED)
    outcome, reason = codes.outcome_of(code, annotation)
    if outcome is not Outcome.REFUSED:
        return Receipt(Acceptance.UNKNOWN, detail=f"control code {code}")
    stated_code = codes.code_of(code, annotation)
    answer = Answer(ref, Outcome.REFUSED, uetr=uetrs.from_hex(ref), rail_code=stated_code, reason=reason)
    return Receipt(Acceptance.REFUSED, answer, f"control code {code}")


def _now() -> datetime:
    return datetime.now(UTC)


def _number() -> int:
    """For messages that are not orders: the system refuses a used number, and a repeated request is safe."""
    return randbelow(messages.SERVICE_NUMBERS)
