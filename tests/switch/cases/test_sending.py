"""Notices reach people: by e-mail over TLS, by signed webhook, by browser; each once, with retries, and nothing about payers."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from adapters.simulation.sandbox import free_port
from switch.base import mail
from switch.base.settings import Settings
from switch.cases import notices, opening
from switch.cases.notices import NoticeProfile
from switch.cases.sending import NoticeSender
from switch.webhooks import signing
from switch.webhooks.signing import SigningKeys
from switch.writer.context import ServiceContext
from tests.switch.cases.subjects import World
from tests.switch.certificates import Authority, Identity
from tests.switch.services import open_services, person
from tests.switch.webhooks.test_events_and_webhooks import receiver, until, verified
from tests.tiers import some

SECRET = "correct horse"


class MailServer:
    """Keeps what it accepts; refuses as often as it is told to."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuses = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            self.refuses -= 1
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append((envelope.rcpt_tos, found))
        return "250 OK"


def authenticate(_server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=mechanism in {"LOGIN", "PLAIN"} and data.password == SECRET.encode())


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Authority(tmp_path_factory.mktemp("authority")).certify("127.0.0.1", "localhost")


@pytest.fixture
def server(identity: Identity) -> Iterator[tuple[MailServer, dict[str, Any]]]:
    """A real mail server that takes nothing without TLS and a password, and the settings that reach it."""
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(identity.certificate, identity.key)
    kept = MailServer()
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=trust,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    controller.start()
    password = identity.key.parent / "smtp-password"
    password.write_text(SECRET + "\n")
    yield (
        kept,
        {
            "smtp_host": "127.0.0.1",
            "smtp_port": controller.port,
            "smtp_user": "payswitch",
            "smtp_password_file": password,
            "smtp_ca": identity.authority,
            "smtp_sender": "payswitch@bank.example",
            "notice_after_s": 0.0,
            "notice_every_s": 0.0,
            "time_scale": 0.001,
            "authority": "pay.example",
        },
    )
    controller.stop()


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest.fixture
async def world(services: ServiceContext) -> World:
    world = World(services.pool)
    await world.participants()
    return world


def settings_of(tmp_path: Path, **stated: Any) -> Settings:
    return Settings(data=tmp_path, sandbox=True, **stated)


@asynccontextmanager
async def sending(world: World, settings: Settings) -> AsyncIterator[Callable[[Callable[[], bool]], Any]]:
    """A messenger of the test's own; yields a wait that lets it work until something holds."""
    keys = SigningKeys(settings.data / "webhooks.pem")
    await keys.refresh(world.pool)
    sender = NoticeSender(world.pool, keys, settings)

    async def wait(holds: Callable[[], bool]) -> None:
        async def turned() -> bool:
            await sender.tick()
            return holds()

        await until(turned)

    try:
        yield wait
    finally:
        await sender.close()


async def left(world: World) -> int:
    count: int = await world.pool.fetchval("SELECT count(*) FROM switch.case_notice WHERE due_at IS NOT NULL")
    return count


async def test_a_person_is_told_by_mail_in_its_language_once(
    world: World, server: tuple[MailServer, dict[str, Any]], tmp_path: Path
) -> None:
    kept, reached = server
    settings = settings_of(tmp_path, **reached)
    chosen = NoticeProfile("olga@bank.example", "", "ru", frozenset({("unknown", "email")}))
    await notices.choose(world.pool, settings, person("olga"), chosen)
    uetrs = [await world.payment() for _ in range(3)]
    await world.difference()  # of a kind that she did not choose
    await opening.look(world.pool, settings)
    async with sending(world, settings) as wait:
        await wait(lambda: len(kept.mails) == 1)
        await opening.look(world.pool, settings)
        assert await left(world) == 0

    ((to, message),) = kept.mails
    text = message.get_content()
    assert to == ["olga@bank.example"]
    assert message["Subject"].startswith("payswitch: Новое дело ")
    assert message["Subject"].endswith("(+2)")
    assert text.count("http://pay.example/console/cases/") == 3
    assert not any(str(uetr) in text for uetr in uetrs)
    assert "asha" not in message.as_string()


async def test_a_mail_that_is_refused_is_sent_again(
    world: World, server: tuple[MailServer, dict[str, Any]], tmp_path: Path
) -> None:
    kept, reached = server
    kept.refuses = 2
    settings = settings_of(tmp_path, notice_emails={"operator": "duty@bank.example"}, **reached)
    await world.payment()
    await opening.look(world.pool, settings)
    async with sending(world, settings) as wait, asyncio.timeout(30):
        await wait(lambda: bool(kept.mails))
        while await world.pool.fetchval("SELECT max(attempts) FROM switch.case_notice") != 3:
            await asyncio.sleep(0.05)  # an attempt is counted after its answer

    assert [to for to, _ in kept.mails] == [["duty@bank.example"]]


@pytest.mark.parametrize("fault", some(("smtp_ca", "smtp_password_file", "smtp_tls"), "smtp_ca", "smtp_tls"))
async def test_no_mail_leaves_without_trust_a_password_and_tls(
    world: World, server: tuple[MailServer, dict[str, Any]], tmp_path: Path, fault: str
) -> None:
    kept, reached = server
    other = tmp_path / "other"
    other.write_text("wrong")
    wrong = {
        "smtp_ca": Authority(tmp_path).file,
        "smtp_password_file": other,
        "smtp_tls": "tls",
    }
    settings = settings_of(
        tmp_path, notice_emails={"operator": "duty@bank.example"}, **{**reached, fault: wrong[fault]}
    )
    with pytest.raises(OSError):
        await asyncio.to_thread(mail.send, settings, mail.Mail("1", "duty@bank.example", "s", "t"))

    assert kept.mails == []


async def test_nobody_is_told_of_a_case_that_has_ended(
    world: World, server: tuple[MailServer, dict[str, Any]], tmp_path: Path
) -> None:
    kept, reached = server
    settings = settings_of(tmp_path, notice_emails={"operator": "duty@bank.example"}, **reached)
    uetr = await world.payment()
    await opening.look(world.pool, settings)
    await world.becomes(uetr, None)
    await world.difference()
    await opening.look(world.pool, settings)
    async with sending(world, settings) as wait:
        await wait(lambda: bool(kept.mails))

    ((_, message),) = kept.mails
    assert message["Subject"].startswith("payswitch: New case 2: Reconciliation break")


async def test_a_role_is_told_by_a_signed_webhook(world: World, tmp_path: Path) -> None:
    async with receiver([500, 200]) as (url, heard, bodies):
        settings = settings_of(
            tmp_path, notice_webhooks={"operator": url}, notice_after_s=0, notice_every_s=0, time_scale=0.001
        )
        await world.payment()
        await opening.look(world.pool, settings)
        async with sending(world, settings) as wait:
            await wait(lambda: len(heard) == 2)
        (key,) = await signing.public_keys(world.pool)

    assert verified(key, heard[1], bodies[1])
    assert heard[0].headers["webhook-id"] == heard[1].headers["webhook-id"]
    (case,) = json.loads(bodies[1])["data"]["cases"]
    assert (case["kind"], case["why"]) == ("unknown", "opened")
    assert case.keys() == {"case", "kind", "why", "since", "due_at", "href"}


async def test_a_webhook_is_not_posted_into_private_networks(world: World, tmp_path: Path) -> None:
    async with receiver([200]) as (url, heard, _):
        settings = settings_of(
            tmp_path,
            notice_webhooks={"operator": url},
            notice_networks=(),
            notice_after_s=0,
            notice_every_s=0,
            time_scale=0.001,
        )
        await world.payment()
        await opening.look(world.pool, settings)
        async with sending(world, settings):
            sender = NoticeSender(world.pool, SigningKeys(tmp_path / "other.pem"), settings)
            try:

                async def turned() -> bool:
                    await sender.tick()
                    tried = "SELECT max(attempts) >= 2 FROM switch.case_notice"
                    return bool(await world.pool.fetchval(tried))

                await until(turned)
            finally:
                await sender.close()

    assert heard == []


async def test_a_browser_gets_each_notice_once(world: World, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, notice_after_s=0)
    chosen = NoticeProfile(choices=frozenset({("unknown", "browser")}))
    await notices.choose(world.pool, settings, person("olga"), chosen)
    await world.payment()
    await opening.look(world.pool, settings)
    first = await notices.for_browser(world.pool, "olga")

    assert [(why, kind) for _, why, kind in first] == [("opened", "unknown")]
    assert await notices.for_browser(world.pool, "olga") == []
    assert await notices.for_browser(world.pool, "chen") == []


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({}, []),
        ({"smtp_host": "mail"}, ["smtp_sender"]),
        ({"smtp_host": "mail", "smtp_sender": "a@b", "smtp_user": "u"}, ["smtp_user"]),
        ({"smtp_host": "mail", "smtp_sender": "a@b", "smtp_ca": Path("/nowhere")}, ["smtp_ca"]),
    ],
    ids=["none", "sender", "user", "ca"],
)
def test_incomplete_settings_of_mail_are_named(
    tmp_path: Path, stated: dict[str, Any], found: list[str]
) -> None:
    faults = mail.faults(settings_of(tmp_path, **stated))

    assert [fault.split()[0].rstrip(":") for fault in faults] == found
