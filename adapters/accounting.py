"""Finds what a rail cannot carry of a payment, from its profile and the table of elements. Pure."""

from functools import lru_cache

from anyascii import anyascii

from adapters.port import Order
from adapters.profile import RailProfile, TextLimits
from schemas.elements import Accounting, Loss

SHORTENED = "is shortened to what this rail carries"


@lru_cache(maxsize=64)
def accounting(carries: tuple[str, ...]) -> Accounting:
    """The table of elements for a rail that carries these elements."""
    return Accounting(carries)


def losses(order: Order, profile: RailProfile) -> list[Loss]:
    """Every element of the order's message that the rail's message cannot carry, or only in part."""
    if order.original is None:
        return []
    found = accounting(profile.carries).losses(order.original.content)
    payment, characters = order.payment, profile.characters
    for path, text, longest in (
        ("CdtTrfTxInf/Dbtr/Nm", payment.debtor.name, characters.name_max),
        ("CdtTrfTxInf/Cdtr/Nm", payment.creditor.name, characters.name_max),
        ("CdtTrfTxInf/RmtInf", payment.remittance, characters.remittance_max),
    ):
        if text and _length(text, characters) > longest:
            found.append(Loss(path, "", SHORTENED))
    return found


def _length(text: str, characters: TextLimits) -> int:
    """The length of a text in the rail's script."""
    return len(text if text.isascii() or characters.encoding != "ascii" else anyascii(text))
