"""The operator's JSON: builds orders and parses responses. Pure.

Observed: the fields of `check` and of `update`, whole tyiyn, the four digits of the QR link's checksum.
Profile: `extra` with the originator and the expiry; in responses `pspTransactionId`, `amount` and `reason`,
without which a push could not be assigned to a payment.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.json_text import integer_of, text_of
from adapters.kyrgyzstan import elqr
from adapters.kyrgyzstan.codes import outcome_of
from adapters.kyrgyzstan.profile import PROFILE
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.text import clean
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import CreditTransfer
from schemas.reasons import Reason

ROOT: Final = "/psp/api/v1/payment/qr/1/tx"
CATEGORY: Final = "6538"
SERVICE: Final = "1"
CURRENCY: Final = "417"
PERSON_TO_PERSON: Final = 10


def check(order: Order) -> Sequence[Violation]:
    """Every reason why the rail cannot carry the order."""
    found = amounts.check(order, PROFILE)
    if recipient_of(order.payment) is None:
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
                *creditor.refusal(order.payment.creditor_account, PROFILE.creditor),
            )
        )
    if not _name(order.payment.debtor.name):
        found.append(Violation(Reason.MISSING_DEBTOR_NAME, "CdtTrfTxInf/Dbtr/Nm", "a name is required"))
    if not _name(order.payment.creditor.name):
        found.append(Violation(Reason.MISSING_CREDITOR_NAME, "CdtTrfTxInf/Cdtr/Nm", "a name is required"))
    if order.expires_at <= order.made_at:
        found.append(Violation(Reason.INVALID_DATE, "CdtTrfTxInf/SttlmTmReq", "expires before its creation"))
    return found


def recipient_of(payment: CreditTransfer) -> str | None:
    """The account of 16 digits, or the phone in the rail's format; None if neither is given."""
    found = creditor.find(payment.creditor_account, PROFILE.creditor)
    return None if found is None else found.value


def create(order: Order, provider: str) -> dict[str, Any]:
    """The body of `create`; `execute` then refers to the same transaction."""
    payment = order.payment
    recipient = recipient_of(payment)
    assert recipient is not None, "orders are checked before they are translated"
    name = _name(payment.creditor.name)
    link = elqr.write(elqr.Payload(provider, SERVICE, recipient, CATEGORY, name, order.amount.minor))
    extra = {
        "senderName": _name(payment.debtor.name),
        "senderAccount": (payment.debtor_account and payment.debtor_account.id) or "",
        "senderCountry": payment.debtor.country or (payment.debtor_agent.bic or "")[4:6],
        "senderBank": payment.debtor_agent.bic or payment.debtor_agent.member_id or "",
        "recipientName": name,
        "comment": clean(payment.remittance or "", PROFILE.characters.remittance_max),
        "purpose": payment.purpose or "",
        "endToEndId": payment.end_to_end_id,
        "expiresAt": timestamp(order.expires_at),
    }
    return {
        "qrType": "staticQr",
        "merchantProvider": provider,
        "serviceId": SERVICE,
        "beneficiaryAccountNumber": recipient,
        "merchantCode": int(CATEGORY),
        "currencyCode": CURRENCY,
        "customerType": "1",
        "amount": amounts.units(order.amount),
        "qrLinkHash": link[-4:],
        "pspTransactionId": uetrs.to_hex(payment.uetr),
        "receiptId": f"{order.made_at.astimezone(UTC):%y%m%d%H%M%S}{order.serial:08}",
        "transactionType": PERSON_TO_PERSON,
        "createdDate": timestamp(order.made_at),
        "extra": [{"key": key, "value": value} for key, value in extra.items() if value],
    }


def check_request(account: str, provider: str) -> dict[str, Any]:
    """The body of `check`: a request for the owner of an account or phone."""
    link = elqr.write(elqr.Payload(provider, SERVICE, account, CATEGORY, "check"))
    return {
        "qrType": "staticQr",
        "merchantProvider": provider,
        "serviceId": SERVICE,
        "beneficiaryAccountNumber": account,
        "merchantCode": int(CATEGORY),
        "currencyCode": CURRENCY,
        "customerType": "1",
        "amount": PROFILE.limits.minimum_minor,
        "qrLinkHash": link[-4:],
        "extra": [],
    }


def read_answer(content: dict[str, Any], *, enquired: bool = False) -> Answer:
    """The response to `create`, `execute` or `get`, or a push of `update`.

    Raises:
        InvalidMessage: a member is missing or malformed.

    """
    ref = text_of(content, "pspTransactionId")
    status = integer_of(content, "status")
    outcome, reason = outcome_of(status, content.get("reason") or "", enquired=enquired)
    return Answer(
        ref=ref,
        outcome=outcome,
        uetr=uetrs.from_hex(ref),
        rail_code=str(status),
        reason=reason,
        amount=_amount(content) if outcome is Outcome.DONE else None,
        rail_reference=content.get("transactionId") or None,
    )


def read_payee(content: dict[str, Any], account: str) -> Payee:
    """The response to `check`; for a phone it contains the account.

    Raises:
        InvalidMessage: a member is missing or malformed.

    """
    named = text_of(content, "account") if "account" in content else account
    return Payee(named, text_of(content, "bankCode"), text_of(content, "beneficiaryName"))


def timestamp(at: datetime) -> str:
    """UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read_timestamp(text: str) -> datetime:
    """Parse an instant.

    Raises:
        InvalidMessage: not UTC with milliseconds.

    """
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not an instant in UTC") from None


def _amount(content: dict[str, Any]) -> Money:
    return amounts.of_units(integer_of(content, "amount"), PROFILE.currency, path="amount")


def _name(text: str | None) -> str:
    return clean(text or "", PROFILE.characters.name_max)
