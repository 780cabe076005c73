"""Delivery of reports: to real servers on this machine, once, within the permitted networks, with a receipt."""

import asyncio
import hashlib
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import asyncssh
import pytest
import pytest_asyncio
from aiohttp import web
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from schemas.errors import NotAllowed, NotFound, Refused
from schemas.signing.keys import PublicKey
from switch.base.calendars import Calendar
from switch.base.settings import Settings
from switch.identity.model import Person, Role, Status
from switch.reports.artefacts import KEYID
from switch.reports.delivery import address, changes, making, receipts, repeating, sigv4
from switch.reports.delivery.address import InvalidAddress, Transport
from switch.reports.delivery.changes import AddDestination, AddSchedule, RemoveDestination
from switch.reports.delivery.periods import Rhythm, of_time
from switch.reports.delivery.sending import ReportSender
from switch.reports.delivery.transports import secret_file
from switch.reports.package import unpack
from switch.webhooks.signing import SigningKeys
from tests.switch.certificates import Authority
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack
from tests.switch.webhooks.test_webhook_keys import change

OCTETS = b"PK\x03\x04 a package"
SHA256 = hashlib.sha256(OCTETS).digest()
NAME = "daily-2026-11-23.pdf.zip"
ACCESS_KEY, SECRET = "AKIAEXAMPLE", "a secret/with+signs="


@pytest.mark.parametrize(
    ("text", "transport"),
    [
        ("https://reports.example/in", Transport.WEBHOOK),
        ("s3+https://s3.example/bucket/folder/", Transport.S3),
        ("sftp://payswitch@sftp.example:2222/in", Transport.SFTP),
        ("mailto:reports@bank.example", Transport.EMAIL),
    ],
)
def test_an_address_says_how_a_report_is_handed_over(text: str, transport: Transport) -> None:
    assert address.parse(text).transport is transport


@pytest.mark.parametrize(
    "text",
    ["", "ftp://a.example/x", "https://", "https://user@a.example/", "https://u:p@a.example/", "https://a.example/?x=1",
     "https://a.example/#x", "s3+https://s3.example/", "sftp://sftp.example/in", "sftp://u@h.example/../etc",
     "sftp://u@h.example/a b", "mailto:a@b@c", "mailto:a@b.example,c@d.example", "mailto:a@b.example\r\nBcc: x@y.example", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        address.parse(text)


def test_uploads_are_signed_as_botocore_signs_them() -> None:
    at = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    ours = sigv4.headers(
        sigv4.S3Key(ACCESS_KEY, SECRET, "eu-1"),
        host="s3.example:9000",
        path=f"/bucket/a~b/{NAME}",
        body=OCTETS,
        at=at,
        content_type="application/zip",
    )

    assert ours["authorization"].replace(",", ", ") == signed_by_botocore(
        "http://s3.example:9000", f"/bucket/a~b/{NAME}", ours, OCTETS
    )


def signed_by_botocore(base: str, path: str, headers: Any, body: bytes) -> str:
    """The header that botocore makes of a request with these headers and the instant in them."""
    request = AWSRequest("PUT", base + path, headers={"content-type": headers["content-type"]}, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET), "s3", "eu-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signature = signer.signature(text, request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"
    )


def names(rhythm: Rhythm, since: datetime, until: datetime, calendar: Calendar | None = None) -> list[str]:
    return [period.name for period in of_time(rhythm, since, until, calendar)]


def test_periods_are_reported_once_they_are_over() -> None:
    since, until = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 12, 1, 0, 5, tzinfo=UTC)

    assert names(Rhythm.DAY, since, until)[:2] == ["2026-11-20", "2026-11-21"]
    assert names(Rhythm.DAY, since, until)[-1] == "2026-11-30"
    assert names(Rhythm.DAY, since, until - timedelta(seconds=1))[-1] == "2026-11-29"
    assert names(Rhythm.WEEK, since, until) == ["2026-W47", "2026-W48"]
    assert names(Rhythm.MONTH, since, until) == ["2026-11"]
    assert names(Rhythm.MONTH, until, until + timedelta(days=20)) == []
    assert names(Rhythm.WEEK, datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC)) == [
        "2026-W51",
        "2026-W52",
        "2026-W53",
    ]


def test_a_business_day_has_the_holidays_before_it() -> None:
    calendar = Calendar("INR", "IN", "Asia/Kolkata", {date(2026, 11, 24): False})
    found = list(
        of_time(
            Rhythm.BUSINESS_DAY,
            datetime(2026, 11, 22, tzinfo=UTC),
            datetime(2026, 11, 27, tzinfo=UTC),
            calendar,
        )
    )

    assert "2026-11-24" not in [period.name for period in found]
    assert found[0].name == "2026-11-23"
    assert dict(found[1].parameters) == {
        "since": "2026-11-23T18:30:00.000000Z",
        "until": "2026-11-25T18:30:00.000000Z",
    }
    for one, next_ in pairwise(found):
        assert one.parameters["until"] == next_.parameters["since"]


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as opened:
        yield opened


OLGA = Person("olga", "Olga", Role.OPERATOR, "", Status.ACTIVE)
DESTINATION = AddDestination(name="bank", address="https://reports.example/in")
SCHEDULE = AddSchedule(name="daily", report="corridors", rhythm="day", destination="bank")


async def add(pool: asyncpg.Pool, to: AddDestination) -> None:
    await pool.execute(changes._ADD_DESTINATION, to.name, to.address, to.host_key, to.access_key, to.region)


@pytest.mark.parametrize(
    "wrong",
    [{"destination": "nobody"}, {"report": "nonsense"}, {"format": "docx"}, {"rhythm": "window"}, {"scope": "nobody"},
     {"report": "window-statement"}, {"report": "payments-above"}, {"parameters": "until=1"}, {"parameters": "nonsense=1"},
     {"report": "access-log", "scope": "IN"}, {"rhythm": "business day", "currency": "XXX"}],
    ids=str,
)  # fmt: skip
async def test_a_schedule_that_could_not_be_kept_is_refused(
    pool: asyncpg.Pool, wrong: dict[str, str]
) -> None:
    await add(pool, DESTINATION)
    asked = {field: getattr(SCHEDULE, field) for field in SCHEDULE.__struct_fields__}

    async with pool.acquire() as connection:
        with pytest.raises(Refused):
            await changes._check_schedule(connection, AddSchedule(**{**asked, **wrong}))
        for right in ({}, {"rhythm": "business day", "currency": "INR"}, {"report": "payments-above", "parameters": "above=1&currency=INR"},
                      {"report": "window-statement", "rhythm": "window", "currency": "INR", "format": "xlsx", "scope": "IN"}):  # fmt: skip
            await changes._check_schedule(connection, AddSchedule(**{**asked, **right}))


@pytest.mark.parametrize(
    "to",
    [AddDestination(name="bank", address="https://a.example"), AddDestination(name="s", address="sftp://u@h.example/in"),
     AddDestination(name="s", address="sftp://u@h.example/in", host_key="a key"), AddDestination(name="o", address="s3+https://s3.example/b"),
     AddDestination(name="f", address="ftp://a.example")],
    ids=lambda to: to.address,
)  # fmt: skip
async def test_a_destination_that_could_not_be_reached_is_refused(
    pool: asyncpg.Pool, to: AddDestination
) -> None:
    await add(pool, DESTINATION)

    async with pool.acquire() as connection:
        with pytest.raises(Refused):
            await changes._check_destination(connection, to)
        with pytest.raises(Refused):
            await changes._check_remove_destination(connection, RemoveDestination(name="nobody"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, sandbox=True, time_scale=0.0001)


async def put(pool: asyncpg.Pool, settings: Settings, to: AddDestination, *, octets: bytes = OCTETS) -> None:
    """A package in the outbox, as the caretaker leaves it; twice, of which the second is none."""
    await add(pool, to)
    file = making.package_file(settings.data / "reports", SHA256)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(octets)
    for _ in range(2):
        await pool.execute(
            making._ADD, "daily", "2026-11-23", to.name, "corridors", NAME, SHA256, len(OCTETS), SHA256
        )


@asynccontextmanager
async def sending(pool: asyncpg.Pool, settings: Settings) -> AsyncIterator[ReportSender]:
    keys = SigningKeys(settings.webhook_key)
    await keys.refresh(pool)
    sender = ReportSender(pool, keys, settings)
    yield sender
    await sender.close()


async def sent(pool: asyncpg.Pool, settings: Settings, *, attempts: int = 1) -> dict[str, Any]:
    """Let the messenger work until the delivery has an end, or was tried so many times more; its receipt."""
    before = (await receipts.deliveries(pool, 1))[0]["attempts"]
    async with sending(pool, settings) as sender, asyncio.timeout(20):
        while True:
            await sender.tick()
            found, *_ = await receipts.deliveries(pool, 10)
            if found["state"] != "waiting" or found["attempts"] >= before + attempts:
                return found
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    await runner.cleanup()


async def test_a_webhook_gets_a_report_once_it_answers_signed_and_under_one_id(
    pool: asyncpg.Pool, settings: Settings
) -> None:
    seen: list[tuple[str, bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        seen.append((request.headers["webhook-id"], body))
        assert request.headers["webhook-signature"].startswith("v1a,")
        assert request.headers["payswitch-file-name"] == NAME
        return web.Response(status=503 if len(seen) == 1 else 204)

    async with serving(receive) as base:
        await put(pool, settings, AddDestination(name="hook", address=f"{base}/in"))
        receipt = await sent(pool, settings, attempts=5)
        again = await sent(pool, settings)

    assert [body for _, body in seen] == [OCTETS, OCTETS]
    assert len({id_ for id_, _ in seen}) == 1
    assert (receipt["state"], receipt["attempts"], receipt["answer"]) == ("delivered", 2, "204")
    assert (receipt["sha256"], receipt["delivered_to"]) == (SHA256.hex(), f"{base}/in")
    assert again == receipt


async def test_an_object_store_gets_a_signed_upload(pool: asyncpg.Pool, settings: Settings) -> None:
    stored: dict[str, bytes] = {}

    async def store(request: web.Request) -> web.Response:
        body = await request.read()
        expected = signed_by_botocore(f"http://{request.host}", request.path, request.headers, body)
        if request.method != "PUT" or request.headers["authorization"].replace(",", ", ") != expected:
            return web.Response(status=403)
        stored[request.path] = body
        return web.Response(headers={"ETag": '"e1"'})

    async with serving(store) as base:
        to = AddDestination(
            name="store", address=f"s3+{base}/bucket/in", access_key=ACCESS_KEY, region="eu-1"
        )
        await put(pool, settings, to)
        without = await sent(pool, settings)
        write_secret(settings, "store", "another")
        wrong = await sent(pool, settings)
        write_secret(settings, "store", SECRET)
        receipt = await sent(pool, settings, attempts=9)

    assert "No such file" in without["answer"]
    assert wrong["answer"] == "the receiver responded 403"
    assert (receipt["state"], receipt["answer"]) == ("delivered", '200 "e1"')
    assert stored == {f"/bucket/in/{NAME}": OCTETS}


def write_secret(settings: Settings, name: str, text: str) -> None:
    file = secret_file(settings, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)


class _Anybody(asyncssh.SSHServer):
    """Knows one user by a password, and one key."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("payswitch", "a password")


@asynccontextmanager
async def sftp_server(folder: Path, host: asyncssh.SSHKey, user: asyncssh.SSHKey) -> AsyncIterator[int]:
    (folder / "in").mkdir(parents=True)
    keys = asyncssh.import_authorized_keys(user.export_public_key().decode())
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[host], server_factory=_Anybody, authorized_client_keys=keys,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
    )  # fmt: skip
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("by", ["key", "password"])
async def test_an_sftp_server_gets_a_report_if_its_host_key_is_the_pinned_one(
    pool: asyncpg.Pool, settings: Settings, tmp_path: Path, by: str
) -> None:
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    other = asyncssh.generate_private_key("ssh-ed25519")
    write_secret(settings, "sftp", user.export_private_key().decode() if by == "key" else "a password\n")
    async with sftp_server(tmp_path / "served", host, user) as port:
        to = f"sftp://payswitch@127.0.0.1:{port}/in"
        await put(pool, settings, AddDestination(name="sftp", address=to, host_key=public(other)))
        impostor = await sent(pool, settings)
        await add(pool, AddDestination(name="sftp", address=to, host_key=public(host)))
        receipt = await sent(pool, settings, attempts=9)
        await pool.execute("UPDATE switch.report_delivery SET delivered_at = NULL")  # as after a crash
        repeated = await sent(pool, settings, attempts=9)

    assert impostor["answer"] == "SFTP: HostKeyNotVerifiable"
    assert (receipt["state"], receipt["answer"]) == ("delivered", f"{len(OCTETS)} bytes")
    assert repeated["answer"] == "it was there already"
    assert [(file.name, file.read_bytes()) for file in (tmp_path / "served" / "in").iterdir()] == [
        (NAME, OCTETS)
    ]


def public(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


async def test_an_email_carries_the_package_over_tls(
    pool: asyncpg.Pool, settings: Settings, tmp_path: Path
) -> None:
    lines: list[bytes] = []
    authority = Authority(tmp_path, "mail")
    made = authority.certify("127.0.0.1")

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        while (line := await reader.readline()) and not line.upper().startswith(b"QUIT"):
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                while (part := await reader.readline()) != b".\r\n":
                    lines.append(part)
            writer.write(b"250 ok\r\n")
        writer.write(b"221 bye\r\n")
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    server = await asyncio.start_server(receive, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    await put(pool, settings, AddDestination(name="mail", address="mailto:reports@bank.example"))
    unset = await sent(pool, settings)
    mailing = settings.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_tls": "tls",
            "smtp_ca": authority.file,
            "smtp_sender": "a@switch.example",
        }
    )
    receipt = await sent(pool, mailing, attempts=9)
    server.close()
    await server.wait_closed()

    assert "PAYSWITCH_SMTP_HOST" in unset["answer"]
    assert receipt["state"] == "delivered"
    assert f'filename="{NAME}"'.encode() in b"".join(lines)
    assert b"Message-ID: <report." in b"".join(lines)


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{}/in", "https://127.0.0.1:{}/in", "sftp://u@127.0.0.1:{}/in"]
)
async def test_nothing_leaves_for_a_network_that_is_not_permitted(
    pool: asyncpg.Pool, settings: Settings, to: str
) -> None:
    connected: list[object] = []
    server = await asyncio.start_server(lambda _, writer: connected.append(writer), "127.0.0.1", 0)
    address_ = to.format(server.sockets[0].getsockname()[1])
    outside = settings.model_copy(update={"sandbox": False})
    write_secret(settings, "inside", "x")
    key = public(asyncssh.generate_private_key("ssh-ed25519"))
    await put(pool, outside, AddDestination(name="inside", address=address_, host_key=key))
    receipt = await sent(pool, outside)
    server.close()
    await server.wait_closed()

    assert (receipt["state"], connected) == ("waiting", [])
    assert ("TLS" in receipt["answer"]) is to.startswith("http:")


async def test_a_package_that_was_changed_is_not_delivered_and_is_given_up_in_the_end(
    pool: asyncpg.Pool, settings: Settings
) -> None:
    await put(pool, settings, AddDestination(name="bank", address="http://127.0.0.1:9/in"), octets=b"changed")
    receipt = await sent(pool, settings)
    await pool.execute("UPDATE switch.report_delivery SET made_at = made_at - interval '15 days'")
    ended = await sent(pool, settings, attempts=99)

    assert "was changed" in receipt["answer"]
    assert ended["state"] == "given up"


async def test_a_report_is_delivered_again_under_the_same_name_and_no_receipt_is_lost(
    pool: asyncpg.Pool, settings: Settings
) -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def receive(request: web.Request) -> web.Response:
        seen.append(
            (request.headers["webhook-id"], request.headers["payswitch-file-name"], await request.read())
        )
        return web.Response(status=204)

    async with serving(receive) as base:
        await put(pool, settings, AddDestination(name="hook", address=f"{base}/in"))
        first = await sent(pool, settings)
        for _ in range(2):  # as by two people at once
            await repeating.repeat(pool, OLGA, first["number"])
        assert [row["state"] for row in await receipts.deliveries(pool, 9)] == ["waiting"]
        second = await sent(pool, settings, attempts=2)
    both = await receipts.deliveries(pool, 9)
    notes = await pool.fetch("SELECT convert_from(body, 'UTF8') AS body FROM switch.audit_note")

    assert (second["repeats"], second["asked_by"]) == (first["number"], "olga")
    assert [row["state"] for row in both] == ["delivered", "delivered"]
    assert both[1] == first
    assert [(name, octets) for _, name, octets in seen] == [(NAME, OCTETS)] * 2
    assert len({id_ for id_, _, _ in seen}) == 2  # the receiver must not take it for a repetition
    assert len(notes) == 2
    assert all(SHA256.hex() in row["body"] for row in notes)


async def test_what_waits_is_tried_at_once_and_what_was_given_up_again(
    pool: asyncpg.Pool, settings: Settings
) -> None:
    slow = settings.model_copy(update={"time_scale": 1000.0})
    await put(pool, slow, AddDestination(name="bank", address="http://127.0.0.1:9/in"))
    waiting = await sent(pool, slow)
    await repeating.repeat(pool, OLGA, waiting["number"])
    tried = await sent(pool, slow)
    await pool.execute("UPDATE switch.report_delivery SET made_at = made_at - interval '15 days'")
    late = await receipts.late(pool)
    await repeating.repeat(pool, OLGA, waiting["number"])
    given_up = await sent(pool, settings, attempts=99)
    unrepeated = await receipts.late(pool)
    await repeating.repeat(pool, OLGA, given_up["number"])
    async with sending(pool, settings) as sender:
        await sender.tick()
    (again, _), repeated = await receipts.deliveries(pool, 9), await receipts.late(pool)
    await pool.execute(changes._REMOVE_DESTINATION, "bank")

    assert (waiting["attempts"], tried["attempts"]) == (1, 2)
    assert [(row["destination"], row["waiting"], row["given_up"]) for row in late] == [("bank", 1, 0)]
    assert late[0]["age_s"] > 14 * 86_400
    assert [(row["waiting"], row["given_up"]) for row in unrepeated] == [(0, 1)]
    assert (again["repeats"], again["state"]) == (given_up["number"], "waiting")
    assert [(row["waiting"], row["given_up"]) for row in repeated] == [(1, 0)]
    assert [(row["waiting"], row["given_up"]) for row in await receipts.late(pool)] == [(0, 0)]
    with pytest.raises(Refused):
        await repeating.repeat(pool, OLGA, given_up["number"])
    with pytest.raises(NotFound):
        await repeating.repeat(pool, OLGA, 2**40)
    for role in (Role.AUDITOR, Role.PARTICIPANT):
        with pytest.raises(NotAllowed):
            await repeating.repeat(pool, replace(OLGA, role=role), given_up["number"])


async def test_a_schedule_of_two_people_delivers_each_day_once_and_in_the_log(stack: Stack) -> None:
    seen: dict[str, bytes] = {}
    tag = uuid.uuid4().hex[:8]

    async def receive(request: web.Request) -> web.Response:
        seen[request.headers["payswitch-file-name"]] = await request.read()
        return web.Response(status=204)

    async with serving(receive) as base:
        to = {"name": f"to-{tag}", "address": f"{base}/in"}
        schedule = {
            "name": f"daily-{tag}",
            "report": "corridors",
            "rhythm": "day",
            "destination": f"to-{tag}",
            "format": "csv",
            "language": "ru",
            "scope": "IN",
            "addressee": "Reserve Bank",
        }
        assert (await change(stack, "report_destination.add", to))[1]["state"] == "executed"
        assert (await change(stack, "report_schedule.add", schedule))[1]["state"] == "executed"
        connection = await stack.connect()
        await connection.execute(
            "UPDATE switch.report_schedule SET since = since - interval '2 days' WHERE name = $1",
            f"daily-{tag}",
        )
        found = await until_delivered(stack, f"daily-{tag}", 2)
        number = found[0]["number"]
        path = f"/v1/report-deliveries/{number}/replay"
        async with aiohttp.ClientSession(stack.url) as http:
            for person, status in (("auditor", 403), ("operator", 202)):
                async with http.post(path, headers=bearer(stack, person)) as answer:
                    assert answer.status == status, await answer.text()
        more = await until_delivered(stack, f"daily-{tag}", len(found) + 1)
        callers = await connection.fetchval(
            "SELECT count(*) FROM ledger.event WHERE kind = 'REPORT' AND convert_from(body, 'UTF8') LIKE $1",
            f"%schedule:daily-{tag}%",
        )
        await connection.close()
        status, problem = await change(stack, "report_destination.remove", {"name": f"to-{tag}"})
        assert status == 422, problem
        assert (await change(stack, "report_schedule.remove", {"name": f"daily-{tag}"}))[1][
            "state"
        ] == "executed"
        assert (await change(stack, "report_destination.remove", {"name": f"to-{tag}"}))[1][
            "state"
        ] == "executed"

    signed = [unpack(octets) for octets in seen.values()]
    key = PublicKey.from_pem(KEYID, (stack.settings.data / "reports" / "report.pub").read_bytes())
    assert {row["name"] for row in found} == seen.keys()
    assert {row["sha256"] for row in found} == {
        hashlib.sha256(octets).hexdigest() for octets in seen.values()
    }
    assert {row["file_sha256"] for row in found} == {each.sha256 for each in signed}
    assert callers == len(found)
    assert (more[0]["repeats"], more[0]["sha256"]) == (number, found[0]["sha256"])
    for each in signed:
        each.verify(key)


async def until_delivered(stack: Stack, schedule: str, count: int) -> list[dict[str, Any]]:
    """The deliveries of a schedule, once all periods that are over are delivered."""
    async with (
        aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http,
        asyncio.timeout(120),
    ):
        while True:
            async with http.get("/v1/report-deliveries?limit=50") as answer:
                rows = [row for row in await answer.json() if row["schedule"] == schedule]
            if len(rows) >= count and all(row["state"] == "delivered" for row in rows):
                return rows
            await asyncio.sleep(0.1)
