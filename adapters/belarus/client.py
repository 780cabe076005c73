"""The SMP adapter."""

from adapters.belarus.messages import DIALECT
from adapters.iso20022.client import make
from adapters.port import RailAdapter, RailConnection


def adapter(connection: RailConnection) -> RailAdapter:
    """The SMP adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    return make(DIALECT, connection)
