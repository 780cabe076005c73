"""`payswitch keys`: what a participant does with its own signing keys. Only `revoke` sends something."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import SwitchError
from schemas.signing import jws, key_request
from schemas.signing.keys import SigningKey
from switch.base.files import write_once
from switch.cli import integrator, output
from switch.cli.connect import Data, read_file, read_json
from switch.cli.failures import CommandFailed, WrongUse
from switch.identity.enrolment import with_maker_half
from switch.participants import agreement
from switch.participants.agreement import Agreed

app = typer.Typer(no_args_is_help=True)
KeyId = Annotated[str, typer.Argument(help="id of the key")]
ParticipantId = Annotated[str, typer.Argument(help="id of the participant")]
KeyFile = Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="private key in PEM")]


@app.command("csr")
def make_request(participant: ParticipantId, keyid: KeyId, *, key: KeyFile) -> None:
    """Print the request for a new key (PKCS #10), and its fingerprint on standard error."""
    new = _key(keyid, key)
    typer.echo(key_request.make(new, participant), nl=False)
    typer.echo(f"fingerprint: {new.public.fingerprint}", err=True)


@app.command()
def new(
    participant: ParticipantId,
    keyid: KeyId,
    *,
    file: Annotated[Path, typer.Option("--file", help="where the private key goes; it must not exist")],
) -> None:
    """Make a key, and print the request for it (PKCS #10), with its fingerprint on standard error."""
    made = _made(keyid, file)
    typer.echo(key_request.make(made, participant), nl=False)
    typer.echo(f"fingerprint: {made.public.fingerprint}", err=True)


@app.command()
def rotate(
    participant: ParticipantId,
    keyid: Annotated[str, typer.Argument(help="id of the new key")],
    *,
    file: Annotated[Path, typer.Option("--file", help="where the new key goes; it must not exist")],
    signer: Annotated[str, typer.Option("--with", help="id of a key in force, which agrees to the new one")],
    key: KeyFile,
) -> None:
    """Make a key, and print the content of the change `key.add`, agreed to by a key in force.

    Its fingerprint is on standard error. Two people of the switch approve; then sign with the new key, and
    revoke the old one.
    """
    old = _key(signer, key)
    made = _made(keyid, file)
    stated = {"participant": participant, "keyid": keyid, "request": key_request.make(made, participant)}
    typer.echo(json.dumps(_agreed("key.add", stated, old, "the new key")))
    typer.echo(f"fingerprint: {made.public.fingerprint}", err=True)


@app.command()
def revoke(
    keyid: KeyId,
    *,
    participant: integrator.Participant = None,
    url: integrator.Url = None,
    signer: Annotated[str | None, typer.Option("--with", help="id of the key that signs, with --url")] = None,
    key: integrator.KeyFile = None,
    data: Data = None,
) -> None:
    """Revoke key KEYID at once and for ever; it may be the one that signs this request."""
    with integrator.connected(participant, url, signer, key, data) as client:
        client.change("DELETE", f"keys/{keyid}")
    output.told(f"{keyid} is revoked", revoked=keyid)


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
    from switch.change_catalogue import KINDS  # noqa: PLC0415 - slow to import; only an agreement needs it

    known = KINDS.get(kind)
    if known is None or not issubclass(known.content, Agreed):
        raise WrongUse(f"{kind!r} is not key.add, person.add, .reset, .resume or .remove")
    stated, half = with_maker_half(kind, _content(file))
    typer.echo(json.dumps(_agreed(kind, stated, _key(keyid, key), str(file))))
    if half:
        typer.echo(f"half of the enrolment code: {half}", err=True)


def _agreed(kind: str, stated: dict[str, Any], key: SigningKey, place: str) -> dict[str, Any]:
    """The content of a change with the signature of a key in force."""
    from switch.change_catalogue import KINDS  # noqa: PLC0415 - as above

    try:
        content = KINDS[kind].read(stated)
    except SwitchError as error:
        raise CommandFailed(f"{place}: {error.detail}") from None
    return {**stated, "signature": jws.sign(key, agreement.payload(kind, content))}


def _made(keyid: str, file: Path) -> SigningKey:
    """Make a key, and write it where nothing was, for its owner alone."""
    if file.exists():
        raise CommandFailed(f"{file} exists: a key is never overwritten")
    if not file.parent.is_dir():
        raise CommandFailed(f"{file.parent} is not a directory")
    made = SigningKey.generate(keyid)
    write_once(file, made.pem)
    return made


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
