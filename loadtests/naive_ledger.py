"""The naive ledger: what one usually writes. One transaction a phase, rows locked in the order of their ids.

Insert the transfer and its two entries, update both balances (the cap in the condition), foreign keys and
the indexes that statements need; nothing shared between payments.
"""

import asyncpg

SCHEMA = """
CREATE SCHEMA naive;
CREATE TABLE naive.account (
    id      bigint PRIMARY KEY,
    pending bigint NOT NULL DEFAULT 0,
    posted  bigint NOT NULL DEFAULT 0,
    cap     bigint NOT NULL
);
CREATE TABLE naive.transfer (
    id       uuid PRIMARY KEY,
    debit    bigint NOT NULL REFERENCES naive.account,
    credit   bigint NOT NULL REFERENCES naive.account,
    amount   bigint NOT NULL CHECK (amount > 0),
    state    text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON naive.transfer (debit, at);
CREATE INDEX ON naive.transfer (credit, at);
CREATE TABLE naive.entry (
    id       bigserial PRIMARY KEY,
    transfer uuid NOT NULL REFERENCES naive.transfer,
    account  bigint NOT NULL REFERENCES naive.account,
    pending  bigint NOT NULL,
    posted   bigint NOT NULL
);
CREATE INDEX ON naive.entry (account, id);
CREATE INDEX ON naive.entry (transfer);
"""

_ENTRY = "INSERT INTO naive.entry (transfer, account, pending, posted) VALUES ($1, $2, $3, $4)"
_CHANGE = (
    "UPDATE naive.account SET pending = pending + $2, posted = posted + $3"
    " WHERE id = $1 AND pending + posted + $2 + $3 >= -cap"
)


async def prepare(connection: asyncpg.Connection, accounts: int) -> None:
    """Make the schema and accounts 1 to `accounts`."""
    await connection.execute(SCHEMA)
    await connection.execute(
        "INSERT INTO naive.account (id, cap) SELECT n, 1e15 FROM generate_series(1, $1::bigint) AS n",
        accounts,
    )


async def reserve(connection: asyncpg.Connection, id_: object, debit: int, credit: int) -> None:
    """Phase one, in one transaction."""
    amount = 100
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO naive.transfer (id, debit, credit, amount, state)"
            " VALUES ($1, $2, $3, $4, 'pending')",
            id_,
            debit,
            credit,
            amount,
        )
        await connection.execute(_ENTRY, id_, debit, -amount, 0)
        await connection.execute(_ENTRY, id_, credit, amount, 0)
        await _change(connection, {debit: (-amount, 0), credit: (amount, 0)})


async def post(connection: asyncpg.Connection, id_: object) -> None:
    """Phase two, in one transaction."""
    async with connection.transaction():
        row = await connection.fetchrow(
            "UPDATE naive.transfer SET state = 'posted' WHERE id = $1 AND state = 'pending'"
            " RETURNING debit, credit, amount",
            id_,
        )
        debit, credit, amount = row
        await connection.execute(_ENTRY, id_, debit, amount, -amount)
        await connection.execute(_ENTRY, id_, credit, -amount, amount)
        await _change(connection, {debit: (amount, -amount), credit: (-amount, amount)})


async def _change(connection: asyncpg.Connection, changes: dict[int, tuple[int, int]]) -> None:
    for account, (pending, posted) in sorted(changes.items()):
        status = await connection.execute(_CHANGE, account, pending, posted)
        if status != "UPDATE 1":
            raise ValueError("the cap would be passed")
