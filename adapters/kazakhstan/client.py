"""The MSMP adapter."""

from adapters.iso20022.client import make
from adapters.kazakhstan.messages import DIALECT
from adapters.port import RailAdapter, RailConnection


def adapter(connection: RailConnection) -> RailAdapter:
    """The MSMP adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    return make(DIALECT, connection)
