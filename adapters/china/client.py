"""The CNAPS adapter: ccms.990 acknowledges an order, ibps.102 responds later, ccms.900 confirms settlement.

All messages are sent to one address. The communication confirmation in the same exchange is only a receipt.
The outcome of an order arrives later at our callback address, or in the response to ibps.305.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import randbelow
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import creditor, keys
from adapters import uetr as uetrs
from adapters.china import codes, inbound, messages
from adapters.china.messages import CnapsParticipant, Draft, SentCnapsMessage
from adapters.china.profile import PROFILE
from adapters.china.wire import CnapsMessage, header_of, open_own, open_sealed, seal
from adapters.cycle import fetch
from adapters.http import HttpClient, HttpFailure, HttpReply
from adapters.opened import LastOpened
from adapters.originating import InboundRequest, OrderVerdict, PayeeVerdict
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
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable

PATH: Final = "/cnaps/v1/messages"
CONTENT_TYPE: Final = "application/x-cnaps"
_OK: Final = 200


def adapter(connection: RailConnection) -> RailAdapter:
    """The CNAPS adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    return Cnaps(
        us=CnapsParticipant.of(connection.identity),
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, PROFILE.timing),
    )


@dataclass(frozen=True, slots=True)
class Cnaps:
    """Implements the port for China's rail."""

    us: CnapsParticipant
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient
    profile: RailProfile = PROFILE
    came: LastOpened[CnapsMessage] = field(default_factory=LastOpened, init=False, repr=False, compare=False)

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: a signed ibps.101, or hvps.111 above its cap."""
        return Native(uetrs.to_hex(order.payment.uetr), self._seal(messages.order_message(order, self.us)))

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: ibps.102, ibps.308 or ccms.900, many of which contain nothing new."""
        message = self.came.of(raw, self._open)
        return [] if messages.read_notice(message) is not None else messages.read_answers(message)

    def notice(self, raw: bytes) -> str | None:
        """See `NoticeAdapter.notice`: ccms.807 and saps.601; other messages are not opened for it."""
        is_notice = header_of(raw).kind in messages.NOTICES
        return messages.read_notice(self._open(raw)) if is_notice else None

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: the HTTP status is enough."""
        return Acknowledgement(b"")

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: answered by ccms.990 or ccms.911."""
        return await self._hand_over(native)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: ibps.305, answered by ibps.306."""
        sent = self._sent(native)
        number = randbelow(messages.SERVICE_NUMBERS)
        now = datetime.now(UTC)
        draft = messages.status_request(sent, self.us, now, number)
        try:
            reply = await self._exchange(draft)
            if reply is not None:
                return messages.read_status(reply, sent, messages.service_id(self.us, now, number))
        except (InvalidMessage, NotAuthentic):
            pass  # An unreadable response proves nothing.
        return Answer(native.ref, Outcome.UNKNOWN)

    async def undo(self, native: Native, reason: str) -> Receipt:
        """See `RailAdapter.undo`: ibps.307, answered later by ibps.308."""
        sent = self._sent(native)
        now = datetime.now(UTC)
        draft = messages.cancellation(sent, self.us, now, reason)
        identity = messages.cancellation_id(sent.transaction, self.us, now)
        return await self._hand_over(Native(identity, self._seal(draft)))

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: ibps.309, answered by ibps.310.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, PROFILE.creditor)
        if asked is None:
            return None
        number = randbelow(messages.SERVICE_NUMBERS)
        now = datetime.now(UTC)
        try:
            reply = await self._exchange(messages.account_request(asked.value, self.us, now, number))
            if reply is None:
                raise Unavailable("the rail does not respond")
            return messages.read_payee(reply, asked.value, messages.service_id(self.us, now, number))
        except (InvalidMessage, NotAuthentic):
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: ccms.805, which signs us on."""
        number = randbelow(messages.SERVICE_NUMBERS)
        now = datetime.now(UTC)
        try:
            reply = await self._exchange(messages.login(self.us, now, number))
        except (InvalidMessage, NotAuthentic):
            return False
        asked = messages.service_id(self.us, now, number)
        return reply is not None and messages.is_signed_on(reply, asked)

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`."""
        return fetch(self.http, PROFILE, self.rail_key, cycle, codes.reason_of)

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    @property
    def reply_within_s(self) -> float:
        """See `OriginatingAdapter.reply_within_s`: CNAPS wants ccms.990 at once."""
        return 0.0

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: ibps.101, ibps.305, ibps.307 or ibps.309."""
        return inbound.read(open_own(raw) if stored else self.came.of(raw, self._open), self.us)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: ibps.306 to a status query, otherwise ccms.990."""
        request = open_own(raw)
        asked = request.header.kind == messages.STATUS_REQUEST
        write = inbound.status if asked else inbound.receipt
        return Acknowledgement(self._seal(write(request, verdict, self.us)), CONTENT_TYPE)

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: ibps.310."""
        return Acknowledgement(
            self._seal(inbound.account_owner(open_own(raw), verdict, self.us)), CONTENT_TYPE
        )

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: ibps.102, or ibps.308 to a cancellation."""
        return self._seal(inbound.report(open_own(raw), verdict, self.us))

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: answered by ccms.990, or by ccms.911 with `ENDED` (profile)."""
        code = await self._communicate(answer)
        if isinstance(code, HttpFailure):
            return Receipt(Acceptance.UNKNOWN, detail=code.detail)
        if code == codes.COMMUNICATED:
            return Receipt(Acceptance.ACCEPTED)
        taken = Acceptance.REFUSED if code == codes.ENDED else Acceptance.UNKNOWN
        return Receipt(taken, detail=f"process code {code}")

    async def _hand_over(self, native: Native) -> Receipt:
        code = await self._communicate(native.body)
        return code.receipt if isinstance(code, HttpFailure) else _receipt(native.ref, code)

    async def _communicate(self, body: bytes) -> str | HttpFailure:
        """Send a stored message; the code of the receipt.

        If the system has signed us off, it reports that and executes nothing: sign on and send the same bytes
        again.
        """
        code = await self._send(body)
        if code == codes.NOT_SIGNED_ON and await self.probe():
            return await self._send(body)
        return code

    async def _send(self, body: bytes) -> str | HttpFailure:
        reply = await self._post(body)
        if isinstance(reply, HttpFailure):
            return reply
        try:
            return messages.read_receipt(self._open(reply.body), header_of(body))
        except (InvalidMessage, NotAuthentic):
            return HttpFailure(sent=True, detail="unreadable confirmation")

    async def _exchange(self, draft: Draft) -> CnapsMessage | None:
        """The rail's response to a message that is not an order; None if it does not respond."""
        reply = await self._post(self._seal(draft))
        return None if isinstance(reply, HttpFailure) else self._open(reply.body)

    async def _post(self, body: bytes) -> HttpReply | HttpFailure:
        reply = await self.http.request("POST", PATH, body, content_type=CONTENT_TYPE)
        if isinstance(reply, HttpReply) and reply.status != _OK:
            return HttpFailure(sent=True, detail=f"http {reply.status}")
        return reply

    def _seal(self, draft: Draft) -> bytes:
        return seal(draft.header, draft.body, self.signing_key)

    def _open(self, raw: bytes) -> CnapsMessage:
        """A message to us, signed by the rail."""
        message = open_sealed(raw, self.rail_key)
        header = message.header
        if header.direction != "D" or header.receiver != self.us.bank or header.sender == self.us.bank:
            raise InvalidMessage("not from the rail to us")
        return message

    def _sent(self, native: Native) -> SentCnapsMessage:
        return SentCnapsMessage.of(open_own(native.body))


def _receipt(ref: str, code: str) -> Receipt:
    """A discarded message is refused if its code states why; any other code proves nothing."""
    if code == codes.COMMUNICATED:
        return Receipt(Acceptance.ACCEPTED)
    outcome, reason = codes.outcome_of(code)
    if outcome is not Outcome.REFUSED:
        return Receipt(Acceptance.UNKNOWN, detail=f"process code {code}")
    answer = Answer(ref, Outcome.REFUSED, uetr=uetrs.from_hex(ref), rail_code=code, reason=reason)
    return Receipt(Acceptance.REFUSED, answer, f"process code {code}")
