"""Scenes of the sandbox that make an event happen, by the messages that would cause it in production."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from adapters.simulation.magic import magic_account
from schemas.errors import NotFound
from switch.clients.python import Client, payment_return, request_to_pay
from switch.sandbox import world

_AMOUNT: Final = "100.00"
_TOO_MUCH: Final = "999999999999.00"
_FINAL_WITHIN_S: Final = 60.0
ANY: Final = ""
"""The subject is not known before: the next event of the type is the one."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: entries of the credentials file, and their clients."""

    own: Mapping[str, str]
    other: Mapping[str, str]
    client: Client
    theirs: Client


def counterpart(credentials: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, str]:
    """The first participant of another country.

    Raises:
        NotFound: the sandbox has only one country.

    """
    for entry in credentials["participants"]:
        if entry["country"] != own["country"]:
            found: dict[str, str] = entry
            return found
    raise NotFound("this sandbox has no participant of another country: start it with two rails or more")


def play(event: str, cast: Cast) -> str:
    """Make an event happen; get its subject, or `ANY`."""
    return EVENTS[event](cast)


def _pay(word: str = "", amount: str = _AMOUNT) -> Callable[[Cast], str]:
    """Pay an account whose magic word decides what the rail does."""

    def scene(cast: Cast) -> str:
        return cast.client.pay(world.document(cast.own, cast.other, amount=amount, word=word)).uetr

    return scene


def _returned(cast: Cast) -> str:
    """Pay, and have the creditor agent return it."""
    uetr = _pay()(cast)
    credited = cast.client.wait(uetr, within_s=_FINAL_WITHIN_S).credited_amount
    assert credited is not None
    money = {"amount": credited.amount, "currency": credited.currency}
    cast.theirs.send(payment_return(uetr, **money, reason="AC04"))
    return uetr


def _requested(cast: Cast) -> str:
    """Have the other bank request a payment."""
    message = request_to_pay(
        creditor_agent=cast.other["bic"],
        creditor="Bilal Khan",
        creditor_account=magic_account(cast.other["country"], ""),
        debtor_agent=cast.own["bic"],
        debtor="Asha Rao",
        amount=_AMOUNT,
        currency=cast.own["currency"],
        end_to_end_id="TRIGGERED",
    )
    cast.theirs.send(message)
    return ANY


EVENTS: Final[Mapping[str, Callable[[Cast], str]]] = MappingProxyType(
    {
        "payment.reserved": _pay(),
        "payment.sent": _pay(),
        "payment.posted": _pay(),
        "payment.released": _pay("AC04"),
        "payment.refused": _pay(amount=_TOO_MUCH),
        "payment.in_doubt": _pay("SILENT"),
        "payment.enquiry": _pay("UNKFND"),
        "payment.returned": _returned,
        "message.received": _requested,
    }
)
"""Type of event -> its scene."""
