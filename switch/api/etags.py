"""`ETag`: what did not change is not sent again, and nothing is changed but the state that was seen."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

_NOT_MODIFIED = 304


def of(content: bytes) -> str:
    """The tag of a representation."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def answer(request: Request, response: Response, tag: str | None = None) -> Response:
    """The response with its tag, or 304 without content if the caller has it (`If-None-Match`)."""
    tag = tag or of(bytes(response.body))
    response.headers["ETag"] = tag
    if tag not in _listed(request, "if-none-match"):
        return response
    kept = {name: value for name in ("ETag", "Retry-After") if (value := response.headers.get(name))}
    return Response(status_code=_NOT_MODIFIED, headers=kept)


def expected(request: Request, tag: str) -> bool:
    """Whether the caller has seen this state, or does not ask (`If-Match`)."""
    listed = _listed(request, "if-match")
    return not listed or "*" in listed or tag in listed


def _listed(request: Request, name: str) -> list[str]:
    text = request.headers.get(name, "")
    return [each.strip().removeprefix("W/") for each in text.split(",") if each.strip()]
