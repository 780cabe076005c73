"""No state without an end: the table of the docs has every state, and `payswitch verify` finds what nobody continues."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import asyncpg
import pytest

from switch.base.settings import Settings
from switch.cases.model import DEADLINES_H, TITLES
from switch.change_catalogue import KINDS
from switch.identity.model import ChangeState
from switch.operations import ends
from switch.payments.inbound import OrderState, RefundState
from switch.payments.investigations import OPEN as OPEN_INVESTIGATIONS
from switch.payments.investigations import InvestigationState
from switch.payments.recalls import OPEN as OPEN_RECALLS
from switch.payments.recalls import RecallState
from switch.writer.lifecycle import FINAL, State
from switch.writer.reversals import OPEN as OPEN_REVERSALS
from switch.writer.reversals import ReversalState
from tests.switch.stack import Stack

DOCS = Path("docs/operate/ends.md")
STATES: dict[str, Iterable[str]] = {
    "payment": State,
    "order of a rail": OrderState,
    "refund of an order": [state or "none" for state in RefundState],
    "reversal at a rail": ReversalState,
    "recall": RecallState,
    "investigation": InvestigationState,
    "change of people": ChangeState,
    "case": ("open", "overdue", "closed"),
}
"""Every state of what has states of its own; the others in the table are steps without a name in the code."""
NOT_FINAL = {
    "payment": set(State) - set(FINAL),
    "recall": set(OPEN_RECALLS),
    "investigation": set(OPEN_INVESTIGATIONS),
    "reversal at a rail": set(OPEN_REVERSALS),
}
"""What the code itself says of its states."""


class Row(NamedTuple):
    what: str
    state: str
    who: str
    when: str
    end: str

    @property
    def final(self) -> bool:
        return self.end.startswith("final")


def table() -> list[Row]:
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(what, state.strip("`"), *rest) for what, state, *rest in rows]


@pytest.mark.parametrize("what", STATES)
def test_the_table_has_every_state_once(what: str) -> None:
    listed = [row.state for row in table() if row.what == what]

    assert sorted(listed) == sorted(STATES[what])


@pytest.mark.parametrize("row", table(), ids=lambda row: f"{row.what} {row.state}")
def test_what_is_not_final_has_an_owner_a_deadline_and_an_end(row: Row) -> None:
    if row.final:
        assert (row.who, row.when) == ("", ""), "a final state waits for nobody"
        return
    assert row.who
    assert row.when
    assert row.end
    for setting in re.findall(r"`PAYSWITCH_(\w+)`", row.when):
        assert setting.lower() in Settings.model_fields, setting
    for kind in re.findall(r"`([a-z]+\.[a-z_]+)`", row.end):
        assert kind in KINDS, kind
    for title, hours in re.findall(r"case \*([a-z ]+)\*(?: after [^,]+)?, (\d+) hours", row.when):
        kind = next(kind for kind, text in TITLES.items() if text.lower() == title)
        assert DEADLINES_H[kind] == float(hours), title


@pytest.mark.parametrize("what", NOT_FINAL)
def test_the_table_agrees_with_the_code_about_what_is_final(what: str) -> None:
    assert {row.state for row in table() if row.what == what and not row.final} == NOT_FINAL[what]


ORDER = (
    "INSERT INTO switch.inbound_order (rail, kind, ref, original, uetr, gateway, state, digest, received_at, due_at, refund,"
    " refund_changed_at, disputed) VALUES ('PK', 'order', $1, '', $2, 'g', $3, '', now() - interval '5 minutes', $4, $5,"
    " now() - interval '5 minutes', '')"
)


async def test_verify_finds_what_nobody_continues(stack: Stack) -> None:
    """Rows that no code makes: an order without an instant, a refund that people cannot see."""
    connection = await stack.connect()
    transaction = connection.transaction()
    await transaction.start()
    try:
        before = await ends.check_ends(connection)
        forgotten, unseen = uuid4(), uuid4()
        await connection.execute(ORDER, "R1", forgotten, "taken", None, "")
        await connection.execute(ORDER, "R2", unseen, "stopped", None, "left")
        after = await ends.check_ends(connection)
    finally:
        await transaction.rollback()
        await connection.close()

    assert before.ok, before.detail
    assert not after.ok
    assert f"order/{forgotten} is taken, and nobody continues it" in after.detail
    assert f"order/{unseen} is refund left, and nobody continues it" in after.detail
    assert isinstance(connection, asyncpg.Connection)
