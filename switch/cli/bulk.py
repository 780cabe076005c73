"""`payswitch bulk`: a customer's pain.001 of thousands of lines, each sent as an ordinary payment.

`hand-in` gives the signed file to the switch, which sends its lines. The other commands send them from here.
Those run where the key is: the switch believes only messages that the participant signed, so each
line is signed as it is sent. Who sends is named as for `listen`.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from switch.cli import output
from switch.cli.connect import Data
from switch.cli.failures import CommandFailed
from switch.cli.integrator import KeyFile, KeyId, Participant, Url, connected
from switch.clients.python import bulk as files
from switch.clients.python.bulk import FileRefused, Progress, lines

_ENDED = frozenset({"ended", "refused"})
_PAUSE_S = 0.5
app = typer.Typer(no_args_is_help=True)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="a pain.001 in XML")]
JournalPath = Annotated[
    Path | None, typer.Option("--journal", dir_okay=False, help="the journal; default: beside the file")
]


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Let a command fail with the name of the file that is refused."""
    try:
        yield
    except FileRefused as refused:
        raise CommandFailed(f"{file}: {refused}") from None


@app.command()
def send(
    file: File,
    *,
    whole: Annotated[bool, typer.Option("--whole", help="send nothing if a line has a fault")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="payments in flight at once")] = 16,
    within: Annotated[float, typer.Option(min=0, help="seconds to wait for outcomes at the end")] = 60.0,
    journal: JournalPath = None,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Send a file, or what is left of it, and print its progress and its summary as JSON lines.

    Exit code 1 if something remains: the same command continues.
    """
    began = time.monotonic()

    def tell(progress: Progress) -> None:
        print(_line(progress, time.monotonic() - began), file=sys.stderr)

    with connected(participant, url, keyid, key, data) as client, _named(file):
        done = files.send(
            client, file, journal=journal, whole=whole, at_once=at_once, progress=tell, within_s=within
        )
    output.document(_document(done))
    raise typer.Exit(0 if done.done else 1)


@app.command()
def show(file: File, *, journal: JournalPath = None) -> None:
    """Print how far a file is, also while another program sends it."""
    with _named(file):
        output.document(_document(files.reading(file, journal).progress()))


@app.command()
def cancel(file: File, *, journal: JournalPath = None) -> None:
    """Stop the rest of a file for good: what was not sent is not sent any more. Nothing is recalled.

    Exit code 1 if nothing was left to stop: then `cancelled` is false.
    """
    with _named(file):
        stopped = files.cancel(file, journal)
        found = files.reading(file, journal).progress()
    output.document({**_document(found), "cancelled": stopped})
    raise typer.Exit(0 if stopped else 1)


@app.command()
def report(
    file: File,
    to: Annotated[Path, typer.Option("--output", dir_okay=False, help="file of the pain.002")],
    *,
    journal: JournalPath = None,
) -> None:
    """Write the pain.002 of a file, as far as it is now, for the customer."""
    with _named(file):
        files.report(file, to, journal)
    output.document({"written": str(to)})


@app.command("hand-in")
def hand_in(
    file: File,
    *,
    whole: Annotated[bool, typer.Option("--whole", help="send nothing if a line cannot be sent")] = False,
    within: Annotated[float, typer.Option(min=0, help="seconds to wait for the end of the file")] = 60.0,
    report: Annotated[
        Path | None, typer.Option("--report", dir_okay=False, help="write the pain.002 here at the end")
    ] = None,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Hand a file in, for the switch to send its lines, and print how far it is.

    Exit code 1 if it has not ended yet: the same command says how far it is then.
    """
    with _named(file):  # what the switch would refuse as a whole is known here before it is sent
        lines.check(file)
    ends = time.monotonic() + within
    with connected(participant, url, keyid, key, data) as client:
        found = client.hand_in(file.read_bytes(), whole=whole)
        while found["state"] not in _ENDED and time.monotonic() < ends:
            time.sleep(_PAUSE_S)
            found = client.read(f"payment-files/{found['id']}")
        if report is not None and found["state"] == "ended":
            report.write_bytes(client.file_report(found["id"]))
    output.document(found)
    raise typer.Exit(0 if found["state"] in _ENDED else 1)


def _document(progress: Progress) -> dict[str, Any]:
    return {
        "message_id": progress.message_id,
        "lines": progress.lines,
        "by_status": dict(sorted(progress.by_status.items())),
        "cancelled": progress.cancelled,
        "done": progress.done,
    }


def _line(progress: Progress, seconds: float) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(progress.by_status.items()))
    return f"{seconds:.0f} s: {progress.lines} lines: {counts}"
