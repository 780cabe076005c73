"""What a failure proves: a rail that misbehaves on the wire, over a real socket."""

import asyncio
import ssl
import zlib
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
import uvloop

from adapters import http
from adapters.http import ANSWER_BYTES, REST_S, HttpClient, HttpFailure, HttpReply
from adapters.port import RailConnection
from adapters.profile import Basis, Timing
from adapters.simulation.sandbox import free_port, issue_client, prepare

TIMING = Timing(
    connect_s=5, submit_s=1, answer_s=1, enquiry_first_s=1, enquiry_every_s=1, enquiries_max=1,
    not_found_grace_s=1, give_up_s=1, basis=Basis.PROFILE,
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    prepare(directory, "IN", port=1, callback_url="http://127.0.0.1:1/")
    return directory


@asynccontextmanager
async def serving(place, answer, *, close=True, host="127.0.0.1"):
    """A TLS server that reads a request's head and then writes `answer`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "server.crt", place / "server.key")
    held = asyncio.Event()

    async def serve(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if not close:
                await held.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        held.set()
        server.close()
        await asyncio.sleep(0.01)


async def ask(port, ca_file, *, host="127.0.0.1", timing=TIMING):
    client = HttpClient(RailConnection(base_url=f"https://{host}:{port}", ca_file=ca_file), timing)
    try:
        return await client.request("POST", "/", b"<order/>")
    finally:
        await client.close()


def ok(body, *headers):
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(body), b"", body])


WIRE = {
    "an answer": (ok(b"yes"), HttpReply),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nhtml", HttpReply),
    "redirect": (b"HTTP/1.1 307 T\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n", HttpReply),
    "nothing": (b"", HttpFailure),
    "half a head": (b"HTTP/1.1 200 O", HttpFailure),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", HttpFailure),
    "not HTTP": (b"\x00\x01\x02\x03\r\n\r\n", HttpFailure),
    "too large": (ok(b"x" * (ANSWER_BYTES + 1)), HttpFailure),
}


@pytest.mark.parametrize("name", WIRE)
async def test_once_sent_a_failure_proves_nothing(place, name):
    answer, expected = WIRE[name]
    async with serving(place, answer) as port:
        found = await ask(port, place / "ca.crt")

    assert isinstance(found, expected)
    assert not isinstance(found, HttpFailure) or found.sent


async def test_a_redirect_is_not_followed(place):
    async with serving(place, WIRE["redirect"][0]) as port:
        found = await ask(port, place / "ca.crt")

    assert found == HttpReply(307, "application/octet-stream", b"")


async def test_a_compressed_bomb_is_not_inflated(place):
    bomb = zlib.compress(b"0" * 50_000_000)
    assert len(bomb) < ANSWER_BYTES
    async with serving(place, ok(bomb, b"Content-Encoding: deflate")) as port:
        found = await ask(port, place / "ca.crt")

    assert isinstance(found, HttpReply)
    assert found.body == bomb


@asynccontextmanager
async def slow_to_connect(place, seconds):
    """A server that begins the handshake of TLS late."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "server.crt", place / "server.key")

    ended = asyncio.Event()

    async def serve(reader, writer):
        writer.transport.pause_reading()
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), seconds)
        try:
            if not ended.is_set():
                writer.transport.resume_reading()
                await writer.start_tls(context)
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ok(b"yes"))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        ended.set()
        server.close()
        await asyncio.sleep(0.05)


async def test_the_time_to_connect_is_not_taken_from_that_of_the_exchange(place):
    """In a hurried sandbox a look-up had 0.2 s to connect and to be answered: on a busy machine some failed."""
    hurried = replace(TIMING, submit_s=0.3)
    async with slow_to_connect(place, 0.6) as port:
        found = await ask(port, place / "ca.crt", timing=hurried)

    assert found == HttpReply(200, "application/octet-stream", b"yes")


async def test_who_does_not_connect_in_time_was_sent_nothing(place):
    """It was cut by the time-out of the exchange, and so looked like an order that may have been sent."""
    hurried = replace(TIMING, connect_s=0.4, submit_s=0.2)
    async with slow_to_connect(place, 5.0) as port:
        found = await ask(port, place / "ca.crt", timing=hurried)

    assert found == HttpFailure(sent=False, detail="connect")


async def test_silence_ends_at_the_time_out(place):
    async with serving(place, b"", close=False) as port:
        started = asyncio.get_running_loop().time()
        found = await ask(port, place / "ca.crt")

    assert found == HttpFailure(sent=True, detail="timeout")
    assert asyncio.get_running_loop().time() - started < 3


async def test_a_trickle_ends_at_the_time_out(place):
    async with serving(place, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", close=False) as port:
        assert await ask(port, place / "ca.crt") == HttpFailure(sent=True, detail="timeout")


async def test_a_refused_connection_proves_that_nothing_left(place):
    assert await ask(free_port(), place / "ca.crt") == HttpFailure(sent=False, detail="connect")


async def test_a_name_that_nobody_knows_proves_that_nothing_left(place):
    assert await ask(443, place / "ca.crt", host="rail.invalid") == HttpFailure(sent=False, detail="connect")


async def test_another_authority_is_not_trusted(place, tmp_path):
    prepare(tmp_path, "IN", port=1, callback_url="http://127.0.0.1:1/")
    async with serving(place, ok(b"yes")) as port:
        assert await ask(port, tmp_path / "ca.crt") == HttpFailure(sent=False, detail="tls")


async def test_another_name_is_not_trusted(place):
    async with serving(place, ok(b"yes"), host="127.0.0.2") as port:
        assert await ask(port, place / "ca.crt", host="127.0.0.2") == HttpFailure(sent=False, detail="tls")


async def test_the_worlds_authorities_do_not_vouch_for_a_rail_of_its_own(place):
    async with serving(place, ok(b"yes")) as port:
        assert await ask(port, None) == HttpFailure(sent=False, detail="tls")


async def test_no_plaintext_in_the_place_of_tls(place):
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    found = await ask(server.sockets[0].getsockname()[1], place / "ca.crt")
    server.close()

    assert isinstance(found, HttpFailure)
    assert not found.sent


async def test_a_slow_rail_holds_only_its_own_places(place):
    """Beyond the bulkhead an exchange waits for a connection, and then fails without having been sent."""
    from adapters.http import CONNECTIONS

    timing = Timing(
        **{name: getattr(TIMING, name) for name in TIMING.__slots__} | {"connect_s": 0.5, "submit_s": 3}
    )
    async with serving(place, b"", close=False) as port:
        client = HttpClient(
            RailConnection(base_url=f"https://127.0.0.1:{port}", ca_file=place / "ca.crt"), timing
        )
        found = await asyncio.gather(*[client.request("POST", "/", b"x") for _ in range(CONNECTIONS + 8)])
        await client.close()

    assert sum(not failed.sent for failed in found) >= 8
    assert all(isinstance(failed, HttpFailure) for failed in found)


async def test_where_nothing_left_us_the_next_endpoint_is_tried_and_kept(place):
    async with serving(place, ok(b"yes")) as port:
        connection = RailConnection(
            f"https://127.0.0.1:{free_port()}",
            other_urls=(f"https://127.0.0.1:{port}", f"https://127.0.0.1:{free_port()}"),
            ca_file=place / "ca.crt",
        )
        client = HttpClient(connection, TIMING)
        found = [await client.request("POST", "/", b"<order/>") for _ in range(2)]
        at = client._at
        await client.close()

    assert [isinstance(reply, HttpReply) for reply in found] == [True, True]
    assert at == 1


async def test_an_order_that_may_have_left_us_goes_to_no_other_endpoint(place):
    """Two endpoints that both make the payment would make it twice."""
    taken = []
    async with serving(place, b"") as broken, serving(place, ok(b"yes")) as other:
        connection = RailConnection(
            f"https://127.0.0.1:{broken}",
            other_urls=(f"https://127.0.0.1:{other}",),
            ca_file=place / "ca.crt",
        )
        client = HttpClient(connection, TIMING)
        taken.append(await client.request("POST", "/", b"<order/>"))
        at = client._at
        await client.close()

    assert [(reply.sent, at) for reply in taken] == [(True, 0)]


async def test_without_our_certificate_a_rail_that_wants_one_takes_nothing(place):
    issue_client(place)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=place / "client-ca.crt")
    context.load_cert_chain(place / "server.crt", place / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(b"yes"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ours = {"certificate_file": place / "client.crt", "certificate_key_file": place / "client.key"}
    found = []
    for certificate in (ours, {}):
        client = HttpClient(RailConnection(url, place / "ca.crt", **certificate), TIMING)
        found.append(await client.request("POST", "/", b"<order/>"))
        await client.close()
    server.close()
    await asyncio.sleep(0.01)

    assert [isinstance(reply, HttpReply) for reply in found] == [True, False]


@asynccontextmanager
async def keeping(place, *answers):
    """A TLS server that keeps its connection and writes the next answer for each request on it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "server.crt", place / "server.key")
    left, connections, heads = list(answers), [], []

    async def serve(reader, writer):
        connections.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                length = next(
                    (int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")),
                    0,
                )
                await reader.readexactly(length)
                for piece in left.pop(0):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except (ConnectionError, asyncio.IncompleteReadError, IndexError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = HttpClient(RailConnection(url, ca_file=place / "ca.crt"), TIMING)
    try:
        yield client, connections, heads
    finally:
        await client.close()
        server.close()
        await asyncio.sleep(0.01)


async def one_by_one(client, count, method="POST"):
    """Requests one after the other, each when the connection before has rested."""
    found = []
    for _ in range(count):
        found.append(await client.request(method, "/a", b"<order/>" if method == "POST" else None))
        for _ in range(3):  # a loop that was busy for long still reads what has come between two of them
            await asyncio.sleep(REST_S)
    return found


async def test_a_connection_is_kept_and_used_again(place):
    async with keeping(place, [ok(b"1")], [ok(b"2")], [ok(b"3")]) as (client, connections, _):
        found = await one_by_one(client, 3)

    assert [reply.body for reply in found] == [b"1", b"2", b"3"]
    assert len(connections) == 1


async def test_a_request_has_the_headers_that_rails_expect(place):
    async with keeping(place, [ok(b"1")], [ok(b"2")]) as (client, _, heads):
        await client.request("POST", "/a/b?c=d", b"<order/>", headers={"H-Hash": "x"})
        await client.request("GET", "/")
        port = client.connection.base_url.rpartition(":")[2]

    posted, read = [head.decode().split("\r\n")[:-2] for head in heads]
    assert posted[0] == "POST /a/b?c=d HTTP/1.1"
    assert set(posted[1:]) == {
        f"Host: 127.0.0.1:{port}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "User-Agent: payswitch",
        "Content-Type: application/xml",
        "H-Hash: x",
        "Content-Length: 8",
    }
    assert read[0] == "GET / HTTP/1.1"
    assert not any(line.startswith("Content-Length") for line in read)


async def test_an_address_without_a_path_has_the_first(place):
    async with keeping(place, [ok(b"1")], [ok(b"2")]) as (client, _, heads):
        for path in ("", "?a=b"):
            await client.request("POST", path, b"<order/>")

    assert [head.partition(b"\r\n")[0] for head in heads] == [b"POST / HTTP/1.1", b"POST /?a=b HTTP/1.1"]


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\0"])
async def test_a_header_cannot_begin_another(place, value):
    async with keeping(place) as (client, _, heads):
        with pytest.raises(ValueError, match="character"):
            await client.request("POST", "/", b"", headers={"H-Hash": value})

    assert heads == []


PIECES = {
    "byte by byte": [bytes([byte]) for byte in ok(b"yes")],
    "chunked": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\ny\r\n",
        b"2\r\nes\r\n0\r\n\r\n",
    ],
    "after an interim response": [b"HTTP/1.1 100 Continue\r\n\r\n", ok(b"yes")],
}


@pytest.mark.parametrize("name", PIECES)
async def test_a_response_is_read_however_it_comes(place, name):
    async with keeping(place, PIECES[name], [ok(b"2")]) as (client, connections, _):
        found = await one_by_one(client, 2)

    assert [reply.body for reply in found] == [b"yes", b"2"]
    assert len(connections) == 1


async def test_a_response_without_a_length_ends_with_its_connection(place):
    async with serving(
        place, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=x\r\n\r\nall of it"
    ) as port:
        found = await ask(port, place / "ca.crt")

    assert found == HttpReply(200, "text/plain", b"all of it")


NOT_KEPT = {
    "asked to close": [ok(b"1", b"Connection: close")],
    "two responses to one request": [ok(b"1") + ok(b"nobody's")],
    "a late response": [ok(b"1"), ok(b"nobody's")],
    "garbage behind it": [ok(b"1") + b"\0\1\2"],
}


@pytest.mark.parametrize("name", NOT_KEPT)
async def test_an_answer_is_never_taken_for_that_of_another_order(place, name):
    """Whatever follows a response, the next order has a connection of its own."""
    async with keeping(place, NOT_KEPT[name], [ok(b"2")]) as (client, connections, _):
        found = await one_by_one(client, 2)

    assert [reply.body for reply in found] == [b"1", b"2"]
    assert len(connections) == 2


async def test_after_a_time_out_a_connection_is_not_used_again(place):
    async with keeping(place, [b""], [ok(b"2")]) as (client, connections, _):
        found = await one_by_one(client, 2)

    assert found[0] == HttpFailure(sent=True, detail="timeout")
    assert found[1].body == b"2"
    assert len(connections) == 2


async def test_an_order_on_a_connection_that_was_closed_meanwhile_has_another(place):
    async with keeping(place, [ok(b"1")], [ok(b"2")]) as (client, connections, _):
        found = await one_by_one(client, 1)
        connections[0].close()
        await asyncio.sleep(0.05)
        found += await one_by_one(client, 1)

    assert [reply.body for reply in found] == [b"1", b"2"]


@pytest.mark.parametrize(("method", "sent"), [("POST", 1), ("GET", 2)])
async def test_only_what_changes_nothing_is_asked_again(place, method, sent):
    """The rail reads the second request on a kept connection and closes: an order may have been executed."""
    async with keeping(place, [ok(b"1")]) as (client, connections, heads):
        first, second = await one_by_one(client, 2, method)

    assert first.body == b"1"
    assert second == HttpFailure(sent=True, detail="disconnected")
    assert len(heads) == 1 + sent
    assert len(connections) == sent


async def test_connections_that_were_idle_for_long_are_closed(place, monkeypatch):
    monkeypatch.setattr(http, "KEEP_ALIVE_S", 0.05)
    async with keeping(place, [ok(b"1")], [ok(b"2")]) as (client, connections, _):
        await one_by_one(client, 1)
        await asyncio.sleep(0.1)
        await one_by_one(client, 1)
        opened = len(client._open)

    assert len(connections) == 2
    assert opened == 1


@pytest.mark.parametrize("first", ["abort", "close"])
async def test_a_connection_that_has_ended_is_closed_again_without_an_error(place, first):
    """With asyncio of Python 3.11.2 a rail that went away ended with AttributeError."""
    async with keeping(place, [ok(b"1")]) as (client, *_):
        await one_by_one(client, 1)
        (connection,) = client._open
        if first == "abort":
            connection.abort()
        else:
            await connection.close()
        await connection.close()
        connection.abort()


def test_the_loop_of_the_workers_does_the_same(place):
    """API workers run on another event loop, whose TLS is its own."""

    async def exchange():
        async with keeping(place, [ok(b"1")], [ok(b"2")]) as (client, connections, _):
            return [reply.body for reply in await one_by_one(client, 2)], len(connections)

    assert uvloop.run(exchange()) == ([b"1", b"2"], 1)


async def test_a_rail_that_says_nothing_does_not_hold_up_the_end(place):
    """Its network is gone: what ends TLS is never answered."""
    silent, ends = asyncio.Event(), []
    async with serving(place, ok(b"1"), close=False) as port:

        async def pass_on(source, target):
            while (data := await source.read(65536)) and not silent.is_set():
                target.write(data)

        async def relay(reader, writer):
            there_reader, there = await asyncio.open_connection("127.0.0.1", port)
            ends.extend((writer, there))
            await asyncio.gather(pass_on(reader, there), pass_on(there_reader, writer))

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = HttpClient(RailConnection(url, ca_file=place / "ca.crt"), TIMING)
        assert (await client.request("POST", "/", b"")).body == b"1"
        silent.set()
        started = asyncio.get_running_loop().time()
        await client.close()
        took = asyncio.get_running_loop().time() - started
        for writer in ends:
            writer.close()
        server.close()

    assert took < 3
