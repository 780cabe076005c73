"""`/.well-known/security.txt` (RFC 9116): where to report a vulnerability of this installation."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from schemas.errors import NotFound
from switch.api.runtime import Runtime
from switch.base.settings import Settings

router = APIRouter(include_in_schema=False)


@router.get("/.well-known/security.txt")
async def security_txt(request: Request) -> PlainTextResponse:
    """Return the operator's contact, until it expires.

    Raises:
        NotFound: the operator has set no contact.

    """
    runtime: Runtime = request.app.state.runtime
    return PlainTextResponse(text_of(runtime.settings))


def text_of(settings: Settings) -> str:
    """The file.

    Raises:
        NotFound: the settings have no contact.

    """
    if not settings.security_contact or settings.security_expires is None:
        raise NotFound
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {settings.security_expires.isoformat(timespec='seconds')}",
        "Preferred-Languages: en",
    ]
    if settings.security_policy:
        lines.append(f"Policy: {settings.security_policy}")
    if settings.authority:
        lines.append(f"Canonical: https://{settings.authority}/.well-known/security.txt")
    return "\n".join(lines) + "\n"
