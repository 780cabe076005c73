"""A simulated Kyrgyz operator: `check`, `create`, `execute/{id}`, `get/{id}`, and pushes of `update`."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import json_text, keys
from adapters import uetr as uetrs
from adapters.identifiers import is_kyrgyz_account
from adapters.json_text import integer_of, text_of
from adapters.kyrgyzstan import elqr, messages, sandbox
from adapters.kyrgyzstan.codes import Status
from adapters.kyrgyzstan.profile import PROFILE
from adapters.kyrgyzstan.signing import sign, verify_request
from adapters.port import Outcome
from adapters.simulation.book import Entry, now
from adapters.simulation.magic import Spoil
from adapters.simulation.rail import Counter, Credit, OtherContent, Request, Response
from adapters.simulation.server import Callbacks, Settings, open_counter
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money

_STEP = re.compile(rf"{messages.ROOT}/(check|create|execute|get)(?:/([0-9a-f]{{1,50}}))?", re.ASCII)
_PHONE = re.compile(r"996\d{9}", re.ASCII)
_STATUSES: Final = {
    Outcome.DONE: Status.SUCCESS,
    Outcome.REFUSED: Status.ERROR,
    Outcome.PENDING: Status.IN_PROCESS,
}
_JSON: Final = "application/json"
_JWS: Final = "application/jose"


class Refused(Exception):
    """The operator answers with one of its HTTP refusals."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


@dataclass(slots=True)
class ElqrSimulator:
    """The operator as its participants see it."""

    counter: Counter
    identity: dict[str, str]
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    created: dict[str, Credit] = field(default_factory=dict)
    """Created and not executed; a restart forgets them, and nothing is lost but a step to repeat."""

    async def handle(self, request: Request) -> Response | None:
        """Answer a request on the operator's paths."""
        place = _STEP.fullmatch(request.path)
        if place is None:
            return Response(404)
        try:
            self._must_be_ours(request)
            return await self._answer(place[1], place[2] or "", request)
        except Refused as error:
            return Response(error.status)
        except NotAuthentic:
            return Response(453)
        except (InvalidMessage, KeyError, TypeError, ValueError):
            return Response(454)

    async def _answer(self, step: str, ref: str, request: Request) -> Response | None:
        match request.method, step:
            case "POST", "check":
                return self._check(json_text.parse(request.body))
            case "POST", "create":
                return self._create(json_text.parse(request.body), request.body)
            case "POST", "execute":
                return await self._execute(ref)
            case "GET", "get":
                return self._get(ref)
            case _:
                return Response(405)

    def _must_be_ours(self, request: Request) -> None:
        """Token, id and signature."""
        headers = request.headers
        expected = {
            "h-psp-token": self.identity["psp_token"],
            "h-psp-id": self.identity["psp_id"],
            "h-signing-version": "2",
        }
        if any(headers.get(name) != value for name, value in expected.items()):
            raise Refused(453)
        if headers.get("content-type") != _JSON:
            raise Refused(454)
        verify_request(request.path, request.body, headers.get("h-hash", ""), self.participant_key)

    def _check(self, body: dict[str, Any]) -> Response:
        account = self._recipient(body)
        if account == sandbox.NOBODY:
            raise Refused(452)
        return self._signed(
            {
                "beneficiaryName": "A*** R***",
                "bankCode": sandbox.BANK,
                "account": sandbox.ALIASES.get(account, account),
            }
        )

    def _create(self, body: dict[str, Any], raw: bytes) -> Response:
        credit = self._credit(body, raw)
        if self.counter.book.find(credit.ref) is not None:
            return self._taken(credit)
        known = self.created.setdefault(credit.ref, credit)
        if known.content != credit.content:
            raise Refused(409)
        return self._signed({"pspTransactionId": credit.ref, "status": int(Status.CREATED)})

    def _taken(self, credit: Credit) -> Response:
        """What became of an order that is in the book already."""
        try:
            case = self.counter.take(credit)
        except OtherContent:
            raise Refused(409) from None
        outcome = case.script.says[0].outcome
        return Response(body=self._words(case.entry, outcome, Spoil.NOTHING), content_type=_JWS)

    async def _execute(self, ref: str) -> Response | None:
        credit = self.created.pop(ref, None)
        if credit is None:
            entry = self.counter.book.find(ref)
            if entry is None:
                return self._not_found(ref)
            return Response(body=self._status(ref, Status.IN_PROCESS), content_type=_JWS)
        case = self.counter.take(credit)
        acknowledgement = self._status(ref, Status.IN_PROCESS)
        response = await self.counter.answer_by_callback(case, acknowledgement, self._words)
        return Response(response.status, response.body, _JWS, cut=response.cut)

    def _get(self, ref: str) -> Response:
        finding = self.counter.enquire(ref)
        if finding.entry is None:
            if ref in self.created:
                return Response(body=self._status(ref, Status.CREATED), content_type=_JWS)
            return self._not_found(ref)
        entry = Entry(**{**_members(finding.entry), "code": finding.code})
        return Response(body=self._words(entry, finding.outcome, finding.spoil), content_type=_JWS)

    def _credit(self, body: dict[str, Any], raw: bytes) -> Credit:
        """The body of `create`, every part checked."""
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
            raise Refused(454)
        if minor < PROFILE.limits.minimum_minor:
            raise Refused(455)
        if minor > PROFILE.limits.maximum_minor:
            raise Refused(456)
        return Credit(
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
            raise Refused(453)
        if not is_kyrgyz_account(account) and _PHONE.fullmatch(account) is None:
            raise Refused(452)
        return account

    def _words(self, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        """What `update` and `get` say of an entry, spoiled where the script says so."""
        stranger = "0" * 31 + "1"
        content: dict[str, Any] = {
            "pspTransactionId": stranger if spoil is Spoil.REFERENCE else entry.rail_ref,
            "transactionId": entry.fingerprint[:20],
            "status": int(_STATUSES[outcome]),
            "updateDate": now(),
            "amount": entry.amount_minor + (spoil is Spoil.AMOUNT),
        }
        if outcome is Outcome.REFUSED:
            content["reason"] = entry.code
        token = sign(content, self.rail_key)
        return token[:-4] + b"AAAA" if spoil is Spoil.SIGNATURE else token

    def _status(self, ref: str, status: Status) -> bytes:
        return sign({"pspTransactionId": ref, "status": int(status)}, self.rail_key)

    def _signed(self, content: dict[str, Any]) -> Response:
        return Response(body=sign(content, self.rail_key), content_type=_JWS)

    def _not_found(self, ref: str) -> Response:
        return Response(404, sign({"pspTransactionId": ref}, self.rail_key), _JWS)


def simulator(settings: Settings, callbacks: Callbacks) -> ElqrSimulator:
    """The simulated rail for these settings."""
    return ElqrSimulator(
        counter=open_counter(settings, callbacks, PROFILE, native_code=str, word_of=sandbox.word_of),
        identity=settings.identity,
        rail_key=keys.private(settings.rail_key),
        participant_key=keys.public(settings.participant_key),
    )


def _members(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
