"""The doctor names what is wrong: each thing is broken for real, and found by its code."""

import ast
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adapters.port import RailConnection
from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.base import metrics
from switch.base.settings import Settings
from switch.cli import doctor, preflight, supervisor
from switch.operations import certificates, facts
from switch.payments import rail_connection
from switch.writer.commands import Freeze
from switch.writer.context import ServiceContext
from tests.switch.services import done, onboarding, open_services
from tests.switch.stack import Stack

ROOT = Path(__file__).parents[3]


def settings_of(data: Path, **more: Any) -> Settings:
    return Settings(**{"data": data, "rails": (), "database": "", **more})


SET_UP = {
    *("people-missing", "participants-missing", "key-missing"),
    *("rail-unregistered", "rail-closed", "corridor-missing", "rate-missing"),
    *("regulator-missing", "schedule-missing", "agent-missing", "funds-missing"),
}


async def codes(settings: Settings) -> set[str]:
    return {finding.code for finding in (await doctor.examine(settings)).findings}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


async def as_owner(url: str, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def test_a_running_switch_is_well(stack: Stack) -> None:
    found = await doctor.examine(stack.settings)
    usage = shutil.disk_usage(stack.settings.data)
    full = {"disk-room"} if usage.free < usage.total * doctor.DISK_FREE_MIN else set()

    assert {finding.code for finding in found.findings} == full, doctor.lines_of(found)
    assert set(found.checked) >= {*doctor.LOCAL, *doctor.RUNNING, *doctor.DATABASE}


@pytest.mark.long
def test_the_command_reports_it_as_text_and_json_and_exits_1(tmp_path: Path) -> None:
    """With few open files allowed, in an empty place: really so, in a process of its own."""

    def payswitch(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "switch.cli", "doctor", "--data", str(tmp_path / "none"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PAYSWITCH_RAILS": "[]", "PAYSWITCH_PORT": "0"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
        )

    told, document = payswitch(), json.loads(payswitch("--json").stdout)
    found = {finding["code"] for finding in document["findings"]}

    assert (told.returncode, document["ok"]) == (1, False)
    names = {"authority-missing", "log-name-missing", "backup-none"}
    assert found == {"open-files", "data-directory", "writer-away", "database-stopped", *names}
    for finding in document["findings"]:
        assert (
            f"{finding['code']}: {finding['text']}\n  {finding['act']}\n  {finding['runbook']}" in told.stdout
        )


async def test_a_process_that_is_restarted_again_and_again_is_named_with_its_reason(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.failing_file.parent.mkdir(parents=True)
    settings.failing_file.write_text('{"messenger": "its key is gone"}')

    found = (await doctor.examine(settings)).findings

    assert [f.text for f in found if f.code == "process-failing"] == [
        "messenger ends soon after each restart: its key is gone"
    ]


@pytest.mark.parametrize("below", ["", "below"])
async def test_a_file_as_data_directory_ended_the_doctor(tmp_path: Path, below: str) -> None:
    """It said "Not a directory", about a file inside, and nothing more."""
    (tmp_path / "file").touch()
    settings = settings_of(tmp_path).model_copy(update={"data": tmp_path / "file" / below})
    found = {finding.code: finding for finding in (await doctor.examine(settings)).findings}

    assert {"data-directory", "database-stopped"} <= found.keys()
    assert "--data" in found["data-directory"].act


def test_every_finding_leads_to_a_runbook() -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(Path(doctor.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_finding"
    ]
    named = {ast.literal_eval(call.args[3]) for call in calls}

    assert len(calls) > 20
    assert named <= {path.stem for path in (ROOT / doctor.RUNBOOKS).glob("*.md")}


def test_an_old_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 2))

    assert [finding.code for finding in doctor.LOCAL["python"](settings_of(tmp_path))] == ["python-version"]


async def test_a_port_that_somebody_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = await codes(settings_of(tmp_path, port=port))

    assert {"writer-away", "port-taken"} <= taken
    assert "port-taken" not in await codes(settings_of(tmp_path, port=port))


async def test_pages_that_do_not_respond_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs has a socket that accepts connections; a machine without pages has none."""
    monkeypatch.setattr(supervisor, "_READY_WITHIN_S", 0.2)
    settings = settings_of(tmp_path)
    nowhere = await codes(settings)
    (hangs,) = supervisor.pages_listeners(settings)
    with hangs:
        away = await codes(settings)

    assert "pages-away" not in nowhere
    assert "pages-away" in away


def test_a_key_that_others_can_read_is_named(tmp_path: Path) -> None:
    for place in (
        "keys/personal-data.json",
        "audit/checkpoint.key",
        "people/seal.key",
        "settlement/signing.key",
        "settings.json",
        "sandbox/credentials.json",
        "rails/IN/switch.json",
    ):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text("{}")
        settings = settings_of(tmp_path)
        assert not list(doctor.LOCAL["keys"](settings))
        file.chmod(0o640)
        found = list(doctor.LOCAL["keys"](settings))
        file.chmod(0o600)

        assert [finding.code for finding in found] == ["key-permissions"]
        assert str(file) in found[0].text
        file.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    settings = settings_of(small_disk)
    assert not list(doctor.LOCAL["disks"](settings))
    (small_disk / "filler").write_bytes(bytes(900 * 1024))

    assert [finding.code for finding in doctor.LOCAL["disks"](settings)] == ["disk-room"]


def test_counters_of_a_switch_that_was_killed_are_named(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    settings.metrics_directory.mkdir(parents=True)
    assert not list(doctor.LOCAL["metrics"](settings))
    (settings.metrics_directory / "counter_api-0.db").touch()
    (settings.metrics_directory / "api-0.pid").write_text("0")

    assert [finding.code for finding in doctor.LOCAL["metrics"](settings)] == ["metrics-stale"]


def certificate(days: int) -> bytes:
    """A certificate that ends in so many days."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, None)
    )
    return made.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("days", "code"), [(-1, {"certificate-expired"}), (3, {"certificate-expires"}), (300, set())]
)
def test_a_certificate_that_ends_is_named(tmp_path: Path, days: int, code: set[str]) -> None:
    ca, place = tmp_path / "ca.crt", tmp_path / "rails" / "IN"
    ca.write_bytes(certificate(days))
    place.mkdir(parents=True)
    settings = settings_of(tmp_path, rails=("IN", "PK"))
    rail_connection.write(
        place / rail_connection.CONNECTION, RailConnection("https://127.0.0.1:1", ca_file=ca)
    )

    assert {finding.code for finding in doctor.LOCAL["certificates"](settings)} == code
    (kept,) = certificates.read(settings)
    assert (kept.owner, kept.kind, kept.file) == ("rail IN", "authority", ca)
    start = preflight.examine(settings_of(tmp_path, rails=("IN",), authority="switch.example"))
    assert not any("expire" in fault for fault in start), "a start goes on: the other rails work"
    facts._state_certificates(settings)
    said = metrics.CERTIFICATE_UNTIL.labels("rail IN", "authority")._value.get()
    assert abs(said - kept.until.timestamp()) < 1


@pytest.mark.parametrize(
    ("days", "code"),
    [(-1, {"security-contact-expired"}), (20, {"security-contact-expires"}), (300, set())],
)
def test_a_security_txt_that_ends_is_named(tmp_path: Path, days: int, code: set[str]) -> None:
    """It went on being published after its own end, and nobody was told."""
    until = datetime.now(UTC) + timedelta(days=days)
    settings = settings_of(
        tmp_path, security_contact="mailto:security@switch.example", security_expires=until
    )

    found = list(doctor.LOCAL["security contact"](settings))

    assert {finding.code for finding in found} == code
    assert all(str(until.date()) in finding.text for finding in found)
    assert not list(doctor.LOCAL["security contact"](settings_of(tmp_path)))


def test_our_own_certificate_and_every_one_of_a_bundle_are_watched(tmp_path: Path) -> None:
    place = tmp_path / "rails" / "IN"
    place.mkdir(parents=True)
    (place / "client.crt").write_bytes(certificate(3) + certificate(300))
    content = {"endpoints": ["https://127.0.0.1:1"], "certificate_file": "client.crt"}
    (place / rail_connection.CONNECTION).write_text(json.dumps(content))
    settings = settings_of(tmp_path, rails=("IN",))

    assert [kept.kind for kept in certificates.read(settings)] == ["client", "client"]
    (finding,) = doctor.LOCAL["certificates"](settings)
    assert (finding.code, "ours at rail IN" in finding.text) == ("certificate-expires", True)


def test_the_certificate_of_the_writer_is_watched(tmp_path: Path) -> None:
    (tmp_path / "writer.crt").write_bytes(certificate(3))
    settings = settings_of(tmp_path, rails=(), writer_tls_certificate=tmp_path / "writer.crt")

    (finding,) = doctor.LOCAL["certificates"](settings)
    assert (finding.code, "writer" in finding.text) == ("certificate-expires", True)


async def test_rails_that_are_away_or_nowhere_are_named(stack: Stack) -> None:
    """The rail's process is stopped, then goes on."""
    settings = stack.settings.model_copy(update={"rails": ("PK", "KZ")})
    process = stack.supervisor.pid("rail-PK")
    os.kill(process, 19)
    try:
        found = [finding.code async for finding in doctor.RUNNING["rails"](settings)]
    finally:
        os.kill(process, 18)

    assert found == ["rail-unconfigured", "rail-away"]


async def test_a_database_that_lets_nobody_in_is_named_without_its_password(tmp_path: Path) -> None:
    found = await doctor.examine(settings_of(tmp_path, database="postgresql://u:CANARY@127.0.0.1:1/x"))

    assert "database-unreachable" in {finding.code for finding in found.findings}
    assert "CANARY" not in json.dumps(found.document())


async def test_unsafe_settings_of_the_database_are_named(tmp_path: Path, database_url: str) -> None:
    """The server of the tests does not flush to disk."""
    assert "database-fsync" in await codes(settings_of(tmp_path, database=database_url))
    alter = "EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database())"
    await as_owner(database_url, f"DO $$ BEGIN {alter}; END $$")

    assert "database-synchronous-commit" in await codes(settings_of(tmp_path, database=database_url))


async def test_a_missing_standby_and_a_replica_that_is_away_are_named(
    tmp_path: Path, database_url: str
) -> None:
    away = "postgresql://nobody@127.0.0.1:9/none"
    found = await codes(settings_of(tmp_path, database=database_url, synchronous_standby=True, replica=away))

    assert found >= {"standby-off", "replica-unreachable"}


async def test_a_database_without_a_schema_is_named(tmp_path: Path, empty_database_url: str) -> None:
    assert "schema-behind" in await codes(settings_of(tmp_path, database=empty_database_url))


async def test_a_database_of_a_later_version_is_named(tmp_path: Path, database_url: str) -> None:
    await as_owner(database_url, "INSERT INTO migration.applied VALUES ('switch', '9998_pre_x.sql', '')")
    prepared = await codes(settings_of(tmp_path, database=database_url))
    await as_owner(database_url, "INSERT INTO migration.applied VALUES ('switch', '9999_post_y.sql', '')")
    removed = await codes(settings_of(tmp_path, database=database_url))

    assert {"schema-newer", "schema-ahead"} & prepared == {"schema-newer"}
    assert {"schema-newer", "schema-ahead"} & removed == {"schema-ahead"}


async def test_processes_that_are_away_are_named(tmp_path: Path, database_url: str) -> None:
    found = await codes(settings_of(tmp_path, database=database_url, port=0))

    assert found >= {"writer-away", "caretaker-away", "messenger-away", "invariants-stale"}
    assert found.isdisjoint(
        {"schema-behind", "books-frozen", "checkpoint-stale", "unknown-old", "clock-drift"}
    )


async def test_a_clock_that_is_wrong_is_named(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    monkeypatch.setattr(doctor.facts.time, "time", lambda: right() + 30)

    assert "clock-drift" in await codes(settings_of(tmp_path, database=database_url))


@pytest.mark.parametrize(
    ("code", "statement"),
    [
        ("checkpoint-stale", "UPDATE ledger.event SET at = at - interval '1 hour'"),
        (
            "unknown-old",
            """INSERT INTO switch.open_payment
               (number, uetr, state, rail, credit_minor, credit_currency, entered_at, expires_at, sendings)
               VALUES (1, gen_random_uuid(), 'UNKNOWN', 'IN', 1, 'INR', now() - interval '1 hour', now(), 1)""",
        ),
        (
            "screening-lists-late",
            "INSERT INTO switch.screening_set VALUES (9, '{1}', 85, now() - interval '2 minutes')",
        ),
        (
            "calendar-missing",
            "INSERT INTO switch.window_schedule VALUES ('XTS', 'ZZ', 'UTC', '{12:00}') ON CONFLICT DO NOTHING",
        ),
        (
            "invariant-broken",
            """INSERT INTO switch.invariant_look (seq, state, tree, faults)
               VALUES (0, '', '', '[["balances", "at 1: x"]]')""",
        ),
    ],
)
async def test_what_is_in_the_database_is_named(
    services: ServiceContext, database_url: str, tmp_path: Path, code: str, statement: str
) -> None:
    await services.link.ask(Freeze("people", "so that there is an event"))
    before = await codes(settings_of(tmp_path, database=database_url))
    await as_owner(database_url, statement)
    after = await codes(settings_of(tmp_path, database=database_url))

    assert code not in before
    assert code in after
    assert "books-frozen" in after


async def test_what_nobody_has_set_up_is_named_until_it_is_there(
    services: ServiceContext, database_url: str, tmp_path: Path
) -> None:
    """Each step of going live ends a finding; the people of the services are there from the start."""
    settings = settings_of(tmp_path, database=database_url, rails=("IN", "PK"))

    async def missing() -> set[str]:
        return {finding.code for finding in (await doctor.examine(settings)).findings} & SET_UP

    found = [await missing()]
    keyless = {**onboarding("indus-bank", "PKR"), "keys": []}
    await done(services, "participant.onboard", keyless)
    found.append(await missing())
    request = key_request.make(SigningKey.generate("indus-1"), "indus-bank")
    await done(services, "key.add", {"participant": "indus-bank", "keyid": "indus-1", "request": request})
    found.append(await missing())
    for country in ("IN", "PK"):
        await done(services, "rail.register", {"country": country})
    found.append(await missing())
    opened = {"source": "IN", "target": "PK", "enabled": True}
    await done(services, "corridor.switch", opened, checkers=("chen", "ravi", "karim"))
    found.append(await missing())

    opened = {"schedule-missing", "agent-missing", "funds-missing"}
    assert found == [
        {"participants-missing", "rail-unregistered", "corridor-missing"},
        {"key-missing", "rail-unregistered", "corridor-missing", *opened},
        {"rail-unregistered", "corridor-missing", *opened},
        {"rail-closed", "corridor-missing", *opened},
        {"rail-closed", "rate-missing", *opened},
    ]


async def test_missing_backups_are_named(tmp_path: Path, database_url: str) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()

    assert "backup-stale" in await codes(settings_of(tmp_path, database=database_url, backups=backups))
