"""The adapter of the Tajik national processing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

from adapters.iso8583.client import Iso8583Adapter, make
from adapters.port import Order, RailAdapter, RailConnection, Violation
from adapters.tajikistan.messages import DIALECT, key_fits

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KortiMilli(Iso8583Adapter):
    """Implements the port for Tajikistan's rail."""

    def check(self, order: Order) -> Sequence[Violation]:
        """See `RailAdapter.check`. A wrong account key is only logged, because the rule is not published."""
        if key_fits(order) is False:
            _log.warning("the creditor account's key does not match its bank")
        return Iso8583Adapter.check(self, order)


def adapter(connection: RailConnection) -> RailAdapter:
    """The Tajik adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    made = make(DIALECT, connection)
    return KortiMilli(**{field.name: getattr(made, field.name) for field in fields(made)})
