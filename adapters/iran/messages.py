"""The Iranian form of ISO 8583: the Sheba in DE103, and the channel inside the rail chosen by amount."""

from enum import StrEnum
from typing import Final

from adapters.framing import Length
from adapters.iran.country import IBAN
from adapters.iran.profile import PAYA_MAXIMUM, PROFILE, SATNA_MINIMUM
from adapters.iso8583.dialect import Bitmap, Iso8583Dialect
from adapters.port import Order


class ShetabChannel(StrEnum):
    """Channels inside the rail."""

    POL = "POL"
    """Paid at once, around the clock."""
    PAYA = "PAYA"
    """Queued until the next cycle of the day, and pending until then."""
    SATNA = "SATNA"
    """Gross settlement during its window."""


def channel(order: Order) -> str:
    """The channel of an order, by its amount alone."""
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
