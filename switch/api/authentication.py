"""Which participant sent a request, and whether it may send now."""

from typing import Final

from starlette.requests import Request

from schemas.errors import NotAllowed, NotAuthentic
from switch.api import limits
from switch.api.proof import Proof, prove
from switch.api.runtime import Runtime
from switch.base import metrics
from switch.identity import sessions
from switch.payments.directory import Participant

SIGNED: Final = "payswitch.signed"
"""In the scope of a request: what its sender signed (`proof.Signed`), or None for a bearer key."""
_BEARER: Final = "bearer "


async def authenticate(request: Request, body: bytes | None) -> Participant:
    """Find the participant that sent `request` with `body`, and use up its signature's nonce.

    Raises:
        NotAuthentic: nothing proves who sent it (the text is the same for an unknown and a wrong key), or the
            nonce was used before.
        NotAllowed: the participant may no longer use the switch, or the caller is a person.
        TooManyRequests: the participant exceeds its rate limit.

    """
    participant, proof = await _find(request, body)
    nonce = proof.nonce
    if nonce is not None:
        runtime: Runtime = request.app.state.runtime
        try:
            await runtime.nonces.use(nonce)
        except NotAuthentic as error:
            metrics.SIGNATURE_FAILURES.labels(error.detail[:60]).inc()
            raise
    limits.admit(request.scope, participant.id)  # after the nonce: a replay takes no token of its victim
    return participant


async def authenticate_head(request: Request) -> Participant:
    """Find the participant that sent a request whose body is not read yet, and use up the nonce.

    The digest that its headers state is trusted: the caller of this compares it with the body.

    Raises:
        NotAuthentic, NotAllowed, TooManyRequests: as `authenticate`.

    """
    return await authenticate(request, None)


async def identify(request: Request, body: bytes) -> Participant:
    """Find who sent a payment. A repeated message is not a replay: the UETR is its identity.

    Raises:
        NotAuthentic: as `authenticate`, except for the nonce.
        NotAllowed: as `authenticate`.
        TooManyRequests: as `authenticate`.

    """
    participant, _ = await _find(request, body)
    limits.admit(request.scope, participant.id)
    return participant


async def _find(request: Request, body: bytes | None) -> tuple[Participant, Proof]:
    runtime: Runtime = request.app.state.runtime
    directory = runtime.directory.now
    try:
        proof = prove(request.scope, body, directory, runtime.settings)
    except NotAuthentic as error:
        if await _is_person(request, runtime):
            raise NotAllowed("only participants may do this, with signed requests; people may not") from None
        metrics.SIGNATURE_FAILURES.labels(error.detail[:60]).inc()
        raise
    participant = directory.by_id.get(proof.participant)
    if participant is None or participant.status == "removed":
        raise NotAllowed("this participant may not use the switch")
    request.scope[SIGNED] = proof.signed
    return participant, proof


async def _is_person(request: Request, runtime: Runtime) -> bool:
    """Whether a request that no participant signed comes with the session of a person."""
    header = request.headers.get("authorization", "")
    bearer = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
    token = request.cookies.get(sessions.COOKIE) or bearer
    if not token:
        return False
    async with runtime.pool.acquire() as connection:
        try:
            if runtime.settings.sandbox and token.startswith("sk_test_"):
                await sessions.of_bearer(connection, token)
            else:
                await sessions.look(connection, token)
        except NotAuthentic:
            return False
    return True
