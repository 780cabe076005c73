"""What cases are about, as tests make it happen and end it: rows as the processes write them."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid4

import asyncpg

from switch.cases.opening import SUBJECTS

BREAKS = ("credited_unknown_here", "credited_but_aborted", "refused_but_committed", "another_amount")


async def open_subjects(connection: asyncpg.Connection | asyncpg.Pool) -> set[str]:
    return {row["subject"] for row in await connection.fetch(SUBJECTS)}


async def open_cases(connection: asyncpg.Connection | asyncpg.Pool) -> set[str]:
    rows = await connection.fetch("SELECT subject FROM switch.case_file WHERE closed_at IS NULL")
    return {row["subject"] for row in rows}


@dataclass
class World:
    """Facts of a database of the test's own."""

    pool: asyncpg.Pool
    numbers: list[int] = field(default_factory=lambda: [1_000_000])

    def _next(self) -> int:
        self.numbers[0] += 1
        return self.numbers[0]

    async def participants(self) -> None:
        for name, bic in (("asha-bank", "ASHAINBB"), ("reserve", "RSRVINBB")):
            await self.pool.execute(
                "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $1, $2, 'IN', 'direct')",
                name,
                bic,
            )

    async def payment(self, state: str = "UNKNOWN", rail: str = "PK") -> UUID:
        number, uetr = self._next(), uuid4()
        await self.pool.execute(
            "INSERT INTO switch.payment VALUES ($1, $2, 'asha-bank', 'pacs.008', 'M', 'asha-bank', 'indus-bank',"
            " $3, 'fx', '1', 'INR', 'PKR', 100, 100, 0, 'ref')",
            number,
            uetr,
            rail,
        )
        await self.pool.execute(
            "INSERT INTO switch.open_payment (number, uetr, state, rail, credit_minor, credit_currency, entered_at,"
            " expires_at, sendings) VALUES ($1, $2, $3, $4, 100, 'PKR', now(), now(), 1)",
            number,
            uetr,
            state,
            rail,
        )
        return uetr

    async def becomes(self, uetr: UUID, state: str | None) -> None:
        """The next state of a payment; None: it has ended."""
        if state is None:
            await self.pool.execute("DELETE FROM switch.open_payment WHERE uetr = $1", uetr)
        else:
            await self.pool.execute("UPDATE switch.open_payment SET state = $2 WHERE uetr = $1", uetr, state)

    async def difference(self, kind: str = "another_amount", uetr: UUID | None = None) -> int:
        number: int = await self.pool.fetchval(
            "INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)"
            " VALUES ('PK', $1, $2, $3, $4, '') RETURNING id",
            date(2026, 11, 30),
            uuid4().hex,
            uetr,
            kind,
        )
        return number

    async def resolved(self, number: int) -> None:
        await self.pool.execute(
            "UPDATE switch.reconciliation_break SET resolved_at = now(), owner = 'x', resolution = 'x' WHERE id = $1",
            number,
        )

    async def held_line(self, minor: int = -500) -> int:
        window = self._next()
        await self.pool.execute(
            "INSERT INTO switch.settlement (settlement_window, currency, state, positions_sha256, value_date)"
            " VALUES ($1, 'INR', 'SETTLING', 'x', $2)",
            window,
            date(2026, 11, 30),
        )
        await self.pool.execute(
            "INSERT INTO switch.settlement_line (settlement_window, participant, account, net_minor, state, id)"
            " VALUES ($1, 'asha-bank', 1, $2, 'HELD', $3)",
            window,
            minor,
            uuid4(),
        )
        return window

    async def line_becomes(self, window: int, state: str) -> None:
        await self.pool.execute(
            "UPDATE switch.settlement_line SET state = $2 WHERE settlement_window = $1", window, state
        )

    async def window_becomes(self, window: int, state: str) -> None:
        await self.pool.execute(
            "UPDATE switch.settlement SET state = $2 WHERE settlement_window = $1", window, state
        )

    async def confirmation(self, result: str) -> bytes:
        sha256 = uuid4().bytes * 2
        await self.pool.execute(
            "INSERT INTO switch.settlement_confirmation (sha256, agent, message, body, signature, result, taken_at)"
            " VALUES ($1, 'reserve', 'camt.054', '', 'a..b', $2, now())",
            sha256,
            result,
        )
        return sha256

    async def examined(self, sha256: bytes) -> None:
        await self.pool.execute(
            "UPDATE switch.settlement_confirmation SET examined = 1 WHERE sha256 = $1", sha256
        )

    async def freeze(self) -> None:
        await self.pool.execute(
            "INSERT INTO switch.freeze (seq, reason, detail) VALUES ($1, 'people', '')", self._next()
        )

    async def unfreeze(self) -> None:
        await self.pool.execute("DELETE FROM switch.freeze")


ODD = (
    "null",
    '{"unmatched": 1, "contradictions": []}',
    '{"unmatched": 0, "contradictions": ["asha-bank"]}',
    '{"unmatched": 0, "contradictions": []}',
)


class Days:
    """Random days: things begin, change and end in any order."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.ends: list[Callable[[], Awaitable[None]]] = []
        self.is_frozen = False

    async def step(self) -> None:
        w, r = self.world, self.random
        if self.ends and r.random() < 0.45:
            await self.ends.pop(r.randrange(len(self.ends)))()
            return
        match r.randrange(5):
            case 0:
                uetr = await w.payment(r.choice(["UNKNOWN", "SENT", "RESERVED"]))
                then = r.choice(["SENT", "UNKNOWN", None])
                self.ends.append(lambda: w.becomes(uetr, then))
                if r.random() < 0.7:
                    self.ends.append(lambda: w.becomes(uetr, r.choice(["UNKNOWN", None])))
            case 1:
                number = await w.difference(r.choice(BREAKS))
                self.ends.append(lambda: w.resolved(number))
            case 2:
                window = await w.held_line(r.choice([-500, 500]))
                self.ends.append(
                    r.choice(
                        [
                            lambda: w.line_becomes(window, "CARRIED"),
                            lambda: w.line_becomes(window, "SETTLED"),
                            lambda: w.window_becomes(window, "ABORTED"),
                        ]
                    )
                )
            case 3:
                sha256 = await w.confirmation(r.choice(ODD))
                self.ends.append(lambda: w.examined(sha256))
            case 4 if not self.is_frozen:
                self.is_frozen = True
                await w.freeze()
                self.ends.append(self._thaw)

    async def _thaw(self) -> None:
        self.is_frozen = False
        await self.world.unfreeze()
