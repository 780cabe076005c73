"""A simulated rail for ISO 20022 that checks envelope, header, signature, schema and ids.

Messages are posted to the dialect's path and answered in the exchange: pacs.008 and pacs.028 by pacs.002,
camt.056 by camt.029, acmt.023 by acmt.024. Later responses of a script are pacs.002 messages posted to the
callback address. Unreadable messages get HTTP 400, messages without the participant's signature HTTP 401.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import keys
from adapters import uetr as uetrs
from adapters.iso20022 import envelope, messages
from adapters.iso20022.codes import NOT_RECEIVED
from adapters.iso20022.dialect import Content, IsoDialect, IsoParticipant
from adapters.iso20022.envelope import IsoHeader, Sealed
from adapters.iso20022.messages import SentIsoMessage
from adapters.iso20022.ordering import IsoOrders
from adapters.port import Outcome
from adapters.simulation.book import BookEntry, EntryStatus
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
from schemas import parties
from schemas.errors import InvalidAmount, InvalidMessage, NotAuthentic, Refused
from schemas.money import Money

_NOBODY: Final = "0000"
"""Phone numbers with this ending have no owner."""
RECALLED: Final = {
    "DUPL": ("CNCL", ""),
    "FRAD": ("CNCL", ""),
    "TECH": ("CNCL", ""),
    "CUST": ("RJCR", "CUST"),
    "AM09": ("RJCR", "AM04"),
    "UPAY": ("RJCR", "LEGL"),
}
"""Reason of a recall -> what the payee's bank answers, and why; to all others it never does. To `TECH` it
agrees when it is asked the second time. What it agrees to it gives back at once, by pacs.004."""


class IsoRejection(Exception):
    """The rail refuses an order before booking it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class IsoSimulator:
    """The rail as participants see it. Accounts are IBANs of the rail's country."""

    dialect: IsoDialect
    processor: OrderProcessor
    member: IsoParticipant
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    sandbox: Any
    """The country's module of invented ids and accounts."""
    payers: RailPayers | None = None
    """None: nobody pays abroad over this rail."""
    _recalls: dict[str, int] = field(default_factory=dict)
    """How often each order was recalled."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the rail's path."""
        if request.path != self.dialect.path:
            return RailResponse(404)
        if request.method == "GET":
            return RailResponse()
        if request.headers.get("content-type") != "application/xml":
            return RailResponse(415)
        try:
            sealed = envelope.open_sealed(self.dialect.envelope, request.body, self.participant_key)
            return self._told(sealed, request) or await self._answer(sealed, request)
        except NotAuthentic:
            return RailResponse(401)
        except (InvalidMessage, InvalidAmount, Refused, KeyError):
            return RailResponse(400)

    def _told(self, sealed: Sealed, request: RailRequest) -> RailResponse | None:
        """Process what the switch says about an order of this rail; None if the message says nothing."""
        answers = {self.dialect.versions.status_report, self.dialect.versions.resolution}
        if self.payers is None or sealed.header.definition not in answers:
            return None
        return RailResponse(self.payers.told(request.body))

    async def _answer(self, sealed: Sealed, request: RailRequest) -> RailResponse | None:
        if sealed.header.sender != self.member.bic:
            return RailResponse(403)
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
                return RailResponse(400)

    async def _pay(self, sealed: Sealed, request: RailRequest) -> RailResponse | None:
        sent = SentIsoMessage.of(sealed.header.definition, sealed.content)
        builder = _ResponseBuilder(self, sent)
        try:
            credit = self._credit(sealed, sent, request)
        except IsoRejection as error:
            return RailResponse(body=self._report(sent, "RJCT", error.reason))
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            return RailResponse(body=self._report(sent, "RJCT", "DUPL"))
        return await self.processor.respond_in_exchange(case, builder)

    def _credit(self, sealed: Sealed, sent: SentIsoMessage, request: RailRequest) -> CreditOrder:
        """A pacs.008, checked as the rail would check it."""
        (transaction,) = sealed.content["CdtTrfTxInf"]
        header = sealed.header
        if header.id != sent.message or not header.receiver:
            raise IsoRejection("FF01")
        for name, value in self.dialect.headers(sent.end_to_end).items():
            if request.headers.get(name) != value:
                raise IsoRejection("FF08")
        if {sent.end_to_end, sent.transaction} != {uetrs.to_hex(sent.uetr)}:
            raise IsoRejection("FF08")
        account = parties.read_account(transaction.get("CdtrAcct"))
        account_id = account.id if account else None
        if account_id is None or not self.dialect.iban.fits(account_id):
            raise IsoRejection("AC03")
        amount = Money.parse(sent.amount["Amt"], sent.amount["Ccy"])
        if amount.currency != self.dialect.profile.currency:
            raise IsoRejection("AM03")
        if amount.minor > self.dialect.profile.limits.maximum_minor:
            raise IsoRejection("AM02")
        if self.dialect.profile.purpose_required and "Purp" not in transaction:
            raise IsoRejection("FF07")
        return CreditOrder(
            ref=sent.transaction,
            uetr=sent.uetr,
            amount=amount,
            account=account_id,
            expires_at=messages.expiry(sealed.content),
            content=request.body,
        )

    def _status(self, sealed: Sealed) -> RailResponse:
        ((transaction,),) = (sealed.content["TxInf"],)
        sent = _asked(transaction)
        finding = self.processor.enquire(sent.transaction)
        if finding.entry is None:
            return RailResponse(body=self._report(sent, "RJCT", NOT_RECEIVED))
        status = self._status_code(finding.outcome)
        reason = finding.code if finding.outcome is Outcome.REFUSED else None
        minor = finding.entry.amount_minor + (finding.corruption is Corruption.AMOUNT)
        amount = Money(minor, finding.entry.currency)
        reference = finding.entry.fingerprint[:10]
        return RailResponse(body=self._report(sent, status, reason, amount=amount, reference=reference))

    def _cancel(self, sealed: Sealed) -> RailResponse:
        ((part,),) = (sealed.content["Undrlyg"],)
        ((transaction,),) = (part["TxInf"],)
        ref = transaction["OrgnlTxId"]
        if transaction.get("CxlId") == messages.undo_id(ref):
            answer, reason = ("CNCL", "") if self.processor.reverse(ref) else ("RJCR", "")
        else:
            answer, reason = self._recalled(transaction)
        message = uuid4().hex
        details = {
            "CxlStsId": message,
            "OrgnlGrpInf": transaction["OrgnlGrpInf"],
            **_asked(transaction).references(),
        }
        if reason:
            details["CxlStsRsnInf"] = [{"Rsn": {"Cd": reason}}]
        document = {
            "RsltnOfInvstgtn": {
                "Assgnmt": self._assignment(message),
                "Sts": {"Conf": answer},
                "CxlDtls": [{"TxInfAndSts": [details]}],
            }
        }
        return RailResponse(body=self._seal(message, self.dialect.versions.resolution, document))

    def _recalled(self, transaction: Content) -> tuple[str, str]:
        """What the payee's bank answers to a recall; it gives back at once what it agrees to (pacs.004)."""
        entry = self.processor.book.find(transaction["OrgnlTxId"])
        if entry is None or entry.outcome not in {EntryStatus.DONE, EntryStatus.REVERSED}:
            return "RJCR", "NOOR"
        (cause, *_) = transaction.get("CxlRsnInf") or [{}]
        reason = parties.first_of(cause.get("Rsn")) or ""
        if entry.outcome is EntryStatus.REVERSED:
            return "CNCL", ""
        self._recalls[entry.rail_ref] = times = self._recalls.get(entry.rail_ref, 0) + 1
        answer, code = RECALLED.get(reason, ("PDCR", ""))
        if answer == "PDCR" or (reason == "TECH" and times == 1):
            return "PDCR", ""
        if answer == "CNCL":
            given = self.processor.give_back(entry, "FOCR")
            self.processor.later(self._return(_asked(transaction), given))
        return answer, code

    def _verify(self, sealed: Sealed) -> RailResponse:
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
        return RailResponse(body=self._seal(message, self.dialect.versions.verification_report, document))

    def outcome(
        self, sent: SentIsoMessage, entry: BookEntry, outcome: Outcome, corruption: Corruption
    ) -> bytes:
        """pacs.002 about an entry, corrupted if the script says so; pacs.004 for a return."""
        returned = outcome is Outcome.REFUSED and self.sandbox.word_of(entry.account) == Magic.RETURN
        if returned or outcome is Outcome.RETURNED:
            return self._return(sent, entry)
        status = self._status_code(outcome)
        reason = entry.code if outcome is Outcome.REFUSED else None
        amount = Money(entry.amount_minor + (corruption is Corruption.AMOUNT), entry.currency)
        stranger = uuid4().hex if corruption is Corruption.REFERENCE else None
        reference = entry.fingerprint[:10]
        body = self._report(sent, status, reason, amount=amount, reference=reference, transaction=stranger)
        return with_broken_signature(body) if corruption is Corruption.SIGNATURE else body

    def _report(
        self,
        sent: SentIsoMessage,
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

    def _return(self, sent: SentIsoMessage, entry: BookEntry) -> bytes:
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
        header = IsoHeader(self.member.operator, self.member.bic, message, definition, at)
        unsigned = envelope.write(self.dialect.envelope, header, document)
        return envelope.seal(unsigned, self.rail_key, at)


@dataclass(frozen=True, slots=True)
class _ResponseBuilder:
    """Builds the responses about one order."""

    simulator: IsoSimulator
    sent: SentIsoMessage

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        return self.simulator.outcome(self.sent, entry, outcome, corruption)


def make(
    dialect: IsoDialect, sandbox: Any, settings: SimulatorSettings, callbacks: Callbacks
) -> IsoSimulator:
    """The simulated rail of a dialect; `sandbox` is the country's module of invented ids and accounts."""
    member = IsoParticipant.of(settings.identity)
    rail_key, participant_key = keys.private(settings.rail_key), keys.public(settings.participant_key)
    payers = None
    if dialect.originates:
        bank = sandbox.CREDITOR_AGENT.bic[:8]
        orders = IsoOrders(dialect, member, rail_key, participant_key, sandbox.account("").iban, bank)
        payers = open_payers(settings, callbacks, dialect.profile, orders)
    return IsoSimulator(
        dialect=dialect,
        processor=open_processor(
            settings, callbacks, dialect.profile, native_code=str, word_of=sandbox.word_of
        ),
        member=member,
        rail_key=rail_key,
        participant_key=participant_key,
        sandbox=sandbox,
        payers=payers,
    )


def _asked(transaction: Content) -> SentIsoMessage:
    """The references to the original in an enquiry or cancellation."""
    group = transaction["OrgnlGrpInf"]
    return SentIsoMessage(
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
