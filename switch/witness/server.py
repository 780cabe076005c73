"""The witness over HTTP: C2SP `tlog-witness`, with two additions.

    POST /add-checkpoint    the protocol's own call
    POST /add-epoch         a bundle of proofs: the first checkpoint after a restore of the log's database
    GET /state              what the witness holds, in JSON, for `payswitch verify --witness-state URL`

Nobody is authenticated: only what the log signed is cosigned, and what is held is meant to be seen. Bodies,
connections and their time are bounded.
"""

import contextlib
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from switch.witness import bodies, judging
from switch.witness.folder import NoWitness, WitnessFolder
from switch.witness.judging import Cosigned, CosignRefusal

BODY_MAX: Final = 1 << 20
CONNECTIONS_MAX: Final = 64
CONNECTION_S: Final = 30.0
"""Each connection ends after this time, however slowly its client writes or reads."""
_SIZE_TYPE: Final = "text/x.tlog.size"


def tell(event: str, **facts: object) -> None:
    """Write one line of JSON for the operator of the witness on standard error."""
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, **facts}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def tell_cosigned(cosigned: Cosigned) -> None:
    """Tell what was cosigned; a restore is an alarm."""
    for restore in cosigned.restores:
        tell(
            "ALARM_RESTORE",
            kept=restore.kept,
            first=restore.first,
            text="ask the operator of the log whether its database was restored",
        )
    tell("cosigned", size=cosigned.size)


def tell_refused(refusal: CosignRefusal) -> None:
    """Tell what was refused; two trees of one size are an alarm."""
    alarm = {"fork": "ALARM_FORK", "shorter": "ALARM_SHORTER", "unproved": "WARNING_UNPROVED"}
    tell(alarm.get(refusal.kind, "refused"), status=refusal.status, text=refusal.text)


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; each connection has a thread, of which there is a limited number."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, folder: WitnessFolder, address: tuple[str, int], tls: ssl.SSLContext | None = None
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.folder = folder
        self._tls = tls
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, or close it if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection in its thread, for a limited time."""
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        end = threading.Timer(CONNECTION_S, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            if self._tls is not None:
                request.do_handshake()
            super().process_request_thread(request, client_address)
        except OSError:  # the handshake failed; the client may have meant another service
            self.shutdown_request(request)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as it is called
        """Tell about a connection that broke; nothing of its content."""
        tell("connection_failed", error=type(sys.exc_info()[1]).__name__)


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "payswitch-witness"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        if self.path != "/state":
            self._answer(HTTPStatus.NOT_FOUND, "GET /state is what can be read\n")
            return
        try:
            self._send(HTTPStatus.OK, self.server.folder.octets(), "application/json")
        except NoWitness as error:
            tell("failed", text=str(error))
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "the witness cannot read its state\n")

    def do_POST(self) -> None:
        judge = {"/add-checkpoint": _add_checkpoint, "/add-epoch": _add_epoch}.get(self.path)
        body = self._body()
        if body is None:
            return
        if judge is None:
            self._answer(HTTPStatus.NOT_FOUND, "POST /add-checkpoint or /add-epoch\n")
            return
        self._judge(judge, body)

    def _judge(self, judge: Callable[[WitnessFolder, bytes], Cosigned], body: bytes) -> None:
        try:
            cosigned = judge(self.server.folder, body)
        except CosignRefusal as refusal:
            tell_refused(refusal)
            if refusal.size is not None:
                self._send(HTTPStatus(refusal.status), f"{refusal.size}\n".encode(), _SIZE_TYPE)
            else:
                self._answer(HTTPStatus(refusal.status), f"{refusal.text}\n")
        except (NoWitness, OSError) as error:
            tell("failed", error=type(error).__name__, text=str(error))
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "the witness cannot store the checkpoint now\n")
        else:
            tell_cosigned(cosigned)
            self._answer(HTTPStatus.OK, cosigned.line)

    def _body(self) -> bytes | None:
        """Read the body; None if it was refused."""
        stated = self.headers.get("Content-Length", "")
        if not stated.isascii() or not stated.isdecimal() or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "state Content-Length\n")
            return None
        if len(stated) > len(str(BODY_MAX)) or int(stated) > BODY_MAX:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_MAX} bytes\n")
            return None
        body = self.rfile.read(int(stated))
        return body if len(body) == int(stated) else None

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer and close: the body was not read."""
        self.close_connection = True
        self._answer(status, text)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        self._send(status, text.encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Requests are told by their result."""


def _add_checkpoint(folder: WitnessFolder, body: bytes) -> Cosigned:
    return judging.add_checkpoint(folder, bodies.decode(body))


def _add_epoch(folder: WitnessFolder, body: bytes) -> Cosigned:
    shown = bodies.read_file(body)
    if not isinstance(shown, dict):
        raise CosignRefusal(400, "a bundle in JSON is required")
    return judging.add_bundle(folder, shown)


def tls_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side of TLS, version 1.2 or later.

    Raises:
        NoWitness: the files cannot be used.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise NoWitness(f"{certificate} and {key} are not a certificate and its key: {error}") from None
    return context
