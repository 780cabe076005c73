"""The adapter of the Kyrgyz operator: create, execute, then wait for its push.

No money moves before `execute`. So a refusal or failure of `create` is certain as long as `execute` was not
sent, and after a failure of `execute` the outcome is unknown. Both steps can be repeated safely under the
same id.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import called, creditor, json_text, keys
from adapters import uetr as uetrs
from adapters.called import CalledRequest
from adapters.cycle import fetch
from adapters.http import HttpClient, HttpFailure, HttpReply, confirmed
from adapters.identity import require
from adapters.kyrgyzstan import inbound, messages
from adapters.kyrgyzstan.codes import REFUSALS, ElqrStatus, reason_of
from adapters.kyrgyzstan.profile import PROFILE
from adapters.kyrgyzstan.signing import open_signed, open_stored, sign, sign_request, verify_request
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

_OK: Final = 200
_NOT_FOUND: Final = 404
_RECIPIENT_WRONG: Final = 452
"""The operator has ended this transaction otherwise (profile)."""
CONTENT_TYPE: Final = "application/json"
JWS: Final = "application/jose"
HASH: Final = "h-hash"


def adapter(connection: RailConnection) -> RailAdapter:
    """The Kyrgyz adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    require(connection.identity, ("psp_id", "psp_token", "provider"))
    return Elqr(
        psp_id=connection.identity["psp_id"],
        psp_token=connection.identity["psp_token"],
        provider=connection.identity["provider"],
        signing_key=keys.signing(connection),
        rail_key=keys.public(connection.rail_key),
        http=HttpClient(connection, PROFILE.timing),
    )


@dataclass(frozen=True, slots=True)
class Elqr:
    """Implements the port for Kyrgyzstan's rail."""

    psp_id: str
    psp_token: str
    provider: str
    signing_key: RSAPrivateKey
    rail_key: RSAPublicKey
    http: HttpClient
    profile: RailProfile = PROFILE
    reply_within_s: float = 0.0
    """See `OriginatingAdapter`: `execute` is answered at once, and the outcome is our `update`."""
    called_headers: tuple[str, ...] = (HASH,)
    """See `CalledAdapter`."""

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`."""
        return messages.check(order)

    def translate(self, order: Order) -> Native:
        """See `RailAdapter.translate`: the body of `create`."""
        body = json_text.write(messages.create(order, self.provider))
        return Native(uetrs.to_hex(order.payment.uetr), body)

    def decode(self, raw: bytes) -> Sequence[Answer]:
        """See `RailAdapter.decode`: a push of `update`."""
        return [messages.read_answer(open_signed(raw, self.rail_key))]

    def acknowledge(self, raw: bytes) -> Acknowledgement:  # noqa: ARG002 - the port's
        """See `RailAdapter.acknowledge`: the HTTP status is enough."""
        return Acknowledgement(b"", CONTENT_TYPE)

    def read_request(self, raw: bytes, *, stored: bool = False) -> InboundRequest | None:
        """See `OriginatingAdapter.read_request`: a call at `/in/qr`."""
        request = called.read(raw)
        if request is None:
            return None
        if not stored:
            verify_request(request.path, request.body, request.headers.get(HASH, ""), self.rail_key)
        return inbound.read(request, self.provider)

    def reply(self, raw: bytes, verdict: OrderVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply`: the status, signed; HTTP 404 for one that never came."""
        status = inbound.NOT_FOUND if verdict.outcome is Outcome.NOT_FOUND else _OK
        return Acknowledgement(self.answer(raw, verdict), JWS, status)

    def reply_payee(self, raw: bytes, verdict: PayeeVerdict) -> Acknowledgement:
        """See `OriginatingAdapter.reply_payee`: the masked name, or HTTP 452."""
        said = inbound.payee(_called(raw), verdict)
        if said is None:
            return Acknowledgement(b"", JWS, inbound.RECIPIENT_WRONG)
        return Acknowledgement(sign(said, self.signing_key), JWS)

    def answer(self, raw: bytes, verdict: OrderVerdict) -> bytes:
        """See `OriginatingAdapter.answer`: the body of `update`."""
        return sign(inbound.status(_called(raw), verdict), self.signing_key)

    async def confirm(self, answer: bytes) -> Receipt:
        """See `OriginatingAdapter.confirm`: `update`; HTTP 409 refuses it (profile)."""
        ref = json_text.text_of(open_stored(answer), "pspTransactionId")
        return confirmed(await self._post(f"update/{ref}", answer, JWS))

    async def reserve(self, native: Native) -> Receipt:
        """See `ReservingAdapter.reserve`: `create`."""
        created = await self._step("create", native.ref, native.body)
        if isinstance(created, Receipt):
            return created
        return (
            Receipt(Acceptance.ACCEPTED)
            if created.rail_code == str(ElqrStatus.CREATED)
            else _receipt(created)
        )

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`: `execute`; the outcome is pushed."""
        executed = await self._step(f"execute/{native.ref}", native.ref, b"{}")
        return executed if isinstance(executed, Receipt) else _receipt(executed)

    async def enquire(self, native: Native) -> Answer:
        """See `RailAdapter.enquire`: `get`."""
        reply = await self._get(f"get/{native.ref}")
        if isinstance(reply, HttpFailure):
            return Answer(native.ref, Outcome.UNKNOWN)
        answer = self._read(reply, enquired=True)
        if answer is None or answer.ref != native.ref:
            return Answer(native.ref, Outcome.UNKNOWN)
        return answer

    async def undo(self, native: Native, reason: str) -> Receipt:  # noqa: ARG002 - the port's
        """See `RailAdapter.undo`: the rail does not offer it between persons."""
        return Receipt(Acceptance.REFUSED, detail="the rail has no undo")

    async def resolve(self, alias: str) -> Payee | None:
        """See `RailAdapter.resolve`: `check`.

        Raises:
            Unavailable: the rail did not respond, or the response cannot be read.

        """
        asked = creditor.read(alias, PROFILE.creditor)
        if asked is None:
            return None
        reply = await self._post("check", json_text.write(messages.check_request(asked.value, self.provider)))
        if isinstance(reply, HttpFailure):
            raise Unavailable("the rail does not respond")
        if reply.status == _RECIPIENT_WRONG:
            return None
        try:
            return messages.read_payee(open_signed(reply.body, self.rail_key), asked.value)
        except (InvalidMessage, NotAuthentic):
            raise Unavailable("the response of the rail cannot be read") from None

    async def probe(self) -> bool:
        """See `RailAdapter.probe`: asks for transaction 0, which the rail reports as unknown."""
        reply = await self._get("get/0")
        return isinstance(reply, HttpReply) and reply.status in {_OK, _NOT_FOUND}

    def reconcile(self, cycle: str) -> AsyncIterator[Answer]:
        """See `RailAdapter.reconcile`."""
        return fetch(self.http, PROFILE, self.rail_key, cycle, reason_of)

    async def close(self) -> None:
        """See `RailAdapter.close`."""
        await self.http.close()

    async def _step(self, step: str, ref: str, body: bytes) -> Answer | Receipt:
        """One step of a submission: the rail's response, or the result of the step without one."""
        reply = await self._post(step, body)
        if isinstance(reply, HttpFailure):
            return reply.receipt
        if step == "create" and reply.status in REFUSALS:
            return _refused(ref, reply.status)
        answer = self._read(reply)
        if answer is None or answer.ref != ref:
            return Receipt(Acceptance.UNKNOWN, detail=f"{step.partition('/')[0]}: http {reply.status}")
        return answer

    async def _post(
        self, step: str, body: bytes, content_type: str = CONTENT_TYPE
    ) -> HttpReply | HttpFailure:
        path = f"{messages.ROOT}/{step}"
        return await self.http.request(
            "POST", path, body, content_type=content_type, headers=self._headers(path, body)
        )

    async def _get(self, step: str) -> HttpReply | HttpFailure:
        path = f"{messages.ROOT}/{step}"
        return await self.http.request(
            "GET", path, content_type=CONTENT_TYPE, headers=self._headers(path, b"")
        )

    def _headers(self, path: str, body: bytes) -> dict[str, str]:
        return {
            "H-PSP-TOKEN": self.psp_token,
            "H-PSP-ID": self.psp_id,
            "H-SIGNING-VERSION": "2",
            "H-HASH": sign_request(path, body, self.signing_key),
        }

    def _read(self, reply: HttpReply, *, enquired: bool = False) -> Answer | None:
        """Parse a reply; None for anything that is not the rail's signed response."""
        try:
            content: dict[str, Any] = open_signed(reply.body, self.rail_key)
            if reply.status == _NOT_FOUND and enquired:
                ref = json_text.text_of(content, "pspTransactionId")
                return Answer(ref, Outcome.NOT_FOUND, uetr=uetrs.from_hex(ref))
            return messages.read_answer(content, enquired=enquired) if reply.status == _OK else None
        except (InvalidMessage, NotAuthentic):
            return None


def _called(raw: bytes) -> CalledRequest:
    """A stored request of the operator."""
    request = called.read(raw)
    assert request is not None, "what is answered was read before"
    return request


def _refused(ref: str, status: int) -> Receipt:
    reason = REFUSALS[status]
    answer = Answer(ref, Outcome.REFUSED, uetr=uetrs.from_hex(ref), rail_code=f"http {status}", reason=reason)
    return Receipt(Acceptance.REFUSED, answer, f"http {status}")


def _receipt(answer: Answer) -> Receipt:
    """`execute` always responds "in process", which says nothing new: the outcome is pushed."""
    match answer.outcome:
        case Outcome.REFUSED:
            return Receipt(Acceptance.REFUSED, answer)
        case Outcome.DONE:
            return Receipt(Acceptance.ACCEPTED, answer)
        case Outcome.PENDING:
            return Receipt(Acceptance.ACCEPTED)
        case _:
            return Receipt(Acceptance.UNKNOWN, detail=f"status {answer.rail_code}")
