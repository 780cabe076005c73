"""The messages with which the simulated UPI orders payments of the switch, and reads its answers.

It writes its own ReqPay and does not use what the adapter reads it with.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml.etree import _Element as Element

from adapters.india import messages
from adapters.india.messages import IST, add, attribute, one, root_of, timestamp
from adapters.port import Outcome
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from adapters.simulation.rail import with_broken_signature
from adapters.xml import parse
from schemas.money import Money
from schemas.signing.xmldsig import sign_enveloped, verify_enveloped

PAYER: Final = "bilal@okbank"
_NAME: Final = "Bilal Khan"
_OPERATOR: Final = "NPCI"
_PREFIX: Final = "NPC"
_IFSC: Final = "OKBK0000001"
_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_NOT_FOUND: Final = "NO"


@dataclass(frozen=True, slots=True)
class UpiOrders:
    """See `OrderMessages`."""

    handle: str
    """The switch's."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str = PAYER

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: a ReqPay of type CREDIT."""
        ref, at = _PREFIX + wish.id, timestamp(wish.made_at)
        root = root_of("ReqPay", _OPERATOR, _PREFIX + wish.id[::-1], at)
        add(add(root, "Meta"), "Tag", name="PAYREQSTART", value=at)
        local = wish.made_at.astimezone(IST)
        reference = f"{local.year % 10}{local:%j%H}{int(wish.id, 16) % 10**6:06}"
        txn = add(root, "Txn", id=ref, note="for the family", custRef=reference, refId=reference)
        for name, value in (("ts", at), ("type", "CREDIT"), ("purpose", "00"), ("initiationMode", "00")):
            txn.set(name, value)
        minutes = max(1, int((wish.expires_at - wish.made_at).total_seconds()) // 60)
        add(add(txn, "Rules"), "Rule", name="EXPIREAFTER", value=str(minutes))
        payer = add(root, "Payer", addr=self.payer, name=_NAME, seqNum="1", type="PERSON", code="0000")
        account = add(payer, "Ac", addrType="ACCOUNT")
        for name, value in (("IFSC", _IFSC), ("ACTYPE", "SAVINGS"), ("ACNUM", "1234567890")):
            add(account, "Detail", name=name, value=value)
        add(payer, "Amount", value=wish.amount.text, curr=wish.amount.currency)
        address = f"{wish.account}.{wish.bank[:8]}@{self.handle}"
        payee = add(add(root, "Payees"), "Payee", addr=address, name=wish.payee, seqNum="1", type="PERSON")
        add(payee, "Amount", value=wish.amount.text, curr=wish.amount.currency)
        if wish.quote:
            add(payee, "Fx", quoteId=wish.quote)
        return ref, self._signed(root)

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        root = parse(order)
        for signature in root.findall(_SIGNATURE):
            root.remove(signature)
        for each in (*root.findall("Payer/Amount"), *root.findall("Payees/Payee/Amount")):
            each.set("value", amount.text)
        return self._signed(root)

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order)

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: ReqChkTxn."""
        txn, now = one(parse(order), "Txn"), timestamp(datetime.now(UTC))
        root = root_of("ReqChkTxn", _OPERATOR, _PREFIX + uuid4().hex, now)
        asked = add(root, "Txn", id=_PREFIX + uuid4().hex, ts=now, type="ChkTxn")
        asked.set("orgTxnId", attribute(txn, "id"))
        asked.set("orgRrn", attribute(txn, "custRef"))
        asked.set("orgTxnDate", attribute(txn, "ts"))
        return self._signed(root)

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: ReqRev."""
        original, now = parse(order), timestamp(datetime.now(UTC))
        txn = one(original, "Txn")
        root = root_of("ReqRev", _OPERATOR, _PREFIX + uuid4().hex, now)
        asked = add(root, "Txn", id=_PREFIX + uuid4().hex, note="reversal", ts=now, type="REVERSAL")
        asked.set("orgTxnId", attribute(txn, "id"))
        amount = one(one(original, "Payer"), "Amount")
        add(root, "Amount", value=attribute(amount, "value"), curr=attribute(amount, "curr"))
        return self._signed(root)

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: ReqValAdd."""
        now = timestamp(datetime.now(UTC))
        root = root_of("ReqValAdd", _OPERATOR, _PREFIX + uuid4().hex, now)
        add(root, "Txn", id=_PREFIX + uuid4().hex, ts=now, type="ValAdd")
        address = f"{wish.account}.{wish.bank[:8]}@{self.handle}".lower()
        payee = add(root, "Payee", addr=address, seqNum="1")
        add(payee, "Amount", value=wish.amount.text, curr=wish.amount.currency)
        return self._signed(root)

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - the message says it
        """See `OrderMessages.read_payee`: RespValAdd."""
        root = parse(raw)
        verify_enveloped(root, self.participant_key)
        resp = one(root, "Resp")
        return attribute(resp, "maskName") if attribute(resp, "result") == "SUCCESS" else None

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: `Fx/@quoteId`."""
        fx = one(parse(raw), "Resp").find("Fx")
        return "" if fx is None else fx.get("quoteId", "")

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: RespPay, RespChkTxn or RespRev; an Ack is a receipt."""
        root = parse(raw)
        api = messages.api_of(root)
        if api == "Ack":
            return None
        verify_enveloped(root, self.participant_key)
        txn, resp = one(root, "Txn"), one(root, "Resp")
        ref = attribute(txn, "id" if api == "RespPay" else "orgTxnId")
        line = resp.find("Ref[@type='PAYEE']")
        code = resp.get("errCode") or (line.get("respCode") if line is not None else "") or ""
        result = attribute(resp, "result")
        outcome = {"SUCCESS": Outcome.DONE, "FAILURE": Outcome.REFUSED}.get(result, Outcome.PENDING)
        if api == "RespChkTxn" and resp.get("errCode"):
            outcome = Outcome.NOT_FOUND if code == _NOT_FOUND else Outcome.PENDING
        return SwitchSaid(ref, outcome, code, reversal=api == "RespRev")

    def _signed(self, root: Element) -> bytes:
        return sign_enveloped(root, self.rail_key)
