"""A start that cannot succeed says why at once, in one line a reason, and ends; what may pass is waited for."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from adapters import registry
from ledger.migrate import MigrationError
from ledger.postgres import EmbeddedPostgres
from ledger.roles import PROCESSES, RolesMissing
from switch.api import runtime
from switch.base import causes, database
from switch.base.settings import Settings
from switch.cli import doctor, preflight, showcase
from switch.cli.supervisor import StartError, Supervisor, environment_of
from switch.identity.enrolment import create_first
from switch.identity.model import Role
from switch.operations.upgrade import LOG_INS
from switch.sandbox import world
from switch.writer.kinds import Kind
from tests.conftest import psql
from tests.switch.certificates import Authority
from tests.switch.operations.test_doctor import settings_of
from tests.switch.stack import Stack
from tests.tiers import some

NO_AUTHORITY = (
    "payswitch: PAYSWITCH_AUTHORITY is missing: the host that requests are sent to; signatures must cover it."
    " Set it, as in switch.example or switch.example:8443, or run `payswitch init`."
)


def up(*arguments: str, **settings: str) -> tuple[int, list[str]]:
    """The exit code of `payswitch up`, and the lines of standard error."""
    return payswitch("up", *arguments, **settings)


def payswitch(*words: str, prefix: tuple[str, ...] = (), **settings: str) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines of standard error; `prefix` is a program that starts it."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "switch.cli", *words],
        env={**os.environ, **{f"PAYSWITCH_{name.upper()}": text for name, text in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr.splitlines()


def test_every_file_that_is_missing_or_broken_is_named_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "webhooks.pem").write_text("no key")
    (tmp_path / "keys" / "personal-data.json").write_text("no key")
    (tmp_path / "rails" / "IN").mkdir(parents=True)
    (tmp_path / "rails" / "IN" / "switch.json").write_text('{"endpoint": "https://127.0.0.1:1"}')
    for file in ("keys/webhooks.pem", "keys/personal-data.json", "rails/IN/switch.json"):
        (tmp_path / file).chmod(0o600)

    code, lines = up("--data", str(tmp_path), "--port", "0", rails='["PK", "IN", "XX"]')

    assert code == 1
    assert len(lines) == 7
    assert lines[0] == NO_AUTHORITY
    assert lines[1].startswith("payswitch: no adapter for XX")
    assert lines[2].startswith("payswitch: there is no connection file for the rails of PK: write ")
    assert lines[3].endswith("/rails/IN/switch.json: endpoints is missing")
    assert lines[4].endswith("/rails/IN/switch.json: there is no field endpoint")
    assert {line.partition(" is not a readable key file")[0].rpartition("/")[2] for line in lines[5:]} == {
        "webhooks.pem",
        "personal-data.json",
    }
    assert not (tmp_path / "postgres").exists()


def test_a_signature_good_at_every_host(tmp_path: Path) -> None:
    """Without PAYSWITCH_AUTHORITY, a request that was signed for another host was accepted: no start does without."""
    code, lines = up("--data", str(tmp_path / "data"), "--port", "0", rails="[]")

    assert (code, lines) == (1, [NO_AUTHORITY])
    assert not (tmp_path / "data").exists()
    api, writer = (list(preflight.examine_part(settings_of(tmp_path), part)) for part in ("api", "writer"))
    assert any("PAYSWITCH_AUTHORITY" in line for line in api)
    assert not any("PAYSWITCH_AUTHORITY" in line for line in writer)
    assert not any(
        "AUTHORITY" in line
        for line in preflight.examine(settings_of(tmp_path, authority="switch.example:8443"))
    )


@pytest.mark.parametrize(
    "authority", some(("https://switch.example", "switch.example/", "a b", "switch.example:x"), "a b")
)
def test_an_authority_that_no_signature_can_cover_is_refused(tmp_path: Path, authority: str) -> None:
    code, lines = up("--data", str(tmp_path / "data"), "--port", "0", rails="[]", authority=authority)

    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("payswitch: PAYSWITCH_AUTHORITY: String should match pattern")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, lines = up("--data", str(tmp_path), "--port", port, "--sandbox")

    assert (code, len(lines)) == (1, 1)
    assert f"port {port} is not available (Address already in use)" in lines[0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("nonsense", "not a PostgreSQL URL", marks=pytest.mark.long),
        pytest.param(
            "postgresql://user:CANARY@no-such-host.invalid/x", "is not known", marks=pytest.mark.long
        ),
        ("postgresql://user:CANARY@127.0.0.1:1/x", "does not respond"),
    ],
)
def test_a_database_that_cannot_be_is_one_line_without_its_password(
    tmp_path: Path, url: str, said: str
) -> None:
    code, lines = up("--data", str(tmp_path), "--port", "0", "--sandbox", "--database", url)

    assert (code, len(lines)) == (1, 1)
    assert said in lines[0]
    assert "PAYSWITCH_DATABASE" in lines[0]
    assert "CANARY" not in lines[0]


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path, database_url: str) -> None:
    url = database_url.replace("/test_", "/no_such_")
    code, lines = up("--data", str(tmp_path), "--port", "0", "--sandbox", "--database", url)

    assert (code, len(lines)) == (1, 1)
    assert "does not exist" in lines[0]


@pytest.mark.long
def test_a_newer_schema_is_one_line(tmp_path: Path, database_url: str) -> None:
    psql(database_url, "INSERT INTO migration.applied VALUES ('switch', '9999_post_later.sql', '')")
    code, lines = up("--data", str(tmp_path), "--port", "0", "--sandbox", "--database", database_url)

    assert (code, len(lines)) == (1, 1)
    assert "newer than this version" in lines[0]
    assert "9999_post_later.sql" in lines[0]


def test_a_second_switch_on_the_same_data_is_one_line_and_harms_the_first_in_nothing(stack: Stack) -> None:
    kept = {path.name for path in stack.settings.metrics_directory.glob("*.db")}
    code, lines = up("--data", str(stack.settings.data), "--port", "0", "--sandbox")

    process = f"(process {os.getpid()} at {stack.url})"
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith(
        f"payswitch: another switch is running on {stack.settings.data} {process}: stop"
    )
    assert kept <= {path.name for path in stack.settings.metrics_directory.glob("*.db")}
    assert stack.supervisor.is_ready()


def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, lines = up("--data", str(tmp_path / "file" / "data"), "--port", "0", "--sandbox")

    assert (code, len(lines)) == (1, 1)
    assert "Not a directory" in lines[0]


NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.mark.parametrize("words", [("up", "--sandbox"), ("run", "writer")], ids=["up", "run"])
def test_a_data_directory_that_may_not_be_written_is_one_line(
    words: tuple[str, ...], tmp_path: Path, database_url: str
) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root may give a directory to another user, and setpriv takes root's rights away")
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    os.chown(data, 65534, 65534)
    code, lines = payswitch(
        *words, prefix=NO_RIGHTS, data=str(data), database=database_url, port="0", sandbox="true"
    )

    assert code == 1
    assert lines == [
        f"payswitch: {data}/run cannot be used: Permission denied; give the switch's user access"
    ]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM migration.applied WHERE name LIKE '%_pre_%' AND name > '0001'", "lacks "),
        ("INSERT INTO migration.applied VALUES ('switch', '9999_post_later.sql', '')", "newer than this version"),
        ("UPDATE migration.applied SET sha256 = '' WHERE name LIKE '0001%'", "edited or removed"),
    ],
    ids=["behind", "ahead", "edited"],
)  # fmt: skip
def test_a_process_alone_refuses_another_schema_in_one_line(
    statement: str, said: str, tmp_path: Path, database_url: str
) -> None:
    psql(database_url, statement)
    code, lines = payswitch("run", "writer", data=str(tmp_path), database=database_url)

    assert (code, len(lines)) == (1, 1)
    assert said in lines[0]


def test_a_process_alone_waits_for_a_database_that_may_come_and_refuses_one_that_cannot(
    tmp_path: Path,
) -> None:
    """Its service manager repeats it; the last line of its log is the reason."""
    environment = {
        **os.environ,
        "PAYSWITCH_DATA": str(tmp_path),
        "PAYSWITCH_DATABASE": "postgresql://user:CANARY@127.0.0.1:1/x",
    }
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", "run", "writer"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    first, last = done.stdout.splitlines()[0], done.stderr.splitlines()[-1]

    assert done.returncode == 1
    assert first == "waiting: the database or the writer does not respond"
    assert json.loads(last)["reason"] == "the database or the writer does not respond"
    assert "CANARY" not in done.stdout + done.stderr

    code, lines = payswitch("run", "writer", data=str(tmp_path), database="postgresql://u@no-such.invalid/x")
    assert (code, len(lines)) == (1, 1)
    assert lines[0].endswith("is not known: Name or service not known; check PAYSWITCH_DATABASE")


def test_a_process_with_an_expired_certificate_towards_the_writer_does_not_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    valid = authority.certify("api.switch.example")
    expired = authority.certify("old.switch.example", lasts=-timedelta(minutes=1))
    found = {
        name: [
            line
            for line in preflight.examine_part(
                settings_of(
                    tmp_path,
                    writer=("tcp+tls://writer.switch.example:8330",),
                    writer_tls_certificate=identity.certificate,
                    writer_tls_key=identity.key,
                    writer_tls_ca=identity.authority,
                ),
                "caretaker",
            )
            if "certificate" in line
        ]
        for name, identity in {"valid": valid, "expired": expired}.items()
    }

    assert found["valid"] == []
    (line,) = found["expired"]
    assert line.startswith(f"the certificate in {expired.certificate} expired on ")
    assert line.endswith("PAYSWITCH_WRITER_TLS_CERTIFICATE needs a valid one")


@pytest.mark.long
def test_a_full_disk_is_waited_for_and_reported(tmp_path: Path) -> None:
    """It may pass, so only the time that the caller gives ends the start."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8M,mode=0755", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    said: list[str] = []
    settings = settings_of(tmp_path / "data", sandbox=True, rails=("PK",), port=0)
    supervisor = Supervisor(settings, said.append)
    try:
        with pytest.raises(StartError, match="No space left on device"):
            supervisor.start(within_s=5)
    finally:
        supervisor.stop()
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)

    assert sum("waiting: " in line and "No space left" in line for line in said) == 1


@pytest.mark.long
async def test_one_user_for_all_processes_must_be_allowed_to_take_each_role(
    data_directory: Path,
) -> None:
    """Whoever creates a role in PostgreSQL 16 and later is its member, and may not take it: the start sees to it."""
    server = EmbeddedPostgres(data_directory / "postgres", {"shared_buffers": "16MB", "fsync": "off"})
    url = server.start()
    try:
        psql(url, "CREATE ROLE bare LOGIN; CREATE ROLE maker LOGIN CREATEROLE")
        psql(url, "CREATE DATABASE first OWNER bare")
        psql(url, "CREATE DATABASE second OWNER maker")
        bare, maker = (
            Settings(database=url.replace("postgres@/postgres", name), data=data_directory)
            for name in ("bare@/first", "maker@/second")
        )
        with pytest.raises(RolesMissing, match=r"no role payswitch_writer, .* `payswitch database roles`"):
            await preflight.bring_up_to_date(bare)
        told, next_steps = typed(bare, "migrate"), typed(bare, "upgrade", "--check")
        assert (told.returncode, told.stderr.count("\n")) == (1, 1)
        assert "payswitch: the database has no role payswitch_writer, " in told.stderr
        assert f"{LOG_INS} (payswitch_writer, " in next_steps.stdout
        await preflight.bring_up_to_date(maker)
        for login in PROCESSES:
            connection = await database.connect(maker, login)
            assert await connection.fetchval("SELECT current_user") == login
            await connection.close()
        with pytest.raises(causes.Impossible, match="GRANT payswitch_writer TO bare, or give each process"):
            await preflight.bring_up_to_date(bare)
    finally:
        server.stop()


def typed(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that a person types."""
    options = ("--data", str(settings.data), "--database", settings.database)
    return subprocess.run(
        [sys.executable, "-m", "switch.cli", *words, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_production_over_sandbox_data(stack: Stack) -> None:
    """A switch without --sandbox accepted the people and the keys of a sandbox's credentials file."""
    settings = stack.settings.model_copy(update={"sandbox": False, "port": 0})

    with pytest.raises(causes.Impossible, match=r"is that of a sandbox, .* start it with --sandbox"):
        asyncio.run(preflight.bring_up_to_date(settings))


async def test_a_process_of_the_other_kind_does_not_start(stack: Stack, database_url: str) -> None:
    with pytest.raises(causes.Impossible, match="is that of a sandbox"):
        async with runtime.running(stack.settings.model_copy(update={"sandbox": False}), Kind.API):
            pass

    production = Settings(database=database_url)
    await preflight.bring_up_to_date(production)
    with pytest.raises(causes.Impossible, match="may hold real money: start it without --sandbox"):
        await preflight.bring_up_to_date(production.model_copy(update={"sandbox": True}))


async def test_keys_of_a_sandbox_make_it_one_whatever_it_is_started_as(database_url: str) -> None:
    psql(database_url, "INSERT INTO switch.participant VALUES ('x1', 'x', 'ASHAINBB', 'IN', 'direct')")
    psql(database_url, "INSERT INTO switch.bearer_key VALUES ('', 'x1')")

    with pytest.raises(causes.Impossible, match="is that of a sandbox"):
        await preflight.bring_up_to_date(Settings(database=database_url))


async def test_a_missing_seal_of_authenticators_is_refused_before_everybody_is_locked_out(
    database_url: str, tmp_path: Path
) -> None:
    """Restored without DATA/people, a switch started, and every sign-in failed."""
    settings = Settings(database=database_url, data=tmp_path)
    await preflight.bring_up_to_date(settings)
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    await create_first(pool, tmp_path, "olga", "Olga", Role.OPERATOR, "correct horse battery staple")
    await pool.close()
    await preflight.bring_up_to_date(settings)
    kept = (tmp_path / "people" / "seal.key").rename(tmp_path / "kept.key")

    with pytest.raises(causes.Impossible, match=r"people/seal.key is missing, .* copy it from the backup"):
        await preflight.bring_up_to_date(settings)
    assert any("seal.key is missing" in line for line in await preflight.examine_database(settings, "pages"))
    assert not await preflight.examine_database(settings, "writer")
    assert not await preflight.examine_database(settings, "api")
    examined = await doctor.examine(settings)
    assert "seal-key-missing" in {finding.code for finding in examined.findings}
    kept.rename(tmp_path / "people" / "seal.key")
    await preflight.bring_up_to_date(settings)


async def test_edited_history_is_not_taken_for_a_newer_schema(database_url: str) -> None:
    psql(database_url, "UPDATE migration.applied SET sha256 = '' WHERE name LIKE '0001%'")

    with pytest.raises(MigrationError, match="edited or removed"):
        await preflight.bring_up_to_date(Settings(database=database_url))


@pytest.mark.parametrize("rails", [("IN", "PK", "KZ"), ("KZ", "UZ"), ("KZ",)], ids="-".join)
def test_a_sandbox_without_india_or_pakistan_has_a_first_payment_too(
    tmp_path: Path, rails: tuple[str, ...]
) -> None:
    """It started, and ended with StopIteration instead of saying where it is."""
    settings = Settings(data=tmp_path, sandbox=True, rails=rails)
    credentials = world._credentials(settings.credentials_file, settings, "http://127.0.0.1:1")
    people = {bank["id"]: {"password": "secret"} for bank in credentials["participants"]}
    world._write(settings.credentials_file, {**credentials, "people": people})
    said = "\n".join(showcase.welcome(settings, "http://127.0.0.1:1"))

    assert said.endswith("Press Ctrl-C to stop; the data is kept.")
    assert said.count("| curl ") == (len(rails) > 1)
    files = [settings.credentials_file.with_name(f"first.{kind}") for kind in ("json", "curl")]
    said += "".join(file.read_text() for file in files if file.exists())
    assert said.count("/v1/iso20022/pacs.008") == (len(rails) > 1)
    assert ('"INDUPKKA"' in said) is ("PK" in rails)


def test_a_country_that_is_installed_later_gets_its_banks_in_a_sandbox_that_there_is(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, sandbox=True, rails=("IN", "PK"))
    before = world._credentials(settings.credentials_file, settings, "http://127.0.0.1:1")
    world._write(settings.credentials_file, before)
    later = settings.model_copy(update={"rails": ("IN", "KZ", "PK")})
    after = world._credentials(settings.credentials_file, later, "http://127.0.0.1:1")

    assert after["participants"][: len(before["participants"])] == before["participants"]
    assert [bank["id"] for bank in after["participants"][len(before["participants"]) :]] == ["steppe-bank"]
    assert set(after["accounts"]) == {"IN", "KZ", "PK"}


def test_every_installed_country_is_connected_unless_a_setting_excludes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PAYSWITCH_RAILS", raising=False)
    assert Settings().rails == tuple(registry.countries())


def test_what_is_not_set_is_not_set_for_the_processes_either(tmp_path: Path) -> None:
    """They were given the text `null`, took it for a directory of backups, and reported that it has none."""
    environment = environment_of(settings_of(tmp_path, rails=()))

    assert "PAYSWITCH_BACKUPS" not in environment
    assert "null" not in environment.values()


def test_an_adapter_package_that_states_no_country_is_named(tmp_path: Path) -> None:
    """One that was made before countries were records would end every process with an import error."""
    package, metadata = tmp_path / "payswitch_az", tmp_path / "payswitch_az-0.1.0.dist-info"
    package.mkdir()
    (package / "__init__.py").touch()
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: payswitch-az\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[payswitch.adapters]\nAZ = payswitch_az\n")
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", "up", "--sandbox", "--data", str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "the adapter package of AZ does not state its country" in done.stderr
    assert "Traceback" not in done.stderr
