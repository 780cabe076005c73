"""A simulated rail that speaks ISO 20022: strict about envelope, header, signature, schema and ids.

Messages are posted to the dialect's path and answered in the exchange: pacs.008 and pacs.028 by pacs.002,
camt.056 by camt.029, acmt.023 by acmt.024. What a script says later is a pacs.002 posted to the callback
address. What cannot be read is HTTP 400, what is not signed by the participant HTTP 401.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import keys
from adapters import uetr as uetrs
from adapters.iso20022 import envelope, messages
from adapters.iso20022.codes import NOT_RECEIVED
from adapters.iso20022.dialect import Content, Dialect, Participant
from adapters.iso20022.envelope import Header, Sealed
from adapters.iso20022.messages import Sent
from adapters.port import Outcome
from adapters.simulation.book import Entry
from adapters.simulation.magic import Magic, Spoil
from adapters.simulation.rail import (
    Counter,
    Credit,
    OtherContent,
    Request,
    Response,
    with_broken_signature,
)
from adapters.simulation.server import Callbacks, Settings, open_counter
from schemas import parties
from schemas.errors import InvalidAmount, InvalidMessage, NotAuthentic, Refused
from schemas.money import Money

_NOBODY: Final = "0000"
"""A phone number that ends so belongs to nobody."""


class Rejected(Exception):
    """The rail refuses an order before it books anything."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class IsoSimulator:
    """The rail as its participants see it. Accounts are IBANs of the rail's country."""

    dialect: Dialect
    counter: Counter
    member: Participant
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    sandbox: Any
    """The country's module of made-up ids and accounts."""

    async def handle(self, request: Request) -> Response | None:
        """Answer a request on the rail's path."""
        if request.path != self.dialect.path:
            return Response(404)
        if request.method == "GET":
            return Response()
        if request.headers.get("content-type") != "application/xml":
            return Response(415)
        try:
            sealed = envelope.open_sealed(self.dialect.envelope, request.body, self.participant_key)
            return await self._answer(sealed, request)
        except NotAuthentic:
            return Response(401)
        except (InvalidMessage, InvalidAmount, Refused, KeyError):
            return Response(400)

    async def _answer(self, sealed: Sealed, request: Request) -> Response | None:
        if sealed.header.sender != self.member.bic:
            return Response(403)
        versions = self.dialect.versions
        match sealed.header.definition:
            case versions.credit_transfer:
                return await self._pay(sealed, request)
            case versions.status_request:
                return self._status(sealed)
            case versions.cancellation:
                return self._cancel(sealed)
            case versions.verification_request:
                return self._verify(sealed)
            case _:
                return Response(400)

    async def _pay(self, sealed: Sealed, request: Request) -> Response | None:
        sent = Sent.of(sealed.header.definition, sealed.content)
        words = _Words(self, sent)
        try:
            credit = self._credit(sealed, sent, request)
        except Rejected as error:
            return Response(body=self._report(sent, "RJCT", error.reason))
        try:
            case = self.counter.take(credit)
        except OtherContent:
            return Response(body=self._report(sent, "RJCT", "DUPL"))
        return await self.counter.answer_in_exchange(case, words)

    def _credit(self, sealed: Sealed, sent: Sent, request: Request) -> Credit:
        """A pacs.008, checked as the rail would."""
        (transaction,) = sealed.content["CdtTrfTxInf"]
        header = sealed.header
        if header.id != sent.message or not header.receiver:
            raise Rejected("FF01")
        for name, value in self.dialect.headers(sent.end_to_end).items():
            if request.headers.get(name) != value:
                raise Rejected("FF08")
        if {sent.end_to_end, sent.transaction} != {uetrs.to_hex(sent.uetr)}:
            raise Rejected("FF08")
        account = parties.read_account(transaction.get("CdtrAcct"))
        account_id = account.id if account else None
        if account_id is None or not self.dialect.iban.fits(account_id):
            raise Rejected("AC03")
        amount = Money.parse(sent.amount["Amt"], sent.amount["Ccy"])
        if amount.currency != self.dialect.profile.currency:
            raise Rejected("AM03")
        if amount.minor > self.dialect.profile.limits.maximum_minor:
            raise Rejected("AM02")
        if self.dialect.profile.purpose_required and "Purp" not in transaction:
            raise Rejected("FF07")
        return Credit(
            ref=sent.transaction,
            uetr=sent.uetr,
            amount=amount,
            account=account_id,
            expires_at=messages.expiry(sealed.content),
            content=request.body,
        )

    def _status(self, sealed: Sealed) -> Response:
        ((transaction,),) = (sealed.content["TxInf"],)
        sent = _asked(transaction)
        finding = self.counter.enquire(sent.transaction)
        if finding.entry is None:
            return Response(body=self._report(sent, "RJCT", NOT_RECEIVED))
        status = self._status_code(finding.outcome)
        reason = finding.code if finding.outcome is Outcome.REFUSED else None
        minor = finding.entry.amount_minor + (finding.spoil is Spoil.AMOUNT)
        amount = Money(minor, finding.entry.currency)
        reference = finding.entry.fingerprint[:10]
        return Response(body=self._report(sent, status, reason, amount=amount, reference=reference))

    def _cancel(self, sealed: Sealed) -> Response:
        ((part,),) = (sealed.content["Undrlyg"],)
        ((transaction,),) = (part["TxInf"],)
        entry = self.counter.reverse(transaction["OrgnlTxId"])
        message = uuid4().hex
        details = {
            "CxlStsId": message,
            "OrgnlGrpInf": transaction["OrgnlGrpInf"],
            **_asked(transaction).references(),
        }
        document = {
            "RsltnOfInvstgtn": {
                "Assgnmt": self._assignment(message),
                "Sts": {"Conf": "CNCL" if entry else "RJCR"},
                "CxlDtls": [{"TxInfAndSts": [details]}],
            }
        }
        return Response(body=self._seal(message, self.dialect.versions.resolution, document))

    def _verify(self, sealed: Sealed) -> Response:
        (request, *_) = sealed.content["Vrfctn"]
        asked = request["PtyAndAcctId"]
        account = parties.read_account(asked.get("Acct"))
        alias = (account.id if account else None) or ""
        found = self.sandbox.account("").iban if alias.startswith("+") else alias
        known = self.dialect.iban.fits(found) and not alias.endswith(_NOBODY)
        report: Content = {"OrgnlId": request["Id"], "Vrfctn": known, "OrgnlPtyAndAcctId": asked}
        if known:
            report["UpdtdPtyAndAcctId"] = {
                "Pty": {"Nm": "A*** R***"},
                "Acct": {"Id": {"IBAN": found}},
                "Agt": {"FinInstnId": {"ClrSysMmbId": {"MmbId": self.sandbox.CREDITOR_AGENT.bic}}},
            }
        else:
            report["Rsn"] = {"Cd": "AC01"}
        message = uuid4().hex
        assignment = self._assignment(message)
        assignment["MsgId"] = assignment.pop("Id")
        document = {"IdVrfctnRpt": {"Assgnmt": assignment, "Rpt": [report]}}
        return Response(body=self._seal(message, self.dialect.versions.verification_report, document))

    def outcome(self, sent: Sent, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        """pacs.002 about an entry, spoiled where the script says so; pacs.004 where it is given back."""
        if outcome is Outcome.REFUSED and self.sandbox.word_of(entry.account) == Magic.RETURN:
            return self._return(sent, entry)
        status = self._status_code(outcome)
        reason = entry.code if outcome is Outcome.REFUSED else None
        amount = Money(entry.amount_minor + (spoil is Spoil.AMOUNT), entry.currency)
        stranger = uuid4().hex if spoil is Spoil.REFERENCE else None
        reference = entry.fingerprint[:10]
        body = self._report(sent, status, reason, amount=amount, reference=reference, transaction=stranger)
        return with_broken_signature(body) if spoil is Spoil.SIGNATURE else body

    def _report(
        self,
        sent: Sent,
        status: str,
        reason: str | None = None,
        *,
        amount: Money | None = None,
        reference: str | None = None,
        transaction: str | None = None,
    ) -> bytes:
        message = uuid4().hex
        references = sent.references()
        if transaction is not None:
            references.update({"OrgnlTxId": transaction, "OrgnlEndToEndId": transaction})
            del references["OrgnlUETR"]
        content = {
            "StsId": message,
            "OrgnlGrpInf": {"OrgnlMsgId": sent.message, "OrgnlMsgNmId": sent.definition},
            **references,
            "TxSts": status,
            "StsRsnInf": reason
            and [{"Rsn": parties.code_or_proprietary(reason, "ExternalStatusReason1Code")}],
            "AcctSvcrRef": reference if status == self.dialect.accepted else None,
            "InstgAgt": {"FinInstnId": {"ClrSysMmbId": {"MmbId": self.member.operator}}},
            "InstdAgt": {"FinInstnId": {"ClrSysMmbId": {"MmbId": self.member.bic}}},
            "OrgnlTxRef": amount and {"IntrBkSttlmAmt": {"Ccy": amount.currency, "Amt": amount.text}},
        }
        present = {tag: value for tag, value in content.items() if value is not None}
        group = {"MsgId": message, "CreDtTm": self._now()}
        document = {"FIToFIPmtStsRpt": {"GrpHdr": group, "TxInfAndSts": [present]}}
        return self._seal(message, self.dialect.versions.status_report, document)

    def _return(self, sent: Sent, entry: Entry) -> bytes:
        message, at = uuid4().hex, datetime.now(self.dialect.zone)
        amount = {"Ccy": entry.currency, "Amt": Money(entry.amount_minor, entry.currency).text}
        transaction = {
            "RtrId": message,
            "OrgnlGrpInf": {"OrgnlMsgId": sent.message, "OrgnlMsgNmId": sent.definition},
            **sent.references(),
            "OrgnlIntrBkSttlmAmt": amount,
            "RtrdIntrBkSttlmAmt": amount,
            "IntrBkSttlmDt": at.date().isoformat(),
            "RtrRsnInf": [{"Rsn": parties.code_or_proprietary(entry.code, "ExternalReturnReason1Code")}],
        }
        group = {
            "MsgId": message,
            "CreDtTm": self._now(),
            "NbOfTxs": "1",
            "SttlmInf": {"SttlmMtd": "CLRG"},
        }
        document = {"PmtRtr": {"GrpHdr": group, "TxInf": [transaction]}}
        return self._seal(message, self.dialect.versions.payment_return, document)

    def _status_code(self, outcome: Outcome) -> str:
        return {Outcome.DONE: self.dialect.accepted, Outcome.REFUSED: "RJCT"}.get(outcome, "PDNG")

    def _assignment(self, message: str) -> Content:
        def agent(member: str) -> Content:
            return {"Agt": {"FinInstnId": {"ClrSysMmbId": {"MmbId": member}}}}

        return {
            "Id": message,
            "Assgnr": agent(self.member.operator),
            "Assgne": agent(self.member.bic),
            "CreDtTm": self._now(),
        }

    def _now(self) -> str:
        return parties.instant_text(datetime.now(self.dialect.zone))

    def _seal(self, message: str, definition: str, document: Content) -> bytes:
        at = datetime.now(UTC)
        header = Header(self.member.operator, self.member.bic, message, definition, at)
        unsigned = envelope.write(self.dialect.envelope, header, document)
        return envelope.seal(unsigned, self.rail_key, at)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one order's answers."""

    simulator: IsoSimulator
    sent: Sent

    def __call__(self, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        return self.simulator.outcome(self.sent, entry, outcome, spoil)


def make(dialect: Dialect, sandbox: Any, settings: Settings, callbacks: Callbacks) -> IsoSimulator:
    """The simulated rail of a dialect; `sandbox` is the country's module of made-up ids and accounts."""
    return IsoSimulator(
        dialect=dialect,
        counter=open_counter(settings, callbacks, dialect.profile, native_code=str, word_of=sandbox.word_of),
        member=Participant.of(settings.identity),
        rail_key=keys.private(settings.rail_key),
        participant_key=keys.public(settings.participant_key),
        sandbox=sandbox,
    )


def _asked(transaction: Content) -> Sent:
    """What an enquiry or cancellation repeats of the original."""
    group = transaction["OrgnlGrpInf"]
    return Sent(
        message=group["OrgnlMsgId"],
        definition=group["OrgnlMsgNmId"],
        made_at="",
        instruction=transaction["OrgnlInstrId"],
        end_to_end=transaction["OrgnlEndToEndId"],
        transaction=transaction["OrgnlTxId"],
        uetr=transaction["OrgnlUETR"],
        amount={},
        date="",
        receiver="",
    )
