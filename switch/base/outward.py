"""Calls to addresses that others named: receivers of webhooks, witnesses, identity providers.

Such an address is of a public network, or of one that a setting adds. It is judged once more when the
connection to it is made: a host name may resolve to another address by then, and no resolver is asked about a
literal.
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

import aiohttp

from switch.base import networks
from switch.base.networks import Network
from switch.base.settings import Settings

LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_TRANSLATED: Final = tuple(
    IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 networks whose addresses lead to an IPv4 address (RFC 6052, 8215, 3056, 4380, 4291)."""


@dataclass(frozen=True, slots=True)
class OutwardReach:
    """Where calls may lead: public networks, and the networks `beside`."""

    beside: tuple[Network, ...] = ()
    sandbox: bool = False
    """TLS is not needed on a loopback address."""


class PrivateAddress(OSError):
    """The connection would lead to an address that is not permitted."""


def permitted_networks(settings: Settings, stated: tuple[Network, ...] | None) -> tuple[Network, ...]:
    """Networks beside the public ones: as stated, or this machine for a sandbox that only it can reach."""
    if stated is not None:
        return stated
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
    """Make a connector that raises PrivateAddress before a connection that is not permitted."""

    def opened(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address
        if not is_permitted(place[0], beside):
            raise PrivateAddress(f"{place[0]} is not in a permitted network")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(limit=limit, socket_factory=opened)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
