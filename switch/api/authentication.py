"""Who sent a request, and whether it may come now."""

from starlette.requests import Request

from schemas.errors import NotAllowed, NotAuthentic
from switch import metrics
from switch.api import limits
from switch.api.proof import prove
from switch.directory import Participant, Snapshot
from switch.settings import Settings


def authenticate(request: Request, body: bytes, directory: Snapshot, settings: Settings) -> Participant:
    """Find the participant that sent `request` with `body`.

    Raises:
        NotAuthentic: nothing proves who it is. The text is the same for an unknown and a wrong key.
        NotAllowed: it is a participant that may no longer use the switch.
        TooManyRequests: it is one that comes too often.

    """
    try:
        participant = directory.by_id.get(prove(request.scope, body, directory, settings))
    except NotAuthentic as error:
        metrics.SIGNATURE_FAILURES.labels(error.detail[:60]).inc()
        raise
    if participant is None or participant.status == "removed":
        raise NotAllowed("this participant may not use the switch")
    limits.admit(request.scope, participant.id)
    return participant
