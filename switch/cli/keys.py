"""`payswitch keys`: what a participant does with its own signing keys. Needs no switch, and sends nothing."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import SwitchError
from schemas.signing import jws, key_request
from schemas.signing.keys import SigningKey
from switch.api.documents import with_maker_half
from switch.change_catalogue import KINDS
from switch.cli.connect import read_file, read_json
from switch.cli.failures import CommandFailed, WrongUse
from switch.participants import agreement
from switch.participants.agreement import Agreed

app = typer.Typer(no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(help="id of the key")]
KeyFile = Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="private key in PEM")]


@app.command("csr")
def make_request(
    participant: Annotated[str, typer.Argument(help="id of the participant")], keyid: KeyId, *, key: KeyFile
) -> None:
    """Print the request for a new key (PKCS #10), and its fingerprint on standard error."""
    new = _key(keyid, key)
    typer.echo(key_request.make(new, participant), nl=False)
    typer.echo(f"fingerprint: {new.public.fingerprint}", err=True)


@app.command()
def agree(
    kind: Annotated[str, typer.Argument(help="key.add, person.add, .reset, .resume or .remove")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: the content to agree to")],
    keyid: KeyId,
    *,
    key: KeyFile,
) -> None:
    """Print the content in FILE with the signature of a key in force: the participant agrees to it.

    For a person it adds half of the enrolment code, and prints this half on standard error: keep it from the
    people of the switch.
    """
    known = KINDS.get(kind)
    if known is None or not issubclass(known.content, Agreed):
        raise WrongUse(f"{kind!r} is not key.add, person.add, .reset, .resume or .remove")
    stated, half = with_maker_half(kind, _content(file))
    try:
        content = known.read(stated)
    except SwitchError as error:
        raise CommandFailed(f"{file}: {error.detail}") from None
    signature = jws.sign(_key(keyid, key), agreement.payload(kind, content))
    typer.echo(json.dumps({**stated, "signature": signature}))
    if half:
        typer.echo(f"half of the enrolment code: {half}", err=True)


def _content(file: Path) -> dict[str, Any]:
    content = read_json(file)
    if not isinstance(content, dict) or "signature" in content:
        raise CommandFailed(f"{file}: a JSON object without a signature is expected")
    return content


def _key(keyid: str, file: Path) -> SigningKey:
    try:
        return SigningKey.from_pem(keyid, read_file(file).encode())
    except ValueError:
        raise CommandFailed(f"{file}: not an unencrypted Ed25519 or P-256 private key in PEM") from None
