"""Attacks at the doors where rails order payments: at every rail, no payer's money is lost, doubled or invented."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from adapters import registry
from adapters.originating import PaymentOrder, uetr_of
from adapters.port import Outcome
from adapters.simulation.debit_book import DebitState
from adapters.simulation.harness import order_messages
from schemas.errors import SwitchError
from schemas.money import EXPONENTS, Money
from switch.base import personal_data
from switch.operations import verify
from switch.payments import inbound, rail_connection
from switch.payments.inbound import InboundRail
from switch.sandbox.gateways import CAP
from tests.switch.payments.inbound_doors import SOURCES, Door, door_of
from tests.switch.payments.inbound_world import both_sides, until_kept
from tests.switch.stack import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
REFUSED = range(400, 500)
UNPAYABLE = 2 * CAP
"""Whole units: more than a gateway of the sandbox may owe, so that nothing of these orders can be executed."""


@pytest.fixture(params=SOURCES)
def door(ten: Stack, request: pytest.FixtureRequest) -> Door:
    return door_of(ten, request.param)


async def ordered(stack: Stack) -> int:
    """How many orders and returns the switch has of all rails."""
    return int(await asked_of(stack, "SELECT count(*) FROM switch.inbound_order"))


async def asked_of(stack: Stack, question: str, *values: object) -> object:
    connection: asyncpg.Connection = await stack.connect()
    try:
        return await connection.fetchval(question, *values)
    finally:
        await connection.close()


async def test_what_the_rail_did_not_sign_is_neither_kept_nor_answered(door: Door) -> None:
    """Damaged, signed by us, signed by another rail, cut, empty, and garbage."""
    before = await ordered(door.stack)
    _, raw = door.messages.order(door.wish())
    rails = door.stack.settings.rails_directory
    others = {each: order_messages(each, rails / each) for each in SOURCES if each != door.country}
    foreign = [messages.order(door.wish())[1] for messages in others.values()]
    forged = [
        door.messages.damaged(raw),
        *foreign,
        raw[:-1],
        raw[: len(raw) // 2],
        raw + raw,
        b"",
        b"\x00" * 64,
    ]

    for message in forged:
        status, _ = answer = await door.ask(message)
        assert status in REFUSED, (message[:80], answer)
        assert door.said(answer) is None
    assert await ordered(door.stack) == before


async def test_a_query_about_a_payee_tells_a_masked_name_and_to_the_rail_alone(door: Door) -> None:
    """Whatever it asks about; nothing is ordered by it."""
    before = await ordered(door.stack)
    profile, ask = registry.profile(door.country), door.messages.payee_query
    query = ask(door.wish())
    known = await door.ask(query)
    nobody = await door.ask(ask(door.wish(bank="NOBDPKKA")))
    most = Money(UNPAYABLE * 10 ** EXPONENTS[profile.currency], profile.currency)
    odd = [door.wish(amount=most), door.wish(account="1" * 28), door.wish(account="nobody")]
    forged = [query[: len(query) // 2], query + b"A", query.replace(b"1200", b"2200")]

    name = door.messages.read_payee(*known)
    assert known[0] == 200
    assert name is not None
    assert "*" in name
    assert door.messages.read_payee(*nobody) is None
    for wish in odd:
        assert (await door.ask(ask(wish)))[0] in {200, *REFUSED}
    for message in forged:
        if message != query:  # some state no amount
            assert (await door.ask(message))[0] in REFUSED
    assert await ordered(door.stack) == before


async def test_a_replayed_order_is_paid_once_and_answered_alike(door: Door) -> None:
    """While it is under way, many at once; and when it is done."""
    uetr, raw = await door.ordered()
    during = await asyncio.gather(*(door.ask(raw) for _ in range(8)))
    assert await door.state(uetr) is DebitState.DONE
    after = await asyncio.gather(*(door.ask(raw) for _ in range(4)))

    assert {status for status, _ in during + after} <= {200, 202}
    assert {door.said(answer) for answer in during} <= {None, Outcome.PENDING, Outcome.DONE}
    assert {door.said(answer) for answer in after} <= {None, Outcome.DONE}
    assert door.credits_of(uetr) == 1
    assert (await both_sides(door.stack)).ok


async def test_an_id_with_other_content_changes_and_says_nothing(door: Door) -> None:
    uetr, raw = await door.ordered()
    await until_kept(door.stack, uetr)
    profile = registry.profile(door.country)
    other = door.messages.altered(raw, Money(7 * 10**4 * profile.limits.step_minor, profile.currency))
    during = await asyncio.gather(*(door.ask(other) for _ in range(4)))
    assert await door.state(uetr) is DebitState.DONE
    after = await door.ask(other)

    assert {status for status, _ in [*during, after]} == {409}
    assert {door.said(answer) for answer in [*during, after]} == {None}
    assert door.credits_of(uetr) == 1
    assert (await both_sides(door.stack)).ok


async def test_an_order_after_its_enquiry_or_its_reversal_is_never_paid(door: Door) -> None:
    """What came before it binds us, however often and however late it comes."""
    asked, given_up = (door.messages.order(door.wish()) for _ in range(2))
    answer = await door.ask(door.messages.enquiry(asked[1]))
    await door.ask(door.messages.reversal(given_up[1]))
    assert door.said(answer) is Outcome.NOT_FOUND
    await asyncio.gather(*(door.ask(raw) for _, raw in (asked, given_up) for _ in range(3)))

    for order in (asked, given_up):
        await door.until_not_executed(uetr_of(door.country, order[0]))
    found = await until_kept(door.stack, uetr_of(door.country, given_up[0]), kind="return", state="done")
    assert found.reason == ""


async def test_orders_enquiries_and_reversals_at_once_end_alike_on_both_sides(door: Door) -> None:
    uetr, raw = await door.ordered()
    enquiry, reversal = door.messages.enquiry(raw), door.messages.reversal(raw)
    answers = await asyncio.gather(*(door.ask(each) for each in (reversal, raw, enquiry) * 4))

    state = await door.state(uetr)
    assert {status for status, _ in answers} <= {200, 202}
    assert door.credits_of(uetr) == (state is DebitState.DONE)
    asked = await until_kept(door.stack, uetr, kind="return", open=False)
    assert asked.state == ("refused" if state is DebitState.DONE else "done")
    assert (await both_sides(door.stack)).ok


async def test_a_reversal_of_a_paid_order_takes_nothing_back(door: Door) -> None:
    uetr, raw = await door.ordered()
    assert await door.state(uetr) is DebitState.DONE
    answers = [await door.ask(door.messages.reversal(raw)) for _ in range(2)]

    assert {door.said(answer) for answer in answers} <= {None, Outcome.PENDING, Outcome.REFUSED}
    assert (await until_kept(door.stack, uetr, kind="return", open=False)).state == "refused"
    assert await door.state(uetr) is DebitState.DONE
    assert door.credits_of(uetr) == 1


async def test_what_no_payer_can_order_is_refused_and_ends(door: Door) -> None:
    """Too large, in another currency, with names of any length, at any time: never an error of ours."""
    profile, now = registry.profile(door.country), datetime.now(UTC).replace(microsecond=0)
    most = Money(UNPAYABLE * 10 ** EXPONENTS[profile.currency], profile.currency)
    foreign = Money(most.minor, "USD")
    wishes = [
        door.wish(amount=most),
        door.wish(amount=foreign),
        *(door.wish(amount=Money(10**digits, profile.currency)) for digits in (15, 17, 18, 19, 30)),
        *(door.wish(amount=most, payee="N" * length) for length in (500, 20_000, 70_000)),
        door.wish(amount=most, payee="\u202e<>&'\"]]>%00"),
        door.wish(amount=most, account="1" * 200),
        door.wish(amount=most, bank="NOBDPKKA"),
        *(
            door.wish(amount=most, made_at=at, expires_at=at + timedelta(seconds=90))
            for at in (now.replace(year=1970), now.replace(year=2400), datetime(9998, 12, 31, tzinfo=UTC))
        ),
        door.wish(amount=most, expires_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        door.wish(amount=most, expires_at=now - timedelta(days=400)),
    ]
    ends = []
    for wish in wishes:
        try:
            order = door.messages.order(wish)
        except (SwitchError, ValueError, OverflowError, UnicodeError):  # its format cannot even state it
            continue
        status, body = await door.ask(order[1])
        assert status in {200, 202, *REFUSED}, (wish, status, body)
        if status in {200, 202}:
            ends.append(uetr_of(door.country, order[0]))
    for uetr in ends:
        await door.until_not_executed(uetr)
        currency = await asked_of(
            door.stack,
            "SELECT min(debit_currency::text) FROM switch.payment WHERE uetr = $1",
            uuid.UUID(uetr),
        )
        assert currency in {None, profile.currency}
    assert ends


async def stored_by_an_intruder(door: Door) -> tuple[str, bytes]:
    """An order that the rail did not sign, as an intruder of an API worker stores it; its UETR, and its wish."""
    keys = personal_data.load(door.stack.settings.personal_data_keys)
    ref, raw = door.messages.order(door.wish(expires_at=datetime.now(UTC) + timedelta(days=30, hours=-1)))
    file = rail_connection.file_of(door.stack.settings.rails_directory, door.country)
    order = registry.load(door.country, rail_connection.read(file, 1.0)).read_request(raw)
    assert isinstance(order, PaymentOrder)
    gateway = await asked_of(
        door.stack, "SELECT gateway FROM switch.rail_inbound WHERE rail = $1", door.country
    )
    setting = InboundRail(door.country, str(gateway), open=True)
    async with asyncpg.create_pool(door.stack.settings.database, min_size=1, max_size=1) as pool:
        await inbound.keep_order(pool, keys, setting, order, door.messages.damaged(raw), lasts_s=600)
    return uetr_of(door.country, ref), raw


AGED = "UPDATE switch.inbound_order SET received_at = received_at - interval '2 days' WHERE uetr = $1"


async def test_an_order_that_an_intruder_of_a_worker_stored_is_never_paid_and_ends(door: Door) -> None:
    """The caretaker does not believe it, whatever limit in time it states."""
    uetr, _ = await stored_by_an_intruder(door)
    await asyncio.sleep(3)
    assert (await until_kept(door.stack, uetr)).state == "received"
    await asked_of(door.stack, AGED, uuid.UUID(uetr))

    await door.until_not_executed(uetr)
    none = await asked_of(door.stack, "SELECT count(*) FROM ledger.transfer WHERE id = $1", uuid.UUID(uetr))
    assert none == 0


async def test_what_was_executed_before_a_restore_is_neither_refused_for_its_age_nor_given_up(
    ten: Stack,
) -> None:
    """The restored row says that nothing was done; the rail's file says that the payee has the money."""
    door = door_of(ten, "PK")
    uetr, raw = await stored_by_an_intruder(door)
    await asked_of(
        ten,
        "INSERT INTO switch.restore_line (rail, ref, uetr, cycle, done, code, minor)"
        " VALUES ('IN', $2, $1, current_date, true, '', 1)",
        uuid.UUID(uetr),
        uetr,
    )
    try:
        await asked_of(ten, AGED, uuid.UUID(uetr))
        given_up = door.said(await door.ask(door.messages.reversal(raw)))
        await asyncio.sleep(3)
        assert (await until_kept(ten, uetr)).state == "received"
        assert (await until_kept(ten, uetr, kind="return")).state == "received"
        assert given_up in {None, Outcome.PENDING}
    finally:
        await asked_of(ten, "DELETE FROM switch.restore_line WHERE uetr = $1", uuid.UUID(uetr))

    await door.until_not_executed(uetr)


async def test_after_all_of_it_every_invariant_holds(ten: Stack) -> None:
    connection = await ten.connect()
    try:
        results = verify.verify(connection, ten.settings.rails_directory, None)
        faults = [each async for each in results if not each.ok]
    finally:
        await connection.close()

    assert faults == []
