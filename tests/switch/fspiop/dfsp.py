"""A DFSP as the bridge sees it: a connector that sends signed requests, and a server that takes callbacks."""

import asyncio
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from switch.fspiop import codec, jws
from switch.fspiop.courier import media_type

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NAME = "asha-dfsp"


def ulid() -> str:
    return "01" + "".join(secrets.choice(ALPHABET) for _ in range(24))


def soon(seconds: float = 60) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@dataclass
class Told:
    """One callback."""

    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Dfsp:
    """The DFSP; `answers` are the statuses of its next answers to callbacks, then 200."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    bridge_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    told: list[Told] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""
    bridge: str = ""
    trust: ssl.SSLContext | None = None
    """The DFSP's side of TLS, if the bridge has it."""
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def start(self, tls: ssl.SSLContext | None = None) -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        host, port = runner.addresses[0]
        self.url = f"{'https' if tls else 'http'}://{host}:{port}/connector"
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        jws.verify(self.bridge_key.public_key(), headers, body)
        assert headers["content-type"] == media_type(request.path.split("/")[2])
        assert headers["fspiop-destination"] == NAME
        path = request.path.removeprefix("/connector")
        async with self._came:
            status = self.answers.pop(0) if self.answers else 200
            self.told.append(Told(request.method, path, json.loads(body), headers))
            self._came.notify_all()
        return web.Response(status=status)

    async def until_told(self, path: str, number: int = 1) -> Told:
        """The callback to a path, or to its error; the latest of `number`."""
        paths = {path, f"{path}/error"}

        def found() -> list[Told]:
            return [each for each in self.told if each.path in paths]

        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: len(found()) >= number)
        return found()[number - 1]

    async def post(self, resource: str, body: dict[str, Any], **changed: str) -> httpx.Response:
        return await self.send("POST", f"/{resource}", codec.dump(body), **changed)

    async def get(self, path: str, **changed: str) -> httpx.Response:
        return await self.send("GET", path, b"", **changed)

    async def send(
        self, method: str, path: str, body: bytes, *, signed: bool = True, **changed: str
    ) -> httpx.Response:
        media = media_type(path.split("/")[1])
        headers = {
            "accept": media,
            "content-type": media,
            "date": format_datetime(datetime.now(UTC), usegmt=True),
            "fspiop-source": NAME,
            "fspiop-uri": path,
            "fspiop-http-method": method,
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        if body and signed:
            headers["fspiop-signature"] = jws.sign(self.key, headers, body)
        headers = {name: value for name, value in headers.items() if value}
        async with httpx.AsyncClient(trust_env=False, verify=self.trust or False) as http:
            return await http.request(method, self.bridge + path, content=body or None, headers=headers)

    # Messages

    def quote(
        self, fsp: str, kind: str, identifier: str, amount: str = "100", currency: str = "INR", **changed: Any
    ) -> dict[str, Any]:
        """A request for a quote, as a connector of Mojaloop makes it."""
        transaction = {
            "PmtId": {"TxId": ulid(), "EndToEndId": ulid()},
            "Cdtr": {
                "Id": {"PrvtId": {"Othr": {"SchmeNm": {"Prtry": kind}, "Id": identifier}}},
                "Nm": "Bilal;;Khan",
            },
            "CdtrAgt": {"FinInstnId": {"Othr": {"Id": fsp}}},
            "Dbtr": {
                "Id": {"PrvtId": {"Othr": {"SchmeNm": {"Prtry": "ACCOUNT_ID"}, "Id": "50100012345678"}}},
                "Name": "Asha Rao",
            },
            "DbtrAgt": {"FinInstnId": {"Othr": {"Id": NAME}}},
            "IntrBkSttlmAmt": {"Ccy": currency, "ActiveCurrencyAndAmount": amount},
            "Purp": {"Prtry": "TRANSFER"},
            "ChrgBr": "CRED",
        }
        return {"GrpHdr": self.header(), "CdtTrfTxInf": transaction | changed}

    def transfer(self, offer: dict[str, Any], expires_s: float = 60) -> dict[str, Any]:
        """The transfer that accepts an offer."""
        offered = offer["CdtTrfTxInf"]
        parts = ("Cdtr", "CdtrAgt", "Dbtr", "DbtrAgt", "ChrgBr", "IntrBkSttlmAmt", "VrfctnOfTerms")
        transaction = {part: offered[part] for part in parts} | {"PmtId": {"TxId": ulid()}}
        return {"GrpHdr": self.header(expires_s), "CdtTrfTxInf": transaction}

    def header(self, expires_s: float = 60) -> dict[str, Any]:
        return {
            "MsgId": ulid(),
            "CreDtTm": soon(0),
            "NbOfTxs": "1",
            "SttlmInf": {"SttlmMtd": "CLRG"},
            "PmtInstrXpryDtTm": soon(expires_s),
        }

    async def offer(self, quote: dict[str, Any]) -> dict[str, Any]:
        """Ask for a quote; get the offer."""
        answer = await self.post("quotes", quote)
        assert (answer.status_code, answer.text) == (202, "")
        path = f"/quotes/{quote['CdtTrfTxInf']['PmtId']['TxId']}"
        told = await self.until_told(path)
        assert (told.method, told.path) == ("PUT", path), told.body
        return told.body

    async def outcome(self, transfer: dict[str, Any], number: int = 1) -> Told:
        return await self.until_told(path_of(transfer), number)


def path_of(transfer: dict[str, Any]) -> str:
    return f"/transfers/{transfer['CdtTrfTxInf']['PmtId']['TxId']}"


@dataclass
class BridgeProcess:
    """A bridge as a process, on one settings file; it may be killed and started again."""

    folder: Path
    dfsp: Dfsp
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def configured(
        cls, folder: Path, dfsp: Dfsp, url: str, participant: dict[str, str], **more: str
    ) -> "BridgeProcess":
        form = serialization.PrivateFormat.PKCS8
        public = dfsp.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        bridge_key = dfsp.bridge_key.private_bytes(
            serialization.Encoding.PEM, form, serialization.NoEncryption()
        )
        folder.mkdir(exist_ok=True)
        (folder / "dfsp.pem").write_bytes(public)
        (folder / "callbacks.pem").write_bytes(bridge_key)
        (folder / "participant.pem").write_text(participant["private_key"])
        (folder / "ilp.secret").write_bytes(secrets.token_bytes(32))
        top = "\n".join(f"{name} = {value}" for name, value in more.items())
        (folder / "bridge.toml").write_text(
            f"""listen = "127.0.0.1:0"
journal_file = "journal.db"
secret_file = "ilp.secret"
signing_key_file = "callbacks.pem"
{top}

[switch]
url = "{url}"
participant = "{participant["id"]}"
keyid = "{participant["keyid"]}"
key_file = "participant.pem"

[dfsp]
id = "{NAME}"
callbacks = "{dfsp.url}"
public_key_file = "dfsp.pem"

[[routes]]
type = "MSISDN"
prefix = "92"
fsp = "indus-bank"
"""
        )
        return cls(folder, dfsp)

    def start(self) -> None:
        command = [sys.executable, "-m", "switch.cli", "fspiop", "bridge", str(self.folder / "bridge.toml")]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ)
        scheme = "https" if self.dfsp.trust else "http"
        self.dfsp.bridge = f"{scheme}://127.0.0.1:{self.until_logged('serving')['port']}"

    def until_logged(self, event: str) -> dict[str, Any]:
        """The next line of this event in the log."""
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            told: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {"event": line.decode()}
            if told["event"] == event:
                return told
        raise AssertionError(f"the bridge ended with {self.process.wait()}")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> list[dict[str, Any]]:
        """End it in an orderly way; what it logged."""
        return [json.loads(line) for line in self._end(signal.SIGTERM).splitlines()]

    def _end(self, number: signal.Signals) -> bytes:
        assert self.process is not None
        assert self.process.stderr is not None
        self.process.send_signal(number)
        logged = self.process.stderr.read()
        code = self.process.wait(20)
        self.process.stderr.close()
        self.process = None
        assert code == (-number if number is signal.SIGKILL else 0), logged.decode()
        return logged
