"""Whom the writer hears: greetings over TLS and over the local socket, and what each kind may send.

The writer has no database here: it greets as a standby, and decides nothing.
"""

import asyncio
import hashlib
import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import typing
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from schemas.errors import SwitchError
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.processes.writer import WriterServer
from switch.writer import addresses, commands, kinds
from switch.writer.addresses import Address, LocalPeers
from switch.writer.client import Link
from switch.writer.commands import (
    NO_TERMS,
    PROTOCOL,
    Accept,
    Advance,
    BookReturn,
    Command,
    CommandLeg,
    DecideScreening,
    Enquired,
    Frame,
    Freeze,
    Fund,
    GivenBack,
    Hello,
    HoldAgain,
    HoldForScreening,
    OpenAccount,
    Ping,
    Record,
    Refuse,
    Return,
    ReversalAnswered,
    Reverse,
    SetCap,
    frame_decoder,
    request_encoder,
)
from switch.writer.kinds import Kind, Permission
from switch.writer.lifecycle import Event
from switch.writer.verdicts import Verdict
from tests.docs.blocks import ROOT, of_page
from tests.switch.certificates import Authority, Identity
from tests.switch.stack import Stack

PEERS = {
    "spiffe://switch.test/api": ("api",),
    "*.pages.test": ("api", "pages"),
    "spiffe://switch.test/care": ("caretaker",),
}


class Listening:
    """A writer process's server, in this process, and certificates that it believes."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        own = self.authority.certify("localhost", "127.0.0.1")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = Settings(
            data=directory,
            writer_listen=(f"tcp+tls://127.0.0.1:{self.port}",),
            writer_peers=PEERS,
            writer_tls_certificate=own.certificate,
            writer_tls_key=own.key,
            writer_tls_ca=own.authority,
        )
        self.server = WriterServer("postgresql://nowhere", 1000)

    def context(self, identity: Identity) -> ssl.SSLContext:
        """TLS of a client."""
        return addresses.client_context(
            self.settings.model_copy(
                update={
                    "writer_tls_certificate": identity.certificate,
                    "writer_tls_key": identity.key,
                    "writer_tls_ca": identity.authority,
                }
            )
        )

    async def greeted(self, context: ssl.SSLContext | None, *stated: str) -> Frame | None:
        """What the server replies to a greeting; None if it disconnects."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        except OSError:
            return None
        return await exchanged(reader, writer, request_encoder.encode(Hello(PROTOCOL, list(stated))))


async def exchanged(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *payloads: bytes
) -> Frame | None:
    """Send frames and get the last reply; None if the connection ends before."""
    reply = None
    try:
        async with asyncio.timeout(20):
            for payload in payloads:
                writer.write(len(payload).to_bytes(4, "big") + payload)
                reply = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
    except (OSError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.close()
    return frame_decoder.decode(reply or b"")


@pytest.fixture
async def listening(tmp_path: Path) -> AsyncIterator[Listening]:
    made = Listening(tmp_path)
    await made.server.listen(made.settings)
    yield made
    await made.server.stop()


async def test_only_certified_and_named_peers_are_greeted_as_what_they_are(
    listening: Listening, tmp_path: Path
) -> None:
    own, other = listening.authority, Authority(tmp_path, "another authority")
    old = listening.context(own.certify("spiffe://switch.test/api"))
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    forged = other.certify("spiffe://switch.test/api", authority=own.file)
    distrustful = own.certify("spiffe://switch.test/care", authority=other.file)
    cases: dict[str, tuple[ssl.SSLContext | None, Sequence[str]]] = {
        "api": (listening.context(own.certify("spiffe://switch.test/api")), ["api"]),
        "both": (listening.context(own.certify("one.pages.test")), ["api", "pages"]),
        "one of both": (listening.context(own.certify("two.pages.test")), ["pages"]),
        "not its kind": (listening.context(own.certify("spiffe://switch.test/api")), ["api", "pages"]),
        "no such kind": (listening.context(own.certify("spiffe://switch.test/api")), ["root"]),
        "not in the list": (listening.context(own.certify("spiffe://switch.test/other")), ["api"]),
        "two labels more": (listening.context(own.certify("a.b.pages.test")), ["pages"]),
        "the suffix alone": (listening.context(own.certify("pages.test")), ["pages"]),
        "another authority": (listening.context(forged), ["api"]),
        "does not believe us": (listening.context(distrustful), ["caretaker"]),
        "without a certificate": (ssl.create_default_context(cafile=own.file), ["api"]),
        "TLS 1.2": (old, ["api"]),
        "without TLS": (None, ["api"]),
    }

    frames = {name: await listening.greeted(context, *stated) for name, (context, stated) in cases.items()}

    assert [name for name, frame in frames.items() if frame is not None] == ["api", "both", "one of both"]
    assert {frame.epoch for frame in frames.values() if frame is not None} == {0}


def test_a_client_believes_only_a_writer_whose_certificate_names_its_address(listening: Listening) -> None:
    context = listening.context(listening.authority.certify("spiffe://switch.test/api"))

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


async def test_each_kind_may_send_its_own_commands_only(listening: Listening) -> None:
    commands: list[Command] = [Ping(), OpenAccount("a", "INR", "position", 0), Freeze("people", "test")]
    frame = request_encoder.encode(list(enumerate(commands)))
    hello = request_encoder.encode(Hello(PROTOCOL, ["api"]))
    context = listening.context(listening.authority.certify("spiffe://switch.test/api"))
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port, ssl=context)

    reply = await exchanged(reader, writer, hello, frame)

    assert reply is not None
    verdicts = {request: decided.verdict for request, decided in reply.replies}
    assert verdicts == {0: Verdict.UNAVAILABLE, 1: Verdict.FAILED_TO_DECIDE, 2: Verdict.FAILED_TO_DECIDE}


def test_payments_are_accepted_by_api_workers_and_money_moved_for_people_only() -> None:
    def who(command: type) -> set[Kind]:
        return {kind for kind in kinds.PRODUCTION if command in kinds.PERMITTED[kind]}

    assert who(Accept) == {
        Kind.API,
        Kind.CARETAKER,
    }  # the caretaker only what two people released, or a rail ordered
    assert who(Enquired) == {Kind.CARETAKER}
    assert who(Fund) == {Kind.PAGES, Kind.CARETAKER, Kind.OPERATOR}
    assert who(Ping) == kinds.PRODUCTION


def test_who_executes_changes_may_send_every_command_that_one_may_have() -> None:
    for name, kind in KINDS.items():
        sent = typing.get_type_hints(kind.commands).get("return")
        (of,) = typing.get_args(sent)
        if of != Command:  # else its type says nothing
            allowed = kinds.PERMITTED[Kind.CARETAKER]
            assert {*(typing.get_args(of) or (of,))} <= allowed.keys(), name


ID, KEY = b"i" * 16, b"f" * 32
LEGS = [CommandLeg(1, 2, 100, "funding")]
PAID = Accept(commands.Identity(ID, KEY, "asha-bank", "", "", b"", 0), NO_TERMS, [], "", b"", 0, 0, 0, False)
HELD = HoldForScreening.of(PAID, lasts=1, lists=1, hits=b"", hit_count=1)
OF_RAIL = commands.Evidence(f"{commands.OF_RAIL}PK", b"", b"", b"")
PROMISE = commands.Promise(NO_TERMS, [], "SLEV", "", 0, 0, 0)
PUBLISH = commands.Publish("fx", [commands.OfferOfPair("INR", "PKR", [], 0, None)])
EVERY: dict[str, tuple[Command, set[Kind]]] = {
    "a rail's answer": (Advance(ID, Event.CONFIRM, rail="PK"), {Kind.API, Kind.CARETAKER}),
    "the sender cancels": (Advance(ID, Event.CANCEL), {Kind.API, Kind.CARETAKER}),
    "an order is sent": (Advance(ID, Event.SEND), {Kind.CARETAKER}),
    "an order expires": (Advance(ID, Event.EXPIRE, rail="PK"), {Kind.CARETAKER}),
    "two people decide an outcome": (
        Advance(ID, Event.CONFIRM, rail="PK", only_in_doubt=True, change=1),
        {Kind.CARETAKER, Kind.OPERATOR, Kind.PAGES},
    ),
    "a participant returns": (Return(ID, KEY, ID, "asha-bank", "m", "NARR"), {Kind.API}),
    "a rail gives back": (
        GivenBack(ID, "PK", "R1", 1, "PKR", "AC04", "AC04", 0, b"", b""),
        {Kind.API, Kind.CARETAKER},
    ),
    "what a rail gave back is booked": (BookReturn(ID, "R1"), {Kind.CARETAKER}),
    "two people order a reversal": (Reverse(ID, ID, "CUST", 1), {Kind.CARETAKER}),
    "nobody orders a reversal": (Reverse(ID, ID, "CUST"), set()),
    "a reversal is answered": (ReversalAnswered(ID, ID, "done"), {Kind.CARETAKER}),
    "two people return": (
        Return(ID, KEY, ID, "", "change 1", "NARR", 1),
        {Kind.CARETAKER, Kind.OPERATOR, Kind.PAGES},
    ),
    "a payment is held by screening": (HELD, {Kind.API}),
    "it is held again": (HoldAgain(HELD.identity, 1, 1, b"", 1), {Kind.CARETAKER}),
    "a hold begins again": (structs.replace(HELD, held=1), set()),
    "a participant asks for a quote": (PROMISE, {Kind.API}),
    "a rail looks a price up": (structs.replace(PROMISE, evidence=OF_RAIL), {Kind.CARETAKER}),
    "an FX provider publishes its rates": (PUBLISH, {Kind.API}),
    "two people of it do": (structs.replace(PUBLISH, order=ID, change=1), {Kind.CARETAKER}),
    "two people decide about it": (DecideScreening(ID, 1, "release", ID, 1), {Kind.CARETAKER}),
    "nobody decides about it": (DecideScreening(ID, 1, "release", ID), set()),
    "a payment that a rail ordered is held": (structs.replace(HELD, evidence=OF_RAIL), {Kind.CARETAKER}),
    "a payment is refused": (Refuse(HELD.identity, "AC03", ""), {Kind.API, Kind.CARETAKER}),
    "a held one is refused": (Refuse(HELD.identity, "RR04", "", held=1), {Kind.API, Kind.CARETAKER}),
    "nobody decided an outcome": (Advance(ID, Event.CONFIRM, rail="PK", only_in_doubt=True), set()),
    "nobody returns": (Return(ID, KEY, ID, "", "m", "NARR"), set()),
    "funds move by a change": (Fund(ID, KEY, LEGS, "", 1), {Kind.CARETAKER, Kind.OPERATOR, Kind.PAGES}),
    "funds move by no change": (Fund(ID, KEY, LEGS, ""), set()),
    "funds move as in a sandbox": (Fund(ID, KEY, LEGS, "", -1), set()),
    "a cap is set by no change": (SetCap(1, 100), set()),
    "a report is noted": (Record("REPORT", b"{}"), kinds.PRODUCTION - {Kind.MESSENGER}),
    "data are erased": (Record("ERASE", b"{}"), {Kind.OPERATOR}),
    "a vote is copied": (Record("CHANGE_VOTE", b"{}"), {Kind.CARETAKER}),
    "a change is said to be executed": (Record("CHANGE_EXECUTED", b"{}"), {Kind.CARETAKER}),
    "a funding is forged": (Record("FUND", b"{}"), set()),
    "an outcome is forged": (Record("CONFIRM", b"{}"), set()),
    "an unknown event is forged": (Record("cap_set", b"{}"), set()),
}


@pytest.mark.parametrize("what", EVERY)
def test_each_kind_may_send_its_commands_and_no_content_of_another(what: str) -> None:
    command, may = EVERY[what]

    assert {kind for kind in kinds.PRODUCTION if Permission([kind]).permits(command)} == may
    both = Permission([Kind.API, Kind.MESSENGER])
    assert both.permits(command) == (Kind.API in may)


async def test_what_is_no_greeting_or_no_whole_frame_is_disconnected(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within limits that are short here: a peer that says nothing, or never finishes, holds nothing."""
    monkeypatch.setattr("switch.processes.writer._HELLO_WITHIN_S", 0.5)
    monkeypatch.setattr("switch.processes.writer._WHOLE_WITHIN_S", 0.5)
    context = listening.context(listening.authority.certify("spiffe://switch.test/api"))

    async def ended(data: bytes) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port, ssl=context)
        writer.write(data)
        async with asyncio.timeout(20):
            try:
                while await reader.read(1 << 16):
                    pass
            except OSError:
                pass
        writer.close()
        return True

    def framed(hello: Any) -> bytes:
        payload = request_encoder.encode(hello)
        return len(payload).to_bytes(4, "big") + payload

    whole = framed(Hello(PROTOCOL, ["api"]))
    assert (
        await asyncio.gather(
            *map(
                ended,
                (
                    b"",
                    framed(Hello(PROTOCOL + 1, ["api"])),
                    framed("hello"),
                    (1 << 30).to_bytes(4, "big"),
                    whole + b"\x00\x00\x00\x05\xc1\xc1\xc1\xc1\xc1",
                    whole + b"\x00\x00\x10\x00...",
                ),
            )
        )
        == [True] * 6
    )


async def test_a_user_of_this_machine_may_be_what_the_settings_state(tmp_path: Path) -> None:
    """The kernel states who is at the other end of a local socket."""
    me = pwd.getpwuid(os.getuid()).pw_name
    digest = hashlib.sha256(b"secret").hexdigest()
    cases: dict[str, tuple[LocalPeers | None, str]] = {
        "named": (LocalPeers({me: ("api",)}, {}, kinds.ALL), ""),
        "another": (LocalPeers({"nobody": ("api",)}, {}, kinds.ALL), ""),
        "our user": (LocalPeers({}, {}, kinds.PRODUCTION), ""),
        "with a token": (LocalPeers({}, {digest: ("api",)}, kinds.ALL), "secret"),
        "another token": (LocalPeers({}, {digest: ("api",)}, kinds.ALL), "guessed"),
        "named, no token": (LocalPeers({me: ("api",)}, {digest: ("api",)}, kinds.ALL), ""),
        "no check": (None, ""),
    }
    heard = {}
    for name, (peers, token) in cases.items():
        server = WriterServer("postgresql://nowhere", 1000)
        place = tmp_path / f"{name}.sock"
        listener = await server._listen_locally(place, peers)
        for kind in ("api", "pages", "sandbox"):
            reader, writer = await asyncio.open_unix_connection(str(place))
            hello = request_encoder.encode(Hello(PROTOCOL, [kind], token))
            heard[name, kind] = await exchanged(reader, writer, hello) is not None
        listener.close()
        await server.stop()

    assert [who for who, is_heard in heard.items() if is_heard] == [
        ("named", "api"),
        ("our user", "api"),
        ("our user", "pages"),
        ("with a token", "api"),
        ("no check", "api"),
        ("no check", "pages"),
        ("no check", "sandbox"),
    ]


def test_only_a_sandbox_hears_what_fills_it() -> None:
    assert Kind.SANDBOX in LocalPeers.of(Settings(sandbox=True)).allowed
    assert LocalPeers.of(Settings()).allowed == kinds.PRODUCTION


async def test_a_process_on_the_machine_that_the_supervisor_did_not_start_is_not_heard(stack: Stack) -> None:
    """A user of this machine who can open the socket moved money between banks, and forged events of the log."""
    before = refused(stack, "peer"), refused(stack, "command")
    link = Link(stack.settings.writer_socket)
    with pytest.raises(TimeoutError):
        await link.start(within_s=1)
    await link.stop()
    link = Link.of(stack.settings, Kind.CARETAKER)
    with pytest.raises(TimeoutError):
        await link.start(within_s=1)
    await link.stop()
    link = Link.of(stack.settings, Kind.OPERATOR)  # by the token for commands
    await link.start(within_s=10)
    forged = Record("CHANGE_EXECUTED", b'{"change":999,"outcome":"forged"}')
    with pytest.raises(SwitchError, match="may not send the command Record"):
        await link.ask(forged)
    await link.stop()

    after = refused(stack, "peer"), refused(stack, "command")
    assert after[0] > before[0]
    assert after[1] == before[1] + 1


def refused(stack: Stack, what: str) -> int:
    """How often the writer refused, by its metric."""
    found = re.search(f'payswitch_writer_refused_total{{what="{what}"}} ([0-9.]+)', stack.metrics())
    return int(float(found[1])) if found else 0


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("tcp+tls://writer-1.example:8330", Address(host="writer-1.example", port=8330)),
        ("tcp+tls://[2001:db8::1]:8330", Address(host="2001:db8::1", port=8330)),
        ("unix:///run/payswitch/w.sock", Address(path=Path("/run/payswitch/w.sock"))),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, means: Address) -> None:
    assert addresses.parse(text) == means
    assert str(means) == text


@pytest.mark.parametrize(
    "text",
    ["", "writer:8330", "tcp://w:1", "tcp+tls://w", "tcp+tls://w:0", "tcp+tls://w:99999", "tcp+tls://u@w:1",
     "tcp+tls://w:1/path", "unix://relative/w.sock", "unix:w"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        addresses.parse(text)


def test_everything_wrong_with_the_settings_is_reported_at_once(tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    key.write_text("no key")
    key.chmod(0o644)
    settings = Settings(
        data=tmp_path,
        writer_listen=("tcp+tls://0.0.0.0:8330", "http://w"),
        writer_tls_certificate=tmp_path / "missing.crt",
        writer_tls_key=key,
        writer_peers={"a.example": ("api", "boss")},
        writer_users={"no-such-user": ("api",)},
    )

    found = " | ".join(addresses.faults(settings, writes=True))

    for part in (
        "PAYSWITCH_WRITER_LISTEN: 'http://w'",
        "missing.crt is not a file",
        "PAYSWITCH_WRITER_TLS_CA: it is not set",
        "open.key can be read by others",
        "a.example cannot be a 'boss'",
        "no user no-such-user",
    ):
        assert part in found
    assert list(addresses.faults(Settings(data=tmp_path), writes=True)) == []


def test_the_environment_files_of_the_page_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [block for block in of_page(ROOT / "docs/operate/many-machines.md") if block.language == "ini"]
    read = []
    for block in blocks:
        with monkeypatch.context() as patch:
            for line in block.text.splitlines():
                patch.setenv(*line.split("=", 1))
            read.append(Settings())
    writer, client, api = read

    assert [addresses.parse(text).port for text in (*writer.writer_listen, *client.writer)] == [8330] * 3
    stated = {Kind(kind) for of_peer in writer.writer_peers.values() for kind in of_peer}
    assert stated == kinds.PRODUCTION - {Kind.MESSENGER}
    assert writer.writer_tls_ca == client.writer_tls_ca is not None
    assert (len(api.trusted_proxies), api.drain_s) == (1, 5)


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="there is no haproxy (Debian: haproxy)")
def test_haproxy_accepts_the_configuration_of_the_page(tmp_path: Path) -> None:
    """All but the certificate, which this machine does not have."""
    (block,) = [b for b in of_page(ROOT / "docs/operate/many-machines.md") if b.language == "haproxy"]
    file = tmp_path / "haproxy.cfg"
    file.write_text(re.sub(r"bind :443 .*", "bind :18443", block.text))

    done = subprocess.run(["haproxy", "-c", "-f", file], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
