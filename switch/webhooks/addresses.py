"""Where a webhook may go: to the world, never back into our own network."""

import asyncio
import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from schemas.errors import InvalidMessage

URL_MAX: Final = 500


class PrivateAddress(OSError):
    """The name leads to an address that is not of the open network."""


class PublicResolver(AbstractResolver):
    """Looks names up, and refuses every answer that leads into a private network."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look `host` up, now: the address that was checked is the one that is used."""
        found = await self._inner.resolve(host, port, family)
        for result in found:
            if not ipaddress.ip_address(result["host"]).is_global:
                raise PrivateAddress(f"{host} is in a private network")
        return found

    async def close(self) -> None:
        """Close nothing: there is nothing."""
        await asyncio.sleep(0)


def check(url: str, *, sandbox: bool) -> None:
    """Whether a participant may name this address. A sandbox also takes plain HTTP and this machine.

    Raises:
        InvalidMessage: not an absolute HTTPS address of the open network, or with credentials in it.

    """
    parts = urlsplit(url)
    if len(url) > URL_MAX or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise InvalidMessage("not an absolute address without credentials")
    if parts.scheme != "https" and not (sandbox and parts.scheme == "http"):
        raise InvalidMessage("an https address is needed")
    if sandbox:
        return
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return  # a name: it is looked up, and checked, when it is used
    if not address.is_global:
        raise InvalidMessage("an address of the open network is needed")
