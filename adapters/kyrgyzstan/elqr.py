"""ELQR: the QR payload of an order, as the operator understands it.

`adapters.qr` makes and reads the payload itself; its layout is published in the code of the scheme's library.
"""

from dataclasses import dataclass

from adapters.kyrgyzstan.qr import ELQR
from adapters.qr import merchant
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.errors import InvalidMessage
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of a payload."""

    provider: str
    service: str
    recipient: str
    category: str
    name: str
    amount_minor: int | None = None


def write(payload: Payload) -> str:
    """The payload in the published order, with its checksum; a name is cut at its published length.

    Raises:
        ValueError: a part is longer than allowed.

    """
    code = PaymentCode(
        country=ELQR.country,
        scheme=ELQR.name,
        payee=payload.recipient,
        kind=PayeeKind.ACCOUNT,
        currency=ELQR.currency,
        name=payload.name[: merchant.NAME_MAX],
        amount=None if payload.amount_minor is None else Money(payload.amount_minor, ELQR.currency),
        category=payload.category,
        more={"provider": payload.provider, "service": payload.service},
    )
    return merchant.make(code, ELQR)


def read(text: str) -> Payload:
    """Parse a payload with its objects in any order, because producers differ.

    Raises:
        InvalidMessage: another currency, a wrong checksum, or an object that is missing or malformed.

    """
    code = merchant.read(text)
    if code.scheme != ELQR.name or not code.name or not code.category:
        raise InvalidMessage("not an ELQR payload of an order")
    return Payload(
        provider=code.more["provider"],
        service=code.more.get("service", ""),
        recipient=code.payee,
        category=code.category,
        name=code.name,
        amount_minor=code.amount.minor if code.amount else None,
    )
