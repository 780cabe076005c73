"""Finds what a rail cannot carry of a payment, from its profile and the table of elements. Pure."""

from functools import lru_cache

from anyascii import anyascii

from adapters import creditor
from adapters.creditor import IdentifierKind
from adapters.port import Order
from adapters.profile import RailProfile, TextLimits
from schemas.elements import Accounting, Loss

SHORTENED = "is shortened to what this rail carries"
IN_ADDRESS = "is not carried by this rail: the creditor's address identifies the bank"
_MEMBER_ID = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"


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
    payee = creditor.find(payment.creditor_account, profile.creditor)
    if (
        payment.creditor_agent.member_id
        and payee is not None
        and payee.kind is IdentifierKind.ADDRESS
        and accounting(profile.carries).carries(_MEMBER_ID)
    ):
        found.append(Loss(_MEMBER_ID, "", IN_ADDRESS))
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
