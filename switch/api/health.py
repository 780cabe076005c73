"""Whether this worker lives, whether the switch can take a payment, and its counters."""

import asyncio

import asyncpg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from switch import metrics
from switch.api.problems import plain
from switch.api.runtime import Runtime

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> PlainTextResponse:
    """Answer at all; nothing else is looked at, so a database's trouble kills no worker."""
    return PlainTextResponse("alive\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether a payment would be taken: the writer is there, the database answers, keys are loaded."""
    runtime: Runtime = request.app.state.runtime
    missing = [name for name, there in (await _parts(runtime)).items() if not there]
    if missing:
        return plain(503, f"not ready: {', '.join(missing)}")
    return PlainTextResponse("ready\n")


async def _parts(runtime: Runtime) -> dict[str, bool]:
    try:
        async with asyncio.timeout(2):
            database = await runtime.pool.fetchval("SELECT 1") == 1
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        database = False
    return {
        "database": database,
        "writer": await runtime.link.alive(),
        "directory": runtime.directory.fresh,
    }


@router.get("/metrics")
async def metrics_page() -> Response:
    """Counters of every process, in the Prometheus text format."""
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
