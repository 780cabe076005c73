"""The requests with which the simulated processing orders payments of the switch, and reads its answers.

It writes its own requests and does not use what the adapter reads them with.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import json_text
from adapters.port import Outcome
from adapters.signed_json import sign, verify
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from adapters.simulation.rail import with_broken_signature
from adapters.uzbekistan import sandbox
from schemas.errors import InvalidMessage
from schemas.money import Money

_TASHKENT: Final = timezone(timedelta(hours=5))
_NOT_RECEIVED: Final = -1001
_OUTCOMES: Final = {"OK": Outcome.DONE, "REFUSED": Outcome.REFUSED}
_OF_REVERSALS: Final = {"REVERSED": Outcome.DONE, "NOT_REVERSED": Outcome.REFUSED}
Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SvGateOrders:
    """See `OrderMessages`."""

    merchant: str
    terminal: str
    """The switch's ids at the processing."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str = sandbox.account("").other or ""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: `p2p.universal.credit`."""
        ext, local = wish.id, wish.made_at.astimezone(_TASHKENT)
        credit = {
            "amount": wish.amount.minor,
            "currency": "860",
            "ext": ext,
            "merchantId": self.merchant,
            "terminalId": self.terminal,
            "recipient": wish.account,
            "bank": wish.bank,
            "recipientName": wish.payee,
            "sender": {
                "id": self.payer,
                "legalName": "SANDBOX BANK",
                "system": "sandbox",
                "lastName": "KARIMOV",
                "firstName": "ALISHER",
                "refNum": f"{local.year % 10}{local:%j%H}{int(ext, 16) % 10**6:06}",
                "bank": sandbox.BANK,
            },
            "date12": f"{local:%y%m%d%H%M%S}",
            "purpose": "for the family",
            "purposeCode": "FAMI",
            "endToEndId": ext,
            "expiresAt": _instant(wish.expires_at),
            **({"quoteId": wish.quote} if wish.quote else {}),
        }
        return ext, self._signed("p2p.universal.credit", ext, {"credit": credit})

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        credit = _credit(order)
        return self._signed(
            "p2p.universal.credit", credit["ext"], {"credit": {**credit, "amount": amount.minor}}
        )

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order, b'"sign":"')

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: `trans.ext`."""
        ext = _credit(order)["ext"]
        return self._signed("trans.ext", f"{ext}.trans.ext", {"ext": ext})

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: `trans.reverse`."""
        ext = _credit(order)["ext"]
        return self._signed("trans.reverse", f"{ext}.trans.reverse", {"ext": ext})

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: `p2p.info`."""
        stated = {"amount": wish.amount.minor, "currency": "860", "purposeCode": "FAMI"}
        return self._signed("p2p.info", uuid4().hex, {"account": wish.account, "bank": wish.bank, **stated})

    def read_payee(self, status: int, raw: bytes) -> str | None:  # noqa: ARG002 - the message says it
        """See `OrderMessages.read_payee`: the result, or an error if nobody has it."""
        result = verify(json_text.parse(raw), self.participant_key).get("result")
        return None if result is None else json_text.text_of(result, "owner")

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: `quoteId` beside the price."""
        price = json_text.parse(raw).get("result", {}).get("credit", {})
        return str(price.get("quoteId", ""))

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: a state, in a response or in `trans.notify`."""
        content = verify(json_text.parse(raw), self.participant_key)
        error = content.get("error")
        if error is not None:
            outcome = Outcome.NOT_FOUND if error["code"] == _NOT_RECEIVED else Outcome.PENDING
            return SwitchSaid(error["data"]["ext"], outcome, str(error["code"]))
        said = content["params"] if content.get("method") == "trans.notify" else content.get("result")
        if not isinstance(said, dict):
            raise InvalidMessage("says nothing about an order")
        status, code = said["status"], said.get("code", "")
        if status in _OF_REVERSALS:
            return SwitchSaid(said["ext"], _OF_REVERSALS[status], code, reversal=True)
        return SwitchSaid(said["ext"], _OUTCOMES.get(status, Outcome.PENDING), code)

    def _signed(self, method: str, request_id: str, params: Content) -> bytes:
        content = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        return json_text.write(sign(content, self.rail_key))


def _credit(order: bytes) -> Content:
    credit: Content = json_text.parse(order)["params"]["credit"]
    return credit


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
