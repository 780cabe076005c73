"""`payswitch init`: whole files, every fault at once; secrets that nobody else reads; and it may be repeated."""

import asyncio
import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch import cli
from switch.base.settings import OTHER_VARIABLES, Settings
from switch.cli import doctor, preflight, steps
from switch.cli.installation import read_changes
from switch.writer.context import ServiceContext
from tests.conftest import psql
from tests.docs.blocks import ROOT, of_page
from tests.switch.services import done, open_services

Typed = Callable[..., tuple[int, list[str], list[str]]]
PAGE = ROOT / "docs" / "operate" / "going-live.md"
NO_NUMBER = "Input should be a valid integer, unable to parse string as an integer"
WHOLE = {
    "settings": {"rails": ["IN"], "authority": "switch.example", "log_origin": "switch.example/ledger"},
    "people": {"operator": "olga", "checker": "chen"},
}


@pytest.fixture
def typed(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type a command; its exit code, and the lines of its output and of its complaints."""
    monkeypatch.setenv("PAYSWITCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PAYSWITCH_PASSWORD", "a long enough pass phrase")

    def run(*words: str) -> tuple[int, list[str], list[str]]:
        capfd.readouterr()
        code = cli.run(words)
        out, err = capfd.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


def written(directory: Path, content: Any) -> str:
    file = directory / "file.json"
    file.write_text(json.dumps(content))
    return str(file)


def test_all_faults_of_an_installation_file_are_reported_before_any_change(
    typed: Typed, tmp_path: Path
) -> None:
    file = written(
        tmp_path,
        {
            "settings": {"prot": 1, "port": "CANARY", "bic": "x", "sandbox": True},
            "people": {"operator": "olga"},
            "person": {},
        },
    )
    code, _, complaints = typed("init", "--from", file)

    assert code == 1
    assert [line.removeprefix(f"payswitch: {file}: ").partition(":")[0] for line in complaints] == [
        "people.checker is missing",
        "there is no field person",
        "there is no setting prot",
        "sandbox cannot be set here",
        "settings.port",
        "settings.bic",
    ]
    assert "CANARY" not in "".join(complaints)
    assert not (tmp_path / "data").exists()


def test_all_faults_of_a_list_of_changes_are_reported_before_any_request(
    typed: Typed, tmp_path: Path
) -> None:
    bank = {"id": "a-bank", "name": "A", "bic": "ASHAINBB", "country": "IN", "kind": "direct"}
    file = written(
        tmp_path,
        [
            {"kind": "rail.open", "content": {}},
            {"kind": "rail.register", "content": {"country": "India"}},
            {"kind": "rail.register"},
            {"kind": "participant.onboard", "content": {**bank, "keys": [{"keyid": "a-1", "request": "@no.csr"}]}},
            {"kind": "person.add", "content": {"name": "ravi", "display_name": "R", "role": "regulator", "scope": "IN"}},
        ],
    )  # fmt: skip
    code, _, complaints = typed("change", "request-all", file, "--as", "olga", "--reason", "x")

    assert code == 1
    assert [line.partition(": change ")[2][:20] for line in complaints] == [
        "1: there is no such ",
        "2: rail.register: co",
        "3: it has the fields",
        f"4: {tmp_path}/no.csr: No such"[:20],
    ]


def test_a_bare_directory_is_configured_once_and_repeating_changes_nothing(
    typed: Typed, tmp_path: Path, database_url: str
) -> None:
    file, data = written(tmp_path, WHOLE), tmp_path / "data"
    code, out, complaints = typed("init", "--from", file, "--database", database_url)
    assert (code, complaints[-1:]) == (0, ["chen, the first checker:"]), complaints
    made = {path: (path.read_bytes(), path.stat().st_mode) for path in data.rglob("*") if path.is_file()}
    again = typed("init", "--from", file, "--database", database_url)
    after = {path: (path.read_bytes(), path.stat().st_mode) for path in data.rglob("*") if path.is_file()}

    assert sum('"totp_secret"' in line for line in out) == 2
    assert again[0] == 0
    assert not any("totp_secret" in line for line in again[1])
    assert after == made
    secret = [path for path in made if path.suffix in {".key", ".pem", ".json"}]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert psql(database_url, "SELECT name || ' ' || role FROM switch.person ORDER BY name").split("\n")[:2] == [
        "chen checker", "olga operator",
    ]  # fmt: skip
    assert Settings(data=data).authority == "switch.example"


class Terminal:
    """A pseudo-terminal at which a command asks; what it shows, and what is typed."""

    def __init__(self, words: Sequence[str], environment: dict[str, str]) -> None:
        self.shown, self._answered = "", 0
        self._end, command = pty.openpty()
        self.process = subprocess.Popen(
            words, env=environment, stdin=command, stdout=command, stderr=command, start_new_session=True
        )
        os.close(command)

    def answer(self, question: str, typed: str) -> None:
        """Wait until it asks; then type a line."""
        while not (question in self.shown[self._answered :] and self.shown.endswith(": ")):
            assert self._read(), self.shown
        self._answered = len(self.shown)
        os.write(self._end, f"{typed}\n".encode())

    def ended(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._end)
        return self.process.wait(60)

    def _read(self) -> bool:
        try:
            piece = os.read(self._end, 4096)
        except OSError:  # nobody holds the other end
            return False
        self.shown += piece.decode().replace("\r\n", "\n")
        return bool(piece)


def test_the_questions_at_a_terminal(tmp_path: Path, database_url: str) -> None:
    """A wrong answer is asked again, a password is never shown, and a repetition asks only what is open."""
    data, password = tmp_path / "data", "a long enough pass phrase"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAYSWITCH_")}
    words = [sys.executable, "-m", "switch.cli", "init", "--data", str(data), "--database", database_url]
    terminal = Terminal(words, environment)
    terminal.answer("countries whose rails", "in pk")
    terminal.answer("host[:port]", "https://switch.example")
    terminal.answer("host[:port]", "switch.example:8443")
    terminal.answer("name of the event log", "switch.example/ledger")
    terminal.answer("BIC", "")
    terminal.answer("directory of backups", "")
    for role, name in (("operator", "olga"), ("checker", "chen")):
        terminal.answer(f"first {role}", name)
        terminal.answer("password", password)
        terminal.answer("Repeat for confirmation", password)

    assert terminal.ended() == 0, terminal.shown
    assert json.loads((data / "settings.json").read_text()) == {
        "rails": ["IN", "PK"],
        "authority": "switch.example:8443",
        "log_origin": "switch.example/ledger",
    }
    assert "settings.authority: String should match pattern" in terminal.shown
    assert password not in terminal.shown
    assert terminal.shown.count("totp_uri") == 2
    assert "missing: participants-missing" in terminal.shown
    assert psql(database_url, "SELECT count(*) FROM switch.person WHERE name IN ('olga', 'chen')") == "2\n"

    again = Terminal(words, environment)
    again.answer("BIC", "SWCHINBB")
    again.answer("directory of backups", "")
    assert again.ended() == 0
    assert json.loads((data / "settings.json").read_text())["bic"] == "SWCHINBB"
    assert "totp" not in again.shown


def test_without_a_terminal_nothing_is_made_that_nobody_described(
    typed: Typed, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It made a switch of ten rails with the log of an example, and left out people without a word."""
    code, _, complaints = typed("init", "--database", database_url)
    assert (code, len(complaints)) == (2, 1)
    assert complaints[0].endswith("it needs a terminal, or --from FILE")
    assert not (tmp_path / "data").exists()

    monkeypatch.delenv("PAYSWITCH_PASSWORD")
    file = written(tmp_path, WHOLE)
    code, _, complaints = typed("init", "--from", file, "--database", database_url)
    assert (code, len(complaints)) == (1, 1)
    assert (
        "the first operator chooses a password: it needs a terminal, or PAYSWITCH_PASSWORD" in complaints[0]
    )

    monkeypatch.setenv("PAYSWITCH_PASSWORD", "a long enough pass phrase")
    assert typed("init", "--from", file, "--database", database_url)[0] == 0
    assert typed("init", "--database", database_url)[0] == 0
    lines = (tmp_path / "data" / "audit" / "verifier-keys.txt").read_text().splitlines()
    assert [line.partition("+")[0] for line in lines] == ["switch.example/ledger"]


def test_an_installation_whose_writer_is_on_another_machine(
    typed: Typed, tmp_path: Path, database_url: str
) -> None:
    """It was given a link to the socket of this machine; the first people need no writer at all."""
    remote = {**WHOLE["settings"], "writer": ["tcp+tls://writer-1.switch.example:8330"]}
    file = written(tmp_path, {**WHOLE, "settings": remote})
    code, out, complaints = typed("init", "--from", file, "--database", database_url)

    assert (code, complaints[-1:]) == (0, ["chen, the first checker:"]), complaints
    assert sum('"totp_secret"' in line for line in out) == 2


def test_init_and_doctor_name_the_same_missing_steps(tmp_path: Path, typed: Typed, database_url: str) -> None:
    code, out, _ = typed("init", "--from", written(tmp_path, WHOLE), "--database", database_url)
    named = {line.split(": ")[1] for line in out if line.startswith("missing: ")}
    found = asyncio.run(doctor.examine(Settings(data=tmp_path / "data", database=database_url)))

    assert code == 0
    assert {"participants-missing", "rail-unconfigured", "rail-unregistered", "corridor-missing"} <= named
    assert {finding.code for finding in found.findings} >= named


def test_the_name_of_a_log_that_exists_is_not_changed(
    typed: Typed, tmp_path: Path, database_url: str
) -> None:
    typed("init", "--from", written(tmp_path, WHOLE), "--database", database_url)
    other = {"settings": {"log_origin": "another.example/ledger"}}
    code, _, complaints = typed("init", "--from", written(tmp_path, other), "--database", database_url)

    assert code == 1
    assert "log_origin is switch.example/ledger and never changes" in complaints[0]


def test_the_environment_overrides_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.json").write_text('{"port": 9001, "rails": ["PK"]}')
    monkeypatch.setenv("PAYSWITCH_PORT", "9002")
    found = Settings(data=tmp_path)

    assert (found.port, found.rails) == (9002, ("PK",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"prot": 1, "data": "x", "zzz": 1}',
            [
                "there is no setting prot: is port meant?",
                "there is no setting zzz",
                "data cannot be set here",
            ],
        ),
        ("[]", ["it is not a JSON object"]),
        ("{", ["it is not JSON"]),
    ],
    ids=["names", "array", "broken"],
)
def test_a_settings_file_with_faults_ends_every_command(
    tmp_path: Path, text: str, said: list[str], typed: Typed
) -> None:
    (tmp_path / "settings.json").write_text(text)
    code, _, lines = typed("doctor", "--data", str(tmp_path))

    assert code == 2
    assert lines == [f"payswitch: {tmp_path}/settings.json: {fault}" for fault in said]


def test_every_fault_of_variables_and_of_the_file_is_told_at_once_without_a_value(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.json").write_text('{"prot": "CANARY"}')
    for name, value in {
        "PAYSWITCH_AUTHORTY": "CANARY",
        "payswitch_zzz": "CANARY",
        "PAYSWITCH_WORKERS": "CANARY",
        "PAYSWITCH_RAILS": "CANARY",
    }.items():
        monkeypatch.setenv(name, value)
    code, _, lines = typed("up", "--data", str(tmp_path))

    assert code == 2
    assert set(lines) == {
        "payswitch: PAYSWITCH_RAILS: Input should be a valid tuple; write it in JSON",
        f"payswitch: PAYSWITCH_WORKERS: {NO_NUMBER}",
        f"payswitch: {tmp_path}/settings.json: there is no setting prot: is port meant?",
        "payswitch: there is no setting PAYSWITCH_AUTHORTY: is authority meant?",
        "payswitch: there is no setting payswitch_zzz",
    }


def test_every_variable_of_the_code_is_a_setting_or_known_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {
        name
        for layer in ("adapters", "ledger", "schemas", "switch")
        for file in (ROOT / layer).rglob("*.py")
        for name in re.findall(r"\bPAYSWITCH_[A-Z0-9_]*[A-Z0-9]\b", file.read_text(encoding="utf-8"))
    }
    settings = {f"PAYSWITCH_{name.upper()}" for name in Settings.model_fields}

    assert named - settings == OTHER_VARIABLES - {"PAYSWITCH_X"}
    for name in OTHER_VARIABLES:
        monkeypatch.setenv(name, "x")
    assert Settings()


@pytest.mark.parametrize(
    "name",
    ["settings.json", "keys/webhooks.pem", "audit/checkpoint.key", "people/seal.key", "keys/openid/x.secret"],
)
def test_a_start_refuses_a_secret_that_others_can_read_with_the_remedy(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("{}")
    file.chmod(0o640)
    faults = preflight.examine(Settings(data=tmp_path, rails=(), authority="switch.example"))

    assert faults[0] == f"others than its owner can read {file}: run chmod 600 {file}"


def test_a_sandbox_needs_no_names(tmp_path: Path) -> None:
    assert {missing.code for missing in steps.of_files(Settings(data=tmp_path))} == {
        "authority-missing",
        "log-name-missing",
        "backup-none",
    }
    assert list(steps.of_files(Settings(data=tmp_path, sandbox=True))) == []


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


async def test_the_lists_of_the_document_are_possible_in_their_order(
    services: ServiceContext, tmp_path: Path
) -> None:
    """The services has the central banks' people already; everything else is as the page has it."""
    for name, participant in (("asha", "asha-bank"), ("noor", "noor-bank"), ("agent", "agent")):
        key = SigningKey.generate(f"{participant}-1")
        (tmp_path / f"{name}.csr").write_text(key_request.make(key, participant))
    lists = [block for block in of_page(PAGE) if block.file in {"banks.json", "opening.json"}]
    for block in lists:
        (tmp_path / block.file).write_text(block.text)
        for change in read_changes(tmp_path / block.file):
            if change.kind != "person.add":
                central_banks = {
                    "corridor.switch": ("ravi", "karim"),
                    "settlement_agent.set": ("ravi",)
                    if change.content.get("currency") == "INR"
                    else ("karim",),
                }.get(change.kind, ())
                await done(services, change.kind, change.content, checkers=("chen", *central_banks))

    settings = Settings(data=tmp_path, rails=("IN", "PK"))
    async with services.pool.acquire() as connection:
        left = [missing async for missing in steps.of_database(connection, settings)]
    assert [block.file for block in lists] == ["banks.json", "opening.json"]
    assert left == []
