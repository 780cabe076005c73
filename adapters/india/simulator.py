"""A simulated UPI that checks every part of a message, and has its own book.

Paths: `POST /upi/{API}/2.0/urn:txnid:{id}` for ReqPay, ReqRev (Ack, then RespPay or RespRev to the callback
address), ReqChkTxn and ReqValAdd (answered in the exchange) and ReqHbt (Ack). ReqTxnConfirmation reports the
outcome of a deemed order.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from adapters import keys
from adapters.identifiers import is_ifsc, is_vpa
from adapters.india import messages, sandbox
from adapters.india.codes import native_of
from adapters.india.messages import IST, NAMESPACE, VERSION
from adapters.india.ordering import UpiOrders
from adapters.india.profile import PROFILE
from adapters.port import Outcome
from adapters.simulation.book import BookEntry
from adapters.simulation.magic import Corruption, Magic
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import (
    CreditOrder,
    DifferentContent,
    OrderProcessor,
    RailRequest,
    RailResponse,
    with_broken_signature,
)
from adapters.simulation.server import Callbacks, SimulatorSettings, open_payers, open_processor
from adapters.xml import parse
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from schemas.signing.xmldsig import sign_enveloped, verify_enveloped

_PATH = re.compile(rf"/upi/(\w+)/{re.escape(VERSION)}/urn:txnid:([0-9A-Za-z]{{35}})", re.ASCII)
_ID = re.compile(r"[A-Z]{3}[0-9a-f]{32}", re.ASCII)
_RRN = re.compile(r"\d{12}", re.ASCII)
_OUR_ID: Final = "NPC"
_UNKNOWN_ADDRESS: Final = "ZH"
_OK: Final = 200
_CONFLICT: Final = 409


class UpiRejection(Exception):
    """The message is refused; the code is sent in the Ack."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class UpiSimulator:
    """UPI as participants see it."""

    processor: OrderProcessor
    org_id: str
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payers: RailPayers
    references: dict[str, str] = field(default_factory=dict)
    """custRef -> Txn.id: the same reference under another id is a duplicate."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at UPI's paths."""
        place = _PATH.fullmatch(request.path)
        if place is None or request.method != "POST":
            return RailResponse(404)
        if request.headers.get("content-type") != "application/xml":
            return RailResponse(415)
        api, transaction = place.groups()
        try:
            root = parse(request.body)
            message = _text(_only(root, "Head"), "msgId")
        except (InvalidMessage, UpiRejection):
            return RailResponse(400)
        try:
            self._must_be_ours(root, api, transaction)
            return await self._answer(api, root, request.body)
        except (UpiRejection, InvalidMessage, NotAuthentic) as error:
            code = error.code if isinstance(error, UpiRejection) else _CODES[type(error)]
            return RailResponse(body=_ack(api, message, code))

    async def _answer(self, api: str, root: Element, raw: bytes) -> RailResponse | None:
        match api:
            case "ReqPay":
                return await self._pay(root, raw)
            case "ReqRev":
                return await self._reverse(root)
            case "ReqChkTxn":
                return self._status(root)
            case "ReqValAdd":
                return self._validate(root)
            case "ReqHbt":
                return RailResponse(body=_ack(api, _message(root)))
            case "RespPay" | "RespRev":
                return self._told(api, root, raw)
            case _:
                raise UpiRejection("U05")

    def _must_be_ours(self, root: Element, api: str, transaction: str) -> None:
        """Check signature, name, version, sender and ids."""
        verify_enveloped(root, self.participant_key)
        head = _only(root, "Head")
        if messages.api_of(root) != api or _text(head, "ver") != VERSION:
            raise UpiRejection("U05")
        if _text(head, "orgId") != self.org_id:
            raise UpiRejection("U17")
        if _ID.fullmatch(_text(head, "msgId")) is None or _ID.fullmatch(transaction) is None:
            raise UpiRejection("U05")
        if _text(_only(root, "Txn"), "id") != transaction:
            raise UpiRejection("U06")
        messages.read_timestamp(_text(head, "ts"))

    async def _pay(self, root: Element, raw: bytes) -> RailResponse:
        credit = _credit(root, raw)
        reference = _text(_only(root, "Txn"), "custRef")
        if self.references.setdefault(reference, credit.ref) != credit.ref:
            raise UpiRejection("DF")
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise UpiRejection("U01") from None
        answer = _Outcomes(self, root, "RespPay")
        return await self.processor.respond_by_callback(case, _ack("ReqPay", _message(root)), answer)

    async def _reverse(self, root: Element) -> RailResponse:
        """Undo a credit; the response is sent later, as for a payment."""
        txn = _only(root, "Txn")
        entry = self.processor.reverse(_text(txn, "orgTxnId"))
        body = self._signed(_reversal(root, reversed_credit=entry is not None, message=_new_id()))
        self.processor.later(body)
        return RailResponse(body=_ack("ReqRev", _message(root)))

    def _status(self, root: Element) -> RailResponse:
        txn = _only(root, "Txn")
        original = _text(txn, "orgTxnId")
        finding = self.processor.enquire(original)
        answer = _response("RespChkTxn", root, _new_id())
        _copy(txn, _add(answer, "Txn"), "id", "ts", "type", "orgTxnId", "orgRrn", "orgTxnDate")
        resp = _add(answer, "Resp", reqMsgId=_message(root))
        if finding.entry is None:
            resp.attrib.update({"result": "FAILURE", "errCode": "NO"})
        else:
            _state(resp, finding.entry, finding.outcome, finding.code, finding.corruption)
        return RailResponse(body=self._signed(answer))

    def _told(self, api: str, root: Element, raw: bytes) -> RailResponse:
        """What the switch says about an order of ours; `OD`: the payer is not debited any more."""
        status = self.payers.told(raw)
        if status in {_OK, _CONFLICT}:
            return RailResponse(body=_ack(api, _message(root), "OD" if status == _CONFLICT else None))
        return RailResponse(status)

    def _validate(self, root: Element) -> RailResponse:
        address = _text(_only(root, "Payee"), "addr")
        answer = _response("RespValAdd", root, _new_id())
        _copy(_only(root, "Txn"), _add(answer, "Txn"), "id", "ts", "type")
        resp = _add(answer, "Resp", reqMsgId=_message(root))
        user = address.partition("@")[0]
        if not is_vpa(address) or user.lower().startswith("unknown"):
            resp.attrib.update({"result": "FAILURE", "errCode": _UNKNOWN_ADDRESS})
        else:
            masked = user[0].upper() + "*" * (len(user) - 1)
            resp.attrib.update(
                {"result": "SUCCESS", "addr": address, "IFSC": "OKBK0000001", "maskName": masked}
            )
        return RailResponse(body=self._signed(answer))

    def confirmation(self, order: Element, entry: BookEntry) -> bytes:
        """ReqTxnConfirmation: a deemed order was executed."""
        request = _response(messages.CONFIRMATION, order, _new_id())
        original = _only(order, "Txn")
        _add(
            request,
            "Txn",
            id=_new_id(),
            custRef=_text(original, "custRef"),
            ts=messages.timestamp(datetime.now(UTC)),
            type="TxnConfirmation",
            orgTxnId=_text(original, "id"),
        )
        confirmation = _add(request, "TxnConfirmation", type="PAY", orgStatus=_RESULTS[Outcome.DONE][0])
        _add_line(confirmation, entry, Outcome.DONE, "", Corruption.NOTHING)
        return self._signed(request)

    def outcome(
        self, api: str, order: Element, entry: BookEntry, outcome: Outcome, corruption: Corruption
    ) -> bytes:
        """RespPay, signed; corrupted if the script says so."""
        answer = _response(api, order, _new_id())
        txn = _add(answer, "Txn")
        _copy(_only(order, "Txn"), txn, "id", "note", "custRef", "refId", "ts", "type")
        if corruption is Corruption.REFERENCE:
            txn.set("id", _new_id())
        resp = _add(answer, "Resp", reqMsgId=_message(order))
        _state(resp, entry, outcome, entry.code, corruption)
        body = self._signed(answer)
        return with_broken_signature(body) if corruption is Corruption.SIGNATURE else body

    def _signed(self, root: Element) -> bytes:
        return sign_enveloped(root, self.rail_key)


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Builds the responses about one order."""

    simulator: UpiSimulator
    order: Element
    api: str

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        if outcome is Outcome.DONE and sandbox.word_of(entry.account) == Magic.PENDING:
            return self.simulator.confirmation(self.order, entry)
        return self.simulator.outcome(self.api, self.order, entry, outcome, corruption)


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> UpiSimulator:
    """The simulated rail for these settings."""
    rail_key, participant_key = keys.private(settings.rail_key), keys.public(settings.participant_key)
    orders = UpiOrders(settings.identity["handle"], rail_key, participant_key)
    return UpiSimulator(
        processor=open_processor(
            settings, callbacks, PROFILE, native_code=native_of, word_of=sandbox.word_of
        ),
        org_id=settings.identity["org_id"],
        rail_key=rail_key,
        participant_key=participant_key,
        payers=open_payers(settings, callbacks, PROFILE, orders),
    )


def _credit(root: Element, raw: bytes) -> CreditOrder:
    """Parse a ReqPay and check every part of it."""
    if [child.tag for child in root] != ["Head", "Meta", "Txn", "Payer", "Payees"]:
        raise UpiRejection("U05")
    txn, payer = _only(root, "Txn"), _only(root, "Payer")
    payee = _only(_only(root, "Payees"), "Payee")
    _must_be_whole(txn, payer, payee)
    amount = messages.read_amount(_text(_only(payee, "Amount"), "value"), PROFILE.currency)
    for part in (_only(payer, "Amount"), _only(payee, "Amount")):
        if _text(part, "value") != amount.text or _text(part, "curr") != PROFILE.currency:
            raise UpiRejection("U12")
    if amount.minor > PROFILE.limits.maximum_minor:
        raise UpiRejection("U02")
    rule = _only(_only(txn, "Rules"), "Rule")
    ref = _text(txn, "id")
    return CreditOrder(
        ref=ref,
        uetr=messages.uetr_of(ref) or "",
        amount=amount,
        account=_text(payee, "addr"),
        expires_at=messages.read_timestamp(_text(rule, "value")),
        content=raw,
    )


def _must_be_whole(txn: Element, payer: Element, payee: Element) -> None:
    """Check the order of elements, the fixed values and the format of ids."""
    for element, parts in ((payer, _PAYER), (_only(payer, "Institution"), _INSTITUTION)):
        if [child.tag for child in element] != parts:
            raise UpiRejection("U05")
    for name, value in (("type", "PAY"), ("initiationMode", "12"), ("refCategory", "00")):
        if _text(txn, name) != value:
            raise UpiRejection("U07")
    reference = _text(txn, "custRef")
    at = messages.read_timestamp(_text(txn, "ts")).astimezone(IST)
    if _RRN.fullmatch(reference) is None or reference[1:6] != at.strftime("%j%H"):
        raise UpiRejection("U07")
    details = {_text(part, "name"): _text(part, "value") for part in _only(payer, "Ac")}
    if not is_vpa(_text(payee, "addr")) or not is_ifsc(details.get("IFSC", "")):
        raise UpiRejection("U07")
    purpose = _text(_only(_only(payer, "Institution"), "Purpose"), "code")
    if re.fullmatch(r"P\d{4}", purpose, re.ASCII) is None:
        raise UpiRejection("U07")


_PAYER: Final = ["Info", "Device", "Ac", "Creds", "Amount", "Institution"]
_INSTITUTION: Final = ["Name", "Purpose", "Originator", "Beneficiary"]
_CODES: Final[dict[type[Exception], str]] = {NotAuthentic: "U15", InvalidMessage: "U05"}


def _state(resp: Element, entry: BookEntry, outcome: Outcome, code: str, corruption: Corruption) -> None:
    """`result` and the payee's line."""
    resp.set("result", _RESULTS[outcome][0])
    _add_line(resp, entry, outcome, code, corruption)


def _add_line(parent: Element, entry: BookEntry, outcome: Outcome, code: str, corruption: Corruption) -> None:
    """Add the payee's line to a response."""
    minor = entry.amount_minor + (corruption is Corruption.AMOUNT)
    amount = Money(minor, entry.currency).text
    _add(
        parent,
        "Ref",
        type="PAYEE",
        seqNum="1",
        addr=entry.account,
        settAmount=amount,
        settCurrency=entry.currency,
        orgAmount=amount,
        approvalNum=entry.fingerprint[:6] if outcome is Outcome.DONE else "",
        respCode=_RESULTS[outcome][1] or code,
    )


_RESULTS: Final = {
    Outcome.DONE: ("SUCCESS", "00"),
    Outcome.REFUSED: ("FAILURE", ""),
    Outcome.PENDING: ("DEEMED", "BT"),
}


def _reversal(order: Element, *, reversed_credit: bool, message: str) -> Element:
    answer = _response("RespRev", order, message)
    _copy(_only(order, "Txn"), _add(answer, "Txn"), "id", "custRef", "ts", "type", "orgTxnId")
    resp = _add(answer, "Resp", reqMsgId=_message(order))
    if not reversed_credit:
        resp.attrib.update({"result": "FAILURE", "errCode": "OC"})
        return answer
    amount = _only(order, "Amount")
    value, currency = _text(amount, "value"), _text(amount, "curr")
    resp.set("result", "SUCCESS")
    _add(resp, "Ref", type="PAYEE", seqNum="1", settAmount=value, settCurrency=currency, respCode="00")
    return answer


def _response(api: str, order: Element, message: str) -> Element:
    """The start of a response to one of our messages, still unsigned."""
    root = etree.Element(f"{{{NAMESPACE}}}{api}", nsmap={"upi": NAMESPACE})
    at = messages.timestamp(datetime.now(UTC))
    product = _text(_only(order, "Head"), "prodType")
    _add(root, "Head", ver=VERSION, ts=at, orgId="NPCI", msgId=message, prodType=product)
    return root


def _ack(api: str, message: str, error: str | None = None) -> bytes:
    ack = etree.Element(f"{{{NAMESPACE}}}Ack", nsmap={"upi": NAMESPACE})
    ack.attrib.update({"api": api, "reqMsgId": message, "ts": messages.timestamp(datetime.now(UTC))})
    if error:
        ack.set("err", error)
    return etree.tostring(ack)


def _new_id() -> str:
    return _OUR_ID + uuid4().hex


def _message(root: Element) -> str:
    return _text(_only(root, "Head"), "msgId")


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, tag, attributes)


def _copy(source: Element, target: Element, *names: str) -> None:
    for name in names:
        value = source.get(name)
        if value is not None:
            target.set(name, value)


def _only(parent: Element, tag: str) -> Element:
    found = parent.findall(tag)
    if len(found) != 1:
        raise UpiRejection("U05")
    return found[0]


def _text(element: Element, name: str) -> str:
    value = element.get(name)
    if not value:
        raise UpiRejection("U05")
    return str(value)
