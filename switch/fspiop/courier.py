"""Callbacks: signed, delivered at least once, and tried again until the DFSP takes them."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

import httpx

from switch.fspiop import jws
from switch.fspiop.journal import Callback, Journal, Keeper

AT_ONCE: Final = 8
PAUSE_S: Final = 1.0
PAUSE_S_MAX: Final = 600.0
WITHIN_S: Final = 15.0


def media_type(resource: str) -> str:
    """The media type of a resource of FSPIOP, as ISO 20022."""
    return f"application/vnd.interoperability.iso20022.{resource}+json;version=2.0"


class Courier:
    """Delivers what the journal has queued; one callback at a time for each resource."""

    def __init__(
        self,
        keep: Keeper,
        http: httpx.AsyncClient,
        key: jws.PrivateKey,
        *,
        base: str,
        source: str,
        destination: str,
        log: Callable[..., None],
    ) -> None:
        self._keep = keep
        self._http = http
        self._key = key
        self._base = base.rstrip("/")
        self._source = source
        self._destination = destination
        self._log = log
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever."""
        try:
            while True:
                self._woken.clear()
                room = AT_ONCE - len(self._busy)
                if room:
                    for callback in await self._keep(Journal.due, time.time(), set(self._busy), room):
                        self._busy[callback.key] = asyncio.create_task(self._deliver(callback))
                await self._pause()
        finally:
            for task in self._busy.values():
                task.cancel()

    async def _pause(self) -> None:
        at = await self._keep(Journal.next_due, set(self._busy))
        is_full = len(self._busy) >= AT_ONCE
        seconds = None if at is None or is_full else max(0.0, at - time.time())
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _deliver(self, callback: Callback) -> None:
        try:
            failure = await self._post(callback)
            if failure is None:
                await self._keep(Journal.delivered, callback)
                return
            pause = min(PAUSE_S * 2.0**callback.attempts, PAUSE_S_MAX)
            self._log("callback_failed", path=_place(callback), attempt=callback.attempts + 1, text=failure)
            await self._keep(Journal.failed, callback, time.time() + pause)
        finally:
            del self._busy[callback.key]
            self.wake()

    async def _post(self, callback: Callback) -> str | None:
        """Send a callback once; None if the DFSP took it, otherwise what happened."""
        headers = {
            "content-type": media_type(callback.path.split("/")[1]),
            "date": format_datetime(datetime.now(UTC), usegmt=True),
            "fspiop-source": self._source,
            "fspiop-destination": self._destination,
            "fspiop-uri": callback.path,
            "fspiop-http-method": callback.method,
        }
        headers["fspiop-signature"] = jws.sign(self._key, headers, callback.body)
        try:
            async with asyncio.timeout(WITHIN_S):
                response = await self._http.request(
                    callback.method, self._base + callback.path, content=callback.body, headers=headers
                )
        except (httpx.HTTPError, TimeoutError) as error:
            return type(error).__name__
        return None if response.is_success else f"http {response.status_code}"


def _place(callback: Callback) -> str:
    """The path as a log may have it: without the identifier of a party."""
    return "/parties" if callback.path.startswith("/parties/") else callback.path
