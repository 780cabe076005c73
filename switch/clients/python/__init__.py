"""The Python client: send payments and other ISO 20022 messages, learn their outcome, follow events.

    with Client("https://switch.example", key=SigningKey.from_file("asha-bank-1", "key.pem")) as client:
        document = credit_transfer(
            debtor_agent="ASHAINBB", debtor="Asha Rao", debtor_account="50100012345678",
            creditor_agent="INDUPKKA", creditor="Bilal Khan", creditor_account="PK60SAND0000000000000001",
            amount="1000.00", currency="INR",
        )
        state = client.pay(document, wait=10)

The UETR is generated before anything is sent, and a retry sends the same bytes again, so no network failure
can pay twice. An unknown outcome (the problem `outcome-unknown`, or a lost connection) is resolved in the
same way. `NoAnswer` means that the outcome is still unknown: read the payment, or send the same document
again; a new UETR would be a new payment.

Beside the switch it is `switch.clients.python`; installed alone, `payswitch_client`. It imports nothing of
the switch, only httpx and cryptography.
"""

from .answers import verify_answer
from .client import AsyncClient, Client
from .events import Event
from .messages import (
    FINAL,
    Amount,
    Message,
    PaymentState,
    accounts_request,
    credit_transfer,
    investigation,
    investigation_answer,
    payment_return,
    recall,
    recall_refusal,
    request_to_pay,
    request_to_pay_answer,
    status_request,
    verification,
)
from .problems import (
    BooksFrozen,
    Changed,
    CursorAhead,
    DuplicateUetr,
    EffectChanged,
    InvalidAmount,
    InvalidMessage,
    InvalidParameter,
    MessageTooLarge,
    NoAnswer,
    NotAcceptable,
    NotAllowed,
    NotAuthentic,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    RequestRefused,
    Restoring,
    SwitchError,
    TooManyRequests,
    Unavailable,
    UnsupportedRepresentation,
)
from .signing import Signer, SigningKey
from .webhooks import NotVerified, verify_webhook

__all__ = [
    "FINAL",
    "Amount",
    "AsyncClient",
    "BooksFrozen",
    "Changed",
    "Client",
    "CursorAhead",
    "DuplicateUetr",
    "EffectChanged",
    "Event",
    "InvalidAmount",
    "InvalidMessage",
    "InvalidParameter",
    "Message",
    "MessageTooLarge",
    "NoAnswer",
    "NotAcceptable",
    "NotAllowed",
    "NotAuthentic",
    "NotFound",
    "NotVerified",
    "OutcomeUnknown",
    "Overloaded",
    "PaymentState",
    "Refused",
    "RequestRefused",
    "Restoring",
    "Signer",
    "SigningKey",
    "SwitchError",
    "TooManyRequests",
    "Unavailable",
    "UnsupportedRepresentation",
    "accounts_request",
    "credit_transfer",
    "investigation",
    "investigation_answer",
    "payment_return",
    "recall",
    "recall_refusal",
    "request_to_pay",
    "request_to_pay_answer",
    "status_request",
    "verification",
    "verify_answer",
    "verify_webhook",
]
