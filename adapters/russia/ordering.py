"""The messages with which the simulated SBP orders payments of the switch, and reads its answers.

It writes its own documents and does not use what the adapter reads them with. A transaction has 31 characters
here, and its return the same with an `R` in front.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from adapters.port import Outcome
from adapters.russia import sandbox
from adapters.russia.directory import Bank
from adapters.russia.envelope import (
    MAC_BEGIN,
    NAMESPACE,
    EdId,
    UfebsMessage,
    instant,
    open_own,
    open_sealed,
    root,
    seal,
)
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from adapters.simulation.rail import with_broken_signature
from schemas.identifiers import is_iban
from schemas.money import Money

_PAYER: Final = "\u041f\u0435\u0442\u0440 \u0418\u0432\u0430\u043d\u043e\u0432"
_PURPOSE: Final = "\u043f\u043e\u043c\u043e\u0449\u044c \u0441\u0435\u043c\u044c\u0435"
_PHONE: Final = "79990000001"
_REF: Final = 31
_MOSCOW: Final = timezone(timedelta(hours=3))
_NUMBERS: Final = 99_999_999
_OUTCOMES: Final = {"SETL": Outcome.DONE, "RJCT": Outcome.REFUSED, "NTEX": Outcome.NOT_FOUND}


@dataclass(frozen=True, slots=True)
class SbpOrders:
    """See `OrderMessages`."""

    operator: str
    uid: str
    """The switch's UIS."""
    member: str
    """The switch's id at the clearing centre."""
    bank: Bank
    """The payer's."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str = sandbox.account("").other or ""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: ED702 of the operation CTPH."""
        ref, identity = wish.id[:_REF], self._identity(wish.made_at, int(wish.id, 16))
        document = self._document("ED702", identity, {
            "TransactionID": ref,
            "Sum": str(wish.amount.minor),
            "TransKind": "01",
            "TransDateTime": instant(wish.made_at),
            "PaymentID": ref,
            "PaymentCategory": "FREE",
            "CodePurpose": "FAMI",
            "OperationType": "CTPH",
            "ChargeBearer": "SLEV",
        })  # fmt: skip
        payer = _party(document, "Payer", _PAYER, ("BBAN", self.payer), "RU")
        _add(payer, "PhoneNumber").text = _PHONE
        _add(payer, "Bank", BIC=self.bank.bik, CorrespAcc=self.bank.account, ClrSysMmbId=self.bank.uid)
        kind = "EPID" if "@" in wish.account else "IBAN" if is_iban(wish.account) else "BBAN"
        payee = _party(document, "Payee", wish.payee, (kind, wish.account), wish.bank[4:6])
        _add(payee, "Bank", SwiftBIC=wish.bank, ClrSysMmbId=self.member)
        quote = wish.quote and f"{{QT{wish.quote}}} "
        _add(document, "Purpose").text = f"{quote}{_PURPOSE}"
        _add(document, "InstructedAmount", Amount=str(wish.amount.minor), Currency=wish.amount.currency)
        return ref, self._seal(document, identity, wish.made_at, ref, wish.expires_at)

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        sent = open_own(order)
        document, identity = sent.document, self._identity(sent.created_at, uuid4().int)
        for name, value in {**identity.attributes, "Sum": str(amount.minor)}.items():
            document.set(name, value)
        _find(document, "InstructedAmount").set("Amount", str(amount.minor))
        return self._seal(document, identity, sent.created_at, sent.about, sent.expires_at)

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order, MAC_BEGIN)

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: ED202."""
        sent, now = open_own(order), datetime.now(UTC)
        identity = self._identity(now, uuid4().int)
        document = self._document("ED202", identity, {"EDInquiryCode": "RSTS"})
        _add(document, "EDRefID", **EdId.of(sent.document).attributes)
        return self._seal(document, identity, now, sent.about)

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: a return order, ED702 of the operation CTRT."""
        sent, now = open_own(order), datetime.now(UTC)
        document, identity = sent.document, self._identity(now, uuid4().int)
        original = EdId.of(document)
        changes = {
            **identity.attributes,
            "TransactionID": f"R{sent.about}",
            "PaymentID": sent.about,
            "TransDateTime": instant(now),
            "OperationType": "CTRT",
        }
        for name, value in changes.items():
            document.set(name, value)
        _add(document, "EDRefID", **original.attributes)
        return self._seal(document, identity, now, f"R{sent.about}")

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: ED243."""
        now = datetime.now(UTC)
        identity = self._identity(now, uuid4().int)
        document = self._document("ED243", identity, {"EDDefineRequestCode": "01"})
        _add(document, "OriginalEPD", **identity.attributes)
        asked = _add(document, "EDDefineRequestInfo")
        fields = {
            "PayeeAccount": wish.account,
            "PayeeBank": wish.bank,
            "Sum": str(wish.amount.minor),
            "CodePurpose": "FAMI",
        }
        for name, value in fields.items():
            field = _add(asked, "EDFieldList")
            _add(field, "FieldNo").text = name
            _add(field, "FieldValue").text = value
        return self._seal(document, identity, now, "")

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - the message says it
        """See `OrderMessages.read_payee`: ED244."""
        (document,) = open_sealed(raw, self.participant_key).elements
        return document.findtext("{*}EDDefineAnswerInfo/{*}PayeeLongName") or None

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: the field `QuoteID`."""
        (document,) = open_sealed(raw, self.participant_key).elements
        for field in document.iterfind("{*}EDDefineAnswerInfo/{*}EDFieldList"):
            if field.findtext("{*}FieldNo") == "QuoteID":
                return field.findtext("{*}FieldValue") or ""
        return ""

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: ED706 or ED705; ED201 is a receipt."""
        (document,) = open_sealed(raw, self.participant_key).elements
        kind = etree.QName(document).localname
        if kind == "ED201":
            return None
        ref, code = document.get("TransactionID", ""), document.get("CtrlCode", "")
        outcome = Outcome.DONE
        if kind == "ED705":
            outcome = _OUTCOMES.get(document.get("StatusStateCode", ""), Outcome.PENDING)
        return SwitchSaid(ref[-_REF:], outcome, code, reversal=len(ref) > _REF)

    def _identity(self, at: datetime, serial: int) -> EdId:
        number = 1 + serial % _NUMBERS
        return EdId(number, at.astimezone(_MOSCOW).date().isoformat(), self.operator)

    def _document(self, tag: str, identity: EdId, attributes: dict[str, str]) -> Element:
        return root(NAMESPACE, tag, {**identity.attributes, "EDReceiver": self.uid, **attributes})

    def _seal(
        self, document: Element, identity: EdId, at: datetime, about: str, expires_at: datetime | None = None
    ) -> bytes:
        message = UfebsMessage(
            sender=self.operator,
            receiver=self.uid,
            id=identity.text,
            about=about,
            created_at=at,
            documents=[document],
            expires_at=expires_at,
        )
        return seal(message, self.rail_key)


def _party(document: Element, tag: str, name: str, account: tuple[str, str], country: str) -> Element:
    """A person with an account: its type and number."""
    party = _add(document, tag)
    _add(_add(party, "PersonInfo"), "PersonName").text = name
    _add(party, "AccountInfo", AccountType=account[0], AccountValue=account[1])
    _add(party, "CountryOfResidence").text = country
    return party


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)


def _find(parent: Element, tag: str) -> Element:
    found = parent.find(f"{{{NAMESPACE}}}{tag}")
    assert found is not None
    return found
