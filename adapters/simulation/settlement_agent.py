"""A simulated settlement agent: receives instructions, keeps its own book, reports the outcome of each.

    python -m adapters.simulation.settlement_agent --port N --data DIR --key FILE --keyid ID
        --switch URL --switch-key FILE

`POST /` accepts a pacs.009 (an instruction, executed once) or a pacs.028 (an enquiry), with the switch's
detached JWS in `Payswitch-Signature`. The response is 202 if it has the instruction, 404 to an enquiry about
an unknown one, 401 without a valid signature. It then reports the outcome of the lines in a camt.054 or a
pacs.002, signed (RFC 9421), to `URL/v1/settlements/confirmations`.

`POST /faults` with a word causes a fault at the next instruction: `LOST` (answered with 202, not stored),
`HTTP502` (stored, answered with 502), `SILENT` (stored, reported only after an enquiry), or an ISO reason
(all lines refused).
"""

import argparse
import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from adapters.simulation.book import FILE_NAME, Book, BookEntry, EntryStatus, now
from schemas import codec
from schemas.errors import NotAuthentic
from schemas.money import Money
from schemas.signing import http_signatures, jws
from schemas.signing.keys import PublicKey, SigningKey

SIGNATURE: Final = "Payswitch-Signature"
CONFIRMATIONS: Final = "/v1/settlements/confirmations"
_BYTES_MAX: Final = 16 * 1024 * 1024
_WORDS: Final = frozenset({"LOST", "HTTP502", "SILENT"})


@dataclass(slots=True)
class SettlementAgent:
    """One agent, with the book of its transfers: positive amounts to the bank, negative from it."""

    book: Book
    key: SigningKey
    switch: str
    """The address of the switch: `http://host:port`."""
    switch_key: PublicKey
    faults: deque[str] = field(default_factory=deque)
    instructed: dict[str, list[str]] = field(default_factory=dict)
    """Lines of an instruction, by its message id."""
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    def application(self) -> web.Application:
        """The endpoint for instructions and the one for faults."""
        application = web.Application()
        application.router.add_post("/", self.take)
        application.router.add_post("/faults", self.fault)
        return application

    async def fault(self, request: web.Request) -> web.Response:
        """Cause a fault at the next instruction."""
        self.faults.append(await request.text())
        return web.Response(status=204)

    async def take(self, request: web.Request) -> web.Response:
        """Receive an instruction, or an enquiry about one."""
        raw = await request.read()
        try:
            jws.verify(request.headers.get(SIGNATURE, ""), raw, key=self.switch_key)
        except NotAuthentic:
            return web.Response(status=401)
        message = codec.decode(raw, media_type=codec.XML, max_bytes=_BYTES_MAX)
        content = next(iter(message.document.values()))
        if message.name == "pacs.028":
            return self._enquired(content["OrgnlGrpInf"][0]["OrgnlMsgId"])
        return self._instructed(content)

    def _instructed(self, content: dict[str, Any]) -> web.Response:
        name, fault = content["GrpHdr"]["MsgId"], self.faults.popleft() if self.faults else ""
        if fault == "LOST":
            return web.Response(status=202)
        lines = [self._line(content, tx, fault) for tx in content["CdtTrfTxInf"]]
        self.instructed[name] = [line.rail_ref for line in lines]
        if fault == "HTTP502":
            return web.Response(status=502, text="<html>bad gateway</html>")
        if fault != "SILENT":
            self._tell(name)
        return web.Response(status=202)

    def _line(self, content: dict[str, Any], tx: dict[str, Any], fault: str) -> BookEntry:
        """Transfer the money of a line once, however often it is repeated."""
        uetr = tx["PmtId"]["UETR"]
        known = self.book.find(uetr)
        if known is not None:
            return known
        scheme = content["GrpHdr"]["InstgAgt"]["FinInstnId"]["BICFI"]
        debtor = tx["Dbtr"]["FinInstnId"]["BICFI"]
        bank = tx["Cdtr"]["FinInstnId"]["BICFI"] if debtor == scheme else debtor
        money = Money.parse(tx["IntrBkSttlmAmt"]["Amt"], tx["IntrBkSttlmAmt"]["Ccy"])
        minor = money.minor if debtor == scheme else -money.minor
        refused = fault if fault and fault not in _WORDS else ""
        outcome = EntryStatus.REFUSED if refused else EntryStatus.DONE
        return self.book.append(BookEntry(uetr, uetr, minor, money.currency, outcome, refused, bank, now()))

    def _enquired(self, name: str) -> web.Response:
        if name not in self.instructed:
            return web.Response(status=404)
        self._tell(name)
        return web.Response(status=202)

    def _tell(self, name: str) -> None:
        task = asyncio.create_task(self._confirm(self.instructed[name]))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _confirm(self, refs: list[str]) -> None:
        lines = [self.book.entries[ref] for ref in refs]
        done = [line for line in lines if line.outcome is EntryStatus.DONE]
        refused = [line for line in lines if line.outcome is EntryStatus.REFUSED]
        if done:
            await self._post(codec.encode("camt.054.001.08", _notification(done), media_type=codec.XML))
        if refused:
            await self._post(codec.encode("pacs.002.001.10", _status_report(refused), media_type=codec.XML))

    async def _post(self, raw: bytes) -> None:
        headers = http_signatures.sign(
            self.key,
            method="POST",
            authority=urlsplit(self.switch).netloc,
            path=CONFIRMATIONS,
            content_type=codec.XML,
            body=raw,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
        )
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.post(self.switch + CONFIRMATIONS, data=raw, headers=headers) as response,
        ):
            response.raise_for_status()


def _header() -> dict[str, str]:
    return {"MsgId": uuid.uuid4().hex, "CreDtTm": datetime.now(UTC).isoformat(timespec="milliseconds")}


def _notification(lines: list[BookEntry]) -> dict[str, Any]:
    entries = [
        {
            "Amt": {"Ccy": line.currency, "Amt": Money(abs(line.amount_minor), line.currency).text},
            "CdtDbtInd": "DBIT" if line.amount_minor > 0 else "CRDT",  # from the view of the scheme's account
            "Sts": {"Cd": "BOOK"},
            "BkTxCd": {"Prtry": {"Cd": "SETT"}},
            "NtryDtls": [{"TxDtls": [{"Refs": {"UETR": line.uetr}}]}],
        }
        for line in lines
    ]
    account = {"Id": {"Othr": {"Id": f"SCHEME{lines[0].currency}"}}}
    notification = {"Id": uuid.uuid4().hex, "Acct": account, "Ntry": entries}
    return {"BkToCstmrDbtCdtNtfctn": {"GrpHdr": _header(), "Ntfctn": [notification]}}


def _status_report(lines: list[BookEntry]) -> dict[str, Any]:
    transactions = [
        {"OrgnlUETR": line.uetr, "TxSts": "RJCT", "StsRsnInf": [{"Rsn": {"Cd": line.code}}]} for line in lines
    ]
    return {"FIToFIPmtStsRpt": {"GrpHdr": _header(), "TxInfAndSts": transactions}}


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulation.settlement_agent")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True, help="the agent's private key, PEM")
    parser.add_argument("--keyid", required=True)
    parser.add_argument("--switch", required=True, help="the switch's address")
    parser.add_argument("--switch-key", type=Path, required=True, help="its settlement key, PEM")
    parser.add_argument("--switch-keyid", required=True)
    options = parser.parse_args()
    agent = SettlementAgent(
        Book(options.data / FILE_NAME),
        SigningKey.from_pem(options.keyid, options.key.read_bytes()),
        options.switch.rstrip("/"),
        PublicKey.from_pem(options.switch_keyid, options.switch_key.read_bytes()),
    )
    web.run_app(agent.application(), host="127.0.0.1", port=options.port, print=None)


if __name__ == "__main__":
    main()
