"""Payments that a simulated country originates: its bank sends them to the switch like a real bank.

With `"via": "rail"` a customer pays over the rail instead, which orders the payment of the switch (`payers`);
`behaviour` is then one of `SourceBehaviour`, `payee` the name of who is paid, and with `"look_up": "price"`
the customer looks up payee and price before; `quote` is one that the customer was shown already.

`POST /originate` at a rail's control port, with `{"creditor_country": "PK", "amount": "1500.00"}` and
optionally `count` and the magic `word` of the creditor's account, makes a bank of this country send signed
pacs.008 messages to the switch. Each message is stored in `DIR/originated.jsonl` before it is sent, so a rail
that was killed sends the same bytes again after its restart. Its outcome is appended to the same file. `GET
/originated` lists all payments.
"""

import asyncio
import json
import random
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
from yarl import URL

from adapters.simulation.magic import magic_account
from adapters.simulation.payers import RailPayers
from schemas import codec, credit_transfer
from schemas.errors import InvalidAmount, NotFound
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, CreditTransfer, Party
from schemas.signing import http_signatures
from schemas.signing.keys import SigningKey

MESSAGE: Final = "pacs.008.001.08"
COUNT_MAX: Final = 10_000
AT_ONCE: Final = 16
TRIES: Final = 20
BANK: Final = "bank"
RAIL: Final = "rail"
PAYEE: Final = "Sandbox Creditor"
_WAIT_S: Final = 20
_PAUSE_S: Final = 0.5
_FINAL: Final = frozenset({"ACCC", "RJCT"})
_JSON: Final = "application/json"


class OriginationError(Exception):
    """The rail was started without banks of its own, or the request is invalid."""


@dataclass(frozen=True, slots=True)
class OriginationRequest:
    """A request for payments at the control port."""

    creditor_country: str
    amount: str
    count: int = 1
    word: str = ""
    via: str = BANK
    behaviour: str = ""
    payee: str = PAYEE
    look_up: Literal["", "price"] = ""
    quote: str = ""
    bank: str = ""
    """BIC of the payee's bank; empty: the sandbox's bank of the country."""
    account: str = ""
    """The payee's; empty: a magic one, which behaves as `word` defines."""

    @classmethod
    def of(cls, body: bytes) -> "OriginationRequest":
        """Parse a request.

        Raises:
            OriginationError: not a valid request.

        """
        try:
            content = json.loads(body)
            request = cls(**content)
            texts = [request.creditor_country, request.amount, request.word, request.payee, request.quote]
            texts += [request.bank, request.account]
            sound = all(isinstance(text, str) for text in texts) and request.look_up in {"", "price"}
            if not sound or not isinstance(request.count, int) or not 0 < request.count <= COUNT_MAX:
                raise OriginationError("not a valid request")
        except (ValueError, TypeError):
            raise OriginationError("not a valid request") from None
        return request


@dataclass(slots=True)
class Originator:
    """The banks of one simulated country. `credentials` is the sandbox's file of participants."""

    country: str
    credentials: Path | None
    journal: Path
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    def originate(self, request: OriginationRequest) -> list[str]:
        """Create the payments of a request and return their UETRs; they are sent in the background.

        Raises:
            OriginationError: no bank in this or the other country, or an invalid amount.

        """
        bank, bodies = self._bodies(request)
        with self.journal.open("a") as journal:
            for uetr, body in bodies.items():
                journal.write(json.dumps({"uetr": uetr, "bank": bank["id"], "body": body.decode()}) + "\n")
        for uetr, body in bodies.items():
            self._start(bank, uetr, body)
        return list(bodies)

    def order(self, request: OriginationRequest, payers: RailPayers | None) -> list[str]:
        """Have payers of the rail pay abroad and return the UETRs; the rest is in the background.

        Raises:
            OriginationError: nobody can pay abroad over this rail, or the request cannot be made.

        """
        if payers is None:
            raise OriginationError("this rail orders no payments")
        creditor = self._banks(request.creditor_country)[0]
        try:
            amount = Money.parse(request.amount, payers.profile.currency)
            account = request.account or magic_account(request.creditor_country, request.word)
            return [
                payers.pay(
                    amount,
                    bank=request.bank or creditor["bic"],
                    member="" if request.bank else creditor["member_id"],
                    account=account,
                    payee=request.payee,
                    behaviour=request.behaviour,
                    look_up=request.look_up,
                    quote=request.quote,
                ).uetr
                for _ in range(request.count)
            ]
        except (InvalidAmount, NotFound, ValueError) as error:
            raise OriginationError(str(error)) from None

    def resume(self) -> None:
        """After a restart: send payments without an outcome again, unchanged."""
        payments = self.payments()
        banks = {bank["id"]: bank for bank in self._banks(self.country)} if payments else {}
        for line in payments:
            if "status" not in line and line["bank"] in banks:
                self._start(banks[line["bank"]], line["uetr"], line["body"].encode())

    def payments(self) -> list[dict[str, Any]]:
        """Every payment that was created here, with its outcome if there is one."""
        found: dict[str, dict[str, Any]] = {}
        if self.journal.exists():
            for text in self.journal.read_text().splitlines():
                line = json.loads(text)
                found.setdefault(line["uetr"], {}).update(line)
        return list(found.values())

    async def close(self) -> None:
        """Stop sending; a restart continues."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _banks(self, country: str) -> list[dict[str, str]]:
        if self.credentials is None or not self.credentials.exists():
            raise OriginationError("this country has no banks")
        participants: list[dict[str, str]] = json.loads(self.credentials.read_text())["participants"]
        found = [one for one in participants if one["country"] == country]
        if not found:
            raise OriginationError(f"there is no bank in {country}")
        return found

    def _bodies(self, request: OriginationRequest) -> tuple[dict[str, str], dict[str, bytes]]:
        bank, creditor = self._banks(self.country)[0], self._banks(request.creditor_country)[0]
        try:
            amount = Money.parse(request.amount, bank["currency"])
            account = magic_account(request.creditor_country, request.word)
        except (InvalidAmount, NotFound, ValueError) as error:
            raise OriginationError(str(error)) from None
        payments = [self._payment(bank, creditor, amount, account) for _ in range(request.count)]
        return bank, {payment.uetr: _written(payment) for payment in payments}

    def _payment(
        self, bank: Mapping[str, str], creditor: Mapping[str, str], amount: Money, account: str
    ) -> CreditTransfer:
        now, uetr = datetime.now(UTC), str(uuid.uuid4())
        reference = uetr.replace("-", "")
        own = magic_account(self.country, "")
        return CreditTransfer(
            uetr=uetr,
            message_id=reference,
            created_at=now,
            end_to_end_id=reference,
            transaction_id=reference,
            interbank_settlement_amount=amount,
            interbank_settlement_date=now.date(),
            accepted_at=now,
            charge_bearer="SLEV",
            debtor=Party(name="Sandbox Debtor"),
            debtor_account=named_account(own),
            debtor_agent=Agent(bic=bank["bic"]),
            creditor_agent=Agent(bic=creditor["bic"], member_id=creditor["member_id"] or None),
            creditor=Party(name=PAYEE),
            creditor_account=named_account(account),
            purpose="FAMI",
        )

    def _start(self, bank: Mapping[str, str], uetr: str, body: bytes) -> None:
        task = asyncio.create_task(self._send(bank, uetr, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, bank: Mapping[str, str], uetr: str, body: bytes) -> None:
        """Send the same bytes until the switch reports a final state or refuses the message."""
        assert self.credentials is not None
        base = URL(json.loads(self.credentials.read_text())["url"])
        key = SigningKey.from_pem(bank["keyid"], bank["private_key"].encode())
        async with self._gate, _session() as session:
            outcome = {"status": "", "reason": "no response"}
            for attempt in range(TRIES):
                outcome = await _ask(session, base, key, body) or outcome
                if outcome["status"]:
                    break
                await asyncio.sleep(_PAUSE_S * min(attempt + 1, 10) * random.uniform(0.5, 1))  # noqa: S311
        with self.journal.open("a") as journal:
            journal.write(json.dumps({"uetr": uetr, **outcome}) + "\n")


def _session() -> aiohttp.ClientSession:
    trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    return aiohttp.ClientSession(
        connector=trusted, timeout=aiohttp.ClientTimeout(total=_WAIT_S + 10), trust_env=False
    )


async def _ask(
    session: aiohttp.ClientSession, base: URL, key: SigningKey, body: bytes
) -> dict[str, str] | None:
    """One request: the outcome, or None if there is none yet."""
    url = base / "v1/iso20022/pacs.008"
    headers = {"Accept": _JSON, "Prefer": f"wait={_WAIT_S}"}
    proof = http_signatures.sign(
        key,
        method="POST",
        authority=url.host_port_subcomponent or "",
        path=url.raw_path_qs,
        content_type=_JSON,
        body=body,
        now=int(time.time()),
        nonce=uuid.uuid4().hex,
        headers=headers,
    )
    try:
        async with session.post(url, data=body, headers=headers | proof, allow_redirects=False) as answer:
            content = await answer.read()
            if answer.content_type == _JSON:
                return _outcome(json.loads(content))
            return (
                None
                if json.loads(content).get("retryable")
                else {"status": "REFUSED", "reason": str(answer.status)}
            )
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def _outcome(report: Mapping[str, Any]) -> dict[str, str] | None:
    (transaction,) = report["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
    if transaction["TxSts"] not in _FINAL:
        return None
    reasons = transaction.get("StsRsnInf", ())
    reason = reasons[0].get("Rsn", {}).get("Cd", "") if reasons else ""
    return {"status": transaction["TxSts"], "reason": reason}


def _written(payment: CreditTransfer) -> bytes:
    document = credit_transfer.build(payment, version=MESSAGE, clearing_system="PAYSWITCH")
    return codec.encode(MESSAGE, document, media_type=_JSON)
