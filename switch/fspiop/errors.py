"""Error codes of FSPIOP, the refusal of a request, and the code for each ISO reason."""

from collections.abc import Sequence
from enum import UNIQUE, StrEnum, verify
from http import HTTPStatus
from typing import Any, Final

from schemas.reasons import Reason

DESCRIPTION_MAX: Final = 128
_ISO_DESCRIPTION_MAX: Final = 105
_EXTENSIONS_MAX: Final = 16


@verify(UNIQUE)
class ErrorCode(StrEnum):
    """The codes that the bridge answers with."""

    SERVER = "2001"
    NOT_IMPLEMENTED = "2002"
    UNAVAILABLE = "2003"
    BUSY = "2005"
    CLIENT = "3000"
    UNACCEPTABLE_VERSION = "3001"
    UNKNOWN_URI = "3002"
    VALIDATION = "3100"
    MALFORMED = "3101"
    MISSING = "3102"
    TOO_MANY_ELEMENTS = "3103"
    TOO_LARGE = "3104"
    SIGNATURE = "3105"
    MODIFIED = "3106"
    PAYER_FSP = "3202"
    PAYEE_FSP = "3203"
    PARTY = "3204"
    TRANSFER = "3208"
    QUOTE_EXPIRED = "3302"
    TRANSFER_EXPIRED = "3303"
    PAYER = "4000"
    PAYER_LIQUIDITY = "4001"
    PAYER_CURRENCY = "4103"
    PAYER_LIMIT = "4200"
    PAYER_PERMISSION = "4300"
    PAYEE = "5000"
    PAYEE_TRANSACTION_TYPE = "5102"
    PAYEE_REJECTED_QUOTE = "5103"
    PAYEE_REJECTED = "5105"
    PAYEE_CURRENCY = "5106"
    PAYEE_IDENTIFIER = "5107"
    PAYEE_LIMIT = "5200"
    PAYEE_PERMISSION = "5300"
    PAYEE_BLOCKED = "5400"


REASONS: Final[dict[str, ErrorCode]] = {
    Reason.SETTLEMENT_TIMEOUT: ErrorCode.TRANSFER_EXPIRED,
    Reason.TIMEOUT_CREDITOR_AGENT: ErrorCode.TRANSFER_EXPIRED,
    Reason.TIMEOUT_INSTRUCTED_AGENT: ErrorCode.TRANSFER_EXPIRED,
    Reason.INCORRECT_ACCOUNT_NUMBER: ErrorCode.PAYEE_IDENTIFIER,
    Reason.INVALID_DEBTOR_ACCOUNT_NUMBER: ErrorCode.PAYER,
    Reason.INVALID_CREDITOR_ACCOUNT_NUMBER: ErrorCode.PAYEE_IDENTIFIER,
    Reason.CLOSED_ACCOUNT_NUMBER: ErrorCode.PAYEE_IDENTIFIER,
    Reason.BLOCKED_ACCOUNT: ErrorCode.PAYEE_BLOCKED,
    Reason.INVALID_CREDITOR_ACCOUNT_CURRENCY: ErrorCode.PAYEE_CURRENCY,
    Reason.TRANSACTION_FORBIDDEN: ErrorCode.PAYEE_PERMISSION,
    Reason.TRANSACTION_NOT_SUPPORTED: ErrorCode.PAYEE_TRANSACTION_TYPE,
    Reason.INCORRECT_AGENT: ErrorCode.PAYEE_FSP,
    Reason.NOT_ALLOWED_AMOUNT: ErrorCode.PAYEE_LIMIT,
    Reason.NOT_ALLOWED_CURRENCY: ErrorCode.PAYER_CURRENCY,
    Reason.INSUFFICIENT_FUNDS: ErrorCode.PAYER_LIQUIDITY,
    Reason.TOO_LOW_AMOUNT: ErrorCode.PAYEE_LIMIT,
    Reason.WRONG_AMOUNT: ErrorCode.QUOTE_EXPIRED,
    Reason.INVALID_TRANSACTION_CURRENCY: ErrorCode.PAYER_CURRENCY,
    Reason.AMOUNT_EXCEEDS_AGREED_LIMIT: ErrorCode.PAYER_LIMIT,
    Reason.AMOUNT_EXCEEDS_SETTLEMENT_LIMIT: ErrorCode.PAYER_LIMIT,
    Reason.LIMIT_EXCEEDED: ErrorCode.PAYER_LIMIT,
    Reason.INVALID_CREATION_TIME: ErrorCode.TRANSFER_EXPIRED,
    Reason.DUPLICATE_PAYMENT: ErrorCode.MODIFIED,
    Reason.FRAUD: ErrorCode.PAYEE_BLOCKED,
    Reason.BANK_IDENTIFIER_INCORRECT: ErrorCode.PAYEE_FSP,
    Reason.INVALID_CREDITOR_BANK_IDENTIFIER: ErrorCode.PAYEE_FSP,
    Reason.INVALID_CREDITOR_BIC_IDENTIFIER: ErrorCode.PAYEE_FSP,
    Reason.REGULATORY: ErrorCode.PAYEE_PERMISSION,
    Reason.REGULATORY_INFORMATION_INVALID: ErrorCode.PAYEE_PERMISSION,
    Reason.CUT_OFF_TIME: ErrorCode.TRANSFER_EXPIRED,
}
"""ISO reason of a rejection -> the code that a DFSP gets. AM09: the price is no longer that of the quote."""


def code_of(reason: str | None, *, otherwise: ErrorCode = ErrorCode.PAYEE_REJECTED) -> ErrorCode:
    """The code of an ISO reason."""
    return REASONS.get(reason or "", otherwise)


class FspiopProblem(Exception):
    """A request is refused, and nothing was done: an HTTP status, and an error code of FSPIOP."""

    def __init__(
        self,
        code: ErrorCode,
        text: str,
        *,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        more: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.more = more
        """Key and value of each further mistake, or of each supported version."""

    @property
    def document(self) -> dict[str, Any]:
        """The body of the response."""
        information: dict[str, Any] = {"errorCode": self.code, "errorDescription": cut(self.text)}
        if self.more:
            pairs = [{"key": key[:32], "value": cut(value)} for key, value in self.more[:_EXTENSIONS_MAX]]
            information["extensionList"] = {"extension": pairs}
        return {"errorInformation": information}


def cut(text: str, longest: int = DESCRIPTION_MAX) -> str:
    """A description that is not longer than FSPIOP allows."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def iso_text(text: str) -> str:
    """A description that is not longer than ISO 20022 allows."""
    return cut(text, _ISO_DESCRIPTION_MAX)
