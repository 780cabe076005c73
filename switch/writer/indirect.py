"""Indirect participants: banks that are reached over a rail, as the writer knows them.

The worker names the bank of a payment or a quote. The writer reads its entry in the directory itself: who is
credited must be the gateway of the bank that the sender signed, and no payment passes the bank's limits.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from ledger.books import Books
from schemas.credit_transfer import ROOT
from schemas.payment import Agent
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer.commands import Accept, Command, Promise, Reply
from switch.writer.parts import BatchPart, Refusal
from switch.writer.verdicts import Verdict

_READ: Final = statements("switch.writer")("indirect_participants")
ANY_END: Final = "*"
"""At the end of a code: the ids of the bank begin with it."""


def fit(codes: Sequence[str], stated: str) -> int:
    """Characters of the longest code that an id in a clearing system has; 0 if it has none.

    >>> fit(["HDFC*", "@okhdfc"], "HDFC0000123"), fit(["HDFC*"], "ICIC0000001")
    (5, 0)
    """
    key = stated.strip().upper()
    return max((len(code) for code in codes if _covers(code.upper(), key)), default=0)


def _covers(code: str, key: str) -> bool:
    return key.startswith(code[:-1]) if code.endswith(ANY_END) else key == code


class IndirectEntry(NamedTuple):
    """A bank's entry; amounts in minor units of the rail's currency, None is no limit."""

    bic: str
    codes: Sequence[str]
    gateway: str
    payment_minor: int | None
    day_minor: int | None


class IndirectParticipants(BatchPart):
    """The entries that the commands of a batch name."""

    def forget(self) -> None:
        """Drop what was read."""
        self._entries: dict[str, IndirectEntry] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the entries anew: a change of one is in force at once."""
        wanted = {each.indirect for each in commands if isinstance(each, Accept | Promise) and each.indirect}
        if wanted:
            rows = await connection.fetch(_READ, list(wanted))
            self._entries = {name: IndirectEntry(*values) for name, *values in rows}

    def stop(self, command: Command, books: Books) -> Reply | None:  # noqa: ARG002
        """Leave undecided what credits another participant than the bank's gateway."""
        if not isinstance(command, Accept | Promise) or not command.indirect:
            return None
        found = self._entries.get(command.indirect)
        terms = command.terms
        if found is not None and (found.gateway, command.indirect[:2]) == (terms.creditor_agent, terms.rail):
            return None
        return Reply(Verdict.UNAVAILABLE, reason="the directory of the rail has just changed: send it again")

    def gateway_of(self, command: Accept | Promise, agent: Agent) -> str | None:
        """The gateway of the bank that a command names, if an agent is this bank."""
        found = self._entries.get(command.indirect)
        if found is None:
            return None
        is_it = agent.bic[:8] == found.bic[:8] if agent.bic else fit(found.codes, agent.member_id or "") > 0
        return found.gateway if is_it else None

    def day_minor(self, payment: Accept) -> int | None:
        """The most that is credited at the bank of a payment in a day; None if it has no such limit."""
        found = self._entries.get(payment.indirect)
        return None if found is None else found.day_minor

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:  # noqa: ARG002
        """Refuse a payment above the most of a payment to its bank."""
        found = self._entries.get(payment.indirect)
        if found is None or found.payment_minor is None or payment.terms.credit_minor <= found.payment_minor:
            return None
        text = "is more than the most of a payment to this bank"
        return Refusal(Reason.NOT_ALLOWED_AMOUNT, f"{ROOT}/CdtTrfTxInf/IntrBkSttlmAmt: {text}")
