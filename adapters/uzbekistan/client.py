"""The adapter of the Uzbek rail: one step to credit a card, hold and confirmation for an account.

No money moves before `hold.confirm`; `p2p.universal.credit` moves it at once. Both are executed once for an
`ext`, which is the UETR, so the stored bytes may be sent again. An error comes with HTTP 200. It is a refusal
only if its code proves that the order will not be executed.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import creditor, json_text, keys
from adapters import uetr as uetrs
from adapters.cycle import fetch
from adapters.http import HttpClient, HttpFailure, HttpReply
from adapters.identity import require
from adapters.originating import REPLY_SHARE, InboundRequest, OrderVerdict, PayeeVerdict
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
from adapters.signed_json import sign, unverified, verify
from adapters.uzbekistan import inbound, messages
from adapters.uzbekistan.codes import SvGateCode, SvGateState, reason_of
from adapters.uzbekistan.messages import Content
from adapters.uzbekistan.profile import PROFILE
from schemas.errors import InvalidMessage, NotAuthentic, Unavailable
from schemas.reasons import Reason

_OK: Final = 200
CONTENT_TYPE: Final = "application/json"
_IDENTITY: Final = ("username", "password", "merchant_id", "terminal_id", "system", "legal_name")


def adapter(connection: RailConnection) -> RailAdapter:
    """The Uzbek adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    require(connection.identity, _IDENTITY)
    return SvGate(
        us=dict(connection.identity),
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, PROFILE.timing),
    )


@dataclass(frozen=True, slots=True)
class SvGate:
    """Implements the port for Uzbekistan's rail."""

    us: dict[str, str]
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient
    profile: RailProfile = PROFILE
    reply_within_s: float = PROFILE.timing.submit_s * REPLY_SHARE
    """See `OriginatingAdapter`."""

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`. The signature is made on sending and is always the same."""
        body = json_text.write(messages.order_request(order, self.us))
        return Native(uetrs.to_hex(order.payment.uetr), body)

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: a late response that the rail posts."""
        return [messages.read_answer(verify(json_text.parse(raw), self.rail_key))]

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: the HTTP status is enough."""
        return Acknowledgement(b"", CONTENT_TYPE)

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: a JSON-RPC request."""
        content = json_text.parse(raw)
        return inbound.read(unverified(content) if stored else verify(content, self.rail_key), self.us)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: the state, or the error that there is no such order."""
        return self._reply(inbound.reply(json_text.parse(raw), verdict))

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: the masked owner, or the error that there is none."""
        return self._reply(inbound.payee(json_text.parse(raw), verdict))

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: `trans.notify`."""
        return json_text.write(sign(inbound.notification(json_text.parse(raw), verdict), self.signing_key))

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: the error -1007 refuses it (profile)."""
        answered = await self._exchange(answer, json_text.parse(answer)["id"])
        if isinstance(answered, HttpFailure):
            return Receipt(Acceptance.UNKNOWN, detail=answered.detail)
        code = messages.error_of(answered)
        if code is None:
            return Receipt(Acceptance.ACCEPTED)
        taken = Acceptance.REFUSED if code == SvGateCode.ENDED else Acceptance.UNKNOWN
        return Receipt(taken, detail=f"responded with {code}")

    async def reserve(self, native: Native) -> Receipt:
        """See `ReservingAdapter.reserve`: `hold.create` for an account; a card's credit has no hold."""
        order = json_text.parse(native.body)
        if order["method"] == messages.CREDIT:
            return Receipt(Acceptance.ACCEPTED)
        answered = await self._call(order)
        if isinstance(answered, HttpFailure):
            return answered.receipt
        held = messages.state_of(answered) == SvGateState.HELD
        return Receipt(Acceptance.ACCEPTED) if held else _receipt(native.ref, answered)

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: `p2p.universal.credit` for a card, `hold.confirm` for an account."""
        order = json_text.parse(native.body)
        is_card = order["method"] == messages.CREDIT
        answered = await self._call(order if is_card else messages.by_ext(messages.CONFIRM, native.ref))
        return answered.receipt if isinstance(answered, HttpFailure) else _receipt(native.ref, answered)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: `trans.ext` and `hold.get` in one batch."""
        questions = [messages.by_ext(method, native.ref) for method in (messages.FIND, messages.HELD)]
        replies = await self._batch(questions)
        try:
            found, held = (replies[question["id"]] for question in questions)
            answer = messages.read_enquiry(native.ref, found, held)
        except (InvalidMessage, KeyError):
            return Answer(native.ref, Outcome.UNKNOWN)
        return answer if answer.ref == native.ref else Answer(native.ref, Outcome.UNKNOWN)

    async def undo(self, native: Native, reason: str) -> Receipt:
        """See `RailAdapter.undo`: a hold is dismissed, a credit is reversed by `trans.reverse`."""
        dismissed = await self._call(messages.by_ext(messages.DISMISS, native.ref))
        if not isinstance(dismissed, HttpFailure) and messages.state_of(dismissed) == SvGateState.DISMISSED:
            return Receipt(Acceptance.ACCEPTED, _undone(native.ref, Outcome.DONE, SvGateState.DISMISSED))
        reversed_ = await self._call(messages.by_ext(messages.REVERSE, native.ref, reason=reason))
        if isinstance(reversed_, HttpFailure):
            return reversed_.receipt
        if messages.state_of(reversed_) == SvGateState.REVERSED:
            return Receipt(Acceptance.ACCEPTED, _undone(native.ref, Outcome.DONE, SvGateState.REVERSED))
        code = messages.error_of(reversed_)
        if code in {SvGateCode.NO_ORDER, SvGateCode.NOTHING_CREDITED}:
            return Receipt(Acceptance.REFUSED, _undone(native.ref, Outcome.REFUSED, str(code)))
        return Receipt(Acceptance.UNKNOWN, detail=f"responded with {code}")

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: `p2p.info`.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, PROFILE.creditor)
        if asked is None:
            return None
        answered = await self._call(messages.info(asked.value))
        if isinstance(answered, HttpFailure):
            raise Unavailable("the rail does not respond")
        try:
            return (
                None if messages.error_of(answered) == SvGateCode.NO_CARD else messages.read_payee(answered)
            )
        except InvalidMessage:
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: the list of card prefixes, which any participant may request."""
        return not isinstance(await self._call(messages.request(messages.PING, "probe", {})), HttpFailure)

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`."""
        return fetch(self.http, PROFILE, self.rail_key, cycle, reason_of)

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    async def _call(self, request: Content) -> Content | HttpFailure:
        """One request, and the rail's signed response to it."""
        return await self._exchange(json_text.write(sign(request, self.signing_key)), request["id"])

    async def _exchange(self, signed: bytes, request_id: str) -> Content | HttpFailure:
        reply = await self._post(signed)
        if isinstance(reply, HttpFailure):
            return reply
        try:
            answer = verify(json_text.parse(reply.body), self.rail_key)
            if answer.get("id") != request_id:
                return HttpFailure(sent=True, detail="response to another request")
            if messages.error_of(answer) == SvGateCode.CLOSED:
                until = messages.open_from(answer)
                return HttpFailure(sent=False, detail="closed", not_before=until)
        except (InvalidMessage, NotAuthentic):
            return HttpFailure(sent=True, detail="unreadable response")
        return answer

    def _reply(self, content: Content) -> Acknowledgement:
        return Acknowledgement(json_text.write(sign(content, self.signing_key)), CONTENT_TYPE)

    async def _batch(self, requests: Sequence[Content]) -> dict[str, Content]:
        """Several requests at once: the responses by request id, in whatever order they came."""
        reply = await self._post(
            json_text.write_list([sign(request, self.signing_key) for request in requests])
        )
        if isinstance(reply, HttpFailure):
            return {}
        try:
            answers = [verify(answer, self.rail_key) for answer in json_text.parse_list(reply.body)]
        except (InvalidMessage, NotAuthentic):
            return {}
        by_id = {str(answer.get("id")): answer for answer in answers}
        return by_id if len(by_id) == len(answers) else {}

    async def _post(self, body: bytes) -> HttpReply | HttpFailure:
        credentials = f"{self.us['username']}:{self.us['password']}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
        reply = await self.http.request(
            "POST", messages.PATH, body, content_type=CONTENT_TYPE, headers=headers
        )
        if isinstance(reply, HttpReply) and reply.status != _OK:
            return HttpFailure(sent=True, detail=f"http {reply.status}")
        return reply


def _receipt(ref: str, answered: Content) -> Receipt:
    """The outcome that the rail reported; a response about another order proves nothing about this one."""
    try:
        answer = messages.read_answer(answered)
    except InvalidMessage:
        return Receipt(Acceptance.UNKNOWN, detail="unreadable response")
    if answer.ref != ref:
        return Receipt(Acceptance.UNKNOWN, detail="response about another order")
    match answer.outcome:
        case Outcome.REFUSED:
            return Receipt(Acceptance.REFUSED, answer)
        case Outcome.DONE | Outcome.PENDING:
            return Receipt(Acceptance.ACCEPTED, answer)
        case _:
            return Receipt(Acceptance.UNKNOWN, detail=f"responded with {answer.rail_code}")


def _undone(ref: str, outcome: Outcome, code: str) -> Answer:
    """An undo is a separate order, with its own id."""
    reason = Reason.NARRATIVE if outcome is Outcome.REFUSED else None
    return Answer(f"{ref}.{messages.REVERSE}", outcome, rail_code=code, reason=reason)
