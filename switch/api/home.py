"""`GET /`: where a person who opens the address of the switch finds its descriptions and pages."""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from switch.api import asyncapi, problems, reference

PATH: Final = "/"
VERIFY: Final = "/verify"
"""Short address of the page that verifies reports: QR codes on paper lead there."""
_LINKS: Final = (
    (reference.PATH, "the reference of the API, with an example of every message"),
    (reference.EVENTS, "the reference of events"),
    ("/openapi.json", "the operations of the API for programs (OpenAPI 3.1)"),
    (asyncapi.PATH, "events of streams and webhooks for programs (AsyncAPI 3)"),
    (problems.CATALOGUE, "every problem, with an example and what to do"),
    ("/console", "the pages for people; sign in first"),
    (VERIFY, "whether a report file is unchanged"),
    ("/readyz", "whether the switch accepts payments now"),
)
_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


async def serve(_: Request) -> Response:
    """Return the page; it needs no key and no script."""
    rows = "".join(f'<li><a href="{path}">{path}</a>: {text}</li>' for path, text in _LINKS)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>payswitch</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><main><h1>payswitch</h1>'
        "<p>A switch for ISO 20022 payments between national payment systems. Programs use the API under"
        f" <code>/v1</code>; guides are in <code>docs/integrate</code> of the release.</p><ul>{rows}</ul>"
        "</main></html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


async def serve_verify(request: Request) -> Response:
    """Lead to the page that verifies a report."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/console{VERIFY}{query}")
