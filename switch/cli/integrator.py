"""What a bank's developer does, through the Python client: `listen`, `trigger`, `resend`, `logs`.

Who asks is a participant of a sandbox (`--participant`, with the credentials in its data directory), or the
holder of a key at any switch (`--url`, `--keyid`, `--key`).
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import httpx
import typer

from switch.cli import output
from switch.cli.connect import NUMBER_MAX, Data, instant_of, read_file, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.clients.python import Client, Event, SigningKey
from switch.payments import events as event_types
from switch.sandbox import scenes

Participant = Annotated[
    str | None, typer.Option("--participant", help="id in the sandbox; default: the first one")
]
Url = Annotated[
    str | None, typer.Option("--url", help="address of a switch that is no sandbox of this machine")
]
KeyId = Annotated[str | None, typer.Option("--keyid", help="id of the signing key, with --url")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", exists=True, dir_okay=False, help="its private key in PEM, with --url"),
]
_FORWARD_WITHIN_S: Final = 15.0
_HAPPENS_WITHIN_S: Final = 180.0
_LOOK_EVERY_S: Final = 0.5
_PREFIX: Final = "whsec_"


def connected(
    participant: str | None, url: str | None, keyid: str | None, key: Path | None, data: Path | None
) -> Client:
    """Make the client of whom the options name.

    Raises:
        WrongUse: they name nobody.
        CommandFailed: the key cannot be read, or there is no sandbox in the data directory.

    """
    if url is None and keyid is None and key is None:
        credentials = sandbox(data)
        return client_of(credentials, participant_of(credentials, participant))
    if url is None or keyid is None or key is None or participant is not None:
        raise WrongUse("give --url, --keyid and --key together, and no --participant")
    if not url.startswith(("https://", "http://")):
        raise WrongUse(f"{url!r} is not an address: write it as in https://switch.example")
    try:
        return Client(url, key=SigningKey.from_pem(keyid, read_file(key)))
    except (ValueError, TypeError):
        raise CommandFailed(f"{key}: not an unencrypted Ed25519 or P-256 private key in PEM") from None
    except httpx.InvalidURL:
        raise WrongUse(f"{url!r} is not an address: write it as in https://switch.example") from None


def sandbox(data: Path | None) -> dict[str, Any]:
    """Read the credentials of the sandbox in a data directory.

    Raises:
        CommandFailed: there is none.

    """
    settings = settings_for(data, None)
    if not settings.credentials_file.is_file():
        raise CommandFailed(
            f"{settings.data.resolve()} is not the data directory of a sandbox: start one with"
            " `payswitch up --sandbox`, or name its directory with --data or PAYSWITCH_DATA"
        )
    found: dict[str, Any] = json.loads(settings.credentials_file.read_text())
    return found


def participant_of(credentials: dict[str, Any], name: str | None) -> dict[str, str]:
    """The entry of a participant; by default, of the first one.

    Raises:
        WrongUse: there is none of this id.

    """
    entries: dict[str, dict[str, str]] = {entry["id"]: entry for entry in credentials["participants"]}
    found = entries.get(next(iter(entries)) if name is None else name)
    if found is None:
        raise WrongUse(f"no participant {name}; choose one of {', '.join(entries)}")
    return found


def listen(
    *,
    forward_to: Annotated[
        str | None, typer.Option("--forward-to", help="your own address, to which each event is posted")
    ] = None,
    types: Annotated[
        str | None, typer.Option("--types", help="only these types, separated by commas; default: all")
    ] = None,
    after: Annotated[
        int | None,
        typer.Option("--after", min=0, max=NUMBER_MAX, help="start after this event; default: now"),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="whsec_..., which signs what is forwarded; default: a new one"),
    ] = None,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Print a participant's events as they happen, and forward them to an address. Ends by Ctrl-C.

    Events are forwarded as webhooks are, signed with a secret (`v1`), so a receiver on this machine needs no
    public address.
    """
    wanted = _known_types(types)
    if secret is not None and forward_to is None:
        raise WrongUse("--secret signs what is forwarded: give --forward-to, too")
    forward = None if forward_to is None else Forward(forward_to, secret)
    with connected(participant, url, keyid, key, data) as client:
        start = _last(client) if after is None else after
        if forward is not None:
            typer.echo(f"verify with the secret {forward.secret}", err=True)
        typer.echo("listening; Ctrl-C ends", err=True)
        for event in client.events(after=start):
            if not wanted or event.type in wanted:
                answer = forward.post(event) if forward else ""
                output.told(_line(event, answer), **event.document)


def _known_types(text: str | None) -> frozenset[str]:
    wanted = frozenset(text.split(",")) if text else frozenset()
    if unknown := sorted(wanted - set(event_types.TYPES)):
        raise WrongUse(f"no event type {', '.join(unknown)}; choose of {', '.join(event_types.TYPES)}")
    return wanted


def _last(client: Client) -> int:
    """The cursor of now: after the last event of all."""
    cursor, more = 0, True
    while more:
        page = client.read("events", after=str(cursor), limit="1000")
        cursor, more = page["next"], page["more"]
    return int(cursor)


def _line(event: Event, answer: str) -> str:
    reason = event.data.get("reason") or ""
    return f"{event.time}  {event.id}  {event.type}  {event.subject}  {reason}".rstrip() + (
        f"  -> {answer}" if answer else ""
    )


class Forward:
    """An address to which events are posted, in the form of Standard Webhooks with a secret."""

    def __init__(self, url: str, secret: str | None) -> None:
        """Raise `WrongUse` if the address or the secret cannot be one."""
        if not url.startswith(("http://", "https://")):
            raise WrongUse(f"{url!r} is not an address: write it as in http://localhost:9000/hooks")
        try:
            httpx.URL(url)
        except httpx.InvalidURL:
            raise WrongUse(f"{url!r} is not an address: write it as in http://localhost:9000/hooks") from None
        self.secret = secret or _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        try:
            self._key = base64.b64decode(self.secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise WrongUse("a secret is whsec_ and base64") from None
        if not self.secret.startswith(_PREFIX) or not self._key:
            raise WrongUse("a secret is whsec_ and base64")
        self._url = url
        self._http = httpx.Client(timeout=_FORWARD_WITHIN_S, trust_env=False)

    def post(self, event: Event) -> str:
        """Post an event; get the status of the answer, or why there is none."""
        body = json.dumps(event.document).encode()
        id_, now = f"listen.{event.id}", str(int(time.time()))
        signature = hmac.digest(self._key, f"{id_}.{now}.".encode() + body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": now,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }
        try:
            return str(self._http.post(self._url, content=body, headers=headers).status_code)
        except httpx.RequestError as error:
            return f"no answer ({type(error).__name__})"


def trigger(
    event_type: Annotated[str, typer.Argument(help=f"one of {', '.join(scenes.EVENTS)}")],
    participant: Participant = None,
    data: Data = None,
) -> None:
    """Make an event happen to a participant of the sandbox, by real messages. Prints the event."""
    if event_type not in scenes.EVENTS:
        raise WrongUse(f"cannot make {event_type!r} happen; choose one of {', '.join(scenes.EVENTS)}")
    credentials = sandbox(data)
    own = participant_of(credentials, participant)
    other = scenes.counterpart(credentials, own)
    with client_of(credentials, own) as client, client_of(credentials, other) as theirs:
        start = _last(client)
        subject = scenes.play(event_type, scenes.Cast(own, other, client, theirs))
        for event in _until(client, start):
            if event["type"] == event_type and subject in {event["subject"], scenes.ANY}:
                output.document(event)
                return
    raise CommandFailed(f"no event {event_type} within {_HAPPENS_WITHIN_S:.0f} s")


def client_of(credentials: dict[str, Any], entry: dict[str, str]) -> Client:
    """Make the client of a participant of the sandbox."""
    return Client(credentials["url"], key=SigningKey.from_pem(entry["keyid"], entry["private_key"]))


def _until(client: Client, cursor: int) -> Iterator[dict[str, Any]]:
    """Yield events after a cursor, until it takes too long."""
    ends = time.monotonic() + _HAPPENS_WITHIN_S
    while time.monotonic() < ends:
        page = client.read("events", after=str(cursor), limit="1000")
        yield from page["events"]
        cursor = page["next"]
        time.sleep(0 if page["more"] else _LOOK_EVERY_S)


def resend(
    webhook: Annotated[UUID, typer.Argument(help="id of the webhook")],
    event: Annotated[int | None, typer.Argument(min=1, max=NUMBER_MAX, help="id of one event")] = None,
    *,
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=instant_of, metavar="INSTANT", help="every event since then, instead"),
    ] = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="with --since: only those that were not delivered")
    ] = False,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Deliver an event to a webhook again, or every event since an instant."""
    if (event is None) == (since is None):
        raise WrongUse("name one event, or an instant with --since")
    with connected(participant, url, keyid, key, data) as client:
        if event is not None:
            client.change("POST", f"webhooks/{webhook}/deliveries/{event}/replay")
            output.told(f"event {event} is delivered again", event=event)
            return
        assert since is not None
        wanted = {"since": since.astimezone(UTC).isoformat(), "undelivered": undelivered}
        done = client.change("POST", f"webhooks/{webhook}/replay", wanted)
        output.told(f"events after {done['after']} are delivered again", after=done["after"])


def logs(
    *,
    failed: Annotated[bool, typer.Option("--failed", help="only deliveries that did not succeed")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=200, help="how many at most, of each webhook")
    ] = 20,
    participant: Participant = None,
    url: Url = None,
    keyid: KeyId = None,
    key: KeyFile = None,
    data: Data = None,
) -> None:
    """Print the latest deliveries to a participant's webhooks, one JSON line each, the oldest first."""
    query = {"limit": str(limit), "undelivered": "true" if failed else "false"}
    with connected(participant, url, keyid, key, data) as client:
        output.rows(
            [
                {"webhook": hook["id"], "url": hook["url"], **delivery}
                for hook in list(client.entries("webhooks"))
                for delivery in reversed(client.read(f"webhooks/{hook['id']}/deliveries", **query))
            ]
        )
