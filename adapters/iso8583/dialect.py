"""The differences between two rails that use ISO 8583, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from adapters.framing import Length
from adapters.port import Order
from adapters.profile import RailProfile


class Bitmap(StrEnum):
    """The format of bitmaps and the MAC."""

    HEX = "hex"
    """As upper-case hexadecimal digits in ASCII."""
    BINARY = "binary"


class ChannelSelector(Protocol):
    """Chooses the channel inside the rail by amount; empty for a rail with one channel."""

    def __call__(self, order: Order) -> str:
        """The name of the channel in DE48."""


def one_channel(order: Order) -> str:  # noqa: ARG001 - a rail's function, this one for rails with one way
    """For rails with one channel."""
    return ""


@dataclass(frozen=True, slots=True)
class Iso8583Dialect:
    """The form of ISO 8583 that one rail uses."""

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
    """Whether the rail can pay an account, by format and by published check digits."""
    identity: tuple[str, ...]
    """Names of the ids that the rail requires from us."""
    channel: ChannelSelector = one_channel

    def on_link(self, identity: Mapping[str, str]) -> "Iso8583Dialect":
        """The dialect on a participant's link: `bitmap` in our ids overrides the form.

        Raises:
            ValueError: not a known form.

        """
        return replace(self, bitmap=Bitmap(identity.get("bitmap", self.bitmap)))

    @property
    def step_minor(self) -> int:
        """Minor units in one unit of DE4."""
        return self.profile.limits.step_minor

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the rail's clock."""
        return ZoneInfo(self.profile.hours.zone)
