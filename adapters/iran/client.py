"""The adapter of the Iranian rails."""

from adapters.iran.messages import DIALECT
from adapters.iso8583.client import make
from adapters.port import Connection, RailAdapter


def adapter(connection: Connection) -> RailAdapter:
    """The Iranian adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    return make(DIALECT, connection)
