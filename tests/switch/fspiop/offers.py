"""An offer as a bridge makes it, for tests that have its secret."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.simulation.magic import magic_account
from switch.fspiop import ilp
from tests.switch.fspiop.dfsp import Dfsp, ulid

PAYEE = magic_account("PK", "")


def offer_of(dfsp: Dfsp, secret: bytes) -> dict[str, Any]:
    """An offer as the bridge makes it, with its secret."""
    quote = dfsp.quote("indus-bank", "IBAN", PAYEE)["CdtTrfTxInf"]
    sides = {
        party: {
            "partyIdInfo": {"partyIdType": kind, "partyIdentifier": identifier, "fspId": fsp},
            "party": {"Nm": name},
            "account": {"Id": {"Othr": {"Id": identifier}}},
            "bic": "ASHAINBB",
        }
        for party, kind, identifier, fsp, name in (
            ("payee", "IBAN", PAYEE, "indus-bank", "Bilal Khan"),
            ("payer", "ACCOUNT_ID", "50100012345678", "asha-dfsp", "Asha Rao"),
        )
    }
    terms = {
        **sides,
        "quoteId": ulid(),
        "quotedAt": "2026-11-23T10:14:00.000Z",
        "amount": {"currency": "INR", "amount": "100.00"},
        "payeeReceiveAmount": {"currency": "PKR", "amount": "328.35"},
        "amountType": "SEND",
    }
    packet = ilp.make(secret, terms, 10000, datetime.now(UTC) + timedelta(seconds=60))
    return quote | {"VrfctnOfTerms": {"IlpV4PrepPacket": packet}}
