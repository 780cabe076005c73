"""Documents that both the API and the command line give: positions, net positions, settlements.

This module imports no web framework: loading one is half of the time of a command.
"""

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from ledger import positions
from schemas.money import Money
from switch.participants.liquidity import CapUse
from switch.settlement import reads
from switch.settlement.positions import Flow

if TYPE_CHECKING:  # slow to import: every document of the API is there
    from switch.api.models import LiquidityUseDocument, NetDocument, PositionDocument


def position_document(p: positions.Position) -> "PositionDocument":
    """Describe a position in decimal text."""

    def text(minor: int) -> str:
        return Money(minor, p.currency).text

    return {
        "participant": p.owner,
        "currency": p.currency,
        "purpose": p.purpose,
        "debits_pending": text(p.debits_pending),
        "debits_posted": text(p.debits_posted),
        "credits_pending": text(p.credits_pending),
        "credits_posted": text(p.credits_posted),
        "net_debit_cap": None if p.net_debit_cap is None else text(p.net_debit_cap),
        "headroom": None if p.headroom is None else text(p.headroom),
    }


def use_document(use: CapUse) -> "LiquidityUseDocument":
    """Describe the use of an account's liquidity; amounts are decimal text."""
    return {
        "participant": use.participant,
        "currency": use.currency,
        "used": Money(use.used, use.currency).text,
        "headroom": Money(use.headroom, use.currency).text,
        "used_percent": use.percent,
        "alert_percent": use.level or None,
    }


def net_document(currency: str, n: Flow) -> "NetDocument":
    """Describe a net position in decimal text; positive is to be received."""

    def text(minor: int) -> str:
        return Money(minor, currency).text

    return {
        "participant": n.owner,
        "purpose": n.purpose,
        "currency": currency,
        "debits": text(n.debits),
        "credits": text(n.credits),
        "net": text(n.net),
        "count": n.count,
        "returned": text(n.other.returned),
        "settled_gross": text(n.settled_gross),
        "funded": text(n.other.funded),
        "settled": text(n.other.settled),
    }


_COLUMNS: Final = (
    *("participant", "purpose", "currency", "debits", "credits"),
    *("net", "count", "returned", "settled_gross", "funded", "settled"),
)
"""The columns of the CSV, named as in `net_document`."""


def nets_csv(currency: str, nets: list[Flow]) -> str:
    """Write net positions as CSV; no cell can be a formula, because ids and numbers cannot."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(net_document(currency, n) for n in nets)
    return out.getvalue()


def settlement_document(found: reads.Settlement) -> dict[str, Any]:
    """Describe a settlement."""
    return {
        "window": found.window,
        "currency": found.currency,
        "state": found.state,
        "opened_at": found.opened_at,
        "closed_at": found.closed_at,
        "value_date": found.value_date,
        "positions_sha256": found.positions_sha256,
        "message_id": found.message_id,
        "file": found.file,
        "file_sha256": found.file_sha256,
    }


def line_document(currency: str, line: reads.SettlementLine) -> dict[str, Any]:
    """Describe the line of one participant; amounts are decimal text, positive means to be received."""
    return {
        "participant": line.participant,
        "country": line.country,
        "net": Money(line.net_minor, currency).text,
        "carried": Money(line.carried_minor, currency).text,
        "total": Money(line.total_minor, currency).text,
        "state": line.state,
        "reference": str(line.id),
        "reason": line.reason or None,
        "carried_to": line.carried_to,
        "changed_at": line.changed_at,
    }
