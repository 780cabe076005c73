"""ELQR: what the operator calls a QR payload, as far as an order stands for one.

The payload itself is made and read in `adapters.qr`; its layout is published as code of the scheme's library.
"""

from dataclasses import dataclass

from adapters.kyrgyzstan.qr import ELQR
from adapters.qr import merchant
from adapters.qr.model import PayeeKind, PaymentCode
from schemas.errors import InvalidMessage
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Payload:
    """What a payload says."""

    provider: str
    service: str
    recipient: str
    category: str
    name: str
    amount_minor: int | None = None


def write(payload: Payload) -> str:
    """The payload in the published order, with its check; a name is cut at its published length.

    Raises:
        ValueError: a part is longer than it may be.

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
    """A payload, whatever the order of its objects: producers differ.

    Raises:
        InvalidMessage: another currency, a wrong check, or an object that is missing or torn.

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
