"""Every command and option of the command line with wrong values: one line that helps, never a traceback.

The table is driven by the parser, so a new command, and a new parameter of an old one, is tried by itself.
A new parameter whose text is free, or whose good value is not its type's, is named in the tables here.
"""

import contextlib
import enum
import io
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.simulation.sandbox import free_port
from schemas.errors import Refused
from schemas.signing.keys import SigningKey
from switch import cli
from switch.cli import connect
from switch.cli.explanations import FAILED, INTERRUPTED, WRONG_USE, explain
from tests.switch.stack import Stack

COMMANDS = {}


def _collect(command: Any, words: tuple[str, ...] = ()) -> None:
    for name, below in getattr(command, "commands", {}).items():
        _collect(below, (*words, name))
    if not hasattr(command, "commands"):
        COMMANDS[" ".join(words)] = command


_collect(cli.command())

FREE = {
    "account", "category", "city", "content", "display_name", "found", "keyid", "message", "more", "name", "owner",
    "find", "other_keyid", "sign_keyid", "reason", "reference", "scope", "signer", "source", "text", "version",
}  # fmt: skip
"""Texts that may be anything, or that have cases of their own below."""

GOOD = {
    "act": "1",
    "after": "0", "agent": "settlement-in", "amount": "10.00", "as_": "operator", "bundle": "{json}", "country": "IN",
    "creditor": "noor-wallet", "currency": "INR", "debtor": "asha-bank", "directory": "{directory}", "file": "{json}",
    "form": "json", "key": "{pem}", "keyid": "asha-bank-9", "keys": "line", "kind": "cap.set", "login": "rbi_reader",
    "name": "operator", "net_debit_cap": "0", "number": "1", "numbers": "1", "participant": "asha-bank", "payee": "shop@okbank",
    "reference": "R-1", "role": "operator", "signature": "{json}", "text": "a text", "to": "json", "uetr": str(uuid.uuid4()),
    "version": "v9", "window": "1", "before": "2020-01-01", "message": "pacs.008.001.08", "content": "{}",
    "owner": "olga", "part": "api", "reason": "test", "found": "nothing", "display_name": "A Person", "days": "1", "first": "2026-01-01",
    "event": "1", "event_type": "payment.posted", "webhook": str(uuid.uuid4()), "signer": "asha-bank-1",
    "lists": "{json}", "threshold": "0.9", "folder": "{directory}", "log_keys": "log+f71a5bd8+AYqI", "url": "https://127.0.0.1:1",
    "mojaloop_message": "transfers.post",
    "source": "https://lists.example", "hit": "1", "screening": "1", "threshold_percent": "90",
    "address": "https://127.0.0.1:1", "within_ms": "1000",
    "certificate": "{json}", "until": "2030-01-02", "rail": "PK", "find": "bank",
    "from_country": "IN", "to_country": "PK", "case": "1", "decided_by": "operators", "pattern": "fan_in", "action": "alarm",
}  # fmt: skip

WRONG = {
    "amount": ("1,500.00", "1500.12345", "1.5e3", "-5", "0", "ten", ""),
    "net_debit_cap": ("1,500.00", "-5", "ten"),
    "country": ("India", "XX"),
    "from_country": ("India", "XX"),
    "to_country": ("India", "XX"),
    "word": ("HELLO",),
    "behaviour": ("RUDE",),
    "currency": ("rupees", "XXX"),
    "participant": ("nobody",),
    "debtor": ("nobody", ""),
    "creditor": ("nobody",),
    "agent": ("nobody",),
    "as_": ("nobody", "../../etc/passwd", "n" * 300),
    "kind": ("no.such.kind",),
    "window": ("999999", "0", "99999999999999999999999", "-1", "first", "XXX"),
    "number": ("999999", "0", "99999999999999999999999", "one"),
    "numbers": ("999999", "0", "99999999999999999999999", "one", "2-1", "1-999"),
    "cycle": ("yesterday", "2026-13-01"),
    "form": ("docx",),
    "scheme": ("no-such-scheme",),
    "keys": ("no line of a verifier",),
    "log_keys": ("no line of a verifier",),
    "every": ("x", "-1"),
    "login": ("no login", "x" * 100, "; DROP ROLE postgres"),
    "parameters": ("window", "nothing=1", "since=yesterday"),
    "port": ("99999", "http", "-1"),
    "limit": ("0", "many"),
    "secret": ("whsec_", "whsec_?", "c2VjcmV0"),
    "sql": ("SELECT nonsense",),
    "threshold": ("0", "1.5", "high"),
    "mojaloop_message": ("transfers.delete",),
    "only": ("NOTHING",),
    "product": ("p" * 101, "a\nb"),
    "within": ("x", "0", "99999"),
    "image": ("code.docx", "/nonexistent/code.png"),
}  # fmt: skip
WRONG_OF_TYPE = {
    int: ("x", "99999999999999999999999"),
    uuid.UUID: ("x", "12345"),
    datetime: ("yesterday", "2026-13-01"),
    date: ("yesterday", "2026-13-01"),
    Path: ("/nonexistent/file",),
}

ELSEWHERE = {
    ("iso import", "into"), ("backup", "to"), ("ledger detach", "to"), ("report make", "output"), ("dashboards", "directory"),
    ("audit export", "output"), ("audit export", "archives"), ("verify", "archives"), ("people found", "name"), ("people add", "name"),
    ("participant list", "after"), ("people list", "after"), ("people providers", "after"), ("directory show", "after"), ("adapters new", "directory"), ("adapters new", "country"), ("restore", "source"), ("up", "data"),
    ("export parquet", "directory"), ("witness init", "folder"),
}  # fmt: skip
"""Where a missing directory or an unknown name is what is asked for, or is tried by a test of its own."""

STARTING = {"up", "demo"}
"""Commands that would start a switch if nothing were wrong."""


def parameters(command: Any) -> list[Any]:
    return [p for p in command.params if p.name not in {"help", "data", "database_url"}]


def annotation(parameter: Any) -> Any:
    found = parameter.type_descriptor.annotation
    return getattr(found, "__args__", [found])[0]


def wrong_values(name: str, parameter: Any) -> tuple[str, ...]:
    """Values of one parameter that no installation can accept."""
    kind = annotation(parameter)
    if kind is bool or (name, parameter.name) in ELSEWHERE:
        return ()
    if parameter.name in WRONG:
        return WRONG[parameter.name]
    if parameter.name in FREE:
        return ()
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return ("no such choice",)
    assert kind in WRONG_OF_TYPE or kind is str, (
        f"{name}: a wrong value of {parameter.name} is needed in WRONG"
    )
    return WRONG_OF_TYPE.get(kind, ("no such thing",))


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Files and directories that good values name."""
    (tmp_path / "some.json").write_text("{}")
    (tmp_path / "some.pem").write_text("no key")
    return {
        "json": str(tmp_path / "some.json"),
        "pem": str(tmp_path / "some.pem"),
        "directory": str(tmp_path / "new"),
    }


def words_of(name: str, places: dict[str, str], wrong: dict[str, str] | None = None) -> list[str]:
    """The command with every required parameter, good or, where `wrong` has it, wrong."""
    words, arguments = name.split(), []
    for parameter in parameters(COMMANDS[name]):
        if wrong is not None and parameter.name in wrong:
            value = wrong[parameter.name]
        elif parameter.required:
            value = GOOD[parameter.name].format(**places) if GOOD[parameter.name] != "{}" else "{}"
        else:
            continue
        if parameter.param_type_name == "argument":
            arguments.append(value)
        else:
            words += [max(parameter.opts, key=len), value]
    return [*words, *arguments]


EVERY_PROBLEM = {"run"}
"""Commands that print one line for each thing that a person must do before a start."""


def in_one_line(capfd: pytest.CaptureFixture[str], words: list[str], codes: set[int] | None = None) -> str:
    """Run the command, which must fail in one line; the line."""
    capfd.readouterr()
    code = cli.run(words)
    out, err = capfd.readouterr()
    shown = f"{' '.join(words)}\nexit {code}\n{out[-300:]}{err}"

    assert code in (codes or {FAILED, WRONG_USE}), shown
    assert len(err.splitlines()) == 1 or words[0] in EVERY_PROBLEM, shown
    assert all(line.startswith("payswitch: ") for line in err.splitlines()), shown
    assert "Traceback" not in out + err, shown
    assert "unexpected" not in err, shown
    assert "Error" not in err, shown
    assert len(err) < 2000, shown
    return err


def in_one_line_after(capfd: pytest.CaptureFixture[str], words: list[str]) -> str:
    """Run a command that says on standard output how far it is, and fails in one line of standard error."""
    capfd.readouterr()
    code = cli.run(words)
    err = capfd.readouterr().err

    assert code == FAILED, err
    assert len(err.splitlines()) == 1, err
    return err


@pytest.mark.parametrize(
    "before", ["2099-01-01", datetime.now(UTC).date().isoformat()], ids=["future", "today"]
)
def test_erase_refuses_a_future_and_a_young_instant(before: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It erased payments minutes old, and did not ask."""
    assert "nothing was erased" in in_one_line(capfd, ["erase", "--before", before, "--yes"], {WRONG_USE})


def test_erase_asks_for_confirmation_with_the_number_of_payments(
    stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["erase", "--before", "2020-01-01", "--data", str(stack.settings.data)]

    assert cli.run(words) == FAILED
    assert "add --yes to erase 0 payments" in capfd.readouterr().err
    assert cli.run([*words, "--yes"]) == 0
    assert json.loads(capfd.readouterr().out) == {"erased": 0}


def test_a_report_of_no_known_name_leads_to_the_list(stack: Stack, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["report", "make", "nonsense", "--data", str(stack.settings.data)]

    assert "`payswitch report list`" in in_one_line(capfd, words)


def with_option(option: str) -> list[str]:
    return [name for name, command in COMMANDS.items() if any(option in p.opts for p in command.params)]


ANSWERS_ANYHOW = {"doctor", "database roles", "database urls"}
"""Says what is wrong on standard output, as its findings; or needs neither a database nor its data."""
VERDICTS = {"audit verify"}
"""Says on standard output what does not hold: tests/ledger/test_audit.py."""


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to type a password."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setenv("PAYSWITCH_PASSWORD", "wrong")
    monkeypatch.setenv("PAYSWITCH_CODE", "000000")


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - VERDICTS))
def test_a_wrong_value_of_any_parameter_is_one_line(
    name: str,
    stack: Stack,
    places: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    monkeypatch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
    for parameter in parameters(COMMANDS[name]):
        for value in wrong_values(name, parameter):
            in_one_line(capfd, words_of(name, places, {parameter.name: value}))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_missing_or_unknown_is_one_line(
    name: str, places: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    in_one_line(capfd, [*words_of(name, places), "--no-such-option"], {WRONG_USE})
    if any(parameter.required for parameter in parameters(COMMANDS[name])):
        in_one_line(capfd, name.split(), {WRONG_USE})


@pytest.mark.parametrize(
    "words", [["no-such-command"], ["settlement", "no-such-command"], ["--no-such-option"]]
)
def test_an_unknown_command_is_one_line(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    in_one_line(capfd, words, {WRONG_USE})


def test_the_list_of_commands_loads_no_command() -> None:
    code = (
        "import sys; from switch import cli; assert cli.run(['--help']) == 0;"
        " print([name for name in sys.modules if name.startswith('switch.') and name != 'switch.cli'"
        " or name in {'aiohttp', 'asyncpg', 'cryptography', 'fastapi', 'lxml', 'pydantic', 'structlog'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in (*cli.COMMANDS, *cli.GROUPS))


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_list_of_commands_has_the_help_of_each_command(name: str) -> None:
    assert COMMANDS[name].help.startswith(cli.COMMANDS[name][2])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_parameter_is_explained(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    command = COMMANDS[name]

    assert cli.run([*name.split(), "--help"]) == 0
    assert "Usage: payswitch " + name in capfd.readouterr().out
    assert command.help
    assert [p.name for p in command.params if not p.help] == []


@pytest.mark.parametrize(
    "name", sorted(set(with_option("--data")) - STARTING - ANSWERS_ANYHOW - {"restore", "init"})
)
def test_a_wrong_data_directory_is_one_line_and_nothing_is_made_in_it(
    name: str, places: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for data in (tmp_path / "nonexistent", tmp_path / "empty", Path(places["json"])):
        in_one_line(capfd, [*words_of(name, places), "--data", str(data)])
        assert data.name == "some.json" or not data.exists() or not any(data.iterdir())


@pytest.mark.parametrize("name", sorted(set(with_option("--database")) - ANSWERS_ANYHOW - {"demo"}))
def test_a_database_that_cannot_be_reached_is_one_line(
    name: str,
    places: dict[str, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("PAYSWITCH_SANDBOX", "true")
    for url in ("postgresql://u:secret@127.0.0.1:1/none", "secret://nonsense"):
        line = in_one_line(capfd, [*words_of(name, places), "--data", str(tmp_path), "--database", url])
        assert "secret" not in line


class Server:
    """A server that takes connections and hangs, or hangs up."""

    def __init__(self, *, hang_up: bool) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.taken = threading.Event()
        self._hang_up, self._kept = hang_up, []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                if self._hang_up:
                    connection.close()
                else:
                    self._kept.append(connection)
                self.taken.set()

    def close(self) -> None:
        self._listener.close()
        for connection in self._kept:
            connection.close()


@pytest.fixture(params=["hangs", "hangs up"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    found = Server(hang_up=request.param == "hangs up")
    yield found
    found.close()


def sandbox_at(directory: Path, port: int) -> Path:
    """A data directory whose sandbox is said to answer at a port."""
    key = SigningKey.generate("asha-bank-1")
    entry = {
        "bic": "ASHAINBB", "country": "IN", "currency": "INR", "member_id": "", "keyid": key.keyid,
        "private_key": key.pem.decode(),
    }  # fmt: skip
    credentials = {
        "url": f"http://127.0.0.1:{port}",
        "participants": [{"id": "asha-bank", **entry}, {"id": "noor-wallet", **entry, "country": "PK"}],
    }
    (directory / "sandbox").mkdir()
    (directory / "sandbox" / "credentials.json").write_text(json.dumps(credentials))
    return directory


def test_a_database_that_hangs_or_hangs_up_is_one_line(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "CONNECTS_WITHIN_S", 0.3)
    url = f"postgresql://u@127.0.0.1:{server.port}/none"

    assert "cannot be reached" in in_one_line(capfd, ["events", "--database", url], {FAILED})
    assert "cannot be reached" in in_one_line(capfd, ["change", "list", "--database", url], {FAILED})


def test_a_switch_that_does_not_answer_a_payment_is_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["pay", "asha-bank", "noor-wallet", "10.00", "--data", str(sandbox_at(tmp_path, 1))]

    assert "no response" in in_one_line(capfd, words, {FAILED})


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "switch.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("server", ["hangs"], indirect=True)
@pytest.mark.parametrize("command", ["pay", "events"])
def test_an_interrupt_is_one_line_and_130(command: str, server: Server, tmp_path: Path) -> None:
    if command == "pay":
        words = ["asha-bank", "noor-wallet", "10.00", "--data", str(sandbox_at(tmp_path, server.port))]
    else:
        words = ["--database", f"postgresql://u@127.0.0.1:{server.port}/none"]
    process = started([command, *words])
    assert server.taken.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (INTERRUPTED, "", "payswitch: interrupted\n")


def test_a_reader_that_has_enough_sees_no_traceback() -> None:
    command = f"{shlex.quote(sys.executable)} -m switch.cli adapters list | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)

    assert done.stdout == "[\n"
    assert done.stderr == ""


def test_a_refusal_has_its_place_and_its_remedy_in_the_line() -> None:
    refused = Refused("no such rail", path="country", remedy="Use a country of GET /v1/rails.")

    assert explain(refused) == ("no such rail (at country). Use a country of GET /v1/rails.", 1)
    assert explain(Refused("no such rail")) == ("no such rail", 1)


def test_what_nobody_foresaw_shows_no_value(capfd: pytest.CaptureFixture[str]) -> None:
    text, code = explain(RuntimeError("PK36SCBL0000001123456702"))

    assert code == FAILED
    assert "PK36" not in text


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PAYSWITCH_WORKERS": "none"}, "PAYSWITCH_WORKERS"),
        ({"PAYSWITCH_RAILS": "IN,PK"}, "PAYSWITCH_RAILS: Input should be a valid tuple; write it in JSON"),
        ({"PAYSWITCH_PORT": "99999"}, "PAYSWITCH_PORT"),
    ],
)
def test_a_wrong_setting_is_one_line(
    variables: dict[str, str],
    said: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert said in in_one_line(capfd, ["up", "--data", str(tmp_path / "d")], {WRONG_USE})
    assert not (tmp_path / "d").exists()


def test_up_without_rail_files_names_them_before_any_change(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYSWITCH_AUTHORITY", "switch.example")
    line = in_one_line(capfd, ["up", "--port", str(free_port()), "--data", str(tmp_path / "d")], {FAILED})

    assert "the rails of BY, CN, IN" in line
    assert "PAYSWITCH_RAILS" in line
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"endpoints": ["http://127.0.0.1:1"]}'])
def test_up_with_a_wrong_rail_file_names_it(
    content: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYSWITCH_AUTHORITY", "switch.example")
    monkeypatch.setenv("PAYSWITCH_RAILS", '["IN"]')
    (tmp_path / "rails" / "IN").mkdir(parents=True)
    (tmp_path / "rails" / "IN" / "switch.json").write_text(content)

    assert "rails/IN/switch.json" in in_one_line(
        capfd, ["up", "--port", str(free_port()), "--data", str(tmp_path)], {FAILED}
    )


def test_up_on_a_port_that_is_taken_names_the_remedy(
    stack: Stack, data_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = str(stack.settings.port)
    line = in_one_line_after(capfd, ["up", "--sandbox", "--port", port, "--data", str(data_directory / "d")])

    assert f"port {port} is not available" in line
    assert "--port" in line
