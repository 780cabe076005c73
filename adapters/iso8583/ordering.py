"""The messages with which a simulated rail of ISO 8583 orders payments of the switch, and reads its answers.

It writes its own 0200 and does not use what the adapter reads it with.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.identifiers import rrn
from adapters.iso8583 import codes, messages, private
from adapters.iso8583.codec import Fields, MacKey, own, pack, unpack, with_broken_mac
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.messages import Iso8583Member
from adapters.iso8583.private import PrivateTag
from adapters.port import Outcome
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from schemas.money import Money

_PAYER: Final = "Farhod Rahimov"
_TERMINAL: Final = "MOBILE01"
_ACCEPTOR: Final = "MOBILEBANKING01"
_ENDS_REVERSAL: Final = {codes.APPROVED: Outcome.DONE, codes.ENDED: Outcome.REFUSED}


@dataclass(frozen=True, slots=True)
class Iso8583Orders:
    """See `OrderMessages`."""

    dialect: Iso8583Dialect
    member: Iso8583Member
    rails: MacKey
    """Seals what the rail sends."""
    members: MacKey
    payer: str
    bank: str
    """The payer's bank: digits."""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: 0200 of the payer's bank."""
        made, local = wish.made_at.astimezone(UTC), wish.made_at.astimezone(self.dialect.zone)
        number = int(wish.id, 16) % messages.STANS
        values = {
            PrivateTag.UETR: wish.id,
            PrivateTag.EXPIRES: private.instant(wish.expires_at),
            PrivateTag.END_TO_END: wish.id[:16],
            PrivateTag.DEBTOR_NAME: _PAYER,
            PrivateTag.DEBTOR_AGENT: self.bank,
            PrivateTag.DEBTOR_ACCOUNT: self.payer,
            PrivateTag.CREDITOR_NAME: wish.payee,
            PrivateTag.CREDITOR_AGENT: wish.bank,
            PrivateTag.CREDITOR_MEMBER: wish.member,
            PrivateTag.PURPOSE: "FAMI",
            PrivateTag.REMITTANCE: "for the family",
            PrivateTag.QUOTE: wish.quote,
        }
        fields = {
            "t": messages.ORDER,
            "3": self.dialect.processing_code,
            "4": messages.wire_amount(wish.amount, self.dialect),
            "7": f"{made:%m%d%H%M%S}",
            "11": f"{number:06}",
            "12": f"{local:%H%M%S}",
            "13": f"{local:%m%d}",
            "32": self.bank,
            "37": rrn(made, number),
            "41": _TERMINAL,
            "42": _ACCEPTOR,
            "48": private.write(values),
            "49": self.dialect.currency,
            "100": self.member.acquirer,
            self.dialect.creditor_field: wish.account,
        }
        return wish.id, self._pack(fields)

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        return self._pack({**own(order, self.dialect), "4": messages.wire_amount(amount, self.dialect)})

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_mac(order)

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: 0201."""
        return self._pack(messages.repeat_of(own(order, self.dialect)))

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: 0420."""
        return self._pack(messages.reversal_of(own(order, self.dialect), datetime.now(UTC), "CUST"))

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: 0100."""
        number, now = int(wish.id, 16), datetime.now(UTC)
        return self._pack(
            {
                **messages.inquiry_fields("", self.member, number, now, self.dialect),
                "4": messages.wire_amount(wish.amount, self.dialect),
                "48": private.write({PrivateTag.CREDITOR_AGENT: wish.bank, PrivateTag.PURPOSE: "FAMI"}),
                "100": self.member.acquirer,
                self.dialect.creditor_field: wish.account,
            }
        )

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - DE39 says it
        """See `OrderMessages.read_payee`: 0110."""
        fields = unpack(raw, self.dialect, self.members)
        approved = fields["39"] == codes.APPROVED
        return private.read(fields["48"])[PrivateTag.CREDITOR_NAME] if approved else None

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: tag 20."""
        fields = unpack(raw, self.dialect, self.members)
        return private.read(fields.get("48", "")).get(PrivateTag.QUOTE, "")

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: 0210, 0211, 0220, 0410 or 0430."""
        fields = unpack(raw, self.dialect, self.members)
        kind, ref, code = fields["t"], messages.read_ref(fields), fields["39"]
        subject = fields["90"][:4] if kind == messages.ADVICE else kind
        if subject[1] == "4":
            return SwitchSaid(ref, _ENDS_REVERSAL.get(code, Outcome.PENDING), code, reversal=True)
        asked = kind == messages.ADVICE or kind[3] == "1"
        outcome, reason = codes.outcome_of(code, fields.get("44", ""), enquired=asked)
        said = Outcome.PENDING if outcome is Outcome.UNKNOWN else outcome
        return SwitchSaid(ref, said, reason or code)

    def _pack(self, fields: Fields) -> bytes:
        return pack(fields, self.dialect, self.rails)
