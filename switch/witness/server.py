"""The witness over HTTP: C2SP `tlog-witness`, with two additions.

    POST /add-checkpoint    the protocol's own call
    POST /add-epoch         a bundle of proofs: the first checkpoint after a restore of the log's database
    GET /state              what the witness holds, in JSON, for `payswitch verify --witness-state URL`

Nobody is authenticated: only what the log signed is cosigned, and what is held is meant to be seen. Bodies,
connections (switch/witness/crowd.py) and their time are bounded, and a connection is for one request.
"""

import json
import socket
import ssl
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from switch.witness import bodies, judging
from switch.witness.crowd import Crowd, Network
from switch.witness.folder import NoWitness, WitnessFolder
from switch.witness.judging import Cosigned, CosignRefusal

BODY_MAX: Final = 1 << 20
FIRST_BYTE_S: Final = 3.0
"""The longest pause of a client before and within its headers."""
PAUSE_S: Final = 10.0
"""The longest pause of a client within its body, or before it reads on."""
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
    """Serves one witness; each connection that the crowd admits has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        folder: WitnessFolder,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        reserve: Iterable[Network] = (),
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.folder = folder
        self._tls = tls
        self.crowd = Crowd(reserve)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake of TLS is made in its thread."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, or close it if there is no room."""
        if self.crowd.admit(request, client_address[0]):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection in its thread."""
        try:
            if self._tls is not None:
                request.settimeout(FIRST_BYTE_S)
                request.do_handshake()
            super().process_request_thread(request, client_address)
        except OSError:  # the handshake failed; the client may have meant another service
            self.shutdown_request(request)
        finally:
            self.crowd.left(request)

    def service_actions(self) -> None:
        """Cut the connections whose time is over: the loop of the server calls this twice a second."""
        self.crowd.cut_late()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as it is called
        """Tell about a connection that broke; nothing of its content."""
        tell("connection_failed", error=type(sys.exc_info()[1]).__name__)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "payswitch-witness"
    sys_version = ""
    timeout = FIRST_BYTE_S

    def parse_request(self) -> bool:
        """Read the headers; then the body has more time."""
        is_complete = super().parse_request()
        if is_complete:
            self.server.crowd.head_arrived(self.connection)
            self.connection.settimeout(PAUSE_S)
        return is_complete

    def do_GET(self) -> None:
        self.server.crowd.request_arrived(self.connection)
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
            self._answer(HTTPStatus.LENGTH_REQUIRED, "state Content-Length\n")
            return None
        if len(stated) > len(str(BODY_MAX)) or int(stated) > BODY_MAX:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_MAX} bytes\n")
            return None
        body = self.rfile.read(int(stated))
        if len(body) < int(stated):
            return None
        self.server.crowd.request_arrived(self.connection)
        return body

    def _answer(self, status: HTTPStatus, text: str) -> None:
        self._send(status, text.encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")  # by which the handler closes it, too
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
