"""The messages with which a simulated rail of ISO 20022 orders payments of the switch, and reads its answers.

It writes its own pacs.008 and does not use what the adapter reads it with.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.iso20022 import envelope
from adapters.iso20022.dialect import Content, IsoDialect, IsoParticipant
from adapters.iso20022.envelope import IsoHeader
from adapters.port import Outcome
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from adapters.simulation.rail import with_broken_signature
from schemas import parties
from schemas.money import Money

_PAYER: Final = "Bilal Khan"
_NOT_RECEIVED: Final = "AG09"


@dataclass(frozen=True, slots=True)
class IsoOrders:
    """See `OrderMessages`."""

    dialect: IsoDialect
    member: IsoParticipant
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str
    """An IBAN at `bank`."""
    bank: str
    """The member id of the payer's bank."""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: a pacs.008 of the payer's bank to us."""
        local = wish.made_at.astimezone(self.dialect.zone)
        ref = f"{self.bank[:4]}{local:%y%m%d%H%M%S}{wish.id[:15]}"
        message = f"{self.bank}{ref[4:]}"
        group: Content = {
            "MsgId": message,
            "CreDtTm": local.isoformat(timespec="seconds")[:19],
            "NbOfTxs": "1",
            "SttlmInf": {"SttlmMtd": "CLRG"},
        }
        document = {"FIToFICstmrCdtTrf": {"GrpHdr": group, "CdtTrfTxInf": [self._transaction(ref, wish)]}}
        return ref, self._seal(message, "credit_transfer", document, wish.made_at)

    def _transaction(self, ref: str, wish: PaymentAbroad) -> Content:
        amount = {"Ccy": wish.amount.currency, "Amt": wish.amount.text}
        local = wish.expires_at.astimezone(self.dialect.zone)
        institution: Content = {"BICFI": wish.bank}
        if wish.member:
            institution["ClrSysMmbId"] = {"MmbId": wish.member}
        return {
            "PmtId": {"InstrId": ref, "EndToEndId": wish.id, "TxId": ref},
            "IntrBkSttlmAmt": amount,
            "IntrBkSttlmDt": local.date().isoformat(),
            "SttlmTmReq": {"RjctTm": local.timetz().isoformat(timespec="seconds")},
            "ChrgBr": "DEBT",
            "InstgAgt": _agent(self.bank),
            "InstdAgt": _agent(self.member.bic),
            "Dbtr": {"Nm": _PAYER},
            "DbtrAcct": parties.build_account(parties.named_account(self.payer)),
            "DbtrAgt": _agent(self.bank),
            "CdtrAgt": {"FinInstnId": institution},
            "Cdtr": {"Nm": wish.payee},
            "CdtrAcct": parties.build_account(parties.named_account(wish.account)),
            "Purp": {"Cd": "FAMI"},
            "RmtInf": {"Ustrd": ["for the family"]},
        }

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        sealed = envelope.open_stored(self.dialect.envelope, order)
        content = sealed.content
        (transaction,) = content["CdtTrfTxInf"]
        changed = {**transaction, "IntrBkSttlmAmt": {"Ccy": amount.currency, "Amt": amount.text}}
        document = {"FIToFICstmrCdtTrf": {**content, "CdtTrfTxInf": [changed]}}
        return self._seal(uuid4().hex, "credit_transfer", document, sealed.header.created_at)

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order)

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: pacs.028."""
        message = uuid4().hex
        transaction = {"OrgnlGrpInf": self._group(order), **self._references(order)}
        document = {
            "FIToFIPmtStsReq": {"GrpHdr": {"MsgId": message, "CreDtTm": self._now()}, "TxInf": [transaction]}
        }
        return self._seal(message, "status_request", document, datetime.now(UTC))

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: camt.056."""
        message = uuid4().hex
        assignment = {
            "Id": message,
            "Assgnr": {"Agt": _agent(self.member.operator)},
            "Assgne": {"Agt": _agent(self.member.bic)},
            "CreDtTm": self._now(),
        }
        transaction = {
            "CxlId": message,
            "OrgnlGrpInf": self._group(order),
            **self._references(order),
            "CxlRsnInf": [{"Rsn": {"Cd": "CUST"}}],
        }
        document = {"FIToFIPmtCxlReq": {"Assgnmt": assignment, "Undrlyg": [{"TxInf": [transaction]}]}}
        return self._seal(message, "cancellation", document, datetime.now(UTC))

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: acmt.023, which has no place for an amount."""
        message = uuid4().hex
        assignment = {
            "MsgId": message,
            "CreDtTm": self._now(),
            "Assgnr": {"Agt": _agent(self.member.operator)},
            "Assgne": {"Agt": _agent(self.member.bic)},
        }
        asked = {
            "Acct": parties.build_account(parties.named_account(wish.account)),
            "Agt": {"FinInstnId": {"BICFI": wish.bank}},
        }
        content = {"Assgnmt": assignment, "Vrfctn": [{"Id": message, "PtyAndAcctId": asked}]}
        return self._seal(message, "verification_request", {"IdVrfctnReq": content}, datetime.now(UTC))

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - the message says it
        """See `OrderMessages.read_payee`: acmt.024."""
        sealed = envelope.open_sealed(self.dialect.envelope, raw, self.participant_key)
        (report,) = sealed.content["Rpt"]
        return report["UpdtdPtyAndAcctId"].get("Pty", {}).get("Nm", "") if report["Vrfctn"] else None

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: pacs.002 or camt.029."""
        sealed = envelope.open_sealed(self.dialect.envelope, raw, self.participant_key)
        if sealed.header.definition == self.dialect.versions.resolution:
            (part,) = sealed.content["CxlDtls"]
            (details,) = part["TxInfAndSts"]
            status = sealed.content["Sts"]["Conf"]
            outcome = {"CNCL": Outcome.DONE, "RJCR": Outcome.REFUSED}.get(status, Outcome.PENDING)
            return SwitchSaid(details["OrgnlTxId"], outcome, status, reversal=True)
        (report,) = sealed.content["TxInfAndSts"]
        reasons = report.get("StsRsnInf", ())
        code = (parties.first_of(reasons[0].get("Rsn")) or "") if reasons else ""
        outcome = {self.dialect.accepted: Outcome.DONE, "RJCT": Outcome.REFUSED}.get(
            report["TxSts"], Outcome.PENDING
        )
        if outcome is Outcome.REFUSED and code == _NOT_RECEIVED:
            outcome = Outcome.NOT_FOUND
        return SwitchSaid(report["OrgnlTxId"], outcome, code)

    def _references(self, order: bytes) -> Content:
        (transaction,) = envelope.open_stored(self.dialect.envelope, order).content["CdtTrfTxInf"]
        ids = transaction["PmtId"]
        return {f"Orgnl{tag}": ids[tag] for tag in ("InstrId", "EndToEndId", "TxId")}

    def _group(self, order: bytes) -> Content:
        sealed = envelope.open_stored(self.dialect.envelope, order)
        return {"OrgnlMsgId": sealed.content["GrpHdr"]["MsgId"], "OrgnlMsgNmId": sealed.header.definition}

    def _now(self) -> str:
        return parties.instant_text(datetime.now(self.dialect.zone))

    def _seal(self, message: str, kind: str, document: Any, at: datetime) -> bytes:
        definition: str = getattr(self.dialect.versions, kind)
        sender = self.bank if kind == "credit_transfer" else self.member.operator
        header = IsoHeader(sender, self.member.bic, message, definition, at)
        return envelope.seal(envelope.write(self.dialect.envelope, header, document), self.rail_key, at)


def _agent(member: str) -> Content:
    return {"FinInstnId": {"ClrSysMmbId": {"MmbId": member}}}
