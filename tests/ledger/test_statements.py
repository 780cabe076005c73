"""Statements add up, and a past balance stays what it was."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ledger import positions, statements
from tests.ledger.hosts import pay

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def clock(connection):
    return await connection.fetchval("SELECT clock_timestamp()")


async def test_statements_follow_on_from_each_other_and_end_at_the_position(writer, connection):
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    moments, sent = [LONG_AGO], []
    for amount in (100, 20, 3):
        reserved, voided, moved = uuid4(), uuid4(), uuid4()
        await writer.submit(("reserve", reserved, pay(debtor, creditor, amount)))
        await writer.submit(("reserve", voided, pay(debtor, creditor, 1_000)))
        await writer.submit(("post", reserved))
        await writer.submit(("void", voided))
        await writer.submit(("move", moved, pay(creditor, debtor, 1)))
        if amount == 20:
            await writer.submit(("window",))
        sent += [(reserved, -amount), (moved, 1)]
        moments.append(await clock(connection))

    papers = [await statements.read(connection, debtor, *pair) for pair in itertools.pairwise(moments)]

    assert [(e.id, e.amount) for paper in papers for e in paper.entries] == sent
    assert {e.counterparty for paper in papers for e in paper.entries} == {"beta"}
    assert [paper.opening for paper in papers[1:]] == [paper.closing for paper in papers[:-1]]
    (alpha,) = await positions.read(connection, "alpha")
    assert (papers[-1].closing.debits, papers[-1].closing.credits) == (
        alpha.debits_posted,
        alpha.credits_posted,
    )
    for paper, moment in zip(papers, moments[1:], strict=True):
        assert await statements.balance_at(connection, debtor, moment) == paper.closing
    later = moments[-1] + timedelta(days=1)
    assert (await statements.balance_at(connection, debtor, later)).net == alpha.net
    assert await statements.balance_at(connection, debtor, LONG_AGO) == statements.Balance(0, 0)


async def test_a_statement_that_is_too_long_reports_that(writer, connection, monkeypatch):
    monkeypatch.setattr(statements, "ENTRIES_MAX", 3)
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    await writer.submit_many([("move", uuid4(), pay(debtor, creditor, 5)) for _ in range(4)])

    paper = await statements.read(connection, debtor, LONG_AGO, await clock(connection))

    assert (len(paper.entries), paper.closing.debits, paper.more) == (3, 15, True)


async def test_an_empty_ledger_has_empty_statements(connection):
    paper = await statements.read(connection, 1, LONG_AGO, await clock(connection))

    assert (paper.entries, paper.opening, paper.more) == ((), statements.Balance(0, 0), False)
