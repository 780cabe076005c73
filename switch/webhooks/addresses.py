"""Permitted webhook addresses: public networks only, never the switch's own network."""

import asyncio
import ipaddress
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from schemas.errors import InvalidMessage
from switch.base import urls

URL_MAX: Final = 500


class PrivateAddress(OSError):
    """The host name resolves to an address that is not public."""


class PublicResolver(AbstractResolver):
    """Resolves host names, and refuses every result that is in a private network."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve `host` now, so that the address that was checked is also the one that is used."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            if not ipaddress.ip_address(result["host"]).is_global:
                raise PrivateAddress(f"{host} is in a private network")
        return found

    async def close(self) -> None:
        """Do nothing: the resolver has nothing to close."""
        await asyncio.sleep(0)


def check(url: str, *, sandbox: bool) -> None:
    """Check that a participant may use this URL. A sandbox also permits plain HTTP and this machine.

    Raises:
        InvalidMessage: not an absolute HTTPS URL of a public network, or with credentials in it.

    """
    parts = urls.split(url)
    if len(url) > URL_MAX or parts is None or not parts.hostname:
        raise InvalidMessage("not an absolute URL without credentials")
    if parts.username or parts.password or parts.fragment:
        raise InvalidMessage("not an absolute URL without credentials")
    if parts.scheme != "https" and not (sandbox and parts.scheme == "http"):
        raise InvalidMessage("an https URL is required")
    if sandbox:
        return
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return  # a host name: it is resolved and checked when it is used
    if not address.is_global:
        raise InvalidMessage("an address of a public network is required")
