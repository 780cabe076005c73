"""What commands print: JSON to programs, aligned tables to people, and never anything else by accident."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from switch import cli
from switch.cli import output, screen
from tests.switch.stack import Stack

COLOUR = re.compile(r"\x1b\[[0-9;]*3\dm")
MARKS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
OF_FILES = {"audit.py", "keys.py", "iso.py", "payments.py", "integrator.py", "supervisor.py", "ownership.py", "showcase.py", "output.py", "tables.py", "adapters.py", "conform.py"}  # fmt: skip
"""Modules with JSON that is kept in a file or sent, or that follow a payment."""
READ = (
    "adapters list", "audit keys", "change kinds", "change list", "doctor", "events --limit 3", "ledger partitions",
    "participant list", "participant show asha-bank", "people list", "people providers", "rails breaks", "rails test IN",
    "report list", "report made", "settlement calendar INR", "settlement list", "settlement positions {closed}", "settlement show {closed}", "upgrade --check", "verify",
    "webhook-keys list", "logs --participant asha-bank",
)  # fmt: skip
"""Commands that read: all data that the command line prints."""
SENTENCES = {"audit keys", "doctor", "upgrade --check"}
"""They print sentences or keys, which the terminal wraps."""
ALONE = {"adapters list", "change kinds", "report list"}
"""They need no switch."""


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Standard output is this terminal; pytest sets its own before each test, so no fixture can do it."""
        with contextlib.redirect_stdout(self):
            yield


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 100 columns."""
    monkeypatch.setattr(output._choice, "as_json", False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(words), command
        return
    for name, each in below.items():
        yield from leaves(each, (*words, name))


def test_every_command_that_prints_data_has_one_option_for_json() -> None:
    found = {
        name: sum("--json" in option.opts for option in each.params) for name, each in leaves(cli.command())
    }

    assert len(found) > 80
    assert {name for name, count in found.items() if count != 1} == cli.NO_DATA
    assert set(found.values()) == {0, 1}


def test_commands_print_data_by_one_module() -> None:
    for file in Path(cli.__file__).parent.glob("*.py"):
        if file.name not in OF_FILES:
            assert "json.dumps" not in file.read_text(), file


@pytest.fixture(scope="module")
def closed(stack: Stack) -> str:
    """A window that is closed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        cli.run(["settlement", "close", "INR", "--data", str(stack.settings.data), "--json"])
    return str(json.loads(printed.getvalue())["window"])


def words_of(stack: Stack, command: str) -> list[str]:
    found = command.split()
    return found if command in ALONE else [*found, "--data", str(stack.settings.data)]


@pytest.mark.parametrize("command", READ)
def test_a_person_reads_tables_and_a_program_json(
    stack: Stack, terminal: Terminal, closed: str, command: str
) -> None:
    words = words_of(stack, command.format(closed=closed))
    with terminal.used():
        cli.run(words)
        shown = terminal.getvalue()
        cli.run([*words, "--json"])
    printed = terminal.getvalue().removeprefix(shown)

    plain = MARKS.sub("", shown)
    assert plain.strip()
    assert not plain.lstrip().startswith(("{", "["))
    assert command in SENTENCES or all(len(line) <= 100 for line in plain.splitlines()), plain
    assert not MARKS.search(printed)
    decoded(printed)


def decoded(text: str) -> list[Any]:
    """The documents of a text: one, or one a line."""
    try:
        return [json.loads(text)] if text else []
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


def test_colours_follow_the_environment(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "asha-bank", "status": "active"}, {"name": "noor-wallet", "status": "suspended"}]
    with terminal.used():
        output.rows(rows)
        coloured = terminal.getvalue()
        monkeypatch.setenv("NO_COLOR", "1")
        output.rows(rows)
        without = terminal.getvalue().removeprefix(coloured)
        monkeypatch.setenv("TERM", "dumb")
        output.rows(rows)
    dumb = terminal.getvalue().removeprefix(coloured + without)

    assert COLOUR.search(coloured)
    assert not COLOUR.search(without)
    assert dumb.splitlines() == ["name         status   ", "asha-bank    active   ", "noor-wallet  suspended"]


def test_nothing_is_cut(terminal: Terminal) -> None:
    """A column that is too wide is folded; rows that are too wide are a block each."""
    long, wide = "x" * 150, {f"column-{number}": "y" * 20 for number in range(9)}
    with terminal.used():
        output.rows([{"name": "a", "text": long}])
        output.rows([wide, wide])
        output.document(
            {"of": [], "at": "2026-11-30T06:25:52.482551Z", "amount": {"amount": "1.00", "currency": "INR"}}
        )
    plain = MARKS.sub("", terminal.getvalue())

    assert plain.count("x") == 151  # with the heading
    assert plain.count("y" * 20) == 18
    assert "2026-11-30 06:25:52 UTC" in plain
    assert "1.00 INR" in plain
    assert all(len(line) <= 100 for line in plain.splitlines())


def test_what_to_do_next_is_for_people_alone(capsys: pytest.CaptureFixture[str]) -> None:
    output.what_now("payswitch verify")

    assert capsys.readouterr() == ("", "")


def test_progress_is_a_line_a_step_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    progress = screen.Progress()
    progress("starting PostgreSQL")
    progress.waits("PostgreSQL is not ready")
    progress("applying schema migrations")
    progress.end()
    printed = capsys.readouterr().out

    assert re.fullmatch(
        r"\[ *\d+\.\d s\] starting PostgreSQL\n\[ *\d+\.\d s\] applying schema migrations\n", printed
    )


def test_progress_turns_at_a_terminal_and_leaves_what_is_done(terminal: Terminal) -> None:
    with terminal.used():
        progress = screen.Progress()
        progress("starting PostgreSQL")
        progress.waits("PostgreSQL is not ready")
        progress("applying schema migrations")
        progress.end()
        progress.title("a bank pays a wallet")
    shown = terminal.getvalue()
    lines = [line.strip() for line in MARKS.sub("", shown).replace("\r", "\n").splitlines() if line.strip()]

    assert "starting PostgreSQL (PostgreSQL is not ready, 0 s)" in shown
    assert [line for line in lines if line.startswith("✓")] == [
        "✓   0.0 s  starting PostgreSQL",
        "✓   0.0 s  applying schema migrations",
    ]
    assert lines[-1].endswith("a bank pays a wallet")
