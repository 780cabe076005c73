"""`payswitch witness`: keep and cosign the checkpoints of a log, on a host that is not its operator's.

It needs a folder and the public keys of the log, and no switch, no database and no settings.
"""

import ipaddress
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.signing import BadNote
from switch.cli.failures import CommandFailed, WrongUse
from switch.witness import bodies, judging, server
from switch.witness.crowd import Network
from switch.witness.folder import NoWitness, WitnessFolder
from switch.witness.judging import Cosigned, CosignRefusal
from switch.witness.pulling import CheckpointMissing, LogSource, LogUnreachable, pull
from switch.witness.server import WitnessServer, tell, tell_cosigned, tell_refused

REFUSED: Final = 1
RESTORED: Final = 3
CONTRADICTED: Final = 4
_EXITS: Final = {"fork": CONTRADICTED, "shorter": CONTRADICTED}
_FILE_MAX: Final = 64 << 20

app = typer.Typer(no_args_is_help=True)
Directory = Annotated[Path, typer.Argument(help="folder of the witness")]
LogKeys = Annotated[list[str], typer.Argument(help="verifier keys of the log, from its operator")]


@app.command()
def init(
    folder: Directory,
    name: Annotated[str, typer.Option("--name", help="its name: an address without https://, as a rule")],
    log_keys: LogKeys,
) -> None:
    """Make a witness with a new key, and print its verifier key: give it to the operator of the log."""
    try:
        made = WitnessFolder.make(folder, name, log_keys)
    except (BadNote, ValueError) as error:
        raise WrongUse(str(error)) from None
    except NoWitness as error:
        raise CommandFailed(str(error)) from None
    typer.echo(made.read().key)


@app.command()
def trust(folder: Directory, log_keys: LogKeys) -> None:
    """Trust further keys of the log, before its operator retires the old one."""
    try:
        WitnessFolder(folder).trust(log_keys)
    except BadNote as error:
        raise WrongUse(str(error)) from None
    except NoWitness as error:
        raise CommandFailed(str(error)) from None


@app.command()
def show(folder: Directory) -> None:
    """Print the key of the witness, the newest checkpoint that it holds, and restores that it was shown."""
    try:
        state = WitnessFolder(folder).read()
    except NoWitness as error:
        raise CommandFailed(str(error)) from None
    typer.echo(f"witness key: {state.key}")
    for key in state.log:
        typer.echo(f"key of the log: {key}")
    for restore in state.restores:
        typer.echo(
            f"RESTORE  events after {restore.kept} and before {restore.first} are left out;"
            f" epoch {restore.epoch}"
        )
    if state.newest is not None:
        typer.echo(f"\n{state.newest.note}", nl=False)


@app.command()
def check(
    folder: Directory,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="a bundle of proofs, or a checkpoint")
    ],
) -> None:
    """Cosign the checkpoint of a file, without any network, and print the cosignature.

    Exit code 0: cosigned. 1: refused. 3: cosigned, and it is the first after a restore of the log's database.
    4: the log contradicts itself; both notes are in the evidence of the folder.
    """
    if file.stat().st_size > _FILE_MAX:
        raise CommandFailed(f"{file} is too long for a bundle")
    try:
        held = WitnessFolder(folder)
        shown = bodies.read_file(file.read_bytes())
        if isinstance(shown, dict):
            cosigned = judging.add_bundle(held, shown)
        else:
            cosigned = judging.add_checkpoint(held, shown)
    except CosignRefusal as refusal:
        typer.echo(f"payswitch: refused: {refusal.text}", err=True)
        raise typer.Exit(_EXITS.get(refusal.kind, REFUSED)) from None
    except (NoWitness, OSError) as error:
        raise CommandFailed(str(error)) from None
    typer.echo(cosigned.line, nl=False)
    raise typer.Exit(_cosigned(held, cosigned))


@app.command("pull")
def pull_from(
    folder: Directory,
    url: Annotated[str, typer.Argument(help="beginning of the address of the switch: https://...")],
    every: Annotated[
        float, typer.Option("--every", min=0, help="seconds between two looks; 0: look once and end")
    ] = 0,
    authorities: Annotated[
        Path | None,
        typer.Option("--authorities", exists=True, dir_okay=False, help="certificates to trust (PEM)"),
    ] = None,
) -> None:
    """Read the newest checkpoint with its proof, cosign it, and send the cosignature back.

    The exit codes are those of `check`; an alarm is printed and sets it even if the switch does not take
    the cosignature. With --every it goes on after every result.
    """
    try:
        source = LogSource(url, authorities)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    try:
        held = WitnessFolder(folder)
        held.read()
    except NoWitness as error:
        raise CommandFailed(str(error)) from None
    while True:
        code = _pull_once(held, source)
        if not every:
            raise typer.Exit(code)
        time.sleep(every)


@app.command()
def serve(
    folder: Directory,
    listen: Annotated[
        str, typer.Option("--listen", help="address and port: 127.0.0.1:8600, [::]:8600")
    ] = "127.0.0.1:8600",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", exists=True, dir_okay=False, help="for TLS, PEM")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option("--certificate-key", exists=True, dir_okay=False, help="for TLS, PEM")
    ] = None,
    reserve: Annotated[
        list[str] | None,
        typer.Option("--reserve", help="network of the log, or of a proxy: it keeps room of its own"),
    ] = None,
) -> None:
    """Cosign what the log sends (C2SP tlog-witness), until interrupted. One line of JSON for each result."""
    if (certificate is None) != (certificate_key is None):
        raise WrongUse("state both --certificate and --certificate-key, or neither")
    address = _address(listen)
    networks = [_network(each) for each in reserve or ()]
    try:
        held = WitnessFolder(folder)
        state = held.read()
        held.cosigner(state)
        tls = (
            None
            if certificate is None or certificate_key is None
            else server.tls_of(certificate, certificate_key)
        )
        serving = WitnessServer(held, address, tls, networks)
    except NoWitness as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        raise CommandFailed(f"{listen}: {error.strerror}") from None
    tell("serving", address=listen, port=serving.server_port, key=state.key, size=state.size)
    _tell_again(held)
    with serving:
        serving.serve_forever()


def _pull_once(folder: WitnessFolder, source: LogSource) -> int:
    told = 0
    try:
        told = _tell_again(folder)
        cosigned = pull(folder, source)
        told = max(told, _cosigned(folder, cosigned))
        source.send_back(cosigned)
    except CosignRefusal as refusal:
        tell_refused(refusal)
        return _EXITS.get(refusal.kind, told or REFUSED)
    except CheckpointMissing as error:
        tell("ALARM_MISSING", text=str(error))
        return CONTRADICTED
    except LogUnreachable as error:
        tell("unreachable", text=str(error))
        return told or REFUSED
    except (NoWitness, OSError) as error:
        tell("failed", error=type(error).__name__, text=str(error))
        return told or REFUSED
    return told


def _tell_again(folder: WitnessFolder) -> int:
    """Tell the alarms that a process which was ended may not have told."""
    state = folder.read()
    if not state.untold or state.newest is None:
        return 0
    return _cosigned(folder, Cosigned(state.newest.note, "", state.size, state.untold))


def _cosigned(folder: WitnessFolder, cosigned: Cosigned) -> int:
    """Tell what was cosigned, before anything that can fail."""
    tell_cosigned(cosigned)
    if not cosigned.restores:
        return 0
    folder.mark_told(cosigned.restores)
    return RESTORED


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(host)), int(port) if 0 <= int(port) <= 65_535 else int("")  # noqa: PLR2004
    except ValueError:
        raise WrongUse(f"{listen!r} is not an address and a port: 127.0.0.1:8600") from None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise WrongUse(f"{text!r} is not a network: 192.0.2.10/32") from None
