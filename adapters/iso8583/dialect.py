"""What differs between two rails that speak ISO 8583, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from adapters.framing import Length
from adapters.port import Order
from adapters.profile import RailProfile


class Bitmap(StrEnum):
    """How bitmaps and the MAC are written."""

    HEX = "hex"
    """As upper-case hexadecimal digits in ASCII."""
    BINARY = "binary"


class ChannelSelector(Protocol):
    """Chooses the way inside the rail by amount; empty where a rail has one way only."""

    def __call__(self, order: Order) -> str:
        """The channel's name in DE48."""


def one_channel(order: Order) -> str:  # noqa: ARG001 - a rail's function, this one for rails with one way
    """No choice."""
    return ""


@dataclass(frozen=True, slots=True)
class Iso8583Dialect:
    """One rail's ISO 8583."""

    profile: RailProfile
    currency: str
    """DE49: ISO 4217, numeric."""
    length: Length
    bitmap: Bitmap
    processing_code: str
    """DE3 of a credit."""
    creditor_field: str
    """Data element of the creditor's account."""
    is_account: Callable[[str], bool]
    """Whether the rail can pay an account, by shape and by published check digits."""
    identity: tuple[str, ...]
    """Names of our ids at the rail that it wants."""
    channel: ChannelSelector = one_channel

    def on_link(self, identity: Mapping[str, str]) -> "Iso8583Dialect":
        """The dialect as a participant's link speaks it: `bitmap` in our ids there says another form.

        Raises:
            ValueError: no such form.

        """
        return replace(self, bitmap=Bitmap(identity.get("bitmap", self.bitmap)))

    @property
    def step_minor(self) -> int:
        """Minor units in one unit of DE4."""
        return self.profile.limits.step_minor

    @property
    def zone(self) -> ZoneInfo:
        """The rail's clock."""
        return ZoneInfo(self.profile.hours.zone)
