"""Where a session was begun: a shortened address and a browser, in words that its owner recognises.

Neither identifies a person: the last part of the address is dropped, and of what a browser states about
itself only its name and its system are stored.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

_HEADER_MAX: Final = 1000
_PREFIXES: Final = {4: 24, 6: 48}
"""Bits of an address that are stored, by version."""
# In this order: a browser also states the names of those that it is compatible with.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("YaBrowser", "Yandex Browser"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A shortened address (`192.0.2.0/24`), and a browser with its system (`Firefox, Linux`) if known."""

    address: str = ""
    browser: str = ""


HERE: Final = Device(browser="payswitch")
"""The command line on the machine of the switch."""


def device(address: str, user_agent: str) -> Device:
    """Shorten an address and the header `User-Agent`; neither is trusted."""
    text = user_agent[:_HEADER_MAX]
    names = (_first(_BROWSERS, text), _first(_SYSTEMS, text))
    return Device(_shortened(address), ", ".join(name for name in names if name))


def _shortened(address: str) -> str:
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(ip_network((known, _PREFIXES[known.version]), strict=False))


def _first(names: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for pattern, name in names if re.search(rf"\b(?:{pattern})\b", text)), "")
