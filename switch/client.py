"""The client for integrators: send a credit transfer, and learn its outcome.

    async with Client("http://127.0.0.1:8320", bearer="sk_test_...") as client:
        document = credit_transfer(
            debtor_agent="ASHAINBB", debtor="Asha Rao", debtor_account="50100012345678",
            creditor_agent="INDUPKKA", creditor="Bilal Khan", creditor_account="PK60SAND0000000000000001",
            amount="1000.00", currency="INR",
        )
        state = await client.pay(document, wait=10)

The UETR is generated before anything is sent, and a retry sends the same bytes again, so no network failure
can pay twice. An unknown outcome (the problem `outcome-unknown`, or a lost connection) is resolved in the
same way. `NoAnswer` means that the outcome is still unknown: read the payment, or send the same document
again; a new UETR would be a new payment.
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
"""Final statuses (ExternalPaymentTransactionStatus1Code)."""

_CLEARING_SYSTEM: Final = "PAYSWITCH"
_TRIES: Final = 5
_PAUSE_S: Final = 0.2
_PAUSE_S_MAX: Final = 5.0
_GRACE_S: Final = 10.0
"""Seconds that a response may take in addition to the requested wait."""
_PROBLEM: Final = "application/problem+json"
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_NOT_NOW: Final = frozenset({401, 403})
"""Refusals of the caller, not of the message: an earlier try may have been accepted."""


class RequestRefused(Exception):
    """The switch refused: `status` is the HTTP status, `reason` the ISO code, `detail` a text for people."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(f"{status} {reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail


class NoAnswer(Exception):
    """Every try failed. The payment may have been accepted: read it, or send the same bytes again."""


class Amount(msgspec.Struct, frozen=True):
    """An amount as decimal text."""

    currency: str
    amount: str


class PaymentState(msgspec.Struct, frozen=True):
    """The status of a payment. The fields after `reason` are set only by `Client.payment`."""

    uetr: str
    status: str
    """ISO status: `ACSP` and `PDNG` are in progress, `ACCC` is credited, `RJCT` is rejected."""
    reason: str | None = None
    """ISO reason of a rejection or a delay."""
    state: str = ""
    """The internal state, as in the lifecycle table."""
    interbank_settlement_amount: Amount | None = None
    credited_amount: Amount | None = None
    fee: Amount | None = None
    exchange_rate: str | None = None
    rail: str | None = None
    """The country whose rail credits it; `rail_name` is the name of that rail."""
    rail_name: str | None = None
    detail: str | None = None
    returned: bool = False
    """It was credited, and later returned."""
    journey: list[dict[str, Any]] = []

    @property
    def final(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    media_type: str
    content: bytes
    next: URL | None = None
    """The address of the next page of a list."""


class Client:
    """A participant's connection to the switch, with a signing key or, in a sandbox, a bearer key."""

    def __init__(
        self, base_url: str, *, key: SigningKey | None = None, bearer: str | None = None, tries: int = _TRIES
    ) -> None:
        if (key is None) == (bearer is None):
            raise ValueError("give either a signing key or a bearer key")
        self._base = URL(base_url)
        self._key = key
        self._bearer = bearer
        self._tries = tries
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of_sandbox(cls, credentials: Path, participant: str) -> "Client":
        """Make the client of a sandbox participant, from `DIR/sandbox/credentials.json`.

        Raises:
            KeyError: there is no such participant.

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
        """Send one pacs.008: a dict (see `credit_transfer`) as JSON, or bytes of `media_type` unchanged.

        The call waits up to `wait` seconds for the payment to become final. Sending the same message again is
        always safe and gets the present status of the payment.

        Raises:
            RequestRefused: the message was not accepted and no money moves, or its UETR has other content.
            NoAnswer: it is unknown whether it was accepted.

        """
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        headers = {"Content-Type": media_type, "Accept": JSON}
        if wait:
            headers["Prefer"] = f"wait={wait:g}"
        url = self._base / "v1/iso20022/pacs.008"
        answer = await self._ask("POST", url, headers, body, wait)
        return _of_status_report(answer)

    async def payment(self, uetr: str, *, wait: float = 0) -> PaymentState:
        """Get a payment with its history; wait up to `wait` seconds for it to become final.

        Raises:
            RequestRefused: this participant has no such payment (404).
            NoAnswer: the switch could not be reached.

        """
        url = self._base / "v1/payments" / uetr
        if wait:
            url = url.with_query(wait=f"{wait:g}")
        answer = await self._ask("GET", url, {"Accept": JSON}, b"", wait)
        return msgspec.json.decode(answer.content, type=PaymentState)

    async def positions(self) -> Any:
        """Get the positions of this participant, by currency."""
        return await self.read("positions")

    async def read(self, resource: str, **query: str) -> Any:
        """Get any other resource under `/v1`, decoded: `read("windows")`, `read("quotes", source="INR")`.

        Raises:
            RequestRefused: the switch refused.
            NoAnswer: it could not be reached.

        """
        url = (self._base / "v1" / resource).with_query(query)
        return msgspec.json.decode((await self._ask("GET", url, {"Accept": JSON}, b"", 0)).content)

    async def entries(self, resource: str, **query: str) -> AsyncIterator[Any]:
        """Read every entry of a list under `/v1`, page after page: `client.entries("windows")`.

        Raises:
            RequestRefused: the switch refused.
            NoAnswer: it could not be reached.

        """
        url: URL | None = (self._base / "v1" / resource).with_query(query)
        while url is not None:
            answer = await self._ask("GET", url, {"Accept": JSON}, b"", 0)
            for entry in msgspec.json.decode(answer.content):
                yield entry
            url = answer.next

    async def _ask(self, method: str, url: URL, headers: dict[str, str], body: bytes, wait: float) -> _Answer:
        """Send one request, and repeat it with the same bytes until a response is conclusive."""
        failure, pause = "", 0.0
        for attempt in range(self._tries):
            if attempt:
                # Jitter, so that many clients do not retry at the same instant after an outage.
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
        raise NoAnswer(f"no response in {self._tries} tries: {failure}")

    async def _exchange(
        self, method: str, url: URL, headers: dict[str, str], body: bytes, wait: float
    ) -> tuple[_Answer, float]:
        """Send one request; get its response, and the seconds to wait before a retry."""
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
        """Get the headers that authenticate a request. Every try is signed anew, as a nonce is used once."""
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
    """Make a pacs.008.001.08 as a dict: one customer credit transfer.

    Agents are BICs. `creditor_agent_member` is the agent's id in the clearing system of its country, which
    some rails also need; `purpose` is an ISO purpose code, which some countries require. An account is an
    IBAN, another number, or a proxy such as `asha@okbank`. `amount` is decimal text in `currency`, debited
    from the debtor agent. Keep the document until the payment is final: a retry needs the same ids.

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
    """Describe a network failure for people."""
    match error:
        case aiohttp.ClientConnectorError():
            return f"{url.origin()} refuses connections"
        case TimeoutError():
            return f"{url.origin()} did not respond in time"
        case _:
            return f"the connection to {url.origin()} was lost"


def _refusal(answer: _Answer) -> str:
    """The status, with the name of the problem if the switch itself responded: `http 503 outcome-unknown`."""
    if answer.media_type != _PROBLEM:
        return f"http {answer.status}"
    name = msgspec.json.decode(answer.content).get("type", "").partition("#")[2]
    return f"http {answer.status} {name}".rstrip()


def _next_page(response: aiohttp.ClientResponse, url: URL) -> URL | None:
    """The address of the next page, if it is on the same switch."""
    links = response.links
    more = links["next"]["url"] if "next" in links else None
    return more if isinstance(more, URL) and more.origin() == url.origin() else None


def _checked(answer: _Answer) -> _Answer:
    """Return the response, or raise its problem."""
    if answer.media_type == _PROBLEM:
        problem = msgspec.json.decode(answer.content)
        raise RequestRefused(
            answer.status, problem.get("reason", Reason.NARRATIVE), problem.get("detail", "")
        )
    if answer.media_type != JSON:
        raise RequestRefused(answer.status, Reason.NARRATIVE, "not a response of the switch")
    return answer


def _of_status_report(answer: _Answer) -> PaymentState:
    """Read a pacs.002 as the state of its payment."""
    report = msgspec.json.decode(answer.content)["Document"]["FIToFIPmtStsRpt"]
    (transaction,) = report["TxInfAndSts"]
    reasons = transaction.get("StsRsnInf", ())
    reason = reasons[0].get("Rsn", {}).get("Cd") if reasons else None
    return PaymentState(transaction["OrgnlUETR"], transaction["TxSts"], reason)
