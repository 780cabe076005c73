"""The connection file of a rail, `DATA/rails/CC/switch.json`: its address, and the identity and keys there.

docs/operate/rails.md describes every field. A file is checked as a whole: `faults` lists everything that is
wrong with it, one line each, and shows no secret. Paths are relative to the directory of the file.
"""

import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yarl import URL

from adapters import keys, registry, tls
from adapters.identity import MissingIds
from adapters.port import RailConnection
from schemas.errors import NotFound
from schemas.signing.token import TokenError
from switch.base.files import fault_of_secret, others_may_read
from switch.base.networks import Network
from switch.base.tokens import TokenReference

CONNECTION: Final = "switch.json"
"""Name of a rail's connection file in its directory."""

_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"
_KEYS: Final = ("signing_key", "rail_key")

Seconds = Annotated[float, Field(gt=0, le=60)]


class InvalidConnection(ValueError):
    """A connection file that cannot be used; its text names every fault, and no secret."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class ConnectionFile(BaseModel):
    """The fields of a connection file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: Annotated[list[str], Field(min_length=1, max_length=8)]
    identity: dict[str, str] = {}
    ca_file: Path | None = None
    certificate_file: Path | None = None
    certificate_key_file: Path | None = None
    signing_key: str | None = None
    signing_key_file: Path | None = None
    signing_key_environment: str | None = None
    signing_key_pkcs11: TokenReference | None = None
    rail_key: str | None = None
    rail_key_file: Path | None = None
    rail_key_environment: str | None = None
    connect_s: Seconds | None = None
    submit_s: Seconds | None = None
    callback_networks: tuple[Network, ...] = ()
    simulated: bool = False


def file_of(rails_directory: Path, country: str) -> Path:
    """The connection file of a country's rail."""
    return rails_directory / country / CONNECTION


def write(file: Path, connection: RailConnection) -> None:
    """Write a connection for every process of the switch to read; its keys are in the file itself."""
    content = {
        "endpoints": list(connection.urls),
        "identity": dict(connection.identity),
        "ca_file": str(connection.ca_file) if connection.ca_file else None,
        "signing_key": connection.signing_key.decode(),
        "rail_key": connection.rail_key.decode(),
        "simulated": connection.simulated,
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(content, indent=2))


def read(file: Path, time_scale: float) -> RailConnection:
    """Read a connection file.

    Raises:
        OSError: the file cannot be read.
        InvalidConnection: something in it, or in a file that it names, is wrong.

    """
    content = _parse(file)
    found = list(_faults_of(content, file))
    if found:
        raise InvalidConnection(found)
    return _connection(content, file, time_scale)


def certificate_files(file: Path) -> dict[str, Path]:
    """Files of certificates that a connection file names, `client`, `authority`; none if it is unusable."""
    try:
        content = _parse(file)
    except (OSError, InvalidConnection):
        return {}
    named = {"client": content.certificate_file, "authority": content.ca_file}
    return {kind: file.parent / path for kind, path in named.items() if path is not None}


def callback_networks(file: Path) -> tuple[Network, ...]:
    """The networks from which the rail sends callbacks; empty: from anywhere. Raises as `read`."""
    return _parse(file).callback_networks


def faults(file: Path, country: str) -> list[str]:
    """Everything that is wrong with a connection file, and with the files and keys that it names."""
    try:
        connection = read(file, 1.0)
    except InvalidConnection as error:
        return error.faults
    except OSError as error:
        return [f"it cannot be read: {error.strerror}"]
    try:
        keys.examine(connection)
        registry.load(country, connection)
    except (MissingIds, TokenError) as error:
        return [str(error)]
    except (LookupError, ValueError, TypeError, AttributeError, NotFound):
        return ["a key or the identity does not have the form that this rail's adapter needs"]
    return []


def _parse(file: Path) -> ConnectionFile:
    raw = file.read_bytes()
    try:
        return ConnectionFile.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidConnection([_plain(problem) for problem in error.errors(include_url=False)]) from None


def _plain(problem: Mapping[str, Any]) -> str:
    """One complaint of the parser, without the value that it is about."""
    place = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"there is no field {place}"
        case "json_invalid" | "model_type":
            return "it is not a JSON object"
        case _:
            return f"{place}: {problem['msg']}"


def _faults_of(content: ConnectionFile, file: Path) -> Iterator[str]:
    yield from _faults_of_endpoints(content.endpoints)
    if content.signing_key is not None and others_may_read(file):
        yield f"others than its owner can read {file}, which holds a secret key (chmod 600)"
    yield from _faults_of_tls(content, file)
    for name in _KEYS:
        yield from _faults_of_key(content, name, file)
    if content.signing_key_pkcs11 is not None:
        for fault in content.signing_key_pkcs11.faults(file.parent):
            yield f"signing_key_pkcs11: {fault}"


def _faults_of_endpoints(endpoints: list[str]) -> Iterator[str]:
    schemes = set()
    for number, endpoint in enumerate(endpoints):
        try:
            url = URL(endpoint)
            plain = not (url.user or url.password or url.query_string or url.fragment)
            good = url.scheme in {"https", "tls"} and bool(url.host) and bool(url.port) and plain
        except ValueError:
            good = False
        if not good or re.search(r"\s", endpoint):
            needed = "https://HOST:PORT or tls://HOST:PORT is needed, without a user or a query"
            yield f"endpoints.{number}: {needed}"
        else:
            schemes.add(url.scheme)
    if len(schemes) > 1:
        yield "endpoints: all of them are https, or all of them are tls"
    if len(set(endpoints)) < len(endpoints):
        yield "endpoints: one is there twice"


def _faults_of_tls(content: ConnectionFile, file: Path) -> Iterator[str]:
    given = [content.certificate_file is not None, content.certificate_key_file is not None]
    if any(given) and not all(given):
        yield "certificate_file and certificate_key_file go together"
        return
    named = [
        ("ca_file", content.ca_file, False),
        ("certificate_file", content.certificate_file, False),
        ("certificate_key_file", content.certificate_key_file, True),
    ]
    unreadable = [
        fault
        for name, path, secret in named
        if path is not None
        for fault in _faults_of_file(name, file.parent / path, secret=secret)
    ]
    yield from unreadable
    if not unreadable:
        yield from _faults_of_certificates(content, file)


def _faults_of_certificates(content: ConnectionFile, file: Path) -> Iterator[str]:
    place = partial(_beside, file)
    authority = RailConnection("", ca_file=place(content.ca_file))
    ours = RailConnection(
        "",
        certificate_file=place(content.certificate_file),
        certificate_key_file=place(content.certificate_key_file),
    )
    try:
        if (
            content.ca_file is not None
        ):  # without one, the authorities of the machine would be read for nothing
            tls.context(authority)
    except (ssl.SSLError, OSError, ValueError):
        yield "ca_file holds no certificate in PEM"
    try:
        tls.present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ours)
    except (ssl.SSLError, OSError, ValueError):
        yield "certificate_file is no certificate in PEM, or certificate_key_file is not its key"


def _faults_of_key(content: ConnectionFile, name: str, file: Path) -> Iterator[str]:
    sources = [
        field
        for field in (name, f"{name}_file", f"{name}_environment", f"{name}_pkcs11")
        if getattr(content, field, None) is not None
    ]
    if len(sources) > 1:
        yield f"{' and '.join(sources)}: state one of them"
    variable = getattr(content, f"{name}_environment")
    if variable is not None and not os.environ.get(variable):
        yield f"{name}_environment: there is no {variable} in the environment"
    path = getattr(content, f"{name}_file")
    if path is not None:
        whole = file.parent / path
        public = name == "rail_key" and _starts(whole, _PUBLIC)
        yield from _faults_of_file(f"{name}_file", whole, secret=not public)


def _starts(path: Path, start: bytes) -> bool:
    try:
        return path.read_bytes().lstrip().startswith(start)
    except OSError:
        return False


def _faults_of_file(name: str, path: Path, *, secret: bool) -> Iterator[str]:
    if secret:
        fault = fault_of_secret(path)
        if fault:
            yield f"{name}: {fault}"
        return
    try:
        path.read_bytes()
    except OSError as error:
        yield f"{name}: {path}: {error.strerror}"


def _beside(file: Path, path: Path | None) -> Path | None:
    return None if path is None else file.parent / path


def _connection(content: ConnectionFile, file: Path, time_scale: float) -> RailConnection:
    token = content.signing_key_pkcs11
    return RailConnection(
        base_url=content.endpoints[0],
        other_urls=tuple(content.endpoints[1:]),
        ca_file=_beside(file, content.ca_file),
        certificate_file=_beside(file, content.certificate_file),
        certificate_key_file=_beside(file, content.certificate_key_file),
        connect_s=content.connect_s,
        submit_s=content.submit_s,
        signing_key=_key(content, "signing_key", file),
        signing_token=None if token is None else token.key(file.parent),
        rail_key=_key(content, "rail_key", file),
        identity=content.identity,
        time_scale=time_scale,
        simulated=content.simulated,
    )


def _key(content: ConnectionFile, name: str, file: Path) -> bytes:
    path = getattr(content, f"{name}_file")
    if path is not None:
        return (file.parent / Path(path)).read_bytes()
    variable = getattr(content, f"{name}_environment")
    text = os.environ[variable] if variable is not None else getattr(content, name)
    return str(text or "").encode()
