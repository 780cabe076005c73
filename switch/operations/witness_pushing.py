"""Sends each published checkpoint to the witnesses (C2SP `tlog-witness`), and keeps what they cosign.

A slow witness delays only itself: each has a task of its own, and none has more than one. What fails is tried
again, at most every ten minutes, for as long as the witness is registered. A witness that holds another
history of the log than this database is marked as refusing: an alert calls people.
"""

from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple

import aiohttp
import asyncpg
import msgspec
import structlog

from ledger import audit
from ledger.audit import Checkpoint
from schemas.errors import InvalidMessage
from switch.base import outward
from switch.base.one_each import OneEach
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.operations import witnesses
from switch.webhooks import addresses
from switch.witness import bodies
from switch.witness.judging import Submission

SCHEDULE_S: Final = (5, 30, 120, 600)
"""Seconds after each failed attempt; the last of them again and again."""
ANSWER_WITHIN_S: Final = 15.0
ANSWER_MAX: Final = 16 * 1024
AT_ONCE: Final = 16
_OK, _NOT_FOUND, _CONFLICT, _UNPROVED = 200, 404, 409, 422
_SIZE_DIGITS: Final = 19
_RESULT_MAX: Final = 200
_statement: Final = statements("switch.operations")
_DUE: Final = _statement("due_witnesses")
_COSIGNED: Final = _statement("witness_cosigned")
_FAILED: Final = _statement("witness_failed")

_log = structlog.get_logger()


class WitnessAnswer(NamedTuple):
    """What a witness answered; a status of 0 means nothing."""

    status: int
    text: str

    @property
    def size(self) -> int:
        """The events that the witness says it holds, or -1."""
        stated = self.text.strip()
        is_number = stated.isascii() and stated.isdecimal() and len(stated) <= _SIZE_DIGITS
        return int(stated) if self.status == _CONFLICT and is_number else -1


class NotCosigned(Exception):
    """The witness did not cosign; `contradicts`: it holds another history."""

    def __init__(self, text: str, *, contradicts: bool = False) -> None:
        super().__init__(text)
        self.contradicts = contradicts


class CheckpointPusher:
    """Sends checkpoints. One per database, in the messenger."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._served = OneEach("witness_failed")
        beside = outward.permitted_networks(settings, settings.webhook_networks)
        self._session = outward.session(AT_ONCE, beside, ANSWER_WITHIN_S)

    async def tick(self) -> None:
        """One round: start a task for each witness that has not cosigned the newest checkpoint."""
        newest = await audit.page(self._pool)
        if not newest:
            return
        for row in await self._pool.fetch(_DUE, newest[0].size):
            self._served.start(row["key"], partial(self._serve, row, newest[0]))

    async def close(self) -> None:
        """Stop all tasks; the next messenger sends again."""
        await self._served.close()
        await self._session.close()

    async def _serve(self, row: asyncpg.Record, newest: Checkpoint) -> None:
        try:
            addresses.check(row["url"], self._settings)
            text = await self._submit(row, newest)
        except InvalidMessage as error:
            await self._failed(row, NotCosigned(error.detail))
        except NotCosigned as refused:
            await self._failed(row, refused)
        else:
            if await witnesses.keep(self._pool, newest, row["key"], text):
                await self._pool.execute(_COSIGNED, row["key"], newest.size)
            else:
                await self._failed(row, NotCosigned("it answered no cosignature of its own"))

    async def _submit(self, row: asyncpg.Record, newest: Checkpoint) -> str:
        """Send a checkpoint, from the size that the witness holds; what it answered if it cosigned.

        Raises:
            NotCosigned: it did not.

        """
        old = row["size"] if row["size"] <= newest.size else 0
        answer = await self._add(row["url"], old, newest)
        if answer.size >= 0 and answer.size != old:
            old = answer.size
            if old > newest.size:
                raise NotCosigned(
                    f"it holds {old} events, the log has published {newest.size}", contradicts=True
                )
            answer = await self._add(row["url"], old, newest)
        if answer.status == _NOT_FOUND:
            answer = await self._add_epoch(row["url"], newest)
        if answer.status == _OK:
            return answer.text
        if answer.status in {_CONFLICT, _UNPROVED}:
            raise await self._contradiction(row["url"], old, answer)
        raise NotCosigned(f"status {answer.status}" if answer.status else f"no answer: {answer.text}")

    async def _contradiction(self, url: str, old: int, answer: WitnessAnswer) -> NotCosigned:
        """Show our own checkpoint of the size that the witness holds, so that it has both notes."""
        async with self._pool.acquire() as connection:
            ours = await audit.find(connection, old)
        if ours is not None and answer.status == _UNPROVED:
            answer = await self._add(url, old, ours)
            if answer.status == _OK:
                return NotCosigned("it refuses the proof, though it holds our tree")
        return NotCosigned(f"it holds another tree of {old} events", contradicts=True)

    async def _add(self, url: str, old: int, published: Checkpoint) -> WitnessAnswer:
        async with self._pool.acquire() as connection:
            proof = await audit.prove_consistency(connection, old, published.size) if old else []
        body = bodies.encode(Submission(old, tuple(proof), published.note))
        return await self._post(f"{url}/add-checkpoint", body)

    async def _add_epoch(self, url: str, newest: Checkpoint) -> WitnessAnswer:
        """Show the restore that began a new epoch, and that the log kept what the witness then asks for."""
        async with self._pool.acquire() as connection:
            bundle = await audit.consistency(connection, newest)
        answer = await self._post(f"{url}/add-epoch", msgspec.json.encode(bundle))
        if not 0 < answer.size <= newest.size:
            return answer
        async with self._pool.acquire() as connection:
            bundle = await audit.consistency_of_held(connection, newest, answer.size)
        return await self._post(f"{url}/add-epoch", msgspec.json.encode(bundle))

    async def _post(self, url: str, body: bytes) -> WitnessAnswer:
        try:
            async with self._session.post(url, data=body, allow_redirects=False) as answer:
                octets = await answer.content.read(ANSWER_MAX)
                while len(octets) < ANSWER_MAX and (more := await answer.content.read(ANSWER_MAX)):
                    octets += more
                return WitnessAnswer(answer.status, octets.decode(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return WitnessAnswer(0, type(error).__name__)

    async def _failed(self, row: asyncpg.Record, refused: NotCosigned) -> None:
        if refused.contradicts:
            _log.error("witness_contradicts", witness=row["name"], detail=str(refused))
        pause = SCHEDULE_S[min(row["attempts"], len(SCHEDULE_S) - 1)] * self._settings.time_scale
        await self._pool.execute(
            _FAILED, row["key"], str(refused)[:_RESULT_MAX], timedelta(seconds=pause), refused.contradicts
        )
