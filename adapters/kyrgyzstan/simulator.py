"""A simulated Kyrgyz operator: `check`, `create`, `execute/{id}`, `get/{id}`, and pushes of `update`.

Its customers may pay abroad (`ordering`); `update/{id}` is then what the switch says of it.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import json_text, keys
from adapters import uetr as uetrs
from adapters.identifiers import is_kyrgyz_account
from adapters.json_text import integer_of, text_of
from adapters.kyrgyzstan import elqr, messages, sandbox
from adapters.kyrgyzstan.codes import ElqrStatus
from adapters.kyrgyzstan.ordering import ElqrOrders
from adapters.kyrgyzstan.profile import PROFILE
from adapters.kyrgyzstan.signing import sign, verify_request
from adapters.port import Outcome
from adapters.simulation.book import BookEntry, now
from adapters.simulation.magic import Corruption
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import CreditOrder, DifferentContent, OrderProcessor, RailRequest, RailResponse
from adapters.simulation.server import Callbacks, SimulatorSettings, open_payers, open_processor
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money

_STEP = re.compile(rf"{messages.ROOT}/(check|create|execute|get|update)(?:/([0-9a-f]{{1,50}}))?", re.ASCII)
_PHONE = re.compile(r"996\d{9}", re.ASCII)
_STATUSES: Final = {
    Outcome.DONE: ElqrStatus.SUCCESS,
    Outcome.REFUSED: ElqrStatus.ERROR,
    Outcome.PENDING: ElqrStatus.IN_PROCESS,
}
_JSON: Final = "application/json"
_JWS: Final = "application/jose"


class ElqrRefusal(Exception):
    """The operator responds with one of its HTTP refusals."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


@dataclass(slots=True)
class ElqrSimulator:
    """The operator as participants see it."""

    processor: OrderProcessor
    identity: dict[str, str]
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payers: RailPayers
    created: dict[str, CreditOrder] = field(default_factory=dict)
    """Created but not executed. A restart forgets them; then only the step must be repeated."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the operator's paths."""
        place = _STEP.fullmatch(request.path)
        if place is None:
            return RailResponse(404)
        try:
            self._must_be_ours(request)
            return await self._answer(place[1], place[2] or "", request)
        except ElqrRefusal as error:
            return RailResponse(error.status)
        except NotAuthentic:
            return RailResponse(453)
        except (InvalidMessage, KeyError, TypeError, ValueError):
            return RailResponse(454)

    async def _answer(self, step: str, ref: str, request: RailRequest) -> RailResponse | None:
        match request.method, step:
            case "POST", "check":
                return self._check(json_text.parse(request.body))
            case "POST", "create":
                return self._create(json_text.parse(request.body), request.body)
            case "POST", "execute":
                return await self._execute(ref)
            case "GET", "get":
                return self._get(ref)
            case "POST", "update":
                return RailResponse(self.payers.told(request.body))
            case _:
                return RailResponse(405)

    def _must_be_ours(self, request: RailRequest) -> None:
        """Check token, id and signature."""
        headers = request.headers
        expected = {
            "h-psp-token": self.identity["psp_token"],
            "h-psp-id": self.identity["psp_id"],
            "h-signing-version": "2",
        }
        if any(headers.get(name) != value for name, value in expected.items()):
            raise ElqrRefusal(453)
        if headers.get("content-type") != (_JWS if "/update/" in request.path else _JSON):
            raise ElqrRefusal(454)
        verify_request(request.path, request.body, headers.get("h-hash", ""), self.participant_key)

    def _check(self, body: dict[str, Any]) -> RailResponse:
        account = self._recipient(body)
        if account == sandbox.NOBODY:
            raise ElqrRefusal(452)
        return self._signed(
            {
                "beneficiaryName": "A*** R***",
                "bankCode": sandbox.BANK,
                "account": sandbox.ALIASES.get(account, account),
            }
        )

    def _create(self, body: dict[str, Any], raw: bytes) -> RailResponse:
        credit = self._credit(body, raw)
        if self.processor.book.find(credit.ref) is not None:
            return self._taken(credit)
        known = self.created.setdefault(credit.ref, credit)
        if known.content != credit.content:
            raise ElqrRefusal(409)
        return self._signed({"pspTransactionId": credit.ref, "status": int(ElqrStatus.CREATED)})

    def _taken(self, credit: CreditOrder) -> RailResponse:
        """The state of an order that is already in the book."""
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise ElqrRefusal(409) from None
        outcome = case.script.responses[0].outcome
        return RailResponse(
            body=self._response_body(case.entry, outcome, Corruption.NOTHING), content_type=_JWS
        )

    async def _execute(self, ref: str) -> RailResponse | None:
        credit = self.created.pop(ref, None)
        if credit is None:
            entry = self.processor.book.find(ref)
            if entry is None:
                return self._not_found(ref)
            return RailResponse(body=self._status(ref, ElqrStatus.IN_PROCESS), content_type=_JWS)
        case = self.processor.accept(credit)
        acknowledgement = self._status(ref, ElqrStatus.IN_PROCESS)
        response = await self.processor.respond_by_callback(case, acknowledgement, self._response_body)
        return RailResponse(response.status, response.body, _JWS, cut=response.cut)

    def _get(self, ref: str) -> RailResponse:
        finding = self.processor.enquire(ref)
        if finding.entry is None:
            if ref in self.created:
                return RailResponse(body=self._status(ref, ElqrStatus.CREATED), content_type=_JWS)
            return self._not_found(ref)
        entry = BookEntry(**{**_members(finding.entry), "code": finding.code})
        return RailResponse(
            body=self._response_body(entry, finding.outcome, finding.corruption), content_type=_JWS
        )

    def _credit(self, body: dict[str, Any], raw: bytes) -> CreditOrder:
        """Parse the body of `create` and check every part of it."""
        account = self._recipient(body)
        minor = integer_of(body, "amount")
        ref = text_of(body, "pspTransactionId")
        extra = {part["key"]: part["value"] for part in body["extra"]}
        uetr = uetrs.from_hex(ref)
        fits = (
            uetr is not None
            and body.get("transactionType") == messages.PERSON_TO_PERSON
            and body.get("currencyCode") == messages.CURRENCY
        )
        payload = elqr.Payload(
            self.identity["provider"], messages.SERVICE, account, messages.CATEGORY,
            extra.get("recipientName", ""), minor,
        )  # fmt: skip
        if not fits or text_of(body, "qrLinkHash") != elqr.write(payload)[-4:]:
            raise ElqrRefusal(454)
        if minor < PROFILE.limits.minimum_minor:
            raise ElqrRefusal(455)
        if minor > PROFILE.limits.maximum_minor:
            raise ElqrRefusal(456)
        return CreditOrder(
            ref=ref,
            uetr=uetr or "",
            amount=Money(minor, PROFILE.currency),
            account=account,
            expires_at=messages.read_timestamp(extra.get("expiresAt", "")),
            content=raw,
        )

    def _recipient(self, body: dict[str, Any]) -> str:
        account = text_of(body, "beneficiaryAccountNumber")
        if text_of(body, "merchantProvider") != self.identity["provider"]:
            raise ElqrRefusal(453)
        if not is_kyrgyz_account(account) and _PHONE.fullmatch(account) is None:
            raise ElqrRefusal(452)
        return account

    def _response_body(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        """The content of `update` and `get` about an entry, corrupted if the script says so."""
        stranger = "0" * 31 + "1"
        content: dict[str, Any] = {
            "pspTransactionId": stranger if corruption is Corruption.REFERENCE else entry.rail_ref,
            "transactionId": entry.fingerprint[:20],
            "status": int(_STATUSES[outcome]),
            "updateDate": now(),
            "amount": entry.amount_minor + (corruption is Corruption.AMOUNT),
        }
        if outcome is Outcome.REFUSED:
            content["reason"] = entry.code
        token = sign(content, self.rail_key)
        return token[:-4] + b"AAAA" if corruption is Corruption.SIGNATURE else token

    def _status(self, ref: str, status: ElqrStatus) -> bytes:
        return sign({"pspTransactionId": ref, "status": int(status)}, self.rail_key)

    def _signed(self, content: dict[str, Any]) -> RailResponse:
        return RailResponse(body=sign(content, self.rail_key), content_type=_JWS)

    def _not_found(self, ref: str) -> RailResponse:
        return RailResponse(404, sign({"pspTransactionId": ref}, self.rail_key), _JWS)


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> ElqrSimulator:
    """The simulated rail for these settings."""
    rail_key, participant_key = keys.private(settings.rail_key), keys.public(settings.participant_key)
    orders = ElqrOrders(settings.identity["provider"], rail_key, participant_key)
    return ElqrSimulator(
        processor=open_processor(settings, callbacks, PROFILE, native_code=str, word_of=sandbox.word_of),
        identity=settings.identity,
        rail_key=rail_key,
        participant_key=participant_key,
        payers=open_payers(settings, callbacks, PROFILE, orders),
    )


def _members(entry: BookEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in BookEntry.__dataclass_fields__}
