"""`payswitch conform`: a bank certifies its own client against a sandbox or a test switch."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.signing import keys as schemas_keys
from switch.cli.connect import Data, read_file
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.integrator import KeyFile, KeyId, Url, participant_of, sandbox
from switch.clients.python import NoAnswer, RequestRefused, SigningKey
from switch.conformance import record as records
from switch.conformance import running
from switch.conformance.certificate import WORD
from switch.conformance.driving import ANSWERS, CommandDriver, HttpDriver, TaskDriver
from switch.conformance.record import Result, RunRecord, ScenarioVerdict
from switch.conformance.running import Parties
from switch.conformance.scenario import Scenario
from switch.conformance.scenarios import ALL
from switch.reports import conformance

_AMOUNT: Final = re.compile(r"(?=.*[1-9])\d{1,12}(\.\d{1,3})?", re.ASCII)
_LACKS: Final = "-"
"""What a person types if the client has no such function."""
_GRACE_S: Final = 30.0
"""Seconds that a driver may take beyond the time in which a payment becomes final."""


def conform(
    *,
    driver: Annotated[
        str | None, typer.Option("--driver", help="address of your driver: it gets each task")
    ] = None,
    driver_command: Annotated[
        str | None, typer.Option("--driver-command", help="your driver as a command: one task a line")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="print the scenarios, and run none")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="run these: an id, or its beginning, such as UNK")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="one or two scenarios of each group")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="begin anew; with --only: ask these once more")
    ] = False,
    record: Annotated[Path, typer.Option("--record", help="file of the results; a run continues it")] = Path(
        "conform.json"
    ),
    product: Annotated[
        str, typer.Option("--product", help="what is tested: its name and version, for the report")
    ] = "",
    within: Annotated[
        float, typer.Option("--within", min=1, max=3600, help="seconds in which a payment becomes final")
    ] = 120.0,
    amount: Annotated[
        str | None,
        typer.Option(
            "--amount",
            help="of an ordinary payment; without it, the first of 100, 1000, ... that all rails take",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="address of this machine at which to listen")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port; 0: any")] = 0,
    participant: Annotated[str | None, typer.Option("--participant", help="id of your participant")] = None,
    other: Annotated[
        str | None, typer.Option("--other", help="id of another bank, for returns and recalls")
    ] = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    other_keyid: Annotated[
        str | None, typer.Option("--other-keyid", help="id of the other bank's key")
    ] = None,
    other_key: Annotated[
        Path | None, typer.Option("--other-key", exists=True, dir_okay=False, help="its private key in PEM")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", file_okay=False, help="directory for the signed report and certificate"),
    ] = None,
    sign_keyid: Annotated[
        str | None, typer.Option("--sign-keyid", help="id of the key that signs them; default: --keyid")
    ] = None,
    sign_key: Annotated[
        Path | None, typer.Option("--sign-key", exists=True, dir_okay=False, help="this key in PEM")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the record as JSON")] = False,
    data: Data = None,
) -> None:
    """Certify your own client against a sandbox or a test switch: exit code 1 if a scenario fails.

    It asks the client for one thing after another, observes its requests, and disturbs them. Point your
    client at the printed address in place of the switch. Without a driver, the tasks are printed for a
    person, who types what the client believes. It runs only where every rail is simulated.
    """
    try:
        chosen = records.chosen(only or (), quick=quick)
    except KeyError as error:
        raise WrongUse(f"no scenario {error.args[0]}: `payswitch conform --list` has all") from None
    if list_:
        _print_list(chosen, as_json=as_json)
        return
    _check(amount, product, record, report)
    asked = _driver(driver, driver_command, within + _GRACE_S)
    keys = _Keys(participant, other, url, keyid, key, other_keyid, other_key)
    parties = keys.of_sandbox(data) if url is None else keys.of_options()
    signer = _signer(parties, sign_keyid, sign_key)
    found = RunRecord(parties.participant, parties.url, records.client_text(product))
    is_new = again and not only and not quick
    if record.exists() and not is_new:
        found = _continued(record, found, product)
    left = [each for each in chosen if only or again or not found.is_kept(each)]
    try:
        if left:
            asyncio.run(_run(parties, asked, left, found, record, within, amount or "", host, port))
        made = [] if report is None else _report(found, report, signer)
    except (running.NotHere, RequestRefused, NoAnswer) as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        raise CommandFailed(f"an address or a file cannot be used: {error.strerror}") from None
    typer.echo(json.dumps(found.as_dict(), indent=1) if as_json else f"\n{found.text()}")
    for path in made:
        typer.echo(path, err=as_json)
    if any(found.verdict(each.id) is ScenarioVerdict.FAILED for each in chosen):
        raise typer.Exit(1)


def _check(amount: str | None, product: str, record: Path, report: Path | None) -> None:
    """Check what no switch needs to be asked about.

    Raises:
        WrongUse: an option is wrong.

    """
    if amount is not None and _AMOUNT.fullmatch(amount) is None:
        raise WrongUse("an amount is a plain decimal number above zero, such as 100.00")
    if product and WORD.fullmatch(product) is None:
        raise WrongUse("--product is a name and a version: up to 100 printable characters of ASCII")
    if not record.parent.is_dir():
        raise WrongUse(f"{record.parent} is not a directory: name the file of the results with --record")
    if report is not None and not report.parent.is_dir():
        raise WrongUse(f"{report.parent} is not a directory: name the directory of the report with --report")


def _print_list(scenarios: Sequence[Scenario], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "id": each.id,
                "group": each.group,
                "title": each.title,
                "right": each.right,
                "quick": each.quick,
            }
            for each in scenarios
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for each in scenarios:
        typer.echo(f"{each.id:<14} {each.title}: {each.right}")
    typer.echo(f"{len(scenarios)} of {len(ALL)} scenarios")


@dataclass(frozen=True, slots=True)
class _Keys:
    """Who the options name."""

    participant: str | None
    other: str | None
    url: str | None
    keyid: str | None
    key: Path | None
    other_keyid: str | None
    other_key: Path | None

    def of_sandbox(self, data: Path | None) -> Parties:
        """Two participants of the sandbox in a data directory; the other one is of another country.

        Raises:
            WrongUse: an option is for another switch, or a participant does not exist.
            CommandFailed: there is no sandbox.

        """
        if any((self.keyid, self.key, self.other_keyid, self.other_key)):
            raise WrongUse("give --url together with --keyid and --key")
        credentials = sandbox(data)
        own = participant_of(credentials, self.participant)
        others = [each for each in credentials["participants"] if each["country"] != own["country"]]
        default = others[0]["id"] if others else None
        if self.other is None and default is None:
            return Parties(credentials["url"], own["id"], _key_of(own))
        theirs = participant_of(credentials, self.other or default)
        return Parties(credentials["url"], own["id"], _key_of(own), theirs["id"], _key_of(theirs))

    def of_options(self) -> Parties:
        """Participants of any switch, with their keys.

        Raises:
            WrongUse: an option is missing.
            CommandFailed: a key cannot be read.

        """
        if self.url is None or self.participant is None or self.keyid is None or self.key is None:
            raise WrongUse("give --url, --participant, --keyid and --key together")
        if not self.url.startswith(("http://", "https://")):
            raise WrongUse(f"{self.url!r} is not an address: write it as in https://switch.example")
        own = _key_in(self.keyid, self.key)
        if self.other is None and self.other_keyid is None and self.other_key is None:
            return Parties(self.url, self.participant, own)
        if self.other is None or self.other_keyid is None or self.other_key is None:
            raise WrongUse("give --other, --other-keyid and --other-key together")
        return Parties(self.url, self.participant, own, self.other, _key_in(self.other_keyid, self.other_key))


def _key_of(entry: Mapping[str, str]) -> SigningKey:
    return SigningKey.from_pem(entry["keyid"], entry["private_key"])


def _key_in(keyid: str, file: Path) -> SigningKey:
    try:
        return SigningKey.from_pem(keyid, read_file(file))
    except (ValueError, TypeError):
        raise CommandFailed(f"{file}: not an unencrypted Ed25519 or P-256 private key in PEM") from None


def _signer(parties: Parties, keyid: str | None, file: Path | None) -> schemas_keys.SigningKey:
    """The key that signs the report: by default, the one with which the kit acts.

    Raises:
        WrongUse: only one of the options is given.
        CommandFailed: the key cannot be read.

    """
    if (keyid is None) != (file is None):
        raise WrongUse("give --sign-keyid and --sign-key together")
    chosen = parties.key if keyid is None or file is None else _key_in(keyid, file)
    return schemas_keys.SigningKey.from_pem(chosen.keyid, chosen.pem)


def _report(record: RunRecord, directory: Path, key: schemas_keys.SigningKey) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    return conformance.write(record, directory, key)


def _continued(file: Path, new: RunRecord, product: str) -> RunRecord:
    """The results of an earlier run, which a new one of the same client at the same switch continues.

    Raises:
        CommandFailed: the file is of something else.

    """
    try:
        found = records.read(file)
    except (records.UnreadableRecord, OSError) as error:
        raise CommandFailed(str(error)) from None
    if product and found.client == records.client_text(""):
        found.client = product
    for own, stated in (
        (new.participant, found.participant),
        (new.switch, found.switch),
        (product or found.client, found.client),
    ):
        if own != stated:
            raise CommandFailed(
                f"{file} has results of {stated}, and this run is of {own}: name another file with"
                " --record, or begin anew with --again"
            )
    return found


def _driver(url: str | None, command: str | None, within_s: float) -> TaskDriver:
    """The driver that the options name; a person without them.

    Raises:
        WrongUse: both are given, or one cannot be used.

    """
    if url is not None and command is not None:
        raise WrongUse("give --driver or --driver-command, not both")
    if url is not None and not url.startswith(("http://", "https://")):
        raise WrongUse(f"{url!r} is not an address: write it as in http://localhost:9000/task")
    if command is not None and (not command.split() or shutil.which(command.split()[0]) is None):
        raise WrongUse("there is no such program as the command of --driver-command names")
    if url is not None:
        return HttpDriver(url, within_s)
    return Guided() if command is None else CommandDriver(command, within_s)


async def _run(  # noqa: PLR0917
    parties: Parties,
    driver: TaskDriver,
    scenarios: Sequence[Scenario],
    record: RunRecord,
    file: Path,
    within_s: float,
    amount: str,
    host: str,
    port: int,
) -> None:
    """Play scenarios, and keep each result in the file."""

    def done(result: Result) -> None:
        record.keep(file)
        typer.echo(f"{result.verdict:<14} {result.scenario:<14} {result.detail}", err=True)

    staged = running.staged(parties, driver, host=host, port=port, within_s=within_s, amount=amount)
    async with staged as stage:
        typer.echo(f"the address for your client: {stage.observer.url}", err=True)
        typer.echo(f"it signs with a key of {stage.own.id} ({stage.own.bic})", err=True)
        await running.play(stage, scenarios, record, done)
    record.keep(file)


class Guided:
    """A person as the driver: reads each task, has the client do it, and types what it believes."""

    can_restart = True

    async def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Print a task, and read the answer."""
        typer.echo(
            f"\n{task['scenario']}: {task['instruction']}\n{json.dumps(task['data'], indent=1)}", err=True
        )
        typer.echo(f"Type what your client believes, `{_LACKS}` if it cannot do this.", err=True)
        answer: dict[str, Any] = {}
        for name in ANSWERS[task["task"]]:
            text = await asyncio.to_thread(_typed, f"  {name}: ")
            if text == _LACKS:
                return {"unsupported": True}
            if text:
                answer[name] = _value(text)
        return answer

    async def restart(self) -> None:
        """Have the person stop the client and start it again."""
        await asyncio.to_thread(_typed, "Stop your client at once, start it again, and press Enter. ")

    async def close(self) -> None:
        """Nothing is kept open."""


def _typed(question: str) -> str:
    """A line that a person types.

    Raises:
        CommandFailed: there is none.

    """
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise CommandFailed("the input ended: what was done is kept; the same command continues")
    return line.strip()


def _value(text: str) -> Any:
    """JSON for what is not a text: `true`, `12`, `[1, 2]`, `{"INR": "1.00"}`."""
    try:
        return json.loads(text) if text[0] in "[{tf" or text.isdecimal() else text
    except ValueError:
        return text
