"""How long a request waits for the final status of a payment."""

import asyncio
from typing import Final

from switch.api.runtime import Runtime
from switch.writer.commands import PaymentChange

_LOOK_EVERY_S: Final = 1.0


async def for_final(
    runtime: Runtime, participant: str, final: asyncio.Future[PaymentChange], seconds: float
) -> PaymentChange | None:
    """Wait for the final change of a payment, at most `seconds`, and only while the participant is active.

    Returns None if it did not come: the caller answers with the present status.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while (left := ends - loop.time()) > 0 and _is_active(runtime, participant):
        done, _ = await asyncio.wait((final,), timeout=min(left, _LOOK_EVERY_S))
        if done:
            return final.result()
    return None


def _is_active(runtime: Runtime, participant: str) -> bool:
    found = runtime.directory.now.by_id.get(participant)
    return found is not None and found.status == "active"
