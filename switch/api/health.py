"""Liveness and readiness of this worker, and its metrics."""

import asyncio
import hmac

import asyncpg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from schemas.errors import NotAuthentic
from switch.api.problems import plain
from switch.api.runtime import Runtime
from switch.base import metrics
from switch.payments import reach

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> PlainTextResponse:
    """Liveness: only respond. Nothing else is checked, so a database failure restarts no worker."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Readiness: the writer is connected, the database responds, keys are loaded; payments are accepted.

    A rail that does not respond does not affect readiness, as payments to other rails go on; it is named. Nor
    does a switch that is closed after a restore, as people must reach its pages.
    """
    if request.app.state.draining:
        return plain(503, "not ready: this worker drains, and ends")
    runtime: Runtime = request.app.state.runtime
    away = await _rails_away(runtime)
    missing = [
        name for name, there in (await _parts(runtime, database=away is not None)).items() if not there
    ]
    if missing:
        return plain(503, f"not ready: {', '.join(missing)}")
    named = "".join(f"rail {country} has not responded since {since}\n" for country, since in away or ())
    closed = "closed after a restore of the database\n" if runtime.directory.now.closed else ""
    return PlainTextResponse(f"ready\n{closed}{named}")


async def _rails_away(runtime: Runtime) -> list[tuple[str, str]] | None:
    """The rails that do not respond, and since when; None where the database does not respond."""
    try:
        async with asyncio.timeout(2):
            seen = await reach.read(runtime.pool, runtime.rails)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return None
    return [
        (country, of.unreachable_since.isoformat(timespec="seconds"))
        for country, of in seen.items()
        if of.unreachable_since is not None
    ]


async def _parts(runtime: Runtime, *, database: bool) -> dict[str, bool]:
    return {
        "database": database,
        "writer": await runtime.link.alive(),
        "directory": runtime.directory.fresh,
    }


@router.get("/metrics")
async def metrics_page(request: Request) -> Response:
    """Metrics of every process, in the Prometheus text format.

    They show the liquidity of every participant, so the scraper states the token of the installation.
    """
    runtime: Runtime = request.app.state.runtime
    stated = request.headers.get("authorization", "")
    if not hmac.compare_digest(stated.encode(), f"Bearer {runtime.metrics_token}".encode()):
        raise NotAuthentic("the bearer token of metrics is missing or wrong")
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
