"""The Iranian dialect of ISO 8583: Sheba in DE103, and a way inside the rail by amount."""

from enum import StrEnum
from typing import Final

from adapters.framing import Length
from adapters.iran.country import IBAN
from adapters.iran.profile import PAYA_MAXIMUM, PROFILE, SATNA_MINIMUM
from adapters.iso8583.dialect import Bitmap, Iso8583Dialect
from adapters.port import Order


class ShetabChannel(StrEnum):
    """Ways inside the rail."""

    POL = "POL"
    """Paid at once, day and night."""
    PAYA = "PAYA"
    """Queued until the next of the day's cycles; pending until then."""
    SATNA = "SATNA"
    """Gross settlement in its window."""


def channel(order: Order) -> str:
    """The way of an order, by its amount alone."""
    if order.amount.minor < SATNA_MINIMUM:
        return ShetabChannel.POL
    return ShetabChannel.PAYA if order.amount.minor <= PAYA_MAXIMUM else ShetabChannel.SATNA


def is_sheba(text: str) -> bool:
    """An IBAN of Iran, by its check digits."""
    return IBAN.fits(text)


DIALECT: Final = Iso8583Dialect(
    profile=PROFILE,
    currency="364",
    length=Length.BINARY_2,
    bitmap=Bitmap.BINARY,
    processing_code="460000",
    creditor_field="103",
    is_account=is_sheba,
    identity=("acquirer", "terminal", "acceptor", "pan", "place"),
    channel=channel,
)
