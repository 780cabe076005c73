"""Two people: nobody alone, nobody twice, nothing twice, everything in the log."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from schemas.errors import InvalidMessage, NotAllowed, NotFound, Refused
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import ChangeState, Status
from switch.identity.permissions import RIGHTS, Right, may
from switch.processes.writer import WriterServer
from switch.writer import audit_notes
from switch.writer.client import Link
from switch.writer.commands import OpenAccount, SetCap, SetLimit
from switch.writer.context import ServiceContext
from tests.switch.services import (
    BANKS,
    DyingLink,
    LostLink,
    account,
    agree,
    balance,
    done,
    killed,
    no_caretaker,
    onboarding,
    open_services,
    person,
)

FUNDS = {"participant": "asha-bank", "currency": "INR", "amount": "1000.00", "reference": "R1"}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def bank(services: ServiceContext) -> str:
    await done(services, "participant.onboard", onboarding("asha-bank"))
    return "asha-bank"


async def ask(services: ServiceContext, name: str, kind: str, content: dict[str, Any]) -> int:
    change = await approvals.request(services, KINDS, person(name), kind, content=content, reason="why not")
    return change.number


async def vote(services: ServiceContext, name: str, number: int, decision: str = "approve"):
    return await approvals.vote(services, KINDS, person(name), number, decision=decision, reason="seen")


async def test_funds_are_booked_after_two_approvals_and_not_before(
    services: ServiceContext, bank: str
) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    before = await balance(services, bank)
    change = await vote(services, "chen", number)

    assert before == 0
    assert change.state is ChangeState.EXECUTED
    assert await balance(services, bank) == 100_000


async def test_a_movement_at_the_agent_is_booked_once_by_its_reference(
    services: ServiceContext, bank: str
) -> None:
    """At first two people who each booked the same advice doubled the money."""
    mistaken = await ask(services, "olga", "funds.in", FUNDS)
    with pytest.raises(Refused, match="booked already"):
        await ask(services, "omar", "funds.in", FUNDS | {"amount": "1.00"})
    await vote(services, "chen", mistaken, "refuse")
    await done(services, "funds.in", FUNDS)
    with pytest.raises(Refused, match="booked already"):
        await ask(services, "omar", "funds.in", FUNDS)
    await done(services, "funds.out", FUNDS)  # another movement, in the other direction

    assert await balance(services, bank) == 0


async def test_nobody_agrees_to_their_own_request_whatever_their_role(
    services: ServiceContext, bank: str
) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    await services.pool.execute("UPDATE switch.person SET role = 'checker' WHERE name = 'olga'")
    turned = type(person("olga"))("olga", "Olga", person("chen").role, "", Status.ACTIVE)

    with pytest.raises(NotAllowed):
        await approvals.vote(services, KINDS, turned, number, decision="approve", reason="me again")
    assert await balance(services, bank) == 0


async def test_the_tables_themselves_refuse_a_maker_who_votes(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)

    with pytest.raises(asyncpg.CheckViolationError):
        await services.pool.execute(
            "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
            " VALUES ($1, 0, 'olga', 'olga', 'approve', 'x')",
            number,
        )


async def test_the_tables_refuse_a_vote_that_names_another_maker(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)

    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await services.pool.execute(
            "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
            " VALUES ($1, 0, 'olga', 'omar', 'approve', 'x')",
            number,
        )


@pytest.mark.parametrize("name", ["omar", "amina", "ravi", "pia"])
async def test_who_is_no_checker_cannot_agree(services: ServiceContext, bank: str, name: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)

    with pytest.raises(NotAllowed):
        await vote(services, name, number)


@pytest.mark.parametrize("name", ["chen", "ravi", "amina", "pia"])
async def test_only_an_operator_can_request(services: ServiceContext, bank: str, name: str) -> None:
    with pytest.raises(NotAllowed):
        await ask(services, name, "funds.in", FUNDS)


async def test_a_hundred_checkers_at_once_execute_once(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    tries = [vote(services, name, number) for name in ("chen", "cyrus") * 10]
    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(r, approvals.Change) for r in results) == 1
    assert all(isinstance(r, approvals.Change | NotAllowed | Refused) for r in results)
    assert await balance(services, bank) == 100_000


async def test_a_crash_after_the_money_moved_moves_it_once(services: ServiceContext, bank: str) -> None:
    """The ledger did it, the row did not hear of it: `run_due` finds it done."""
    number = await ask(services, "olga", "funds.in", FUNDS)
    await vote(services, "chen", number)
    await services.pool.execute("UPDATE switch.change SET state = 'approved' WHERE number = $1", number)
    await approvals.run_due(services, KINDS, after_s=0)
    async with services.pool.acquire() as connection:
        change = await approvals.find(connection, number)

    assert change.state is ChangeState.EXECUTED
    assert await balance(services, bank) == 100_000


async def test_a_second_execution_of_what_has_ended_does_nothing(services: ServiceContext, bank: str) -> None:
    number = (await done(services, "funds.in", FUNDS)).number
    again = await approvals.execute(services, KINDS, number)

    assert again.state is ChangeState.EXECUTED
    assert await balance(services, bank) == 100_000


async def test_a_refused_change_is_never_executed(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    refused = await vote(services, "chen", number, "refuse")

    assert refused.state is ChangeState.REFUSED
    with pytest.raises(Refused):
        await vote(services, "cyrus", number)
    assert await balance(services, bank) == 0


async def test_only_its_maker_withdraws_a_change(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    with pytest.raises(NotAllowed):
        await approvals.withdraw(services, person("omar"), number)
    gone = await approvals.withdraw(services, person("olga"), number)

    assert gone.state is ChangeState.WITHDRAWN
    with pytest.raises(Refused):
        await vote(services, "chen", number)


async def test_what_nobody_decides_expires(services: ServiceContext, bank: str, database_url: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE switch.change SET expires_at = clock_timestamp() WHERE number = $1", number)
    await owner.close()
    with pytest.raises(Refused):
        await vote(services, "chen", number)
    await approvals.run_due(services, KINDS)

    assert (
        await services.pool.fetchval("SELECT state FROM switch.change WHERE number = $1", number) == "expired"
    )


async def test_it_is_checked_again_when_it_is_executed(services: ServiceContext, bank: str) -> None:
    """Two requests to suspend: the second could no longer be done, and says so when it is voted on."""
    first = await ask(services, "olga", "participant.suspend", {"participant": bank})
    second = await ask(services, "omar", "participant.suspend", {"participant": bank})
    await vote(services, "chen", first)

    with pytest.raises(Refused, match="not active"):
        await vote(services, "cyrus", second)


async def test_missing_funds_fail_the_change_with_the_reason(services: ServiceContext, bank: str) -> None:
    change = await agree(services, "funds.out", FUNDS)

    assert change.state is ChangeState.FAILED
    assert "cap exceeded" in change.outcome


async def test_content_cannot_be_altered_after_the_request(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)

    for statement in (
        f"UPDATE switch.change SET content = '{{}}' WHERE number = {number}",
        "DELETE FROM switch.change_vote",
    ):
        async with services.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE payswitch_api")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(statement)


@pytest.mark.parametrize(
    "content",
    [
        {**FUNDS, "amount": 1000},
        {**FUNDS, "amount": 1000.0},
        {**FUNDS, "extra": "x"},
        {"participant": "asha-bank"},
    ],
)
async def test_content_is_read_strictly(services: ServiceContext, bank: str, content: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        await ask(services, "olga", "funds.in", content)


async def test_an_unknown_kind_is_not_found(services: ServiceContext) -> None:
    with pytest.raises(NotFound):
        await ask(services, "olga", "money.print", {})


async def test_a_suspended_person_cannot_act_with_an_old_session(services: ServiceContext, bank: str) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    await done(services, "person.suspend", {"name": "chen"}, maker="omar", checkers=("cyrus",))

    with pytest.raises(NotAllowed):
        await vote(services, "chen", number)


async def test_every_step_is_in_the_log_once_and_in_order(services: ServiceContext, bank: str) -> None:
    await audit_notes.relay(services)
    after = await services.pool.fetchval("SELECT max(seq) FROM ledger.event")
    number = (await done(services, "funds.in", FUNDS)).number
    await asyncio.gather(*(audit_notes.relay(services) for _ in range(5)))
    rows = await services.pool.fetch(
        "SELECT kind, body FROM ledger.event WHERE number = 0 AND seq > $1 ORDER BY seq", after
    )
    kinds = [row["kind"] for row in rows if json.loads(row["body"]).get("change") == number]

    assert kinds == ["CHANGE_REQUESTED", "CHANGE_VOTE", "CHANGE_APPROVED", "CHANGE_EXECUTED"]
    assert await audit_notes.relay(services) == 0


async def test_a_relay_that_died_before_it_noted_the_number_writes_nothing_twice(
    services: ServiceContext, bank: str
) -> None:
    await audit_notes.relay(services)
    events = await services.pool.fetchval("SELECT count(*) FROM ledger.event")
    await services.pool.execute("UPDATE switch.audit_note SET seq = NULL")
    relayed = await audit_notes.relay(services)

    assert relayed > 0
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.event") == events


async def test_a_stolen_login_writes_no_note_of_another_process(services: ServiceContext) -> None:
    async with services.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE payswitch_api")
        for kind in ("FUND", "SETTLEMENT_SETTLED", "CHANGE_EXPIRED", "NO_SUCH_KIND"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not write a note"):
                async with connection.transaction():
                    await connection.execute(
                        "INSERT INTO switch.audit_note (id, kind, body, after_seq)"
                        " VALUES (gen_random_uuid(), $1, '{}', 0)",
                        kind,
                    )


async def test_a_note_that_the_writer_refuses_keeps_no_other_out_of_the_log(
    services: ServiceContext, bank: str
) -> None:
    """At first one row of a stolen login stopped all notes of people for ever."""
    await audit_notes.relay(services)
    async with services.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "SET LOCAL session_replication_role = replica"
        )  # as before there was a check
        await connection.execute(
            "INSERT INTO switch.audit_note (id, kind, body, after_seq)"
            " VALUES (gen_random_uuid(), $1, '{}', 0)",
            "X" * 500,
        )
    number = await ask(services, "olga", "funds.in", FUNDS)
    relayed = [await audit_notes.relay(services), await audit_notes.relay(services)]
    row = await services.pool.fetchrow("SELECT seq, refused_at FROM switch.audit_note WHERE kind LIKE 'XXX%'")

    assert relayed == [2, 0]
    assert row["seq"] is None
    assert row["refused_at"] is not None
    assert await services.pool.fetchval(
        "SELECT seq FROM switch.audit_note WHERE kind = 'CHANGE_REQUESTED' ORDER BY number DESC LIMIT 1"
    ), number


async def test_a_corridor_opens_when_both_central_banks_agree(services: ServiceContext) -> None:
    content = {"source": "IN", "target": "PK", "enabled": True}
    change = await agree(services, "corridor.switch", content, checkers=("chen", "ravi"))
    with pytest.raises(NotAllowed):  # the other checker has no seat: it is Pakistan's turn
        await vote(services, "cyrus", change.number)
    final = await vote(services, "karim", change.number)

    assert change.state is ChangeState.REQUESTED
    assert final.state is ChangeState.EXECUTED
    assert await services.pool.fetchval("SELECT enabled FROM switch.corridor WHERE source = 'IN'")


async def test_closing_a_corridor_does_not_wait_for_central_banks(services: ServiceContext) -> None:
    await done(services, "corridor.switch", {"source": "IN", "target": "PK", "enabled": False})

    assert await services.pool.fetchval("SELECT enabled FROM switch.corridor WHERE source = 'IN'") is False


@pytest.mark.parametrize(
    ("direction", "closed"),
    [
        ("into", {("IN", "PK"), ("KZ", "PK")}),
        ("out_of", {("PK", "IN")}),
        ("both_ways", {("IN", "PK"), ("KZ", "PK"), ("PK", "IN")}),
    ],
)
async def test_two_people_close_all_corridors_of_a_country_in_one_request(
    services: ServiceContext, direction: str, closed: set[tuple[str, str]]
) -> None:
    pairs = [("IN", "PK"), ("KZ", "PK"), ("PK", "IN"), ("IN", "KZ")]
    await services.pool.executemany(
        "INSERT INTO switch.corridor (source, target, enabled) VALUES ($1, $2, true)"
        " ON CONFLICT (source, target) DO UPDATE SET enabled = true",
        pairs,
    )
    content = {"country": "PK", "direction": direction}
    change = await done(services, "corridor.close_all", content)
    rows = await services.pool.fetch(
        "SELECT source::text, target::text FROM switch.corridor WHERE NOT enabled"
    )

    assert change.state is ChangeState.EXECUTED
    assert {(row["source"], row["target"]) for row in rows} == closed
    with pytest.raises(Refused, match="no such corridor is open"):
        await done(services, "corridor.close_all", content)


def test_every_role_has_its_rights_and_no_others() -> None:
    """Deny by default: of the switch, whoever asks has no vote; the auditor has neither."""
    assert set(RIGHTS) == set(type(person("olga").role))
    for name in ("chen", "ravi", "amina"):
        assert not may(person(name), Right.REQUEST_CHANGE)
    for name in ("olga", "amina"):
        assert not may(person(name), Right.VOTE)
    assert may(person("pia"), Right.READ_POSITIONS, participant="asha-bank")
    assert not may(person("pia"), Right.READ_POSITIONS, participant="ganga-bank")
    assert not may(person("ravi"), Right.READ_POSITIONS, country="PK")


def test_every_kind_describes_its_content() -> None:
    from switch.change_catalogue import describe

    for kind in KINDS.values():
        described = describe(kind)
        assert described["title"]
        assert described["content"]["$defs"]


def test_the_banks_of_these_tests_have_bics_of_their_own() -> None:
    assert len({bic[:8] for bic, _, _ in BANKS.values()}) == len(BANKS)


async def test_the_code_of_a_new_person_is_told_to_whoever_voted_last(
    services: ServiceContext, bank: str
) -> None:
    """That change alone is executed with the vote: nobody else may see the code."""
    content = {"name": "nina", "display_name": "Nina", "role": "operator", "maker_half": "ab" * 32}
    with no_caretaker(services):
        added = await vote(services, "chen", await ask(services, "olga", "person.add", content))

    assert added.state is ChangeState.EXECUTED
    assert added.secret


async def test_a_vote_does_not_execute_what_the_caretaker_executes(
    services: ServiceContext, bank: str
) -> None:
    number = await ask(services, "olga", "funds.in", FUNDS)
    with no_caretaker(services):
        voted = await approvals.vote(
            services, KINDS, person("chen"), number, decision="approve", reason="seen", within_s=0.2
        )
        before = await balance(services, bank)
        await approvals.execute_approved(services, KINDS)

    assert voted.state is ChangeState.APPROVED
    assert before == 0
    assert await balance(services, bank) == 100_000


async def test_two_executions_at_once_are_one(services: ServiceContext, bank: str) -> None:
    with no_caretaker(services):
        number = (await agree(services, "funds.in", FUNDS, within_s=0)).number
        await asyncio.gather(*(approvals.execute(services, KINDS, number) for _ in range(5)))

    assert await state_of(services, number) == "executed"
    assert await balance(services, bank) == 100_000


async def test_a_first_attempt_after_a_crash_before_it_is_checked_like_any_other(
    services: ServiceContext, bank: str
) -> None:
    """A vote was recorded, and the caretaker did not run: meanwhile the bank was removed from what may be done."""
    with no_caretaker(services):
        first = (await agree(services, "participant.suspend", {"participant": bank}, within_s=0)).number
        await services.pool.execute("UPDATE switch.participant SET status = 'suspended'")
        await approvals.execute_approved(services, KINDS)

    assert await state_of(services, first) == "failed"


async def cap(services: ServiceContext) -> int:
    minor: int = await services.pool.fetchval(
        "SELECT net_debit_cap FROM ledger.account WHERE owner = 'asha-bank'"
    )
    return minor


async def test_a_retried_cap_undid_a_newer_one(services: ServiceContext, bank: str) -> None:
    """A crash after the ledger set it; then other people set another; then `run_due` tries the first again."""
    cap_of = {"participant": "asha-bank", "currency": "INR"}
    first = await killed(services, "cap.set", {**cap_of, "net_debit_cap": "100.00"}, SetCap)
    after_first = await cap(services)
    await done(services, "cap.set", {**cap_of, "net_debit_cap": "70.00"}, maker="omar", checkers=("cyrus",))
    await approvals.run_due(services, KINDS, after_s=0)

    assert after_first == 100_00
    assert await state_of(services, first) == "executed"
    assert await cap(services) == 70_00


@pytest.mark.parametrize("on", [LostLink, DyingLink], ids=["not-sent", "decided"])
async def test_a_cap_that_became_stale_between_attempts_is_checked_again_unless_the_ledger_set_it(
    services: ServiceContext, bank: str, on: type[DyingLink]
) -> None:
    """The first attempt died; then other people lowered the cap so far that the first is out of its band."""
    cap_of = {"participant": "asha-bank", "currency": "INR"}
    await done(services, "cap.set", {**cap_of, "net_debit_cap": "60.00"})
    first = await killed(services, "cap.set", {**cap_of, "net_debit_cap": "100.00"}, SetCap, on=on)
    for lower in ("30.00", "4.00"):
        content = {**cap_of, "net_debit_cap": lower}
        await done(services, "cap.set", content, maker="omar", checkers=("cyrus",))
    await approvals.run_due(services, KINDS, after_s=0)

    assert await state_of(services, first) == ("failed" if on is LostLink else "executed")
    assert await cap(services) == 4_00


async def test_a_retried_limit_undid_a_newer_one(services: ServiceContext, bank: str) -> None:
    of = {"participant": "asha-bank", "currency": "INR", "per_payment": None}
    first = await killed(services, "limit.set", {**of, "per_day": "100.00"}, SetLimit)
    await done(services, "limit.set", {**of, "per_day": "70.00"}, maker="omar", checkers=("cyrus",))
    await approvals.run_due(services, KINDS, after_s=0)

    assert await state_of(services, first) == "executed"
    assert await services.pool.fetchval("SELECT per_day FROM switch.payment_limit") == 70_00
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 'LIMIT'") == 2


async def test_a_retry_after_the_writer_was_replaced_is_known_from_the_database(
    services: ServiceContext, bank: str, database_url: str
) -> None:
    order = SetCap(await account(services, "asha-bank"), 5_00, b"o" * 16)
    first = await services.link.ask(order)
    await services.link.ask(SetCap(order.account, 9_00))
    async with writer_beside(database_url, services.data) as link:  # a new epoch: it reads the database
        again = await link.ask(order)

    assert first == again
    assert await cap(services) == 9_00


@contextlib.asynccontextmanager
async def writer_beside(database_url: str, directory: Path) -> AsyncIterator[Link]:
    server = WriterServer(database_url, 1000)
    await server.serve(directory / "second.sock")
    link = Link(directory / "second.sock")
    await link.start()
    try:
        yield link
    finally:
        await link.stop()
        server._listener.close()
        await server._listener.wait_closed()
        await server.stop()


async def state_of(services: ServiceContext, number: int) -> str:
    state: str = await services.pool.fetchval("SELECT state FROM switch.change WHERE number = $1", number)
    return state


async def test_an_onboarding_that_failed_half_way_left_its_cap_to_the_next(services: ServiceContext) -> None:
    """The account of the one that died has a cap; who is let in later has the cap that was agreed on then."""
    number = await killed(
        services, "participant.onboard", onboarding("asha-bank", cap="5000.00"), OpenAccount
    )
    other = onboarding("asha-bank", cap="1.00")
    other["keys"] = []
    await done(services, "participant.onboard", other, maker="omar", checkers=("cyrus",))
    await approvals.run_due(services, KINDS, after_s=0)

    assert await state_of(services, number) == "failed"
    assert await cap(services) == 1_00


async def test_opening_an_existing_account_changes_nothing_and_reports_that(
    services: ServiceContext, bank: str
) -> None:
    content = {"participant": "asha-bank", "currency": "INR", "net_debit_cap": "50.00"}
    with pytest.raises(Refused, match="the account exists"):
        await ask(services, "olga", "account.open", content)
    other = {**content, "currency": "PKR"}
    number = await killed(services, "account.open", other, OpenAccount)
    await approvals.run_due(services, KINDS, after_s=0)

    assert await cap(services) == 0
    assert await state_of(services, number) == "executed"
