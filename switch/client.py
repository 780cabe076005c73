"""The integrator's client: send a credit transfer, learn what became of it.

    async with Client("http://127.0.0.1:8320", bearer="sk_test_...") as client:
        document = credit_transfer(
            debtor_agent="ASHAINBB", debtor="Asha Rao", debtor_account="50100012345678",
            creditor_agent="INDUPKKA", creditor="Bilal Khan", creditor_account="PK60SAND0000000000000001",
            amount="1000.00", currency="INR",
        )
        state = await client.pay(document, wait=10)

The UETR is made before anything is sent, and a retry sends the same bytes again, so no failure of the
network can pay twice. An unknown outcome (the switch's problem `outcome-unknown`, or a broken connection) is
resolved in the same way. `NoAnswer` means that it is still unknown: ask for it, or send the very same
document again; a new UETR would be a new payment.
"""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec
from yarl import URL

from schemas.credit_transfer import build
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, CreditTransfer, Party
from schemas.reasons import Reason
from schemas.signing import http_signatures
from schemas.signing.http_signatures import SigningKey

MESSAGE: Final = "pacs.008.001.08"
JSON: Final = "application/json"
FINAL: Final = frozenset({"ACCC", "RJCT"})
"""Statuses (ExternalPaymentTransactionStatus1Code) after which nothing changes any more."""

_CLEARING_SYSTEM: Final = "PAYSWITCH"
_TRIES: Final = 5
_PAUSE_S: Final = 0.2
_PAUSE_S_MAX: Final = 5.0
_GRACE_S: Final = 10.0
"""What an answer may take on top of the wait that was asked for."""
_PROBLEM: Final = "application/problem+json"
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_NOT_NOW: Final = frozenset({401, 403})
"""Refusals of the caller, not of the message: they say nothing of an earlier try that may have been taken."""


class Problem(Exception):
    """The switch said no: `status` is HTTP's, `reason` the ISO code, `detail` for people."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(f"{status} {reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail


class NoAnswer(Exception):
    """Every try failed on the way. A payment may or may not have been taken: ask, or send the same bytes."""


class Amount(msgspec.Struct, frozen=True):
    """An amount in decimal text."""

    currency: str
    amount: str


class PaymentState(msgspec.Struct, frozen=True):
    """Where a payment stands. What follows `reason` comes with `Client.payment` alone."""

    uetr: str
    status: str
    """ISO: `ACSP` and `PDNG` are on the way, `ACCC` has arrived, `RJCT` will never."""
    reason: str | None = None
    """ISO reason of a refusal, or of a delay."""
    state: str = ""
    """The switch's own name, as in the lifecycle table."""
    interbank_settlement_amount: Amount | None = None
    credited_amount: Amount | None = None
    fee: Amount | None = None
    exchange_rate: str | None = None
    rail: str | None = None
    """The country whose rail credits it; `rail_name` is what people call that rail."""
    rail_name: str | None = None
    detail: str | None = None
    returned: bool = False
    """It had arrived, and was given back."""
    journey: list[dict[str, Any]] = []

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    media_type: str
    content: bytes
    next: URL | None = None
    """Of a list: the address of its next page."""


class Client:
    """A participant's connection to the switch, by signature key or, in a sandbox, by bearer key."""

    def __init__(
        self, base_url: str, *, key: SigningKey | None = None, bearer: str | None = None, tries: int = _TRIES
    ) -> None:
        if (key is None) == (bearer is None):
            raise ValueError("either a signature key or a bearer key is needed")
        self._base = URL(base_url)
        self._key = key
        self._bearer = bearer
        self._tries = tries
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of_sandbox(cls, credentials: Path, participant: str) -> "Client":
        """The client of a made-up participant, from `DIR/sandbox/credentials.json`.

        Raises:
            KeyError: no such participant.

        """
        sandbox = json.loads(credentials.read_text(encoding="utf-8"))
        entries = {entry["id"]: entry for entry in sandbox["participants"]}
        entry = entries[participant]
        return cls(sandbox["url"], key=SigningKey.from_pem(entry["keyid"], entry["private_key"].encode()))

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def pay(
        self, document: Mapping[str, Any] | bytes, *, media_type: str = JSON, wait: float = 0
    ) -> PaymentState:
        """Send one pacs.008: a dict (see `credit_transfer`) as JSON, or bytes of `media_type` as they are.

        `wait` seconds are given to the payment to become final. Sending the same message again is safe
        at any time and tells how the payment stands.

        Raises:
            Problem: the message was not taken, so no money moves; or its UETR is known with other content.
            NoAnswer: not known whether it was taken.

        """
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        headers = {"Content-Type": media_type, "Accept": JSON}
        if wait:
            headers["Prefer"] = f"wait={wait:g}"
        url = self._base / "v1/iso20022/pacs.008"
        answer = await self._ask("POST", url, headers, body, wait)
        return _of_status_report(answer)

    async def payment(self, uetr: str, *, wait: float = 0) -> PaymentState:
        """Where a payment stands, with its journey; `wait` seconds are given to it to become final.

        Raises:
            Problem: no such payment of this participant (404).
            NoAnswer: the switch could not be reached.

        """
        url = self._base / "v1/payments" / uetr
        if wait:
            url = url.with_query(wait=f"{wait:g}")
        answer = await self._ask("GET", url, {"Accept": JSON}, b"", wait)
        return msgspec.json.decode(answer.content, type=PaymentState)

    async def positions(self) -> Any:
        """What this participant owes and is owed, by currency."""
        return await self.read("positions")

    async def read(self, resource: str, **query: str) -> Any:
        """Any other resource under `/v1`, decoded: `read("windows")`, `read("quotes", source="INR")`.

        Raises:
            Problem: the switch said no.
            NoAnswer: it could not be reached.

        """
        url = (self._base / "v1" / resource).with_query(query)
        return msgspec.json.decode((await self._ask("GET", url, {"Accept": JSON}, b"", 0)).content)

    async def entries(self, resource: str, **query: str) -> AsyncIterator[Any]:
        """Read every entry of a list under `/v1`, page after page: `client.entries("windows")`.

        Raises:
            Problem: the switch said no.
            NoAnswer: it could not be reached.

        """
        url: URL | None = (self._base / "v1" / resource).with_query(query)
        while url is not None:
            answer = await self._ask("GET", url, {"Accept": JSON}, b"", 0)
            for entry in msgspec.json.decode(answer.content):
                yield entry
            url = answer.next

    async def _ask(self, method: str, url: URL, headers: dict[str, str], body: bytes, wait: float) -> _Answer:
        """One request, tried again with the same bytes until there is an answer that decides something."""
        failure, pause = "", 0.0
        for attempt in range(self._tries):
            if attempt:
                # Spread, so that many clients of one outage do not come back at the same instant.
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(_PAUSE_S * 2**attempt, _PAUSE_S_MAX)
            try:
                answer, retry_after = await self._exchange(method, url, headers, body, wait)
            except (aiohttp.ClientError, TimeoutError) as error:
                failure = _failure(error, url)
                continue
            if answer.status == _TOO_MANY or answer.status >= _SERVER_ERROR:
                failure, pause = _refusal(answer), retry_after or pause
            elif failure and answer.status in _NOT_NOW:
                failure = _refusal(answer)
            else:
                return _checked(answer)
        raise NoAnswer(f"no answer in {self._tries} tries: {failure}")

    async def _exchange(
        self, method: str, url: URL, headers: dict[str, str], body: bytes, wait: float
    ) -> tuple[_Answer, float]:
        """One request and its answer, and how many seconds the switch wants to be left alone."""
        assert self._session is not None, "use the client with `async with`"
        timeout = aiohttp.ClientTimeout(total=wait + _GRACE_S)
        proof = self._prove(method, url, headers, body)
        async with self._session.request(
            method, url, headers=headers | proof, data=body or None, timeout=timeout, allow_redirects=False
        ) as response:
            content = await response.read()
            answer = _Answer(response.status, response.content_type, content, _next_page(response, url))
            retry_after = response.headers.get("Retry-After", "")
            return answer, min(float(retry_after), _PAUSE_S_MAX) if retry_after.isdecimal() else 0.0

    def _prove(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers that say who asks. Every try is signed anew: a nonce is good for one request."""
        if self._key is None:
            return {"Authorization": f"Bearer {self._bearer}"}
        return http_signatures.sign(
            self._key,
            method=method,
            authority=url.host_port_subcomponent or "",
            path=url.raw_path_qs,
            content_type=headers.get("Content-Type"),
            body=body,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
            headers=headers,
        )


def credit_transfer(
    *,
    debtor_agent: str,
    debtor: str,
    debtor_account: str,
    creditor_agent: str,
    creditor_agent_member: str = "",
    creditor: str,
    creditor_account: str,
    amount: str,
    currency: str,
    purpose: str | None = None,
    remittance: str | None = None,
    uetr: str | None = None,
) -> dict[str, Any]:
    """A pacs.008.001.08 as a dict: one customer credit transfer.

    Agents are BICs; `creditor_agent_member` is the agent's id in its country's clearing, which some rails
    need beside it, and `purpose` an ISO purpose code, which some countries demand. An account is an IBAN,
    another number, or a proxy such as `asha@okbank`; `amount` is a decimal text in `currency`, debited from
    the debtor agent. Keep the document until it is final: a retry needs these very ids.

    Raises:
        InvalidAmount: `amount` is not a plain decimal number of its currency.

    """
    now = datetime.now(UTC)
    uetr = uetr or str(uuid.uuid4())
    reference = uetr.replace("-", "")
    payment = CreditTransfer(
        uetr=uetr,
        message_id=reference,
        created_at=now,
        end_to_end_id=reference,
        transaction_id=reference,
        interbank_settlement_amount=Money.parse(amount, currency),
        interbank_settlement_date=now.date(),
        accepted_at=now,
        charge_bearer="SLEV",
        debtor=Party(name=debtor),
        debtor_account=named_account(debtor_account),
        debtor_agent=Agent(bic=debtor_agent),
        creditor_agent=Agent(bic=creditor_agent, member_id=creditor_agent_member or None),
        creditor=Party(name=creditor),
        creditor_account=named_account(creditor_account),
        purpose=purpose,
        remittance=remittance,
    )
    return {"$type": MESSAGE, "Document": build(payment, version=MESSAGE, clearing_system=_CLEARING_SYSTEM)}


def _failure(error: Exception, url: URL) -> str:
    """What happened on the way, for people."""
    match error:
        case aiohttp.ClientConnectorError():
            return f"nothing listens at {url.origin()}"
        case TimeoutError():
            return f"{url.origin()} was silent"
        case _:
            return f"the connection to {url.origin()} broke"


def _refusal(answer: _Answer) -> str:
    """The status, with the problem's name where the switch itself answered: `http 503 outcome-unknown`."""
    if answer.media_type != _PROBLEM:
        return f"http {answer.status}"
    name = msgspec.json.decode(answer.content).get("type", "").partition("#")[2]
    return f"http {answer.status} {name}".rstrip()


def _next_page(response: aiohttp.ClientResponse, url: URL) -> URL | None:
    """The address of the next page, where it is the switch's own."""
    links = response.links
    more = links["next"]["url"] if "next" in links else None
    return more if isinstance(more, URL) and more.origin() == url.origin() else None


def _checked(answer: _Answer) -> _Answer:
    """The answer, unless it is a problem."""
    if answer.media_type == _PROBLEM:
        problem = msgspec.json.decode(answer.content)
        raise Problem(answer.status, problem.get("reason", Reason.NARRATIVE), problem.get("detail", ""))
    if answer.media_type != JSON:
        raise Problem(answer.status, Reason.NARRATIVE, "not an answer of the switch")
    return answer


def _of_status_report(answer: _Answer) -> PaymentState:
    """Read a pacs.002 as the state of its one payment."""
    report = msgspec.json.decode(answer.content)["Document"]["FIToFIPmtStsRpt"]
    (transaction,) = report["TxInfAndSts"]
    reasons = transaction.get("StsRsnInf", ())
    reason = reasons[0].get("Rsn", {}).get("Cd") if reasons else None
    return PaymentState(transaction["OrgnlUETR"], transaction["TxSts"], reason)
