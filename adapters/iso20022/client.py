"""The adapter for every rail that uses ISO 20022 and responds in the same exchange."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import creditor, keys
from adapters import uetr as uetrs
from adapters.cycle import fetch
from adapters.http import HttpClient, HttpFailure, HttpReply, confirmed
from adapters.iso20022 import envelope, inbound, messages
from adapters.iso20022.codes import reason_of
from adapters.iso20022.dialect import Content, IsoDialect, IsoParticipant
from adapters.iso20022.envelope import IsoHeader, Sealed
from adapters.iso20022.messages import SentIsoMessage
from adapters.originating import REPLY_SHARE, InboundRequest, OrderVerdict, PayeeVerdict
from adapters.port import (
    Acceptance,
    Acknowledgement,
    Answer,
    Native,
    Order,
    Outcome,
    Payee,
    RailConnection,
    Receipt,
    Violation,
)
from adapters.profile import RailProfile
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable

_OK: Final = 200
"""The rail has ended this order otherwise (profile)."""


def make(dialect: IsoDialect, connection: RailConnection) -> "IsoRail":
    """The adapter for a dialect and a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    made = OriginatingIsoRail if dialect.originates else IsoRail
    return made(
        dialect=dialect,
        us=IsoParticipant.of(connection.identity),
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, dialect.profile.timing),
    )


@dataclass(frozen=True, slots=True)
class IsoRail:
    """Implements the port for a rail that uses ISO 20022."""

    dialect: IsoDialect
    us: IsoParticipant
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient

    @property
    def profile(self) -> RailProfile:
        """See `RailAdapter.profile`."""
        return self.dialect.profile

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order, self.dialect)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: a signed pacs.008."""
        header, document = messages.credit_transfer(order, self.us, self.dialect)
        return Native(uetrs.to_hex(order.payment.uetr), self._seal(header, document))

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: pacs.002, or pacs.004 for a return."""
        return [messages.read_unsolicited(self._open(raw), self.us, self.dialect)]

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: the HTTP status is enough."""
        return Acknowledgement(b"")

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: pacs.008, answered by pacs.002."""
        reply = await self._post(native.body, native.ref)
        if isinstance(reply, HttpFailure):
            return reply.receipt
        try:
            answer = messages.read_answer(self._open(reply.body), self.us, self.dialect)
        except (InvalidMessage, NotAuthentic):
            return Receipt(Acceptance.UNKNOWN, detail="unreadable response")
        return _receipt(native.ref, answer)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: pacs.028, answered by pacs.002."""
        header, document = messages.status_request(
            self._sent(native), self.us, self.dialect, message=uuid4().hex, at=datetime.now(UTC)
        )
        sealed = await self._exchange(header, document, native.ref)
        if isinstance(sealed, HttpFailure):
            return Answer(native.ref, Outcome.UNKNOWN)
        try:
            answer = messages.read_answer(sealed, self.us, self.dialect, enquired=True)
        except InvalidMessage:
            return Answer(native.ref, Outcome.UNKNOWN)
        return answer if answer.ref == native.ref else Answer(native.ref, Outcome.UNKNOWN)

    async def undo(self, native: Native, reason: str) -> Receipt:
        """See `RailAdapter.undo`: camt.056, answered by camt.029."""
        header, document = messages.cancellation(
            self._sent(native), self.us, self.dialect, reason=reason, at=datetime.now(UTC)
        )
        sealed = await self._exchange(header, document, native.ref)
        if isinstance(sealed, HttpFailure):
            return sealed.receipt
        try:
            answer = messages.read_resolution(sealed, self.us, self.dialect)
        except InvalidMessage:
            return Receipt(Acceptance.UNKNOWN, detail="unreadable response")
        return _receipt(header.id, answer)

    async def recall(self, native: Native, reason: str) -> Answer:
        """See `RecallingAdapter.recall`: camt.056, answered by the present camt.029."""
        header, document = messages.recall(
            self._sent(native), self.us, self.dialect, reason=reason, at=datetime.now(UTC)
        )
        sealed = await self._exchange(header, document, native.ref)
        if isinstance(sealed, HttpFailure):
            return Answer(native.ref, Outcome.UNKNOWN)
        try:
            return messages.read_recall(sealed, native.ref, self.us, self.dialect)
        except InvalidMessage:
            return Answer(native.ref, Outcome.UNKNOWN)

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: acmt.023, answered by acmt.024.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, self.profile.creditor)
        if asked is None:
            return None
        header, document = messages.verification_request(
            asked.value, self.us, self.dialect, message=uuid4().hex, at=datetime.now(UTC)
        )
        sealed = await self._exchange(header, document, header.id)
        if isinstance(sealed, HttpFailure):
            raise Unavailable("the rail does not respond")
        try:
            return messages.read_payee(sealed, self.us, self.dialect)
        except InvalidMessage:
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: the rail's address responds."""
        reply = await self.http.request("GET", self.dialect.path)
        return isinstance(reply, HttpReply) and reply.status == _OK

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`."""
        return fetch(self.http, self.profile, self.rail_key, cycle, reason_of)

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    async def _exchange(self, header: IsoHeader, document: Content, end_to_end: str) -> Sealed | HttpFailure:
        reply = await self._post(self._seal(header, document), end_to_end)
        if isinstance(reply, HttpFailure):
            return reply
        try:
            return self._open(reply.body)
        except (InvalidMessage, NotAuthentic):
            return HttpFailure(sent=True, detail="unreadable response")

    async def _post(self, body: bytes, end_to_end: str) -> HttpReply | HttpFailure:
        headers = self.dialect.headers(end_to_end)
        reply = await self.http.request("POST", self.dialect.path, body, headers=headers)
        if isinstance(reply, HttpReply) and reply.status != _OK:
            return HttpFailure(sent=True, detail=f"http {reply.status}")
        return reply

    def _seal(self, header: IsoHeader, document: Content) -> bytes:
        unsigned = envelope.write(self.dialect.envelope, header, document)
        return envelope.seal(unsigned, self.signing_key, header.created_at)

    def _open(self, raw: bytes) -> Sealed:
        return envelope.open_sealed(self.dialect.envelope, raw, self.rail_key)

    def _sent(self, native: Native) -> SentIsoMessage:
        message = envelope.open_own(self.dialect.envelope, native.body)
        return SentIsoMessage.of(message.id, message.content)


class OriginatingIsoRail(IsoRail):
    """Implements both halves of the port: the rail also orders payments of us."""

    __slots__ = ()

    @property
    def reply_within_s(self) -> float:
        """See `OriginatingAdapter.reply_within_s`: a part of the time in which the rail answers an order."""
        return self.profile.timing.submit_s * REPLY_SHARE

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: pacs.008, pacs.028, camt.056 or acmt.023."""
        sealed = self._read_stored(raw) if stored else self._open(raw)
        return inbound.read(sealed, self.us, self.dialect)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: pacs.002, or camt.029 to a camt.056."""
        return Acknowledgement(self.answer(raw, verdict))

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: acmt.024."""
        sealed = self._read_stored(raw)
        header, document = inbound.verification_report(sealed, verdict, self.us, self.dialect)
        return Acknowledgement(self._seal(header, document))

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: the same message as `reply`."""
        sealed = self._read_stored(raw)
        is_reversal = sealed.header.definition == self.dialect.versions.cancellation
        write = inbound.resolution if is_reversal else inbound.status_report
        header, document = write(sealed, verdict, self.us, self.dialect)
        return self._seal(header, document)

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: posted to the rail's path; HTTP 409 refuses it (profile)."""
        headers = self.dialect.headers(inbound.end_to_end_of(self._read_stored(answer)))
        return confirmed(await self.http.request("POST", self.dialect.path, answer, headers=headers))

    def _read_stored(self, raw: bytes) -> Sealed:
        return envelope.open_stored(self.dialect.envelope, raw)


def _receipt(ref: str, answer: Answer) -> Receipt:
    """A response about another order proves nothing about this one."""
    if answer.ref != ref:
        return Receipt(Acceptance.UNKNOWN, detail="response about another order")
    if answer.outcome is Outcome.UNKNOWN:
        return Receipt(Acceptance.UNKNOWN, detail=f"responded with {answer.rail_code}")
    taken = Acceptance.REFUSED if answer.outcome is Outcome.REFUSED else Acceptance.ACCEPTED
    return Receipt(taken, answer)
