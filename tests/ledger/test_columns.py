"""A function is declared once, and the database's is the same."""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Final

import asyncpg
import pytest

import ledger
import switch.writer
from ledger.columns import Columns, Function, each, numbers, one, statement_of, uuid, words


def declared() -> dict[str, Function]:
    """Every function that a module of the ledger or of the writer declares."""
    found = {}
    for package in (ledger, switch.writer):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            values = vars(importlib.import_module(module.name)).values()
            found |= {value.name: value for value in values if isinstance(value, Function)}
    return found


DECLARED: Final = declared()
SIGNATURES: Final = """
SELECT array_agg((p.name, format_type(p.type, NULL)) ORDER BY p.place) AS parameters
FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace,
     unnest(proargnames, proargtypes::oid[]) WITH ORDINALITY AS p (name, type, place)
WHERE n.nspname || '.' || proname = $1
GROUP BY pg_proc.oid
"""


async def signatures(database_url: str, name: str) -> list[list[tuple[str, str]]]:
    """Names and types of the parameters of every function of that name: the old one stays for a while."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(SIGNATURES, name)
    await connection.close()
    return [row["parameters"] for row in rows]


@pytest.mark.parametrize("name", sorted(DECLARED))
async def test_a_declaration_is_the_signature_of_its_function(name: str, database_url: str) -> None:
    assert DECLARED[name].parameters in await signatures(database_url, name)


async def test_every_function_that_records_a_part_of_a_batch_is_declared(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT nspname || '.' || proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace"
        r" WHERE (nspname, proname) = ('ledger', 'apply') OR (nspname = 'switch' AND proname LIKE 'record\_%')"
    )
    await connection.close()

    assert {name for (name,) in rows} == DECLARED.keys()


PAIRS: Columns[Iterable[tuple[int, str]]] = Columns(
    each("places", "bigint", lambda row: row[0]),
    each("names", "text", lambda row: row[1]),
)
TEXTS: Columns[list[int]] = Columns(
    one("first", "bigint", lambda values: values[0]),
    numbers("values", "bigint", lambda values: values),
    words("signs", "text", lambda values: ["NULL" if value < 0 else "plus" for value in values]),
)


def test_a_call_is_made_of_the_columns_in_their_order() -> None:
    call = Function("f", TEXTS, PAIRS)([5, -6], [(1, "a"), (2, "b")])

    assert call.function.sql(3) == "f($3, $4::text::bigint[], $5::text::text[], $6, $7)"
    assert call.arguments == [5, "{5, -6}", "{plus,NULL}", [1, 2], ["a", "b"]]


def test_calls_of_one_statement_number_their_placeholders_on() -> None:
    pairs, texts = Function("pairs", PAIRS), Function("texts", TEXTS)
    sql, arguments = statement_of([pairs([(1, "a")]), texts([7]), pairs([])])

    assert sql == "SELECT pairs($1, $2), texts($3, $4::text::bigint[], $5::text::text[]), pairs($6, $7)"
    assert arguments == [[1], ["a"], 7, "{7}", "{plus}", (), ()]


@pytest.mark.parametrize("nothing", [None, (), [], {}.values()], ids=["none", "tuple", "list", "view"])
def test_where_there_are_no_rows_every_column_is_empty(nothing: object) -> None:
    assert Function("f", TEXTS, PAIRS)(nothing, nothing).arguments == [None, "{}", "{}", (), ()]


def test_a_call_without_a_source_for_each_group_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        Function("f", PAIRS, TEXTS)([(1, "a")])


def test_a_uuid_is_the_drivers_own(database_url: str) -> None:
    assert uuid(bytes(range(16))).bytes == bytes(range(16))
