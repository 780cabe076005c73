"""DE48, additional data: two digits of tag, three of length, the value; ascending, each tag once.

Our own profile, because ISO 8583 leaves this element to the rail. It carries the data of a foreign payer's
bank that the standard's elements cannot hold, and the UETR, by which every response identifies its payment.
In orders of the rail, tag 01 is the rail's own reference, of the same form, and never a UETR.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from schemas.errors import InvalidMessage


class PrivateTag(StrEnum):
    """The kinds of values."""

    UETR = "01"
    EXPIRES = "02"
    END_TO_END = "03"
    DEBTOR_NAME = "04"
    DEBTOR_COUNTRY = "05"
    DEBTOR_AGENT = "06"
    DEBTOR_ACCOUNT = "07"
    CREDITOR_NAME = "08"
    CREDITOR_AGENT = "09"
    PURPOSE = "10"
    REMITTANCE = "11"
    CHANNEL = "12"
    """The channel, for a rail with several."""
    NOT_BEFORE = "13"
    """With response code 90: when the rail opens."""
    REASON = "14"
    """The reason to undo an order: an ISO 20022 reason."""
    ALIAS = "15"
    """A phone, in a request for its owner."""
    CREDIT = "16"
    """What arrives, in the answer to a request of the rail for an owner: currency and amount."""
    RATE = "17"
    CREDITOR_MEMBER = "18"
    """The id of a bank abroad at its own rail, beside its BIC."""
    TAKES_ORDERS = "19"
    """In a sign-on: this connection answers the rail's own requests."""
    QUOTE = "20"
    """The firm quote of what arrives, in the answer to a request of the rail for an owner; in its order, that
    the price is this one."""
    QUOTE_ENDS = "21"


_HEAD: Final = 5
_INSTANT: Final = "%Y%m%d%H%M%S%f"


def write(values: Mapping[PrivateTag, str]) -> str:
    """Encode the element; empty values are left out."""
    present = sorted((tag, value) for tag, value in values.items() if value)
    return "".join(f"{tag}{len(value):03}{value}" for tag, value in present)


def read(text: str) -> dict[PrivateTag, str]:
    """Decode the values in the element.

    Raises:
        InvalidMessage: not in its only valid form.

    """
    found: dict[PrivateTag, str] = {}
    place = 0
    while place < len(text):
        head, place = text[place : place + _HEAD], place + _HEAD
        if not head.isdigit() or len(head) != _HEAD:
            raise InvalidMessage("additional data are malformed", path="48")
        try:
            tag, size = PrivateTag(head[:2]), int(head[2:])
        except ValueError:
            raise InvalidMessage("additional data have an unknown tag", path="48") from None
        found[tag] = text[place : place + size]
        place += size
    if write(found) != text:
        raise InvalidMessage("additional data are not in their only valid form", path="48")
    return found


def instant(at: datetime) -> str:
    """An instant in UTC with microseconds, 20 digits."""
    return at.astimezone(UTC).strftime(_INSTANT)


def read_instant(text: str) -> datetime:
    """Parse the result of `instant`.

    Raises:
        InvalidMessage: not 20 digits, or not an instant.

    """
    try:
        at = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not an instant", path="48") from None
    if instant(at) != text:
        raise InvalidMessage("not an instant", path="48")
    return at
