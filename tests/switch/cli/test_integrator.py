"""Commands for a bank's developers, against the sandbox: listen, trigger, resend, logs, payment, keys."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schemas.signing import jws, key_request
from schemas.signing.keys import PublicKey, SigningKey
from switch import cli
from switch.change_catalogue import KINDS
from switch.clients.python import Client, NotVerified, verify_webhook
from switch.participants import agreement
from switch.payments.events import TYPES
from switch.sandbox import scenes
from tests.switch.stack import Stack


class Receiver:
    """A developer's own server: keeps what is posted to it, and answers with a status."""

    def __init__(self, status: int) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        kept = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events_of(self, uetr: str) -> list[str]:
        """The number of the event in each delivery about a payment."""
        return [
            headers["webhook-id"].rpartition(".")[2]
            for headers, body in self.taken
            if json.loads(body)["subject"] == uetr
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver(204)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(autouse=True)
def data(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))


def printed(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    capfd.readouterr()
    code = cli.run(words)
    out, err = capfd.readouterr()
    assert code == 0, (words, out, err)
    return out


@pytest.mark.parametrize("event", scenes.EVENTS)
def test_trigger_makes_each_event_happen(event: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert event in TYPES

    document = json.loads(printed(capfd, "trigger", event, "--participant", "asha-bank"))

    assert document["type"] == event


def test_an_event_that_cannot_be_made_to_happen_leads_to_those_that_can(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["trigger", "key.added"]) == 2
    assert "payment.returned" in capfd.readouterr().err


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "switch.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_listen_forwards_each_event_signed_with_the_secret_that_it_prints(
    stack: Stack, receiver: Receiver
) -> None:
    types = ("--types", "payment.posted,payment.released")
    process = started("listen", "--participant", "asha-bank", "--forward-to", receiver.url, *types)
    assert process.stderr is not None
    assert process.stdout is not None
    secret = process.stderr.readline().rsplit(" ", 1)[1].strip()
    assert process.stderr.readline() == "listening; Ctrl-C ends\n"
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        uetr = client.pay(stack.document("asha-bank", "indus-bank"), wait=20).uetr
    line = process.stdout.readline().split()
    while line[3] != uetr:
        line = process.stdout.readline().split()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert line[2:] == ["payment.posted", uetr, "->", "204"]
    assert (process.returncode, err) == (130, "payswitch: interrupted\n")
    headers, body = receiver.taken[-1]
    event = verify_webhook(headers, body, secret)
    assert (event.type, event.subject, str(event.id)) == ("payment.posted", uetr, line[1])
    assert event.document["specversion"] == "1.0"
    with pytest.raises(NotVerified):
        verify_webhook(headers, body + b" ", secret)


def test_a_participant_sees_its_payment_by_the_api_and_no_other_does(
    stack: Stack, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        uetr = client.pay(stack.document("asha-bank", "indus-bank", word="SLOW8")).uetr
    bank = stack.participant("asha-bank")
    (tmp_path / "asha.pem").write_text(bank["private_key"])
    by_key = ("--url", stack.url, "--keyid", bank["keyid"], "--key", str(tmp_path / "asha.pem"))

    for who in (("--participant", "asha-bank"), by_key):
        out = printed(capfd, "payment", uetr, "--watch", *who)
        assert out.splitlines()[-1].startswith("ACCC")
        assert out.count(" posted ") == 1
    assert cli.run(["payment", uetr, "--participant", "noor-wallet"]) == 1
    assert "404" in capfd.readouterr().err
    assert cli.run(["payment", uetr, "--url", stack.url]) == 2
    assert "--url, --keyid and --key together" in capfd.readouterr().err


def deliveries(capfd: pytest.CaptureFixture[str], hook: str, *words: str) -> list[dict[str, Any]]:
    out = printed(capfd, "logs", "--participant", "asha-bank", *words)
    return [line for line in map(json.loads, out.splitlines()) if line["webhook"] == hook]


async def test_logs_show_deliveries_and_resend_repeats_them(
    stack: Stack, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    with Client.of_sandbox(stack.settings.credentials_file, "asha-bank") as client:
        wanted = {"url": receiver.url, "types": ["payment.posted"]}
        hook = client.change("POST", "webhooks", wanted)["id"]
        try:
            uetr = client.pay(stack.document("asha-bank", "indus-bank"), wait=20).uetr

            def delivered() -> list[dict[str, Any]]:
                """Of this payment: slow ones of other tests may be posted meanwhile."""
                return [
                    one for one in deliveries(capfd, hook) if str(one["event"]) in receiver.events_of(uetr)
                ]

            async with asyncio.timeout(20):
                while not (found := delivered()) or not found[0]["delivered_at"]:
                    await asyncio.sleep(0.1)
            printed(capfd, "resend", hook, str(found[0]["event"]), "--participant", "asha-bank")
            async with asyncio.timeout(20):
                while len(receiver.events_of(uetr)) < 2:
                    await asyncio.sleep(0.1)
            assert found[0]["status"] == 204
            assert deliveries(capfd, hook, "--failed") == []
            since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
            again = printed(
                capfd,
                "resend",
                hook,
                "--since",
                since,
                "--undelivered",
                "--participant",
                "asha-bank",
            )
            assert "delivered again" in again
        finally:
            client.change("DELETE", f"webhooks/{hook}")
    assert len(set(receiver.events_of(uetr))) == 1


def test_a_new_key_is_a_file_of_its_owner_and_a_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.pem"

    request = printed(capfd, "keys", "new", "asha-bank", "asha-bank-2", "--file", str(file))

    made = SigningKey.from_pem("asha-bank-2", file.read_bytes())
    assert file.stat().st_mode & 0o777 == 0o600
    read = key_request.read(request)
    assert (read.participant, read.key.keyid, read.key.fingerprint) == (
        "asha-bank",
        "asha-bank-2",
        made.public.fingerprint,
    )
    assert cli.run(["keys", "new", "asha-bank", "asha-bank-3", "--file", str(file)]) == 1
    assert "never overwritten" in capfd.readouterr().err


def test_a_rotation_is_agreed_to_by_the_old_key(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bank = stack.participant("asha-bank")
    (tmp_path / "old.pem").write_text(bank["private_key"])
    words = ["--file", str(tmp_path / "new.pem"), "--with", bank["keyid"], "--key", str(tmp_path / "old.pem")]

    content = json.loads(printed(capfd, "keys", "rotate", "asha-bank", "asha-bank-9", *words))

    read = KINDS["key.add"].read(content)
    old = SigningKey.from_pem(bank["keyid"], bank["private_key"].encode()).public
    assert isinstance(old, PublicKey)
    jws.verify(content["signature"], agreement.payload("key.add", read), key=old)
