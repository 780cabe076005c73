"""How ISO messages are received: the steps that all share, and `POST /v1/iso20022/pacs.008`.

The HTTP status is about the message, the ISO response about the payment: a valid pacs.008 gets a pacs.002
with 200 when its payment is final, 202 while it is in flight, and 422 when the switch refuses it. A message
that is not valid gets a problem, or admi.002 where the caller accepts only XML.
"""

import contextlib
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from schemas import codec, credit_transfer, official, own_uetr, rejection, remedies, status_report, verdict
from schemas.errors import (
    RESEND,
    DuplicateUetr,
    InvalidMessage,
    NotAcceptable,
    NotAllowed,
    NotAuthentic,
    OutcomeUnknown,
    Refused,
    SwitchError,
    TooManyRequests,
    Unavailable,
)
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from schemas.versions import versions
from switch.api import body as bodies
from switch.api import limits, queries, waiting
from switch.api.admission import AdmissionTicket
from switch.api.authentication import SIGNED, authenticate, identify
from switch.api.problems import problem
from switch.api.proof import Signed
from switch.api.runtime import Runtime
from switch.base import metrics, tracing
from switch.payments import own_uetrs, stated
from switch.payments.directory import Participant
from switch.payments.intake import PaymentStatus, charging_agent
from switch.payments.journey import read_known, read_status
from switch.writer.commands import Evidence
from switch.writer.lifecycle import FINAL, STATUS, State

STATUS_REPORT: Final = "pacs.002.001.10"
NOTES: Final = "Payswitch-Notes"
"""Header that lists for the sender which data of its message the rail does not carry."""
_NOTES_MAX: Final = 32
ADMITTED: Final = frozenset(
    {"pacs.008", "pacs.004", "camt.056", "camt.029", "camt.110", "camt.111", "pain.013", "pain.014"}
)
"""Messages that need a place of `admission`: they have something stored. The others only ask."""


class Received(msgspec.Struct, frozen=True):
    """A message whose sender is authenticated and whose content is valid by its schema."""

    runtime: Runtime
    message: codec.Message
    sender: Participant
    wants: str
    """Media type of the response."""
    wait: float
    """Seconds that the caller will wait for a final status."""
    evidence: Evidence | None = None
    """What its sender signed; None for a bearer key."""


class IsoResponse(msgspec.Struct, frozen=True):
    """An ISO response: the document of a message definition, with its HTTP status and headers."""

    id: str
    document: dict[str, Any]
    status: int = 200
    headers: dict[str, str] = {}


Handler = Callable[[Received], Awaitable[IsoResponse]]
Identify = Callable[[Request, bytes], Awaitable[Participant]]


async def serve(
    request: Request, expect: str, handler: Handler, identify: Identify = authenticate
) -> Response:
    """Receive a message of kind `expect`, and respond in the representation that the caller accepts."""
    try:
        with tracing.part("verify"):
            received = await _enter(request, expect, identify)
        answer = await handler(received)
    except (InvalidMessage, NotAuthentic) as error:
        wants_xml = request.headers.get("accept", "").strip() == bodies.XML
        return _rejection(error) if wants_xml else problem(error)
    except OutcomeUnknown:
        return problem(OutcomeUnknown(RESEND))
    except SwitchError as error:
        return problem(error)
    content = _encoded(answer, received.wants)
    return Response(content, answer.status, answer.headers, media_type=received.wants)


def _encoded(answer: IsoResponse, media_type: str) -> bytes:
    """Encode a response in its version, or in the first later one that can carry what it repeats."""
    try:
        return codec.encode(answer.id, answer.document, media_type=media_type)
    except InvalidMessage:
        for version in (known for known in versions(answer.id[:8]) if known > answer.id):
            with contextlib.suppress(InvalidMessage):
                return codec.encode(version, answer.document, media_type=media_type)
        raise


async def _enter(request: Request, expect: str, identify: Identify) -> Received:
    runtime: Runtime = request.app.state.runtime
    if request.scope["query_string"]:
        queries.check(request, ("wait",))
    raw = await bodies.read(request, runtime.settings.body_limit)
    check_line(request, expect)
    sender = await identify(request, raw)
    kind = bodies.media_type(request)
    wants = bodies.accepted(request, bodies.form(kind))
    if wants is None:
        raise NotAcceptable("the response can be application/xml or application/json")
    message = codec.decode(raw, media_type=kind, expect=expect)
    official.check_where_set(message)
    signed: Signed | None = request.scope[SIGNED]
    evidence = Evidence(signed.keyid, signed.signature, signed.base, raw) if signed is not None else None
    wait = bodies.wait_seconds(request, runtime.settings.wait_max_s)
    return Received(runtime, message, sender, wants, wait, evidence)


def check_line(request: Request, message: str) -> None:
    """Refuse a message before its signature is verified, if the line of the claimed sender is full.

    Raises:
        Overloaded: nothing was done.

    """
    runtime: Runtime = request.app.state.runtime
    if runtime.admission.waiting and message in ADMITTED:
        sender = limits.claimed(request.scope["headers"], runtime.directory.now)
        if sender is not None and runtime.admission.full(sender):
            raise runtime.admission.refused(sender, "share", proved=False)


async def post_pacs_008(request: Request) -> Response:
    """Accept one customer credit transfer."""
    return await serve(request, "pacs.008", _credit_transfer, identify)


async def _credit_transfer(received: Received) -> IsoResponse:
    try:
        payment = credit_transfer.read(received.message)
        _check_uetr(payment.uetr)
    except Refused as refused:
        return _refusal(received.message, verdict.explained(received.message, refused))
    left_s = stated.left_s(payment, datetime.now(UTC), received.runtime.settings)
    with await received.runtime.admission.enter(received.sender.id, left_s=left_s) as place:
        standing = await _accept(received, payment, place)
    return _report(received, payment, standing)


def _check_uetr(uetr: str) -> None:
    if own_uetr.is_reserved(uetr):
        raise Refused("no UETR may end in these digits: make another one", reason=Reason.CONTENT_INCORRECT)


async def _accept(received: Received, payment: CreditTransfer, place: AdmissionTicket) -> PaymentStatus:
    """Accept the payment under the UETR that it states or, if another sender has used it, under its own."""
    try:
        return await _accept_and_wait(received, payment, place)
    except DuplicateUetr:
        own = await own_uetrs.assign(received.runtime.pool, received.sender.id, uuid.UUID(payment.uetr))
        if own is None:
            raise
    return await _accept_and_wait(received, structs.replace(payment, uetr=str(own)), place)


async def _accept_and_wait(
    received: Received, payment: CreditTransfer, place: AdmissionTicket
) -> PaymentStatus:
    """Accept the payment, and wait for its final status as long as the caller will; then without a place."""
    runtime, wait = received.runtime, received.wait
    uetr = uuid.UUID(payment.uetr)
    final = runtime.link.watch(uetr.bytes)
    try:
        with tracing.part("accept", uetr=payment.uetr):
            standing = await _accepted_or_known(received, payment)
        place.leave()
        if standing.known and standing.state is None:
            standing = await read_status(runtime.pool, uetr)
        if standing.state in FINAL or not wait:
            return standing
        try:
            with tracing.part("final"), runtime.waits.take(received.sender.id):
                change = await waiting.for_final(runtime, received.sender.id, final, wait)
        except (TooManyRequests, Unavailable):
            return standing  # it is accepted: the sender learns the rest by an event or a status request
        if change is None:
            return await read_status(runtime.pool, uetr)
        return structs.replace(standing, state=State(change.state), reason=change.reason, detail="")
    finally:
        runtime.link.unwatch(uetr.bytes, final)


async def _accepted_or_known(received: Received, payment: CreditTransfer) -> PaymentStatus:
    """Accept the payment. If it cannot be accepted now but was before, get its present state.

    Raises:
        Unavailable: nothing was done now, and the database holds no earlier payment.
        OutcomeUnknown: it may have been accepted; the database does not hold it yet.
        NotAllowed: the sender is suspended and this payment is not known, or it is not the debtor agent.
        DuplicateUetr: the UETR is known with other content.

    """
    runtime, message, sender = received.runtime, received.message, received.sender
    try:
        return await runtime.intake.take(message, payment, sender, received.evidence)
    except (NotAllowed, Unavailable, OutcomeUnknown) as refusal:
        fingerprint = runtime.intake.fingerprint(message, sender)
        # A sender without permission learns nothing of a UETR that may be another participant's.
        others = (DuplicateUetr,) if isinstance(refusal, NotAllowed) else ()
        stated = uuid.UUID(payment.uetr)
        for uetr in (stated, own_uetr.derive(sender.id, stated)):
            with contextlib.suppress(
                OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, *others
            ):
                known = await read_known(runtime.pool, uetr, fingerprint)
                if known is not None:
                    metrics.REPLAYS.labels("hit").inc()
                    return known
        raise


def _report(received: Received, payment: CreditTransfer, standing: PaymentStatus) -> IsoResponse:
    """Build the status report; a payment that failed costs nothing."""
    assert standing.state is not None
    document = status_report.build(
        message_id=os.urandom(16).hex(),
        created_at=datetime.now(UTC),
        original=payment,
        original_message_id=payment.message_id,
        original_message_name=received.message.id,
        status=STATUS[standing.state],
        reason=standing.reason or None,
        additional=standing.detail or None,
        remedy=remedies.of_status(STATUS[standing.state], standing.reason, standing.detail),
        charges=() if standing.state is State.ABORTED else standing.charges,
        charging_agent=charging_agent(received.runtime.settings.bic),
    )
    status = 200 if standing.state in FINAL else 202
    if standing.refused_here:
        status = 422
    headers = {"Location": f"/v1/payments/{payment.uetr}"}
    if standing.known:
        headers["Idempotent-Replayed"] = "true"
    if standing.notes:
        headers[NOTES] = _notes(standing.notes)
    if status == 202:  # noqa: PLR2004
        headers["Retry-After"] = "1"
    return IsoResponse(STATUS_REPORT, document, status, headers)


def _notes(notes: Sequence[Sequence[str]]) -> str:
    """Format notes as a list of strings with parameters (RFC 9651); `GET /v1/payments/{uetr}` has all."""
    return ", ".join(f'"{path}";text="{text}"' for path, text in notes[:_NOTES_MAX])


def _refusal(message: codec.Message, refused: Refused) -> IsoResponse:
    """Refuse a valid message that is not an acceptable payment; nothing is stored."""
    document = status_report.refusal(
        message, refused, message_id=uuid.uuid4().hex, created_at=datetime.now(UTC)
    )
    return IsoResponse(STATUS_REPORT, document, 422)


def _rejection(error: SwitchError) -> Response:
    """Build an admi.002: the message could not be read or authenticated."""
    document = rejection.build(error=error, rejected_at=datetime.now(UTC))
    content = codec.encode(rejection.ID, document, media_type=bodies.XML)
    return Response(content, error.status, media_type=bodies.XML)
