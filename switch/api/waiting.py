"""How long a request waits for the final status of a payment."""

import asyncio
from typing import Final

from switch.api.runtime import Runtime
from switch.writer.client import FinalChange
from switch.writer.commands import PaymentChange

_LOOK_EVERY_S: Final = 1.0


async def for_final(
    runtime: Runtime, participant: str, final: FinalChange, seconds: float
) -> PaymentChange | None:
    """Wait for the final change of a payment, at most `seconds`, and only while the participant is active.

    Returns None if it did not come: the caller answers with the present status.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        left = ends - loop.time()
        if final.done():
            return
        if left <= 0 or not _is_active(runtime, participant):
            final.set_result(None)
        else:
            timer = loop.call_later(min(left, _LOOK_EVERY_S), look)

    look()
    try:
        return await final
    finally:
        if timer is not None:
            timer.cancel()


def _is_active(runtime: Runtime, participant: str) -> bool:
    found = runtime.directory.now.by_id.get(participant)
    return found is not None and found.status == "active"
