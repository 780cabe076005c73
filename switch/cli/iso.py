"""ISO 20022 messages in files: check, convert, import a schema, print a JSON Schema."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas import catalogue, codec, files, fresh, json_schema, rules
from schemas.catalogue import importer, notation
from schemas.errors import InvalidMessage, Problem
from switch.cli import output
from switch.cli.failures import CommandFailed, WrongUse

app = typer.Typer(no_args_is_help=True)

Existing = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="XML or JSON, by its extension")
]


class MessageFormat(StrEnum):
    """A representation of a message."""

    XML = "xml"
    JSON = "json"


@app.command()
def check(
    file: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="messages, XML or JSON")
    ],
    *,
    schema_only: Annotated[
        bool, typer.Option(help="check only the schema, not the rules of the scheme")
    ] = False,
) -> None:
    """Check messages and print one JSON line per file; exit code 1 if any is invalid.

    If PAYSWITCH_XSD names a directory of official schemas, messages are also validated with them.
    """
    reports = [files.check(path, scheme=None if schema_only else rules.SWITCH) for path in file]
    output.rows((report.as_dict() for report in reports), ensure_ascii=False)
    raise typer.Exit(0 if all(report.valid for report in reports) else 1)


@app.command()
def convert(
    file: Existing, *, to: Annotated[MessageFormat, typer.Option(help="the target representation")]
) -> None:
    """Print a message in the other representation; both directions are lossless."""
    try:
        octets, beside = files.convert(file, to=codec.XML if to is MessageFormat.XML else codec.JSON)
    except InvalidMessage as error:
        raise CommandFailed(_line(file, error.problems)) from None
    for path in beside:
        print(f"{file}: {path} is part of the envelope, not of the message: not converted", file=sys.stderr)
    sys.stdout.buffer.write(octets + b"\n")


@app.command("fresh")
def make_fresh(
    file: Existing,
    *,
    original: Annotated[
        str, typer.Option(help="UETR of the payment, or id of the message, to which the message refers")
    ] = "",
) -> None:
    """Print a message with new ids and present dates: an example that is ready to send."""
    try:
        octets = fresh.refreshed(file.read_bytes(), original=original)
    except InvalidMessage as error:
        raise CommandFailed(f"{file}: {error.path or '/'}: {error.detail} ({error.rule})") from None
    sys.stdout.buffer.write(octets + b"\n")


@app.command(name="import")
def import_schema(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="schema file, XSD")
    ],
    *,
    into: Annotated[Path, typer.Option(help="Catalogue directory.")] = catalogue.DIRECTORY,
) -> None:
    """Add a message or version to the catalogue from its official schema file (XSD), of any version.

    If PAYSWITCH_CATALOGUE names a directory of your own, it is read in addition.
    """
    try:
        found = importer.read_xsd(file)
        notation.write(notation.read(into).merged(found), into)
    except ValueError as error:
        raise CommandFailed(f"{file}: {error}") from None
    output.rows(
        {"message": name, "types": len(found.types), "catalogue": str(into)} for name in found.messages
    )


@app.command()
def schema(message: Annotated[str, typer.Argument(help="message id, as in pacs.008.001.08")]) -> None:
    """Print the JSON Schema of a message."""
    if message not in catalogue.catalogue().messages:
        raise WrongUse(f"{message} is not in the catalogue; docs/reference/iso20022.md lists every message")
    print(json.dumps(json_schema.standalone(message), ensure_ascii=False))


def _line(file: Path, problems: tuple[Problem, ...]) -> str:
    """The first problem in the format of compilers, and how to list the others."""
    first, more = problems[0], len(problems) - 1
    place = f":{first.line}:{first.column}" if first.line else ""
    others = f"; `payswitch iso check` lists {more} more" if more else ""
    return f"{file}{place}: {first.path or '/'}: {first.text} ({first.rule}){others}"
