"""The command line: `payswitch ...`. Each group of commands is one file; this one puts them together."""

import sys

import typer
from pydantic import ValidationError

from switch.cli import (
    adapters,
    audit,
    iso,
    operations,
    participants,
    payments,
    people,
    qr,
    rails,
    reports,
    settlement,
    stack,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would show the values of variables
    help="A payments interoperability switch.",
)
app.command("up")(stack.up)
app.command("demo")(stack.demo)
app.command("verify")(stack.verify)
app.command("pay")(payments.pay)
app.command("events")(payments.events)
app.command("erase")(operations.erase)
app.command("backup")(operations.backup)
app.command("restore")(operations.restore)
app.command("migrate")(operations.migrate_database)
app.command("rotate-master-key")(operations.rotate_master_key)
app.command("doctor")(operations.examine)
app.command("dashboards")(operations.write_dashboards)
app.add_typer(operations.app, name="ledger", help="Partitions of the ledger's history.")
app.add_typer(iso.app, name="iso", help="Check and convert ISO 20022 messages.")
app.add_typer(adapters.app, name="adapters", help="Rails: list, check, translate.")
app.add_typer(rails.app, name="rails", help="End-of-cycle files and reconciliation.")
app.add_typer(qr.app, name="qr", help="QR payloads: read, make.")
app.add_typer(reports.app, name="report", help="Reports: make, list, verify.")
app.add_typer(audit.app, name="audit", help="Checkpoints and proofs of the event log.")
app.add_typer(participants.app, name="participant", help="Participants, accounts, funds, keys.")
app.add_typer(people.people, name="people", help="Who may sign in.")
app.add_typer(people.changes, name="change", help="What takes two people: ask, approve, refuse.")
app.add_typer(settlement.app, name="settlement", help="Settlement windows and net positions.")


def main() -> None:
    """Run the command line; settings that make no sense are told all at once."""
    try:
        app()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "_".join(map(str, problem["loc"])).upper()
            typer.echo(f"payswitch: PAYSWITCH_{name}: {problem['msg']}", err=True)
        sys.exit(2)
