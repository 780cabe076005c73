"""On which clock a currency settles: where its central bank keeps its day. IANA names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ZONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BYN": "Europe/Minsk",
        "CNY": "Asia/Shanghai",
        "INR": "Asia/Kolkata",
        "IRR": "Asia/Tehran",
        "KGS": "Asia/Bishkek",
        "KZT": "Asia/Almaty",
        "PKR": "Asia/Karachi",
        "RUB": "Europe/Moscow",
        "TJS": "Asia/Dushanbe",
        "UZS": "Asia/Tashkent",
    }
)


def zone_of(currency: str) -> str:
    """The settlement zone of a currency; UTC for one that no central bank here settles."""
    return _ZONES.get(currency, "UTC")
