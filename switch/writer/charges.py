"""Charges of payments: one row for each part of a fee that a tariff decided, written with the reservation.

A payment whose fee is only that of its corridor has no rows. The rows say what invoices list, and which part
of the fee was taken from the amount. Whether the fee was charged in the end is a matter of the posting.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ledger.books import Books
from ledger.columns import Columns, Function, each
from ledger.writer import BatchExtension
from switch.writer.commands import Accept, FeeCharge
from switch.writer.parts import BatchPart


class ChargeRow(NamedTuple):
    """One charge of a payment, in the order of its command."""

    number: int
    place: int
    charge: FeeCharge


class Charges(BatchPart):
    """The charges of the payments that a batch reserves."""

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._rows: list[ChargeRow] = []

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Note the charges of a payment whose money is reserved."""
        self._rows += (ChargeRow(number, *each) for each in enumerate(payment.charges, 1))

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_CHARGES(self._rows)] if self._rows else ()


_COLUMNS: Final[Columns[Iterable[ChargeRow]]] = Columns(
    each("numbers", "bigint", lambda row: row.number),
    each("places", "smallint", lambda row: row.place),
    each("tariffs", "bigint", lambda row: row.charge.tariff),
    each("components", "text", lambda row: row.charge.component),
    each("deducted", "boolean", lambda row: row.charge.deducted),
    each("minors", "bigint", lambda row: row.charge.minor),
)
RECORD_CHARGES: Final = Function("switch.record_charges", _COLUMNS)
