"""Calls to addresses that others named: receivers of webhooks, witnesses, identity providers.

Such an address is of a public network, or of one that a setting adds. It is judged once more when the
connection to it is made: a host name may resolve to another address by then, and no resolver is asked about a
literal.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
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
_UNICAST: Final = IPv6Network("2000::/3")
"""The only IPv6 addresses that IANA assigns to hosts of the Internet (RFC 4291)."""
_SPECIAL: Final[tuple[Network, ...]] = (
    *(
        IPv4Network(network)
        for network in (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private use (RFC 1918)
            "100.64.0.0/10",  # shared by carriers (RFC 6598)
            "127.0.0.0/8",  # loopback (RFC 1122)
            "169.254.0.0/16",  # link-local (RFC 3927)
            "172.16.0.0/12",  # private use (RFC 1918)
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.31.196.0/24",  # AS112, answered by the nearest machine (RFC 7535)
            "192.52.193.0/24",  # AMT, answered by the nearest machine (RFC 7450)
            "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
            "192.168.0.0/16",  # private use (RFC 1918)
            "192.175.48.0/24",  # AS112, answered by the nearest machine (RFC 7534)
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation (RFC 5737)
            "203.0.113.0/24",  # documentation (RFC 5737)
            "224.0.0.0/4",  # multicast (RFC 5771)
            "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, 919)
        )
    ),
    *(
        IPv6Network(network)
        for network in (
            "2001::/23",  # protocol assignments (RFC 2928)
            "2001:db8::/32",  # documentation (RFC 3849)
            "2620:4f:8000::/48",  # AS112, answered by the nearest machine (RFC 7534)
            "3fff::/20",  # documentation (RFC 9637)
        )
    ),
)
"""Networks of IANA's special-purpose registries: what Python knows of them depends on its version."""


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
    if found.version == 6 and found not in _UNICAST:  # noqa: PLR2004
        return False
    return found.is_global and not networks.is_within(found, (*_SPECIAL, *_TRANSLATED))


def connector(limit: int, beside: Sequence[Network]) -> aiohttp.TCPConnector:
    """Make a connector that raises PrivateAddress before a connection that is not permitted."""

    def opened(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address
        if not is_permitted(place[0], beside):
            raise PrivateAddress(f"{place[0]} is not in a permitted network")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(limit=limit, socket_factory=opened)


def session(
    limit: int, beside: Sequence[Network], within_s: float, media_type: str | None = None
) -> aiohttp.ClientSession:
    """Make a session for receivers outside: guarded, without cookies and proxies of the environment.

    `limit` connections, `within_s` seconds for a whole request, and the media type of what is sent.
    """
    return aiohttp.ClientSession(
        connector=connector(limit, beside),
        timeout=aiohttp.ClientTimeout(total=within_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "payswitch"} | ({"Content-Type": media_type} if media_type else {}),
    )


def trusting(authorities: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later with a receiver whose certificate is of these authorities, or of this machine's."""
    made = ssl.create_default_context(cafile=authorities)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def authorization(token_file: Path | None) -> dict[str, str]:
    """The header with the bearer token in a file; none without a file.

    Raises:
        OSError: it cannot be read.

    """
    if token_file is None:
        return {}
    return {"Authorization": f"Bearer {token_file.read_bytes().decode('ascii', 'replace').strip()}"}


def cause_of(error: Exception) -> str:
    """Why a call failed, without the text of the error: it may state the URL, and so a name."""
    return f"{type(error).__name__} {getattr(error, 'os_error', '')}".strip()


async def dial(host: str, port: int, beside: Sequence[Network], within_s: float = 15.0) -> socket.socket:
    """Connect to a host by TCP.

    Raises:
        PrivateAddress: none of its addresses is permitted.
        OSError, TimeoutError: it cannot be reached.

    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(within_s):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        permitted = [each for each in found if is_permitted(str(each[4][0]), beside)]
        if not permitted:
            raise PrivateAddress(f"{host} is not in a permitted network")
        family, kind, protocol, _, place = permitted[0]
        opened = socket.socket(family, kind, protocol)
        opened.setblocking(False)
        try:
            await loop.sock_connect(opened, place)
        except BaseException:
            opened.close()
            raise
        return opened


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
