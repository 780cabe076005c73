"""Who may hold connections to a witness: a share for each address and network, and room for newcomers.

Nobody proves who it is, so nobody may hold many. Where too many are open, the oldest one whose request has
not arrived is cut: nothing was done on it.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

STRANGERS_MAX: Final = 64
"""Connections of all addresses that are not in the reserve."""
OF_NETWORK_MAX: Final = 16
"""Of these, those of one network: /24, or /64 of IPv6."""
OF_ADDRESS_MAX: Final = 8
"""Of these, those of one address."""
RESERVED_MAX: Final = 32
"""Connections of the networks of the reserve, which nobody else can use."""
HEAD_WITHIN_S: Final = 5.0
"""From the connection to the end of the headers, with the handshake of TLS."""
CONNECTION_S: Final = 30.0
"""Each connection ends after this time, however slowly its client writes or reads."""


@dataclass(slots=True)
class _Guest:
    """The holder of a connection, and until when (monotonic clock) it has time."""

    address: IPv4Address | IPv6Address
    network: Network
    reserved: bool
    opened_at: float
    until: float
    has_asked: bool = False
    """Its whole request has arrived."""


class Crowd:
    """The open connections of a witness, oldest first."""

    def __init__(self, reserve: Iterable[Network] = ()) -> None:
        self._reserve = tuple(reserve)
        self._lock = threading.Lock()
        self._guests: dict[socket.socket, _Guest] = {}

    def admit(self, connection: socket.socket, address: str) -> bool:
        """Take a new connection, for which others may be cut; False if there is no room."""
        guest = self._guest(address)
        with self._lock:
            for crowd, most in self._shares(guest):
                if len(crowd) >= most and not self._cut_oldest(crowd):
                    return False
            self._guests[connection] = guest
        return True

    def head_arrived(self, connection: socket.socket) -> None:
        """The headers of its request are complete: give it time for the rest."""
        with self._lock:
            if guest := self._guests.get(connection):
                guest.until = guest.opened_at + CONNECTION_S

    def request_arrived(self, connection: socket.socket) -> None:
        """Its request is complete: it is not cut for others any more."""
        with self._lock:
            if guest := self._guests.get(connection):
                guest.has_asked = True

    def left(self, connection: socket.socket) -> None:
        """Count it no longer."""
        with self._lock:
            self._guests.pop(connection, None)

    def cut_late(self) -> None:
        """Cut those whose time is over."""
        now = time.monotonic()
        with self._lock:
            for connection in [each for each, guest in self._guests.items() if guest.until <= now]:
                self._cut(connection)

    def _guest(self, address: str) -> _Guest:
        known = ip_address(address.partition("%")[0])
        known = getattr(known, "ipv4_mapped", None) or known
        network = ip_network((known, 24 if known.version == 4 else 64), strict=False)  # noqa: PLR2004
        now = time.monotonic()
        return _Guest(known, network, any(known in each for each in self._reserve), now, now + HEAD_WITHIN_S)

    def _shares(self, guest: _Guest) -> Iterator[tuple[list[socket.socket], int]]:
        """The crowds that a guest adds to, and how many each may be; each is made when it is asked for."""
        if guest.reserved:
            yield [each for each, other in self._guests.items() if other.reserved], RESERVED_MAX
            return
        yield [each for each, other in self._guests.items() if other.address == guest.address], OF_ADDRESS_MAX
        yield [each for each, other in self._guests.items() if other.network == guest.network], OF_NETWORK_MAX
        yield [each for each, other in self._guests.items() if not other.reserved], STRANGERS_MAX

    def _cut_oldest(self, crowd: list[socket.socket]) -> bool:
        """Cut the oldest one of a crowd that has not asked; False if all have."""
        oldest = next((each for each in crowd if not self._guests[each].has_asked), None)
        if oldest is None:
            return False
        self._cut(oldest)
        return True

    def _cut(self, connection: socket.socket) -> None:
        del self._guests[connection]
        with contextlib.suppress(OSError):  # it has ended by itself
            # Not the method of an SSLSocket: it would change the object under the thread that reads.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
