"""Permitted webhook addresses: public networks, and the networks that a setting adds.

A URL is checked in its normal form when it is registered, and every address once more when the connection to
it is made: a host name may resolve to another address by then, and no resolver is asked about a literal.
"""

import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

import aiohttp
from yarl import URL

from schemas.errors import InvalidMessage
from switch.base import networks
from switch.base.networks import Network
from switch.base.settings import Settings

URL_MAX: Final = 500
LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_TRANSLATED: Final = tuple(
    IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 networks whose addresses lead to an IPv4 address (RFC 6052, 8215, 3056, 4380, 4291)."""


class PrivateAddress(OSError):
    """The connection would lead to an address that is not permitted."""


def permitted_networks(settings: Settings) -> tuple[Network, ...]:
    """The networks beside the public ones: as set, or this machine for a sandbox that only it can reach."""
    if settings.webhook_networks is not None:
        return settings.webhook_networks
    return LOOPBACK if settings.sandbox and _is_loopback(settings.host) else ()


def is_permitted(address: str, beside: Sequence[Network]) -> bool:
    """Whether a numeric address is public, or in one of the networks `beside`."""
    found = networks.read(address)
    found = getattr(found, "ipv4_mapped", None) or found
    if networks.is_within(found, beside):
        return True
    translated = found.version == 6 and any(found in network for network in _TRANSLATED)  # noqa: PLR2004
    return found.is_global and not found.is_multicast and not found.is_reserved and not translated


def connector(limit: int, beside: Sequence[Network]) -> aiohttp.TCPConnector:
    """Make the connector of webhooks: it raises PrivateAddress before a connection that is not permitted."""

    def opened(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address
        if not is_permitted(place[0], beside):
            raise PrivateAddress(f"{place[0]} is not in a permitted network")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(limit=limit, socket_factory=opened)


def check(url: str, settings: Settings) -> None:
    """Check that a participant may use this URL. A sandbox also permits plain HTTP.

    Raises:
        InvalidMessage: not an absolute HTTPS URL of a permitted network, or with credentials in it.

    """
    parts = _parsed(url)
    if (
        parts is None
        or not parts.absolute
        or not parts.host
        or parts.user
        or parts.password
        or parts.fragment
    ):
        raise InvalidMessage(f"not an absolute URL of at most {URL_MAX} characters without credentials")
    if parts.scheme != "https" and not (settings.sandbox and parts.scheme == "http"):
        raise InvalidMessage("an https URL is required")
    try:
        permitted = is_permitted(parts.host, permitted_networks(settings))
    except ValueError:
        return  # a host name: its addresses are checked when it is used
    if not permitted:
        raise InvalidMessage("an address of a public network is required")


def _parsed(url: str) -> URL | None:
    """Parse a URL as the client that delivers does, with the host in its normal form (IDNA)."""
    try:
        return URL(url) if len(url) <= URL_MAX and url.isprintable() else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
