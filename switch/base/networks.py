"""IP addresses and networks: of proxies, of rails, and of webhooks."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def read(text: str) -> Address:
    """Read a numeric address, without the zone of a link-local one.

    Raises:
        ValueError: it is not an address.

    """
    return ip_address(text.partition("%")[0])


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has the address."""
    return any(address in network for network in networks if network.version == address.version)
