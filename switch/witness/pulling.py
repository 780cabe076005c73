"""A witness that nobody may call: it reads checkpoints and proofs, and sends its cosignature back."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ledger.signing import content_of
from switch.witness import judging
from switch.witness.folder import WitnessFolder, WitnessState
from switch.witness.judging import Cosigned, CosignRefusal

TIMEOUT_S: Final = 20.0
ANSWER_MAX: Final = 4 << 20
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_PATH: Final = "/v1/audit"
_LOCAL: Final = {"127.0.0.1", "::1", "localhost"}


class LogUnreachable(Exception):
    """The log does not answer as it should; nothing was decided."""


class CheckpointMissing(LogUnreachable):
    """The log no longer has a checkpoint that it signed."""


class LogSource:
    """The API of the switch, at the beginning of its address."""

    def __init__(self, url: str, authorities: Path | None = None) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if not secure or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError("an https URL without credentials is required (http only to this machine)")
        context = ssl.create_default_context(cafile=authorities)
        self._url = url.rstrip("/") + _PATH
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _NoRedirects()
        )

    def newest(self) -> str:
        """The newest checkpoint.

        Raises:
            LogUnreachable: there is none, or no answer.

        """
        found = self._json("/checkpoints?limit=1")
        if not isinstance(found, list) or not found or not isinstance(found[0].get("checkpoint"), str):
            raise LogUnreachable("the log has published no checkpoint")
        return str(found[0]["checkpoint"])

    def consistency(self, first: int, second: int) -> dict[str, Any]:
        """The bundle that proves that the tree of `second` events extends that of `first`.

        Raises:
            LogUnreachable: no answer, or not a bundle.

        """
        found = self._json(f"/consistency?from={first}&to={second}")
        if not isinstance(found, dict):
            raise LogUnreachable("the log answers no bundle")
        return found

    def send_back(self, cosigned: Cosigned) -> None:
        """Give the log a cosignature.

        Raises:
            LogUnreachable: it was not accepted.

        """
        self._read(f"/checkpoints/{cosigned.size}/cosignatures", cosigned.line.encode())

    def _json(self, path: str) -> Any:
        try:
            return json.loads(self._read(path))
        except (ValueError, RecursionError):
            raise LogUnreachable("the log does not answer in JSON") from None

    def _read(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - https, or this machine
            self._url + path, body, {"Content-Type": "text/plain; charset=utf-8"} if body else {}
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                found = bytes(answer.read(ANSWER_MAX + 1))
        except urllib.error.HTTPError as error:
            if error.code == _NOT_FOUND and path.startswith("/consistency"):
                raise CheckpointMissing(
                    "the log no longer has a checkpoint that the witness cosigned"
                ) from None
            if error.code == _UNAUTHORIZED:
                raise LogUnreachable(
                    "the switch does not know this witness: ask its operator to register it (again)"
                ) from None
            raise LogUnreachable(f"{path}: status {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise LogUnreachable(f"{path}: {error}") from None
        if len(found) > ANSWER_MAX:
            raise LogUnreachable(f"{path}: the answer is too long")
        return found


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow no redirect: the answer is then an error."""


def pull(folder: WitnessFolder, source: LogSource) -> Cosigned:
    """Read the newest checkpoint with its proof, and judge it. The cosignature is not sent back yet.

    Raises:
        CosignRefusal: it is not cosigned; a contradiction is kept as evidence.
        LogUnreachable: the log does not answer.
        NoWitness: the folder cannot be used.

    """
    state = folder.read()
    note = source.newest()
    try:
        content = content_of(note)
    except ValueError:
        raise LogUnreachable("the log answers no checkpoint") from None
    if content.size < state.size:
        _refuse_shorter(folder, state, note)
    bundle: dict[str, Any] = {"checkpoint": note, "older": []}
    if 0 < state.epoch < (state.epoch_of(content.origin) or 0):
        bundle = source.consistency(_kept(state, source, content.size), content.size)
    elif 0 < state.size < content.size:
        bundle = source.consistency(state.size, content.size)
    return judging.add_bundle(folder, bundle)


def _kept(state: WitnessState, source: LogSource, size: int) -> int:
    """The newest held checkpoint that the log says to have kept; `size` if there is none."""
    try:
        stated = [
            json.loads(bytes.fromhex(each["event"]["body"]))
            for each in source.consistency(size, size)["restores"]
        ]
        kept = min((each["kept"] for each in stated if each["first"] > state.size), default=0)
        base = state.carried(kept)
    except (KeyError, TypeError, ValueError):
        raise LogUnreachable("the log answers no bundle") from None
    return size if base is None else base.content.size


def _refuse_shorter(folder: WitnessFolder, state: WitnessState, note: str) -> None:
    """The newest checkpoint of a log only grows, also over a restore."""
    content = judging.signed(state, note)
    text = f"the newest checkpoint of the log has {content.size} events; the witness cosigned {state.size}"
    held = state.newest.note if state.newest else ""
    folder.keep_evidence("shorter", note, {"what": text, "held": held, "shown": note})
    raise CosignRefusal(409, text, size=state.size, held=held, kind="shorter")
