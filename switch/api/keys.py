"""`/v1/keys`: a participant revokes its own signing key. Other changes of keys are at `/v1/changes`."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from switch.api import body as bodies
from switch.api.authentication import authenticate
from switch.api.reads import Context
from switch.participants import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])
KeyId = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$", description="the id of a key")]


@router.delete("/{keyid}", operation_id="revokeKey", status_code=204)
async def revoke_key(request: Request, context: Context, keyid: KeyId) -> Response:
    """Revoke a key of the caller at once, also the one that signs this request; nobody needs to approve."""
    raw = await bodies.read(request, 0)
    who = await authenticate(request, raw)
    await keys.revoke_own(context.pool, who.id, keyid)
    return Response(status_code=204)
