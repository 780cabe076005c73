"""History as Parquet: one directory a day, for statistics over years without the database.

    DIR/entries/day=2026-11-29/entries.parquet      every posted leg of the day
    DIR/payments/day=2026-11-29/payments.parquet    every payment that became final on the day

A day is one of UTC, and is exported when it is over. Its files are read back before they replace older ones:
for each account, the legs in the file must equal the change of the ledger's balance over the day. They have
institutions and amounts, no names and no accounts of people. Needs `pip install 'payswitch[analytics]'`.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import asyncpg

from ledger.sql import statement as ledger_statement
from switch.base.sql import statements
from switch.reports.reading import reading

_statement: Final = statements("switch.operations")
_SEQ_AT: Final = ledger_statement("seq_at")
_BALANCES_AT: Final = _statement("balances_at")
_NOW: Final = "SELECT clock_timestamp()"
_MONTHLY: Final = _statement("monthly")
_SUMS: Final = _statement("exported_sums")
_ODD_PAYMENT: Final = _statement("exported_odd_payment")
_READ: Final = {"entries": _statement("export_entries"), "payments": _statement("export_payments")}
_DAYS: Final = "hive_partitioning = true, hive_types = {'day': DATE}"
_ROWS: Final = 50_000
"""Rows of one group of a file: what is in memory at once."""
_SETTLED_AFTER: Final = timedelta(minutes=1)
"""A batch of the day before may be committed so long after midnight."""
_TICK: Final = timedelta(microseconds=1)

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "entries": {
        "seq": "int64",
        "at": "timestamp",
        "number": "int64",
        "position": "int16",
        "transfer": "uuid",
        "kind": "text",
        "purpose": "text",
        "currency": "text",
        "amount_minor": "int64",
        "debit_account": "int64",
        "debit_owner": "text",
        "debit_purpose": "text",
        "credit_account": "int64",
        "credit_owner": "text",
        "credit_purpose": "text",
    },
    "payments": {
        "number": "int64",
        "uetr": "uuid",
        "outcome": "text",
        "received_at": "timestamp",
        "final_at": "timestamp",
        "sender": "text",
        "message_name": "text",
        "debtor_agent": "text",
        "creditor_agent": "text",
        "debtor_country": "text",
        "creditor_country": "text",
        "rail": "text",
        "debit_currency": "text",
        "debit_minor": "int64",
        "credit_currency": "text",
        "credit_minor": "int64",
        "fee_minor": "int64",
        "fx_provider": "text",
        "rate": "text",
    },
}
"""Columns of each table, and their types: `docs/operate/scale.md` explains them."""


class ExportError(RuntimeError):
    """A day cannot be exported; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One exported day: the events that it covers, and the rows of each table."""

    day: date
    first_seq: int
    last_seq: int
    rows: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "day": self.day.isoformat(),
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "rows": dict(self.rows),
            "checked": True,
        }


def library(name: str) -> Any:
    """Import a package of the extra.

    Raises:
        ExportError: it is not installed.

    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise ExportError(f"{package} is not installed: pip install 'payswitch[analytics]'") from None


async def export(
    connection: asyncpg.Connection, directory: Path, first: date, last: date
) -> AsyncIterator[Exported]:
    """Export the days from `first` to `last`, both included; a day that was exported is replaced.

    Raises:
        ExportError: a day is not over, was archived, or its file differs from the ledger. Days before stay.

    """
    day = first
    while day <= last:
        yield await export_day(connection, directory, day)
        day += timedelta(days=1)


async def export_day(connection: asyncpg.Connection, directory: Path, day: date) -> Exported:
    """Export one day, in one snapshot of the database.

    Raises:
        ExportError: as `export`.

    """
    begin = datetime.combine(day, time(), UTC)
    async with reading(connection):
        if await connection.fetchval(_NOW) < begin + timedelta(days=1) + _SETTLED_AFTER:
            raise ExportError(f"{day} is not over: a day is exported after midnight UTC")
        bounds = [await connection.fetchval(_SEQ_AT, at - _TICK) for at in (begin, begin + timedelta(days=1))]
        if None in bounds:
            raise ExportError(f"events of {day} were detached: export a day before its history is archived")
        with _replacing(directory, day) as files:
            rows = {table: await _write(connection, table, files[table], bounds, day) for table in TABLES}
            before, after = [await _balances(connection, seq) for seq in bounds]
            _compare(files, before, after, day)
    return Exported(day, bounds[0] + 1, bounds[1], rows)


@contextlib.contextmanager
def _replacing(directory: Path, day: date) -> Iterator[dict[str, Path]]:
    """Temporary files of each table; they take their names when everything was written and checked."""
    places = {table: directory / table / f"day={day}" / f"{table}.parquet" for table in TABLES}
    files = {table: place.with_suffix(".writing") for table, place in places.items()}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield files
        for table, file in files.items():
            with file.open("rb") as written:
                os.fsync(written.fileno())
            file.replace(places[table])
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it has the file of an earlier export
                file.parent.rmdir()


async def _write(
    connection: asyncpg.Connection, table: str, file: Path, bounds: Sequence[int], day: date
) -> int:
    """Write the rows of a day; return their number."""
    arrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    facts = {"day": day.isoformat(), "first_seq": str(bounds[0] + 1), "last_seq": str(bounds[1])}
    schema = _schema(arrow, table).with_metadata({f"payswitch.{name}": text for name, text in facts.items()})
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        async for rows in _groups(connection, table, bounds):
            columns = [_column(arrow, field, [row[field.name] for row in rows]) for field in schema]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema), row_group_size=_ROWS)
            count += len(rows)
    return count


async def _groups(
    connection: asyncpg.Connection, table: str, bounds: Sequence[int]
) -> AsyncIterator[list[asyncpg.Record]]:
    cursor = await connection.cursor(_READ[table], *bounds)
    while rows := await cursor.fetch(_ROWS):
        yield rows


def _schema(arrow: Any, table: str) -> Any:
    types = {
        "int64": arrow.int64(),
        "int16": arrow.int16(),
        "text": arrow.string(),
        "uuid": arrow.string(),
        "timestamp": arrow.timestamp("us", tz="UTC"),
    }
    nullable = {"received_at"}  # its event may have been detached
    return arrow.schema(
        [arrow.field(name, types[type_], nullable=name in nullable) for name, type_ in TABLES[table].items()]
    )


def _column(arrow: Any, field: Any, values: Sequence[Any]) -> Any:
    is_uuid = field.name in {"transfer", "uetr"}
    return arrow.array(map(str, values) if is_uuid else values, type=field.type, size=len(values))


async def _balances(connection: asyncpg.Connection, seq: int) -> dict[int, tuple[int, int]]:
    """Posted debits and credits of each account after an event."""
    rows = await connection.fetch(_BALANCES_AT, seq)
    return {row["account"]: (row["debits"], row["credits"]) for row in rows}


def _compare(
    files: Mapping[str, Path],
    before: Mapping[int, tuple[int, int]],
    after: Mapping[int, tuple[int, int]],
    day: date,
) -> None:
    """Compare the legs in a file with the change of the ledger's balances, and the two files with each other.

    Raises:
        ExportError: they differ; the text names the first account or payment.

    """
    with _views({table: str(file) for table, file in files.items()}) as connection:
        written = {account: sums for account, *sums in connection.execute(_SUMS).fetchall()}
        odd = connection.execute(_ODD_PAYMENT).fetchone()
    for account in after.keys() | written.keys():
        was, is_ = before.get(account, (0, 0)), after.get(account, (0, 0))
        moved = [is_[0] - was[0], is_[1] - was[1]]
        if moved != written.get(account, [0, 0]):
            raise ExportError(
                f"{day}: account {account} moved {moved} by the ledger and {written.get(account)} by the file"
                " (debits, credits, minor units): nothing was exported; run `payswitch verify`"
            )
    if odd is not None:
        raise ExportError(f"{day}: payment {odd[0]} differs between the two files: nothing was exported")


@contextlib.contextmanager
def _views(files: Mapping[str, str]) -> Iterator[Any]:
    """A DuckDB in memory with each table as a view of its files, which may be a pattern."""
    with library("duckdb").connect(":memory:") as connection:
        for table, pattern in files.items():
            text = pattern.replace("'", "''")
            connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{text}', {_DAYS})")
        yield connection


def query(directory: Path, sql: str = _MONTHLY) -> Iterator[dict[str, Any]]:
    """Run SQL over an exported directory, with the views `entries` and `payments`.

    Raises:
        ExportError: there is nothing in the directory, or DuckDB refuses the query.

    """
    for table in TABLES:
        if not any((directory / table).glob("day=*/*.parquet")):
            raise ExportError(f"{directory} has no exported days: run `payswitch export parquet` first")
    with _views({table: str(directory / table / "day=*" / "*.parquet") for table in TABLES}) as connection:
        try:
            found = connection.execute(sql)
            names = [column[0] for column in found.description or ()]
            while row := found.fetchone():
                yield dict(zip(names, row, strict=True))
        except library("duckdb").Error as error:
            reason = str(error).partition("\n")[0]
            raise ExportError(f"DuckDB refuses the query: {reason}") from None
