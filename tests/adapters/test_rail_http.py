"""What a failure proves: a rail that misbehaves on the wire, over a real socket."""

import asyncio
import ssl
import zlib
from contextlib import asynccontextmanager

import pytest

from adapters.http import ANSWER_BYTES, HttpClient, HttpFailure, HttpReply
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
