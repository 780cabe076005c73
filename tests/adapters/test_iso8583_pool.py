"""What a failure proves, and that no answer is lost: a rail that misbehaves on persistent connections.

The rail here is a few lines that say exactly what a test wants, over real TLS sockets.
"""

import asyncio
import dataclasses
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from adapters import registry
from adapters.framing import Framer
from adapters.iran.profile import SATNA_HOURS
from adapters.iso8583 import messages, private
from adapters.iso8583 import pool as pools
from adapters.iso8583.client import make
from adapters.iso8583.codec import MacKey, own, pack, unseal
from adapters.iso8583.messages import Iso8583Member, answer_fields
from adapters.iso8583.ordering import Iso8583Orders
from adapters.iso8583.private import PrivateTag
from adapters.originating import OrderVerdict
from adapters.port import Acceptance, Outcome, RailConnection
from adapters.simulation.harness import sample_order
from adapters.simulation.payers import PaymentAbroad
from adapters.simulation.sandbox import free_port, prepare
from adapters.tajikistan.messages import DIALECT
from schemas.errors import NotAuthentic, Unavailable
from schemas.money import Money

OURS, RAILS = MacKey(b"0" * 32), MacKey(b"1" * 32)
SCALE = 0.02
TIMING = dataclasses.replace(DIALECT.profile.timing, connect_s=1)
QUICK = dataclasses.replace(DIALECT, profile=dataclasses.replace(DIALECT.profile, timing=TIMING))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    prepare(directory, "TJ", port=1, callback_url="http://127.0.0.1:1/")
    return directory


class Peer:
    """One connection as the rail has it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, fields, key=RAILS):
        self.writer.write(pack(fields, QUICK, key))

    def end(self):
        self.writer.transport.abort()


class Rail:
    """Signs everybody on; hands every other message to `reply`, which may do anything."""

    def __init__(self, reply, sign_on=("00", {}), echo=True):
        self.reply, self.sign_on, self.echo = reply, sign_on, echo
        self.seen, self.peers, self.managed, self.signed, self.tries = [], [], [], [], 0

    async def serve(self, reader, writer):
        peer, framer = Peer(reader, writer), Framer(QUICK.length)
        self.tries += 1
        self.peers.append(peer)
        try:
            while data := await reader.read(65536):
                for message in framer.feed(data):
                    self.take(unseal(message, QUICK, OURS), peer)
        except OSError:
            pass
        finally:
            self.peers.remove(peer)
            peer.end()

    def take(self, fields, peer):
        if fields["t"] == "0800" and fields["70"] == "001":
            self.signed.append(fields)
            code, more = self.sign_on
            peer.send(answer_fields(fields, code, more))
        elif fields["t"] == "0800" and self.echo:
            self.managed.append(fields["70"])
            peer.send(answer_fields(fields, "00"))
        elif fields["t"] in {"0800", "0810"}:
            self.managed.append(fields["70"])
        else:
            self.seen.append(fields)
            self.reply(fields, peer)

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)


def yes(fields, **changes):
    more = {"48": private.write({PrivateTag.UETR: messages.read_ref(fields)}), "38": "ABC123", **changes}
    return answer_fields(fields, "00", more)


def agree(fields, peer):
    peer.send(yes(fields))


def nothing(fields, peer):
    """A rail that never answers."""


@asynccontextmanager
async def talking(place, reply, dialect=QUICK, **options):
    """A rail, and an adapter connected to it; what the adapter overheard is in `heard`."""
    rail = Rail(reply, **options)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "server.crt", place / "server.key")
    server = await asyncio.start_server(rail.serve, "127.0.0.1", 0, ssl=context)
    adapter = adapter_for(place, server.sockets[0].getsockname()[1], dialect)
    rail.heard = []

    async def overhear(raw):
        rail.heard.append(raw)

    adapter.listen(overhear)
    try:
        yield rail, adapter
    finally:
        await adapter.close()
        server.close()
        for peer in list(rail.peers):
            peer.end()
        await asyncio.sleep(0.02)


def adapter_for(place, port, dialect=QUICK, **changes):
    fields = {
        "base_url": f"tls://127.0.0.1:{port}",
        "ca_file": place / "ca.crt",
        "signing_key": b"0" * 32,
        "rail_key": b"1" * 32,
        "identity": registry.module(dialect.profile.country, "sandbox").IDENTITY,
        "time_scale": SCALE,
    }
    return make(dialect, RailConnection(**{**fields, **changes}))


def order(adapter, **changes):
    return adapter.translate(sample_order("TJ", **changes))


async def test_an_order_is_answered_on_its_connection(place):
    async with talking(place, agree) as (rail, adapter):
        receipt = await adapter.submit(native := order(adapter))

        assert (receipt.acceptance, receipt.answer.outcome) == (Acceptance.ACCEPTED, Outcome.DONE)
        assert (receipt.answer.ref, receipt.answer.rail_reference) == (native.ref, "ABC123")
        assert len(rail.seen) == 1
        assert rail.heard == []


async def test_an_answer_may_come_byte_by_byte(place):
    async def drip(raw, peer):
        for place_ in range(len(raw)):
            peer.writer.write(raw[place_ : place_ + 1])
            await peer.writer.drain()

    tasks = []

    def reply(fields, peer):
        tasks.append(asyncio.create_task(drip(pack(yes(fields), QUICK, RAILS), peer)))

    async with talking(place, reply) as (_, adapter):
        assert (await adapter.submit(order(adapter))).acceptance is Acceptance.ACCEPTED


async def test_many_answers_in_one_segment_and_out_of_order_find_their_orders(place):
    waiting = []

    def reply(fields, peer):
        waiting.append((fields, peer))
        if len(waiting) == 8:
            frames = b"".join(pack(yes(fields), QUICK, RAILS) for fields, _ in reversed(waiting))
            cut = len(frames) // 2 + 3
            peer.writer.write(frames[:cut])
            peer.writer.write(frames[cut:])

    async with talking(place, reply) as (rail, adapter):
        natives = [order(adapter, serial=100 + number) for number in range(8)]
        receipts = await asyncio.gather(*[adapter.submit(native) for native in natives])

        assert [receipt.answer.ref for receipt in receipts] == [native.ref for native in natives]
        assert len(rail.seen) == 8


async def test_a_late_answer_is_not_lost(place):
    late = []
    async with talking(place, lambda fields, peer: late.append((fields, peer))) as (rail, adapter):
        native = order(adapter)
        receipt = await adapter.submit(native)
        fields, peer = late[0]
        peer.send(yes(fields))
        await rail.until(lambda: rail.heard)

        assert (receipt.acceptance, receipt.detail) == (Acceptance.UNKNOWN, "timeout")
        (answer,) = adapter.decode(rail.heard[0])
        assert (answer.ref, answer.outcome) == (native.ref, Outcome.DONE)


async def test_a_late_answer_does_not_answer_the_enquiry(place):
    """A 94 that comes late for the order must never look like what the enquiry was told."""

    def reply(fields, peer):
        if fields["t"] == "0201":
            first = rail.seen[0]
            peer.send(
                answer_fields(
                    first,
                    "94",
                    {"48": private.write({PrivateTag.UETR: messages.read_ref(first)}), "44": "AM05"},
                )
            )

    async with talking(place, reply) as (rail, adapter):
        native = order(adapter)
        await adapter.submit(native)
        answer = await adapter.enquire(native)

        assert answer.outcome is Outcome.UNKNOWN
        assert [adapter.decode(raw)[0].outcome for raw in rail.heard] == [Outcome.UNKNOWN]


async def test_a_second_answer_is_overheard(place):
    def reply(fields, peer):
        peer.send(yes(fields))
        peer.send(yes(fields))

    async with talking(place, reply) as (rail, adapter):
        assert (await adapter.submit(order(adapter))).acceptance is Acceptance.ACCEPTED
        await rail.until(lambda: rail.heard)


async def test_a_lost_connection_fails_no_order_that_is_answered_on_another(place):
    def reply(fields, peer):
        peer.end()
        tasks.append(asyncio.create_task(elsewhere(fields, peer)))

    async def elsewhere(fields, gone):
        await rail.until(lambda: any(peer is not gone for peer in rail.peers))
        next(peer for peer in rail.peers if peer is not gone).send(yes(fields))

    tasks = []
    async with talking(place, reply) as (rail, adapter):
        await adapter.probe()
        await rail.until(lambda: len(rail.peers) == pools.LINKS)
        receipt = await adapter.submit(order(adapter))

        assert (receipt.acceptance, receipt.answer.outcome) == (Acceptance.ACCEPTED, Outcome.DONE)
        assert len(rail.seen) == 1
        await rail.until(lambda: len(rail.peers) == pools.LINKS)


RUINS = {
    "half a frame": lambda fields: pack(yes(fields), QUICK, RAILS)[:40],
    "a page": lambda _: b"<html><h1>502</h1></html>",
    "a frame too long": lambda _: b"9999" + b"0" * 50,
    "nothing": lambda _: b"",
    "a frame of garbage": lambda _: b"0009\x00garbage!",
    "a sealed request": lambda fields: pack(fields, QUICK, RAILS),
    "our own words": lambda fields: pack(fields, QUICK, OURS),
    "an answer of somebody else": lambda fields: pack(yes(fields), QUICK, OURS),
    "another amount's currency": lambda fields: pack(yes(fields, **{"49": "840"}), QUICK, RAILS),
    "an response about another order": lambda fields: pack(
        yes(fields, **{"48": private.write({PrivateTag.UETR: "a" * 32})}), QUICK, RAILS
    ),
}


async def is_unknown(place, name, *, end):
    def reply(fields, peer):
        if fields["t"] == "0200":
            peer.writer.write(RUINS[name](fields))
            if end:
                peer.writer.close()

    async with talking(place, reply) as (rail, adapter):
        receipt = await adapter.submit(order(adapter))

        assert (receipt.acceptance, receipt.answer) == (Acceptance.UNKNOWN, None)
        assert len(rail.seen) == 1
        assert await adapter.probe()


@pytest.mark.parametrize("name", RUINS)
async def test_what_is_no_clear_answer_is_unknown(place, name):
    """Whether the connection then ends or stays."""
    await asyncio.gather(is_unknown(place, name, end=True), is_unknown(place, name, end=False))


async def test_what_proves_nothing_is_not_handed_on(place):
    def reply(fields, peer):
        peer.send(yes(fields), key=OURS)

    async with talking(place, reply) as (rail, adapter):
        await adapter.submit(order(adapter))

        assert rail.heard == []
        with pytest.raises(NotAuthentic):
            adapter.decode(pack(yes(rail.seen[0]), QUICK, OURS))


async def test_nothing_left_us_when_nobody_listens(place):
    adapter = adapter_for(place, free_port())
    native = order(adapter)

    receipt = await adapter.submit(native)
    assert (receipt.acceptance, receipt.detail) == (Acceptance.REFUSED, "connect")
    assert (await adapter.enquire(native)).outcome is Outcome.UNKNOWN
    assert not await adapter.probe()
    assert (await adapter.undo(native, "CUST")).acceptance is Acceptance.REFUSED
    with pytest.raises(Unavailable):
        await adapter.resolve("992900000001")
    with pytest.raises(Unavailable):
        _ = [answer async for answer in adapter.reconcile("2026-11-23")]
    await adapter.close()


async def test_a_rail_that_another_authority_vouches_for_is_not_believed(place, tmp_path):
    prepare(tmp_path, "TJ", port=1, callback_url="http://127.0.0.1:1/")
    async with talking(place, agree) as (rail, _):
        (peer_port,) = {int(_.pool._connection.base_url.rpartition(":")[2])}
        stranger = adapter_for(tmp_path, peer_port)
        receipt = await stranger.submit(order(stranger))
        await stranger.close()

        assert (receipt.acceptance, receipt.detail) == (Acceptance.REFUSED, "tls")
        assert rail.seen == []


async def test_who_may_not_sign_on_sends_nothing(place):
    async with talking(place, agree, sign_on=("58", {})) as (rail, adapter):
        receipt = await adapter.submit(order(adapter))

        assert (receipt.acceptance, receipt.detail) == (Acceptance.REFUSED, "sign-on 58")
        assert rail.seen == []


async def test_a_rail_that_is_closed_at_sign_on_states_until_when(place):
    opens = datetime.now(UTC) + timedelta(hours=2)
    closed = ("90", {"48": private.write({PrivateTag.NOT_BEFORE: private.instant(opens)})})
    async with talking(place, agree, sign_on=closed) as (_, adapter):
        receipt = await adapter.submit(order(adapter))

        assert (receipt.acceptance, receipt.not_before) == (Acceptance.LATER, opens)


async def test_a_failing_rail_is_not_stormed(place, monkeypatch):
    monkeypatch.setattr(pools, "_PAUSES_S", (0.0, 60.0))
    async with talking(place, agree, sign_on=("58", {})) as (rail, adapter):
        receipts = [await adapter.submit(order(adapter)) for _ in range(200)]

        assert {receipt.acceptance for receipt in receipts} == {Acceptance.REFUSED}
        assert rail.tries == 2


async def test_the_rails_sign_off_is_answered_and_obeyed(place):
    async with talking(place, agree) as (rail, adapter):
        await adapter.probe()
        await rail.until(lambda: len(rail.peers) == pools.LINKS)
        leaving = rail.peers[0]
        leaving.send({"t": "0800", "7": "1123120000", "11": "000009", "70": "002"})
        await rail.until(lambda: leaving not in rail.peers)
        await rail.until(lambda: len(rail.peers) == pools.LINKS)

        assert "002" in rail.managed
        assert (await adapter.submit(order(adapter))).acceptance is Acceptance.ACCEPTED


async def test_the_rails_echo_is_answered(place):
    async with talking(place, agree) as (rail, adapter):
        await adapter.probe()
        rail.managed.clear()
        rail.peers[0].send({"t": "0800", "7": "1123120000", "11": "000009", "70": "301"})
        await rail.until(lambda: rail.managed == ["301"])


async def test_a_connection_that_gives_no_echo_is_replaced(place, monkeypatch):
    monkeypatch.setattr(pools, "ECHO_S", 5.0)
    async with talking(place, agree, echo=False) as (rail, adapter):
        assert (await adapter.submit(order(adapter))).acceptance is Acceptance.ACCEPTED
        dead = rail.peers[0]
        await rail.until(lambda: dead not in rail.peers)

        assert "301" in rail.managed
        tries = rail.tries
        await rail.until(lambda: rail.tries > tries)


async def test_closing_signs_off_and_a_later_order_connects_anew(place):
    async with talking(place, agree) as (rail, adapter):
        await adapter.submit(order(adapter))
        await adapter.close()
        await rail.until(lambda: not rail.peers)
        assert "002" in rail.managed

        assert (await adapter.submit(order(adapter))).acceptance is Acceptance.ACCEPTED


async def test_a_slow_rail_fills_its_own_places_only(place, monkeypatch):
    monkeypatch.setattr(pools, "PLACES", 4)
    hasty = dataclasses.replace(TIMING, connect_s=0.1)
    dialect = dataclasses.replace(QUICK, profile=dataclasses.replace(QUICK.profile, timing=hasty))
    async with talking(place, nothing, dialect) as (rail, adapter):
        receipts = await asyncio.gather(*[adapter.submit(order(adapter)) for _ in range(12)])
        details = [receipt.detail for receipt in receipts]

        assert {receipt.acceptance for receipt in receipts if receipt.detail == "busy"} == {
            Acceptance.REFUSED
        }
        assert details.count("timeout") == len(rail.seen) == 4
        assert details.count("busy") == 8


async def test_outside_its_window_satna_opens_at_its_hours_unless_the_rail_states_others(place):
    from adapters.iran.messages import DIALECT as IRAN

    def reply(fields, peer):
        uetr = private.write({PrivateTag.UETR: messages.read_ref(fields)})
        peer.writer.write(pack(answer_fields(fields, "90", {"48": uetr}), IRAN, RAILS))

    async def serve(reader, writer):
        framer = Framer(IRAN.length)
        while data := await reader.read(65536):
            for message in framer.feed(data):
                fields = unseal(message, IRAN, OURS)
                if fields["t"] == "0800":
                    writer.write(pack(answer_fields(fields, "00"), IRAN, RAILS))
                else:
                    reply(fields, Peer(reader, writer))
        writer.transport.abort()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "server.crt", place / "server.key")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    adapter = registry.load("IR", adapter_for(place, port, IRAN).pool._connection)
    satna = await adapter.submit(adapter.translate(sample_order("IR", minor=3 * 10**11)))
    pol = await adapter.submit(adapter.translate(sample_order("IR")))
    await adapter.close()
    server.close()
    await asyncio.sleep(0.02)

    assert (satna.acceptance, pol.acceptance, pol.not_before) == (Acceptance.LATER, Acceptance.LATER, None)
    assert abs(satna.not_before - SATNA_HOURS.open_from(datetime.now(UTC))) < timedelta(minutes=1)


async def test_where_nobody_listens_the_next_endpoint_is_tried(place):
    async with talking(place, agree) as (_rail, adapter):
        there = adapter.pool._connection.base_url
        other = adapter_for(place, 1, base_url=f"tls://127.0.0.1:{free_port()}", other_urls=(there,))
        receipt = await other.submit(order(other))
        await other.close()

    assert receipt.acceptance is Acceptance.ACCEPTED


def order_of_the_rail(number=1):
    """0200 of the rail; what it says does not matter here."""
    place = registry.module("TJ", "sandbox")
    orders = Iso8583Orders(QUICK, Iso8583Member.of(place.IDENTITY), RAILS, OURS, "1", place.BANK)
    at = datetime.now(UTC).replace(microsecond=0)
    wish = PaymentAbroad(Money(100, "TJS"), "INDUINBB", "", "asha", "Asha", at, at + timedelta(seconds=60))
    _, raw = orders.order(dataclasses.replace(wish, id=f"{number:032x}"))
    return raw


async def test_a_request_of_the_rail_is_answered_on_its_own_connection(place):
    async with talking(place, nothing) as (rail, adapter):
        adapter.serve(lambda raw: answered(adapter, raw))
        await rail.until(lambda: len(rail.signed) == pools.LINKS)
        peers = list(rail.peers)
        for number, peer in enumerate(peers, 1):
            peer.writer.write(order_of_the_rail(number))
        await rail.until(lambda: len(rail.seen) == len(peers))

    assert {fields["t"] for fields in rail.seen} == {"0210"}
    assert {private.read(fields["48"])[PrivateTag.TAKES_ORDERS] for fields in rail.signed} == {"1"}
    assert rail.heard == []


async def answered(adapter, raw):
    return adapter.reply(raw, OrderVerdict(Outcome.PENDING, datetime.now(UTC)))


async def test_without_a_handler_a_connection_does_not_say_that_it_takes_orders(place):
    async with talking(place, agree) as (rail, adapter):
        await adapter.submit(adapter.translate(sample_order("TJ")))
        rail.peers[0].writer.write(order_of_the_rail())
        await rail.until(lambda: rail.heard)

    assert all("48" not in fields for fields in rail.signed)


async def test_what_is_not_answered_leaves_the_connection_as_it_was(place, monkeypatch):
    """No answer, an error, and more requests than are answered at once."""
    monkeypatch.setattr(pools, "ANSWERED_MAX", 2)
    held = asyncio.Event()

    async def answer(raw):
        number = int(messages.read_ref(own(raw, QUICK)), 16)
        if number == 1:
            return None
        if number == 2:
            raise NotAuthentic
        await held.wait()
        return await answered(adapter, raw)

    def agree_to_orders(fields, peer):
        if fields["t"] == messages.ORDER:
            agree(fields, peer)

    async with talking(place, agree_to_orders) as (rail, adapter):
        adapter.serve(answer)
        await rail.until(lambda: len(rail.signed) == pools.LINKS)
        for number in range(1, 6):
            rail.peers[0].writer.write(order_of_the_rail(number))
            await asyncio.sleep(0.05)
        held.set()
        await rail.until(lambda: len(rail.seen) == 2)
        answer_of_rail = await adapter.submit(adapter.translate(sample_order("TJ")))

    assert answer_of_rail.acceptance is Acceptance.ACCEPTED


@pytest.mark.parametrize(
    ("code", "expected"),
    [("00", Acceptance.ACCEPTED), ("21", Acceptance.REFUSED), ("96", Acceptance.UNKNOWN)],
)
async def test_the_rail_confirms_an_outcome_or_has_ended_the_order_otherwise(place, code, expected):
    def confirm(fields, peer):
        peer.send(answer_fields(fields, code, {"48": fields["48"]}))

    async with talking(place, confirm) as (rail, adapter):
        advice = adapter.answer(order_of_the_rail(), OrderVerdict(Outcome.DONE, datetime.now(UTC)))
        receipt = await adapter.confirm(advice)

    assert receipt.acceptance is expected
    assert [fields["t"] for fields in rail.seen] == ["0220"]


async def test_a_confirmation_of_another_order_confirms_nothing(place):
    def confirm(fields, peer):
        peer.send(answer_fields(fields, "00", {"48": private.write({PrivateTag.UETR: "f" * 32})}))

    async with talking(place, confirm) as (_, adapter):
        advice = adapter.answer(order_of_the_rail(), OrderVerdict(Outcome.DONE, datetime.now(UTC)))
        assert (await adapter.confirm(advice)).acceptance is Acceptance.UNKNOWN
