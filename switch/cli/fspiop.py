"""`payswitch fspiop`: the bridge by which a DFSP of Mojaloop reaches the switch, and its messages.

The bridge needs a settings file and no data directory of the switch: it runs where the DFSP's connector runs.
"""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli import output
from switch.cli.failures import CommandFailed, Incomplete, WrongUse
from switch.fspiop import codec, messages, process
from switch.fspiop import settings as settings_file
from switch.fspiop.errors import FspiopProblem
from switch.fspiop.journal import JournalUnusable

app = typer.Typer(no_args_is_help=True)


@app.command()
def bridge(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="settings of the bridge, TOML")],
    check: Annotated[bool, typer.Option("--check", help="only check the settings and keys")] = False,
) -> None:
    """Serve a DFSP until interrupted. One line of JSON for each thing that happens, on standard error."""
    try:
        settings = settings_file.load(file)
    except settings_file.BadSettings as error:
        raise Incomplete(str(error)) from None
    if check:
        typer.echo(f"the settings are complete: {settings.dfsp.id} is served on {settings.listen}")
        return
    try:
        process.run(settings)
    except JournalUnusable as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        raise CommandFailed(f"{settings.listen}: {error.strerror or error}") from None


@app.command()
def read(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="body of a message, JSON")],
    mojaloop_message: Annotated[
        str, typer.Option("--message", help=f"which message it is: {', '.join(messages.MESSAGES)}")
    ],
) -> None:
    """Read a message of Mojaloop, and print its values by their names in FSPIOP."""
    kind = messages.MESSAGES.get(mojaloop_message)
    if kind is None:
        raise WrongUse(f"{mojaloop_message!r} is no message of the bridge: write one as in transfers.post")
    try:
        values = codec.read(kind, codec.parse(file.read_bytes()))
    except FspiopProblem as problem:
        lines = [f"{problem.code} {problem.text}", *(text for _, text in problem.more)]
        raise Incomplete("\n".join(lines)) from None
    output.document(codec.nested(values, kind), ensure_ascii=False)
