"""The UPI adapter: sends signed messages, parses acknowledgements and signed responses.

A message is posted to `/upi/{API}/2.0/urn:txnid:{Txn.id}`. The Ack in the same exchange is a receipt. The
outcome of the order arrives later as RespPay at our callback address, or in the response to ReqChkTxn.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml.etree import _Element as Element

from adapters import creditor, keys
from adapters.cycle import fetch
from adapters.http import HttpClient, HttpFailure, HttpReply
from adapters.india import inbound, messages
from adapters.india.codes import outcome_of, reason_of
from adapters.india.messages import SentUpiMessage, UpiParticipant
from adapters.india.profile import PROFILE
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
from adapters.xml import parse
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable
from schemas.signing.xmldsig import octets_enveloped, sign_enveloped, verify_enveloped

_OK: Final = 200
_ENDED: Final = frozenset({"OD", "ND"})
"""Codes in the Ack of our answer with which UPI says that the payer is not debited any more (profile)."""


def adapter(connection: RailConnection) -> RailAdapter:
    """The UPI adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    return Upi(
        us=UpiParticipant.of(connection.identity),
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, PROFILE.timing),
    )


@dataclass(frozen=True, slots=True)
class Upi:
    """Implements the port for India's rail."""

    us: UpiParticipant
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient
    profile: RailProfile = PROFILE
    came: LastOpened[Element] = field(default_factory=LastOpened, init=False, repr=False, compare=False)

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: a signed ReqPay."""
        ref = messages.transaction_id(self.us.prefix, order.payment.uetr)
        return Native(ref, self._sign(messages.payment_request(order, self.us)))

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: RespPay, RespRev, RespChkTxn or ReqTxnConfirmation."""
        return [messages.read_answer(self.came.of(raw, self._read))]

    def acknowledge(self, raw: bytes) -> Acknowledgement:
        """See `RailAdapter.acknowledge`: an Ack, or RespTxnConfirmation to a confirmation."""
        root = parse(raw)
        if messages.is_confirmation(root):
            return Acknowledgement(self._sign(messages.confirmation_reply(root, self.us)))
        return Acknowledgement(messages.acknowledgement(root))

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: ReqPay, answered by an Ack."""
        return await self._hand_over("ReqPay", native)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: ReqChkTxn. An Ack means that the outcome will come by callback."""
        message = self._new_id()
        request = messages.status_request(self._sent(native), self.us, datetime.now(UTC), message)
        reply = await self._post("ReqChkTxn", message, self._sign(request))
        if isinstance(reply, HttpFailure):
            return Answer(native.ref, Outcome.UNKNOWN)
        try:
            answer = messages.read_answer(self._read(reply.body))
        except (InvalidMessage, NotAuthentic):
            return Answer(native.ref, Outcome.UNKNOWN)
        return answer if answer.ref == native.ref else Answer(native.ref, Outcome.UNKNOWN)

    async def undo(self, native: Native, reason: str) -> Receipt:
        """See `RailAdapter.undo`: ReqRev, a separate order, answered later by RespRev."""
        request = messages.reversal_request(self._sent(native), self.us, datetime.now(UTC), reason)
        transaction = request.find("Txn")
        assert transaction is not None
        reversal = Native(str(transaction.get("id")), self._sign(request))
        return await self._hand_over("ReqRev", reversal)

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: ReqValAdd.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, PROFILE.creditor)
        if asked is None:
            return None
        message = self._new_id()
        request = messages.validation_request(asked.value, self.us, datetime.now(UTC), message)
        reply = await self._post("ReqValAdd", message, self._sign(request))
        if isinstance(reply, HttpFailure):
            raise Unavailable("the rail does not respond")
        try:
            return messages.read_payee(self._read(reply.body))
        except (InvalidMessage, NotAuthentic):
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: ReqHbt."""
        message = self._new_id()
        request = messages.heartbeat_request(self.us, datetime.now(UTC), message)
        reply = await self._post("ReqHbt", message, self._sign(request))
        if isinstance(reply, HttpFailure):
            return False
        try:
            return messages.read_acknowledgement(parse(reply.body), message) is None
        except InvalidMessage:
            return False

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`."""
        return fetch(self.http, PROFILE, self.rail_key, cycle, reason_of)

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    @property
    def reply_within_s(self) -> float:
        """See `OriginatingAdapter.reply_within_s`: UPI wants an Ack at once."""
        return 0.0

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: ReqPay, ReqChkTxn, ReqRev or ReqValAdd."""
        return inbound.read(parse(raw) if stored else self.came.of(raw, self._read), self.us)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: RespChkTxn to a status query, otherwise an Ack."""
        root = parse(raw)
        if isinstance(inbound.read(root, self.us), StatusQuery):
            return Acknowledgement(self._sign(inbound.response(root, verdict, self.us)))
        return Acknowledgement(messages.acknowledgement(root))

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: RespValAdd."""
        return Acknowledgement(self._sign(inbound.payee_response(parse(raw), verdict, self.us)))

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: RespPay, or RespRev to a reversal."""
        return self._sign(inbound.response(parse(raw), verdict, self.us))

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: RespPay or RespRev, answered by an Ack."""
        root = parse(answer)
        message = messages.attribute(messages.one(root, "Head"), "msgId")
        transaction = messages.attribute(messages.one(root, "Txn"), "id")
        reply = await self._post(messages.api_of(root), transaction, answer)
        if isinstance(reply, HttpFailure):
            return Receipt(Acceptance.UNKNOWN, detail=reply.detail)
        try:
            code = messages.read_acknowledgement(parse(reply.body), message)
        except InvalidMessage:
            return Receipt(Acceptance.UNKNOWN, detail="unreadable acknowledgement")
        if code is None:
            return Receipt(Acceptance.ACCEPTED)
        taken = Acceptance.REFUSED if code in _ENDED else Acceptance.UNKNOWN
        return Receipt(taken, detail=f"acknowledged with {code}")

    async def _hand_over(self, api: str, native: Native) -> Receipt:
        reply = await self._post(api, native.ref, native.body)
        if isinstance(reply, HttpFailure):
            return reply.receipt
        try:
            message = messages.message_id(self.us.prefix, native.ref)
            code = messages.read_acknowledgement(parse(reply.body), message)
        except InvalidMessage:
            return Receipt(Acceptance.UNKNOWN, detail="unreadable acknowledgement")
        return _receipt(native.ref, code)

    async def _post(self, api: str, transaction: str, body: bytes) -> HttpReply | HttpFailure:
        reply = await self.http.request(
            "POST", f"/upi/{api}/{messages.VERSION}/urn:txnid:{transaction}", body
        )
        if isinstance(reply, HttpReply) and reply.status != _OK:
            return HttpFailure(sent=True, detail=f"http {reply.status}")
        return reply

    def _sign(self, root: Element) -> bytes:
        return sign_enveloped(root, self.signing_key)

    def _read(self, raw: bytes) -> Element:
        """A message whose signature by the rail is verified; everything else is refused."""
        signed = octets_enveloped(raw, self.rail_key)
        if signed is not None:
            return parse(signed)
        root = parse(raw)
        verify_enveloped(root, self.rail_key)
        return root

    def _sent(self, native: Native) -> SentUpiMessage:
        return SentUpiMessage.of(parse(native.body))

    def _new_id(self) -> str:
        return self.us.prefix + uuid4().hex


def _receipt(ref: str, code: str | None) -> Receipt:
    """An Ack without an error accepts the order; with an error, only a code that states so refuses it."""
    if code is None:
        return Receipt(Acceptance.ACCEPTED)
    outcome, reason = outcome_of(code)
    if outcome is not Outcome.REFUSED:
        return Receipt(Acceptance.UNKNOWN, detail=f"acknowledged with {code}")
    uetr = messages.uetr_of(ref)
    answer = Answer(ref, Outcome.REFUSED, uetr=uetr, rail_code=code, reason=reason)
    return Receipt(Acceptance.REFUSED, answer, f"acknowledged with {code}")
