"""The adapter of the Iranian rails."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from adapters.iran.messages import DIALECT, ShetabChannel
from adapters.iran.profile import SATNA_HOURS
from adapters.iso8583 import private
from adapters.iso8583.client import Iso8583Adapter, make
from adapters.iso8583.codec import own
from adapters.iso8583.private import PrivateTag
from adapters.port import Acceptance, Native, RailAdapter, RailConnection, Receipt


@dataclass(frozen=True, slots=True)
class Shetab(Iso8583Adapter):
    """Implements the port for Iran's rails."""

    async def submit(self, native: Native) -> Receipt:
        """See `RailAdapter.submit`. If SATNA does not state when it opens, its regular hours are used."""
        receipt = await Iso8583Adapter.submit(self, native)
        if receipt.acceptance is not Acceptance.LATER or receipt.not_before is not None:
            return receipt
        values = private.read(own(native.body, self.dialect)["48"])
        if values.get(PrivateTag.CHANNEL) != ShetabChannel.SATNA:
            return receipt
        return replace(receipt, not_before=SATNA_HOURS.open_from(datetime.now(UTC)))


def adapter(connection: RailConnection) -> RailAdapter:
    """The Iranian adapter for a connection.

    Raises:
        ValueError: the connection lacks a key or an id.

    """
    made = make(DIALECT, connection)
    return Shetab(**{field.name: getattr(made, field.name) for field in fields(made)})
