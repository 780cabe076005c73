"""The simulated rails of Tajikistan and Iran: strict on the wire, and true to their book."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from adapters import registry
from adapters.conformance.timeouts import with_short_timeouts
from adapters.framing import framed
from adapters.iso8583 import messages, private
from adapters.iso8583.codec import own, pack, seal
from adapters.iso8583.private import PrivateTag
from adapters.port import Acceptance, Native, Outcome, RailConnection
from adapters.simulation.book import EntryStatus
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import magic_account
from schemas.errors import Unavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")
COUNTRIES = ["TJ", "IR"]
every_rail = pytest.mark.parametrize("country", COUNTRIES)
PAYA = 150_000_000_000
"""1,500,000,000 rials."""


async def ask(rail, fields):
    """What the rail answers to elements of our own, sealed as ours."""
    pool = rail.adapter.pool
    return await pool.exchange(pool.pack(fields), messages.awaited(fields))


def order_fields(rail, word="", **changes):
    native = rail.adapter.translate(sample_order(rail.country, word, **changes))
    return native.ref, own(native.body, rail.adapter.dialect)


def without(name):
    return lambda fields: fields.pop(name)


def put(name, value):
    return lambda fields: fields.update({name: value})


def said(tag, value):
    def change(fields):
        fields["48"] = private.write({**private.read(fields["48"]), tag: value})

    return change


STRICT = [
    ("no amount", without("4"), "30"),
    ("no amount at all", put("4", "0" * 12), "30"),
    ("amount above the limit", put("4", "9" * 12), "61"),
    ("currency", put("49", "840"), "30"),
    ("processing code", put("3", "000000"), "12"),
    ("acquirer", put("32", "1"), "03"),
    ("terminal", put("41", "XXXXXXXX"), "03"),
    ("acceptor", put("42", "X" * 15), "03"),
    ("no local time", without("12"), "30"),
    ("local time", put("12", "256000"), "30"),
    ("transmission date", put("7", "1340120000"), "30"),
    ("reference of another number", put("37", "632712999999"), "30"),
    ("no additional data", without("48"), "30"),
    ("additional data", put("48", "RU"), "30"),
    ("no UETR", said(PrivateTag.UETR, ""), "30"),
    ("no expiry", said(PrivateTag.EXPIRES, ""), "30"),
    ("expiry", said(PrivateTag.EXPIRES, "2026"), "30"),
    ("no debtor", said(PrivateTag.DEBTOR_NAME, ""), "30"),
    ("no creditor", said(PrivateTag.CREDITOR_NAME, ""), "30"),
    ("type", put("t", "0120"), "12"),
]


@every_rail
@pytest.mark.parametrize(("name", "change", "code"), STRICT, ids=[row[0] for row in STRICT])
async def test_an_order_with_one_thing_wrong_is_refused_by_its_code(rails, country, name, change, code):
    rail = await rails.get(country)
    ref, fields = order_fields(rail)
    change(fields)
    answer = await ask(rail, fields)

    assert answer["39"] == code
    assert rail.credits(ref) == 0


@every_rail
async def test_an_account_of_nobodys_shape_is_refused(rails, country):
    rail = await rails.get(country)
    ref, fields = order_fields(rail)
    fields[rail.adapter.dialect.creditor_field] = "IR" + "1" * 24
    answer = await ask(rail, fields)

    assert (answer["39"], answer["44"]) == ("14", "AC03")
    assert rail.credits(ref) == 0


@every_rail
async def test_one_number_under_two_payments_is_a_duplicate(rails, country):
    rail, made_at = await rails.get(country), datetime.now(UTC)
    first, second = (
        rail.adapter.translate(sample_order(country, serial=999_001, made_at=made_at)) for _ in range(2)
    )
    await rail.adapter.submit(first)
    receipt = await rail.adapter.submit(second)

    assert (receipt.acceptance, receipt.detail) == (Acceptance.UNKNOWN, "code 94")
    assert (await rail.adapter.enquire(second)).outcome is Outcome.NOT_FOUND
    assert rail.credits(second.ref) == 0


@every_rail
async def test_what_is_sealed_with_another_key_is_refused(rails, country):
    rail = await rails.get(country)
    stranger = registry.load(country, dataclasses.replace(rail.connection, signing_key=b"ab" * 16))
    receipt = await stranger.submit(stranger.translate(sample_order(country)))
    await stranger.close()

    assert (receipt.acceptance, receipt.detail) == (Acceptance.REFUSED, "sign-on 63")


async def raw_answer(rail, *sent):
    """Connect without signing on, send bytes, and read until the rail ends or is silent."""
    from adapters.tls import context

    port = int(rail.connection.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context(rail.connection))
    for piece in sent:
        writer.write(piece)
        await writer.drain()
    try:
        async with asyncio.timeout(60):
            return await reader.read(65536)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@every_rail
async def test_without_sign_on_nothing_is_acted_on(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    raw = await raw_answer(rail, native.body[:9], native.body[9:])

    assert b"58" in raw
    assert rail.credits(native.ref) == 0


@every_rail
@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"9999",
        b"0000",
        b"\x00\x04\x00\x00\x00\x00",
        b"0004abcd",
    ],
)
async def test_what_is_no_frame_ends_the_connection(rails, country, raw):
    rail = await rails.get(country)
    if country == "IR" and raw in {b"9999", b"0000"}:
        raw = b"\x00\x00"

    assert await raw_answer(rail, raw) == b""
    assert await rail.adapter.probe()


@every_rail
async def test_a_reversal_before_its_order_stops_it(rails, country):
    """The order may still be on its way: once reversed, it is never acted on, not after a restart either."""
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    receipt = await rail.adapter.undo(native, "CUST")
    late = await rail.adapter.submit(native)

    assert receipt.acceptance is Acceptance.ACCEPTED
    assert (late.acceptance, late.answer.reason) == (Acceptance.REFUSED, "CUST")
    await rail.adapter.close()
    await rail.kill()
    await rail.start()
    assert (await rail.adapter.submit(native)).acceptance is Acceptance.REFUSED
    assert rail.credits(native.ref) == 0


@every_rail
async def test_an_answer_that_comes_after_the_reversal_was_sent_still_comes(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country, "LATE"))
    async with with_short_timeouts(rail) as adapter:
        assert (await adapter.submit(native)).acceptance is Acceptance.UNKNOWN
    assert (await rail.adapter.undo(native, "CUST")).acceptance is Acceptance.ACCEPTED
    (answer,) = await rail.wait_for_answers(native.ref)

    assert answer.outcome is Outcome.DONE
    assert [entry.outcome for entry in rail.entries() if entry.rail_ref == native.ref] == [
        EntryStatus.DONE,
        EntryStatus.REVERSED,
    ]


@every_rail
async def test_a_reversal_of_another_original_reverses_nothing(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    await rail.adapter.submit(native)
    fields = messages.reversal_of(own(native.body, rail.adapter.dialect), datetime.now(UTC), "CUST")
    fields["90"] = "0200000000" + fields["90"][10:]

    assert (await ask(rail, fields))["39"] == "64"
    assert rail.entries()[-1].outcome is EntryStatus.DONE


@every_rail
async def test_a_repeat_never_makes_a_payment(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    for _ in range(2):
        assert (await rail.adapter.enquire(native)).outcome is Outcome.NOT_FOUND

    assert rail.credits(native.ref) == 0
    assert (await rail.adapter.submit(native)).acceptance is Acceptance.ACCEPTED


@every_rail
async def test_every_alias_finds_the_account(rails, country):
    rail = await rails.get(country)
    sandbox = registry.module(country, "sandbox")
    for alias, account in sandbox.ALIASES.items():
        payee = await rail.adapter.resolve(alias)
        assert (payee.account, payee.agent) == (account, sandbox.CREDITOR_AGENT.member_id)
        assert "***" in payee.name
    assert len(sandbox.ALIASES) == len(rail.adapter.profile.aliases)
    assert await rail.adapter.resolve("992911111111") is None
    assert (await rail.adapter.resolve(magic_account(country, "AC04"))).account == magic_account(
        country, "AC04"
    )


@every_rail
async def test_a_closed_rail_states_when_it_opens(rails, country):
    rail = await rails.get(country)
    known = rail.adapter.translate(sample_order(country))
    await rail.adapter.submit(known)
    opens = datetime.now(UTC) + timedelta(hours=1)
    assert (await rail.control("POST", "/hours", f'{{"closed_until": "{opens.isoformat()}"}}'.encode()))[
        0
    ] == 204
    try:
        native = rail.adapter.translate(sample_order(country))
        receipt = await rail.adapter.submit(native)

        assert (receipt.acceptance, receipt.not_before, receipt.detail) == (Acceptance.LATER, opens, "closed")
        assert (await rail.adapter.enquire(native)).outcome is Outcome.NOT_FOUND
        assert (await rail.adapter.submit(known)).acceptance is Acceptance.ACCEPTED
    finally:
        await rail.control("DELETE", "/hours")
    assert (await rail.adapter.submit(native)).acceptance is Acceptance.ACCEPTED


@every_rail
async def test_the_days_file_has_the_outcome_of_every_order(rails, country):
    rail = await rails.get(country)
    words = ["", "AC04", "SILENT", "LOST", "WRONGAMT", *["RR04"] * 25]
    natives = [rail.adapter.translate(sample_order(country, word)) for word in words]
    async with with_short_timeouts(rail) as adapter:
        await asyncio.gather(*[adapter.submit(native) for native in natives[2:4]])
    answered = [native for native in natives if native not in natives[2:4]]
    await asyncio.gather(*[rail.adapter.submit(native) for native in answered])
    day = rail.adapter.profile.hours.day(datetime.now(UTC))
    found = {answer.ref: answer async for answer in rail.adapter.reconcile(day)}

    done, refused, silent, lost, wrong = natives[:5]
    assert {found[native.ref].outcome for native in (done, silent, wrong)} == {Outcome.DONE}
    assert {found[native.ref].amount.minor for native in (done, silent, wrong)} == {150000}
    assert (found[refused.ref].outcome, found[refused.ref].reason) == (Outcome.REFUSED, "AC04")
    assert lost.ref not in found
    book = {
        entry.rail_ref for entry in rail.entries() if entry.outcome in {EntryStatus.DONE, EntryStatus.REFUSED}
    }
    assert set(found) == book
    assert all(answer.uetr.replace("-", "") == ref for ref, answer in found.items())


@every_rail
@pytest.mark.parametrize("cycle", ["no-day", "2026-13-01", "", "2026-11-23T00:00"])
async def test_a_day_that_is_none_has_no_file(rails, country, cycle):
    rail = await rails.get(country)
    with pytest.raises(Unavailable):
        _ = [answer async for answer in rail.adapter.reconcile(cycle)]


async def test_paya_is_pending_until_its_cycle(rails):
    rail = await rails.get("IR")
    native = rail.adapter.translate(sample_order("IR", minor=PAYA))
    receipt = await rail.adapter.submit(native)

    assert (receipt.acceptance, receipt.answer.outcome, receipt.answer.rail_code) == (
        Acceptance.ACCEPTED,
        Outcome.PENDING,
        "09",
    )
    assert (await rail.adapter.enquire(native)).outcome is Outcome.PENDING
    assert rail.credits(native.ref) == 0
    (answer,) = await rail.wait_for_answers(native.ref)
    assert (answer.outcome, answer.amount.minor) == (Outcome.DONE, PAYA)
    assert rail.credits(native.ref) == 1


async def test_satna_is_answered_at_once_while_it_is_open(rails):
    rail = await rails.get("IR")
    receipt = await rail.adapter.submit(rail.adapter.translate(sample_order("IR", minor=2 * PAYA)))

    assert receipt.answer.outcome is Outcome.DONE


async def test_what_was_refused_is_refused_in_paya_too(rails):
    rail = await rails.get("IR")
    receipt = await rail.adapter.submit(rail.adapter.translate(sample_order("IR", "AC04", minor=PAYA)))

    assert (receipt.acceptance, receipt.answer.reason) == (Acceptance.REFUSED, "AC04")


@every_rail
async def test_two_orders_in_one_segment_and_one_in_many_are_all_answered(rails, country):
    rail = await rails.get(country)
    adapter = rail.adapter
    natives = [adapter.translate(sample_order(country)) for _ in range(2)]
    sign_on = adapter.pool.pack(messages.network_fields("001", 900_001, datetime.now(UTC)))
    stream = sign_on + natives[0].body + natives[1].body
    raw = await raw_answer(rail, *[stream[place : place + 50] for place in range(0, len(stream), 50)])

    assert raw
    async with asyncio.timeout(60):
        while [rail.credits(native.ref) for native in natives] != [1, 1]:
            await asyncio.sleep(0.01)


@every_rail
async def test_stored_bytes_of_an_old_key_are_enquired_about_with_the_new_one(rails, country):
    """A key may change between sending and asking; what was stored is not sealed anew by the change."""
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    await rail.adapter.submit(native)
    fields = own(native.body, rail.adapter.dialect)
    old = type(rail.adapter.ours)(b"cd" * 16)
    stored = Native(native.ref, framed(seal(fields, rail.adapter.dialect, old), rail.adapter.dialect.length))

    assert stored.body == pack(fields, rail.adapter.dialect, old) != native.body
    assert (await rail.adapter.enquire(stored)).outcome is Outcome.DONE


@every_rail
async def test_the_control_port_is_not_the_rails_own(rails, country):
    rail = await rails.get(country)
    assert (await rail.control("POST", "/anything"))[0] == 404
    status, body = await rail.control("GET", "/requests")
    assert status == 200
    assert b'"0800"' in body
    assert isinstance(rail.connection, RailConnection)
    assert rail.connection.base_url.startswith("tls://")


@every_rail
async def test_after_the_rails_sign_off_orders_go_on_new_connections(rails, country):
    rail = await rails.get(country)
    await rail.adapter.probe()
    assert (await rail.control("POST", "/sign-off"))[0] == 204
    natives = [rail.adapter.translate(sample_order(country)) for _ in range(5)]
    receipts = await asyncio.gather(*[rail.adapter.submit(native) for native in natives])

    # Whatever crossed the sign-off on the wire was refused by the rail, or is unknown; nothing is lost or doubled.
    for native, receipt in zip(natives, receipts, strict=True):
        known = await rail.adapter.enquire(native)
        done = known.outcome is Outcome.DONE
        assert done or receipt.acceptance is not Acceptance.ACCEPTED
        assert rail.credits(native.ref) == done
        assert receipt.acceptance is not Acceptance.REFUSED or not done
    assert (
        await rail.adapter.submit(rail.adapter.translate(sample_order(country)))
    ).acceptance is Acceptance.ACCEPTED
