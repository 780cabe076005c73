"""The calls with which the simulated operator orders payments of the switch, and reads its answers.

It writes its own bodies and does not use what the adapter reads them with. A payment abroad begins with
`execute`: what `check` and `create` say is only shown to the payer.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import called, json_text
from adapters.called import CalledRequest
from adapters.kyrgyzstan import elqr, sandbox
from adapters.kyrgyzstan.signing import open_signed, sign_request
from adapters.port import Outcome
from adapters.simulation.payers import PaymentAbroad, SwitchSaid
from adapters.simulation.rail import with_broken_signature
from schemas.money import Money

_ROOT: Final = "/in/qr/1/tx"
_PAYER: Final = "Aibek Asanov"
_NOBODY: Final = 452
_STATUSES: Final = {20: Outcome.PENDING, 30: Outcome.REFUSED, 50: Outcome.DONE}


@dataclass(frozen=True, slots=True)
class ElqrOrders:
    """See `OrderMessages`. A message is a call: method, path, `H-HASH` and body."""

    provider: str
    """The switch's."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payer: str = sandbox.account("").other or ""

    def order(self, wish: PaymentAbroad) -> tuple[str, bytes]:
        """See `OrderMessages.order`: `execute`."""
        return wish.id, self._call("POST", f"execute/{wish.id}", self.body(wish))

    def body(self, wish: PaymentAbroad) -> dict[str, Any]:
        """The body of `create` and `execute`."""
        name = " ".join(wish.payee.split())[:25].rstrip()
        extra = {
            "senderName": _PAYER,
            "senderAccount": self.payer,
            "senderBank": self.payer[:6],
            "recipientName": name,
            "recipientBank": wish.bank,
            "comment": "for the family",
            "purpose": "FAMI",
            "endToEndId": wish.id[:20],
            "expiresAt": _instant(wish.expires_at),
            **({"quoteId": wish.quote} if wish.quote else {}),
        }
        return {
            "qrType": "staticQr",
            "merchantProvider": self.provider,
            "serviceId": "1",
            "beneficiaryAccountNumber": wish.account,
            "merchantCode": 6538,
            "currencyCode": "417",
            "customerType": "1",
            "amount": wish.amount.minor,
            "qrLinkHash": self._hash(wish.account, name, wish.amount.minor),
            "pspTransactionId": wish.id,
            "transactionType": 10,
            "createdDate": _instant(wish.made_at),
            "extra": [{"key": key, "value": value} for key, value in extra.items()],
        }

    def payee_query(self, wish: PaymentAbroad) -> bytes:
        """See `OrderMessages.payee_query`: `create` of a transaction that may be executed later."""
        return self._call("POST", "create", self.body(wish))

    def read_payee(self, status: int, raw: bytes) -> str | None:
        """See `OrderMessages.read_payee`: HTTP 452 says that nobody has it."""
        if status == _NOBODY:
            return None
        return json_text.text_of(open_signed(raw, self.participant_key), "beneficiaryName")

    def read_quote(self, raw: bytes) -> str:
        """See `QuotingMessages.read_quote`: `quoteId` in `extra`."""
        parts = open_signed(raw, self.participant_key).get("extra", [])
        return next((part["value"] for part in parts if part["key"] == "quoteId"), "")

    def altered(self, order: bytes, amount: Money) -> bytes:
        """See `OrderMessages.altered`."""
        ref, body = self._read(order)
        name = next(part["value"] for part in body["extra"] if part["key"] == "recipientName")
        link = self._hash(body["beneficiaryAccountNumber"], name, amount.minor)
        return self._call("POST", f"execute/{ref}", {**body, "amount": amount.minor, "qrLinkHash": link})

    def damaged(self, order: bytes) -> bytes:
        """See `OrderMessages.damaged`."""
        return with_broken_signature(order, b"h-hash: ")

    def enquiry(self, order: bytes) -> bytes:
        """See `OrderMessages.enquiry`: `get`."""
        return self._call("GET", f"get/{self._read(order)[0]}")

    def reversal(self, order: bytes) -> bytes:
        """See `OrderMessages.reversal`: `cancel`."""
        return self._call("POST", f"cancel/{self._read(order)[0]}", {})

    def read(self, raw: bytes) -> SwitchSaid | None:
        """See `OrderMessages.read`: a status, in a response or in `update`."""
        said = open_signed(raw, self.participant_key)
        ref, code = json_text.text_of(said, "pspTransactionId"), said.get("reason", "")
        if "cancelStatus" in said:
            outcome = _STATUSES.get(said["cancelStatus"], Outcome.PENDING)
            return SwitchSaid(ref, outcome, code, reversal=True)
        if "status" not in said:
            return SwitchSaid(ref, Outcome.NOT_FOUND)
        return SwitchSaid(ref, _STATUSES.get(said["status"], Outcome.PENDING), code)

    def _read(self, order: bytes) -> tuple[str, dict[str, Any]]:
        request = called.read(order)
        assert request is not None
        return request.path.rpartition("/")[2], json_text.parse(request.body)

    def _hash(self, account: str, name: str, minor: int) -> str:
        return elqr.write(elqr.Payload(self.provider, "1", account, "6538", name, minor))[-4:]

    def _call(self, method: str, step: str, body: dict[str, Any] | None = None) -> bytes:
        path, octets = f"{_ROOT}/{step}", b"" if body is None else json_text.write(body)
        request = CalledRequest(method, path, body=octets)
        return replace(request, headers={"h-hash": sign_request(path, octets, self.rail_key)}).written()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
