"""A simulated card processing: credits to cards and accounts by JSON-RPC 2.0, errors with HTTP 200.

Enquiries may come in a batch; the replies are in reverse order, as JSON-RPC allows. Its customers may pay
abroad (`ordering`); `trans.notify` is then what the switch says of it.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import json_text, keys
from adapters import uetr as uetrs
from adapters.json_text import integer_of, text_of
from adapters.port import Outcome
from adapters.signed_json import sign, verify
from adapters.simulation.book import BookEntry
from adapters.simulation.magic import Corruption
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import (
    CreditOrder,
    DifferentContent,
    OrderProcessor,
    RailClosed,
    RailRequest,
    RailResponse,
    outcome_of,
)
from adapters.simulation.server import Callbacks, SimulatorSettings, open_payers, open_processor
from adapters.uzbekistan import inbound, messages, sandbox
from adapters.uzbekistan.codes import SvGateCode, SvGateState, native_of
from adapters.uzbekistan.messages import Content
from adapters.uzbekistan.ordering import SvGateOrders
from adapters.uzbekistan.profile import PROFILE
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money

BATCH_MAX: Final = 20
_OK: Final = 200
_CONFLICT: Final = 409
_JSON: Final = "application/json"
_REQUEST: Final = {"jsonrpc", "id", "method", "params"}
_CREDIT: Final = {"amount", "ext", "merchantId", "terminalId", "recipient", "sender", "recipientName"}
_CREDIT_MAY: Final = {"bank", "purpose", "purposeCode", "endToEndId", "expiresAt"}
_HOLD: Final = {*_CREDIT, "currency", "time"}
_SENDER: Final = {"legalName", "system", "lastName", "firstName", "refNum"}
_SENDER_MAY: Final = {"id", "middleName", "country", "bank"}
_STATES: Final = {
    Outcome.DONE: SvGateState.OK,
    Outcome.PENDING: SvGateState.PENDING,
    Outcome.REFUSED: SvGateState.REFUSED,
}


class Failure(Exception):
    """The rail responds with a JSON-RPC error."""

    def __init__(self, code: SvGateCode, **data: str) -> None:
        self.code = code
        self.data = data
        super().__init__(code.name)


@dataclass(slots=True)
class SvGateSimulator:
    """The card processing as participants see it."""

    processor: OrderProcessor
    identity: dict[str, str]
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payers: RailPayers
    held: dict[str, CreditOrder] = field(default_factory=dict)
    """Holds that are not confirmed. A restart forgets them; then only the step must be repeated."""
    dismissed: set[str] = field(default_factory=set)

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the rail's path."""
        refused = self._http_refusal(request)
        if refused:
            return RailResponse(refused)
        try:
            if request.body.lstrip()[:1] == b"[":
                return self._batch(json_text.parse_list(request.body))
            signed = json_text.parse(request.body)
            content = verify(signed, self.participant_key)
            if content.get("method") == inbound.NOTIFY:
                return self._told(content, request.body)
            return await self._single(content)
        except NotAuthentic:
            return RailResponse(401)
        except InvalidMessage:
            return self._reply(_error("", Failure(SvGateCode.NOT_JSON)))

    def _http_refusal(self, request: RailRequest) -> int:
        """The HTTP status for requests that are refused unread, or 0."""
        if request.path != messages.PATH:
            return 404
        if request.method != "POST":
            return 405
        if request.headers.get("content-type") != _JSON:
            return 415
        return 0 if request.headers.get("authorization") == self._authorization() else 401

    def _told(self, content: Content, raw: bytes) -> RailResponse:
        """What the switch says about an order of ours."""
        status = self.payers.told(raw)
        if status == _CONFLICT:
            return self._reply(_error(content.get("id"), Failure(SvGateCode.ENDED)))
        return self._reply(_result(content.get("id"), {})) if status == _OK else RailResponse(status)

    async def _single(self, request: Content) -> RailResponse | None:
        request_id = request.get("id")
        try:
            _must_be_request(request)
            params = _params(request)
            match request["method"]:
                case messages.CREDIT:
                    return await self._take(self._credit(params, "credit", _CREDIT, request))
                case messages.CONFIRM:
                    return await self._confirm(_ext(params, "hold"))
                case method:
                    return self._reply(_result(request_id, self._answer(method, params, request)))
        except Failure as failure:
            return self._reply(_error(request_id, failure))
        except RailClosed as closed:
            until = messages.timestamp(closed.until)
            return self._reply(_error(request_id, Failure(SvGateCode.CLOSED, openFrom=until)))
        except (InvalidMessage, KeyError, TypeError, ValueError):
            return self._reply(_error(request_id, Failure(SvGateCode.BAD_PARAMS)))

    def _batch(self, requests: list[Content]) -> RailResponse:
        """Enquiries only; requests that move money must come alone."""
        if not 1 <= len(requests) <= BATCH_MAX:
            return self._reply(_error("", Failure(SvGateCode.NO_REQUEST)))
        replies = [
            sign(self._question(verify(request, self.participant_key)), self.rail_key) for request in requests
        ]
        return RailResponse(body=json_text.write_list(replies[::-1]), content_type=_JSON)

    def _question(self, request: Content) -> Content:
        request_id = request.get("id")
        try:
            _must_be_request(request)
            if request["method"] not in {messages.FIND, messages.HELD, messages.INFO}:
                raise Failure(SvGateCode.NO_REQUEST)  # noqa: TRY301 - the one place that says errors
            return _result(request_id, self._answer(request["method"], _params(request), request))
        except Failure as failure:
            return _error(request_id, failure)
        except (InvalidMessage, KeyError, TypeError, ValueError):
            return _error(request_id, Failure(SvGateCode.BAD_PARAMS))

    def _answer(self, method: str, params: Content, request: Content) -> Content:
        answers: dict[str, Callable[[], Content]] = {
            messages.CREATE: lambda: self._hold(self._credit(params, "hold", _HOLD, request)),
            messages.DISMISS: lambda: self._dismiss(_ext(params, "hold")),
            messages.HELD: lambda: self._held(_ext(params, "hold")),
            messages.FIND: lambda: self._find(text_of(params, "ext")),
            messages.REVERSE: lambda: self._reverse(text_of(params, "ext")),
            messages.INFO: lambda: self._info(params),
            messages.PING: lambda: {"bins": ["8600", "5614", "9860"]},
        }
        if method not in answers:
            raise Failure(SvGateCode.NO_METHOD)
        return answers[method]()

    def _hold(self, credit: CreditOrder) -> Content:
        """`hold.create`: an order in the book returns its state, and an existing hold is kept."""
        entry = self.processor.book.find(credit.ref)
        if entry is not None:
            return self._known(credit)
        if credit.ref in self.dismissed:
            raise Failure(SvGateCode.DISMISSED, ext=credit.ref)
        known = self.held.setdefault(credit.ref, credit)
        if known.content != credit.content:
            raise Failure(SvGateCode.OTHER_CONTENT, ext=credit.ref)
        return {"ext": credit.ref, "status": SvGateState.HELD}

    def _known(self, credit: CreditOrder) -> Content:
        try:
            entry = self.processor.accept(credit).entry
        except DifferentContent:
            raise Failure(SvGateCode.OTHER_CONTENT, ext=credit.ref) from None
        return _response_body(entry, outcome_of(entry), Corruption.NOTHING)

    async def _confirm(self, ext: str) -> RailResponse | None:
        """`hold.confirm`: the only step that credits an account."""
        credit = self.held.get(ext)
        if credit is None:
            entry = self.processor.book.find(ext)
            if entry is None:
                raise Failure(SvGateCode.DISMISSED if ext in self.dismissed else SvGateCode.NO_ORDER, ext=ext)
            return RailResponse(
                body=self._order_response(entry, outcome_of(entry), Corruption.NOTHING), content_type=_JSON
            )
        return await self._take(credit)

    async def _take(self, credit: CreditOrder) -> RailResponse | None:
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise Failure(SvGateCode.OTHER_CONTENT, ext=credit.ref) from None
        self.held.pop(credit.ref, None)
        response = await self.processor.respond_in_exchange(case, self._order_response)
        return response and replace(response, content_type=_JSON)

    def _dismiss(self, ext: str) -> Content:
        if self.held.pop(ext, None) is None and ext not in self.dismissed:
            raise Failure(SvGateCode.NO_ORDER)
        self.dismissed.add(ext)
        return {"ext": ext, "status": SvGateState.DISMISSED}

    def _held(self, ext: str) -> Content:
        if ext in self.held:
            return {"ext": ext, "status": SvGateState.HELD}
        if ext in self.dismissed:
            return {"ext": ext, "status": SvGateState.DISMISSED}
        raise Failure(SvGateCode.NO_ORDER)

    def _find(self, ext: str) -> Content:
        finding = self.processor.enquire(ext)
        if finding.entry is None:
            raise Failure(SvGateCode.NO_ORDER)
        return _response_body(replace(finding.entry, code=finding.code), finding.outcome, finding.corruption)

    def _reverse(self, ext: str) -> Content:
        if self.processor.reverse(ext) is None:
            raise Failure(
                SvGateCode.NOTHING_CREDITED if self.processor.book.find(ext) else SvGateCode.NO_ORDER
            )
        return {"ext": ext, "status": SvGateState.REVERSED}

    def _info(self, params: Content) -> Content:
        (member, alias), *more = params.items()
        shapes = {"hpan": messages.is_card, "account": messages.is_account, "phone": messages.is_phone}
        if more or not isinstance(alias, str) or not shapes[member](alias):
            raise Failure(SvGateCode.BAD_PARAMS)
        return {"account": _account(alias), "bank": sandbox.BANK, "owner": "A*** R***"}

    def _credit(self, params: Content, kind: str, must: set[str], request: Content) -> CreditOrder:
        """Parse the only member of `credit` or `hold` and check every part of it."""
        members = params[kind]
        _must_have(members, must, _CREDIT_MAY)
        _must_have(members["sender"], _SENDER, _SENDER_MAY)
        ext, recipient = text_of(members, "ext"), text_of(members, "recipient")
        minor, uetr = integer_of(members, "amount"), uetrs.from_hex(ext)
        ours = (members["merchantId"], members["terminalId"])
        fits = uetr is not None and ours == (self.identity["merchant_id"], self.identity["terminal_id"])
        shape = messages.is_card(recipient) if kind == "credit" else _is_held(members, recipient)
        if not (fits and shape and _is_reference(members["sender"]["refNum"])):
            raise Failure(SvGateCode.BAD_PARAMS)
        _must_be_within_limits(minor, ext)
        return CreditOrder(
            ref=ext,
            uetr=uetr or "",
            amount=Money(minor, PROFILE.currency),
            account=_account(recipient),
            expires_at=messages.read_timestamp(text_of(members, "expiresAt")),
            content=json_text.write(request),
        )

    def _order_response(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        """The response to the order as it is sent, corrupted if the script says so."""
        if outcome is Outcome.REFUSED:
            code, _, reason = entry.code.partition("/")
            failure = Failure(
                SvGateCode(int(code)), ext=entry.rail_ref, **({"reason": reason} if reason else {})
            )
            content = _error(entry.rail_ref, failure)
        else:
            content = _result(entry.rail_ref, _response_body(entry, outcome, corruption))
        signed = sign(content, self.rail_key)
        if corruption is Corruption.SIGNATURE:
            signed["sign"] = "AAAA" + signed["sign"][4:]
        return json_text.write(signed)

    def _reply(self, content: Content) -> RailResponse:
        return RailResponse(body=json_text.write(sign(content, self.rail_key)), content_type=_JSON)

    def _authorization(self) -> str:
        credentials = f"{self.identity['username']}:{self.identity['password']}".encode()
        return f"Basic {base64.b64encode(credentials).decode()}"


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> SvGateSimulator:
    """The simulated rail for these settings."""
    identity, rail_key = settings.identity, keys.private(settings.rail_key)
    participant_key = keys.public(settings.participant_key)
    orders = SvGateOrders(identity["merchant_id"], identity["terminal_id"], rail_key, participant_key)
    return SvGateSimulator(
        processor=open_processor(
            settings, callbacks, PROFILE, native_code=native_of, word_of=sandbox.word_of
        ),
        identity=identity,
        rail_key=rail_key,
        participant_key=participant_key,
        payers=open_payers(settings, callbacks, PROFILE, orders),
    )


def _response_body(entry: BookEntry, outcome: Outcome, corruption: Corruption) -> Content:
    """The content of `trans.ext` and of the response to an order about an entry."""
    state = _STATES[outcome]
    members: Content = {
        "ext": "0" * 31 + "1" if corruption is Corruption.REFERENCE else entry.rail_ref,
        "refNum": entry.fingerprint[:12],
        "amount": entry.amount_minor + (corruption is Corruption.AMOUNT),
        "currency": messages.CURRENCY,
        "date12": datetime.now(UTC).astimezone(messages.ZONE).strftime("%y%m%d%H%M%S"),
        "status": state,
    }
    return {**members, "code": entry.code} if state is SvGateState.REFUSED else members


def _result(request_id: Any, result: Content) -> Content:
    return {"jsonrpc": messages.VERSION, "id": request_id, "result": result}


def _error(request_id: Any, failure: Failure) -> Content:
    error = {"code": int(failure.code), "message": failure.code.name, "data": failure.data}
    return {"jsonrpc": messages.VERSION, "id": request_id, "error": error}


def _must_be_request(request: Content) -> None:
    if set(request) != _REQUEST or request["jsonrpc"] != messages.VERSION:
        raise Failure(SvGateCode.NO_REQUEST)
    text_of(request, "id")
    text_of(request, "method")


def _params(request: Content) -> Content:
    params = request["params"]
    if not isinstance(params, dict):
        raise Failure(SvGateCode.BAD_PARAMS)
    return params


def _ext(params: Content, kind: str) -> str:
    _must_have(params, {kind}, set())
    _must_have(params[kind], {"ext"}, set())
    return text_of(params[kind], "ext")


def _must_have(members: Content, must: set[str], may: set[str]) -> None:
    """Check that every required member is present and that none is unknown."""
    if not must <= set(members) <= must | may:
        raise Failure(SvGateCode.BAD_PARAMS)


def _is_held(members: Content, recipient: str) -> bool:
    known = messages.is_account(recipient) or messages.is_phone(recipient)
    return known and members["currency"] == messages.CURRENCY and integer_of(members, "time") > 0


def _is_reference(text: str) -> bool:
    return len(text) == 12 and text.isdecimal()  # noqa: PLR2004 - ISO 8583 field 37


def _must_be_within_limits(minor: int, ext: str) -> None:
    limits = PROFILE.limits
    if minor > limits.maximum_minor:
        raise Failure(SvGateCode.REFUSED, ext=ext, reason="AM02")
    if minor < limits.minimum_minor:
        raise Failure(SvGateCode.REFUSED, ext=ext, reason="AM06")


def _account(recipient: str) -> str:
    """The account to credit: that of the phone or card, otherwise the one that was given."""
    if messages.is_phone(recipient) and recipient not in sandbox.ALIASES:
        raise Failure(SvGateCode.NO_CARD)
    return sandbox.ALIASES.get(recipient, recipient)
