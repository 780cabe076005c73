"""The command line: `payswitch ...`. Each group of commands is a module; only the needed one is imported."""

import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.main import get_command

COMMANDS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "init": ("init", "init", "Configure a data directory, and print what is missing."),
        "up": ("stack", "up", "Start the switch and keep it running."),
        "run": ("machine", "run_part", "Run one kind of process on this machine."),
        "demo": ("stack", "demo", "Demonstrate payments and settlement."),
        "verify": ("checking", "verify", "Check every ledger and payment invariant."),
        "pay": ("payments", "pay", "Send one signed payment to the running sandbox."),
        "payment": ("payments", "payment", "Show a payment: its status, amounts and history."),
        "events": ("payments", "events", "Print the event log, one JSON line per event."),
        "listen": ("integrator", "listen", "Print a participant's events as they happen, and forward them"),
        "trigger": ("integrator", "trigger", "Make an event happen to a participant of the sandbox"),
        "resend": ("integrator", "resend", "Deliver an event to a webhook again"),
        "logs": ("integrator", "logs", "Print the latest deliveries to a participant's webhooks"),
        "conform": ("conform", "conform", "Certify your own client against a sandbox or a test switch"),
        "erase": ("operations", "erase", "Erase personal data of payments for ever."),
        "backup": ("operations", "backup", "Back up the running database."),
        "migrate": ("operations", "migrate_database", "Apply schema migrations while payments run."),
        "upgrade": (
            "upgrade",
            "upgrade_switch",
            "Print which versions run, what the schema lacks, and the next steps.",
        ),
        "rotate-master-key": ("operations", "rotate_master_key", "Add a master key for personal data."),
        "doctor": ("operations", "examine", "Find problems of this installation."),
        "dashboards": ("operations", "write_dashboards", "Write the Grafana dashboards."),
    }
)
"""Command -> module in this package, its function, and its line in the list of commands."""

GROUPS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "ledger": ("operations", "app", "Partitions of the ledger history, freeze, limits, erasure."),
        "iso": ("iso", "app", "Check and convert ISO 20022 messages."),
        "adapters": ("adapters", "app", "Rails: list, check, translate."),
        "rails": ("rails", "app", "Connections, end-of-cycle files, reconciliation."),
        "export": ("export", "app", "History as Parquet, and statistics over it."),
        "qr": ("qr", "app", "QR codes: read, create."),
        "simulate": ("simulating", "app", "People of simulated rails: pay abroad over their own rail."),
        "report": ("reports", "app", "Reports: create, list, verify."),
        "audit": ("audit", "app", "Checkpoints and proofs of the event log."),
        "witness": ("witness", "app", "Keep and cosign the checkpoints of a log, elsewhere."),
        "fspiop": ("fspiop", "app", "The bridge for a DFSP of Mojaloop, and its messages."),
        "participant": ("participants", "app", "Participants, accounts, funds, keys."),
        "keys": (
            "keys",
            "app",
            "Signing keys, as a participant uses them: make, rotate, request, agree, revoke.",
        ),
        "directory": ("directory", "app", "Banks that are reached over rails: check, import, show."),
        "fx": ("fx", "app", "Rates, as an FX provider sets them: set, show."),
        "people": ("people", "people", "People with access: enrol, sign in, list, add."),
        "change": ("changes", "changes", "Changes that need two people: request, approve, refuse."),
        "bulk": ("bulk", "app", "A pain.001 of many payments: send, show, cancel, report."),
        "cases": ("cases", "app", "Cases: list, take, note, attach, ask the rail again."),
        "webhook-keys": ("webhooks", "app", "Keys that sign webhooks: list, add, retire."),
        "restore": ("restoring", "app", "Restore the database, and what follows: state, posting, opening."),
        "database": ("database", "app", "Users of the database, one for each process."),
        "settlement": ("settlement", "app", "Settlement windows and net positions."),
        "screening": ("screening", "app", "Sanctions lists: check, search."),
    }
)
"""Group of commands -> module in this package, its application, and its help text."""


NO_DATA: Final = frozenset(
    {
        *("up", "run", "demo", "fspiop bridge"),
        *("iso convert", "iso fresh", "iso schema", "adapters new", "adapters translate", "audit export"),
        *(
            "audit verify",
            "keys csr",
            "keys new",
            "keys rotate",
            "keys agree",
            "database roles",
            "database urls",
        ),
        *(
            "people sign-in",
            "people sign-out",
            "people found",
            "people enrol",
            "settlement key",
            "report make",
        ),
        *("witness init", "witness trust", "witness show", "witness check", "witness pull", "witness serve"),
    }
)
"""Commands that print no data: what runs, and what makes a file or a text of a form of its own."""
_INTERRUPTED: Final = 130
"""The exit code of the parser after Ctrl-C."""


def application(words: Sequence[str] = ()) -> typer.Typer:
    """The command or group that the words begin with; all of them if the words begin with none.

    Importing every module takes over a second, which the caller of one command should not wait.
    """
    app = _empty()
    wanted = set(words[:1])
    known = wanted & (COMMANDS.keys() | GROUPS.keys())
    for name, (file, function, purpose) in COMMANDS.items():
        if name in known or not known:
            app.command(name, short_help=purpose)(getattr(_file(file), function))
    for name, (file, group, purpose) in GROUPS.items():
        if name in known or not known:
            app.add_typer(getattr(_file(file), group), name=name, help=purpose)
    return app


def command(words: Sequence[str] = ()) -> Any:
    """The parser of `application`, in which every command that prints data has the option `--json`."""
    found = get_command(application(words))
    alone = [] if hasattr(found, "commands") else words[:1]
    _give_json(found, *alone)
    return found


def _give_json(found: Any, *words: str) -> None:
    below = getattr(found, "commands", None)
    if below is None:
        if " ".join(words) not in NO_DATA and not any("--json" in option.opts for option in found.params):
            found.params.append(import_module("switch.cli.output").json_option())
        return
    for name, each in below.items():
        _give_json(each, *words, name)


def _overview() -> typer.Typer:
    """Every command by its name and purpose: for the list of commands, and for a name that is unknown."""
    app = _empty()
    for name, (*_, purpose) in {**COMMANDS, **GROUPS}.items():
        app.command(name, short_help=purpose)(lambda: None)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain text, complete in a pipe and in a narrow terminal
        pretty_exceptions_enable=False,  # they would print the values of variables
        help="A payments interoperability switch.",
    )
    app.callback()(lambda: None)  # otherwise a single command would be called without its name
    return app


def _file(name: str) -> object:
    return import_module(f"switch.cli.{name}")


def run(words: Sequence[str]) -> int:
    """Run one command and get its exit code. A failure is one line on standard error (see `explanations`)."""
    try:
        return _run(words)
    finally:
        if (output := sys.modules.get(f"{__name__}.output")) is not None:  # the list of commands needs none
            output.forget()


def _run(words: Sequence[str]) -> int:
    known = words and words[0] in {*COMMANDS, *GROUPS}
    app = command(words) if known else get_command(_overview())
    try:
        done = app(list(words), prog_name="payswitch", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost place: no traceback leaves
        return _report(error)
    code = done if isinstance(done, int) else 0
    return _report(KeyboardInterrupt()) if code == _INTERRUPTED else code


def _report(error: BaseException) -> int:
    explanations = import_module("switch.cli.explanations")  # slow to import, and seldom needed
    code: int = explanations.report(error)
    return code


def main() -> None:
    """Run the command line; `up` in a child, which is replaced if it is killed."""
    # An interrupt leaves futures of the database client behind, and asyncio would print each of them.
    logging.getLogger("asyncio").disabled = True
    words = sys.argv[1:]
    if words[:1] == ["up"]:
        sys.exit(import_module("switch.cli.watchdog").run(lambda: run(words)))
    sys.exit(run(words))
