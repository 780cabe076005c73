"""Duplicates beyond the UETR: ids that a sender used before, and look-alikes of recent payments.

The UETR is the identity: the same content under it is the same payment. A defect of a sender, or a file that
is sent twice, may submit the same payment under a new UETR. So a payment *claims* values that must not be
used again: its message and transaction identifications for as long as schemes remember them, and its
look-alike key (parties' accounts, amount, end-to-end identification and remittance) for a short time. The
writer decides, so only one of two concurrent payments is accepted. A refused payment claims nothing, and may
be corrected and sent again. A look-alike of an aborted payment is no duplicate; an id stays used in any case.
One that screening holds claims like any other, and is as one that was aborted if people refuse it.

    message_id       DU01    refused
    transaction_id   DU03    refused
    instruction_id   DU05    refused, if the installation requires it
    look_alike       AM05    refused, or noted in the payment's journey, or not checked

Only keyed hashes are stored (HMAC-SHA256, 128 bits): no data of a payment can be read or guessed from them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from adapters.creditor import account_key
from ledger.books import Books
from ledger.columns import Columns, Function, each, uuid
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas.credit_transfer import ROOT
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.writer.commands import Accept, Claim, Command
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import State
from switch.writer.parts import BatchPart, Refusal
from switch.writer.payment_events import event_body

REMEMBERED_MAX: Final = 50_000
"""Claims in the writer's memory; the others are in the database."""

DAY_US: Final = 86_400_000_000
_READ: Final = statements("switch.writer")("read_claims")


class ClaimKind(StrEnum):
    """What a sender may use only once: each kind is remembered as a claim."""

    MESSAGE_ID = "message_id"
    TRANSACTION_ID = "transaction_id"
    INSTRUCTION_ID = "instruction_id"
    LOOK_ALIKE = "look_alike"


REFUSALS: Final = {
    ClaimKind.MESSAGE_ID: Refusal(
        Reason.DUPLICATE_MESSAGE_ID, f"{ROOT}/GrpHdr/MsgId: was used under another UETR"
    ),
    ClaimKind.TRANSACTION_ID: Refusal(
        Reason.DUPLICATE_TRANSACTION,
        f"{ROOT}/CdtTrfTxInf/PmtId/TxId: was used under another UETR",
    ),
    ClaimKind.INSTRUCTION_ID: Refusal(
        Reason.DUPLICATE_INSTRUCTION_ID,
        f"{ROOT}/CdtTrfTxInf/PmtId/InstrId: was used under another UETR",
    ),
    ClaimKind.LOOK_ALIKE: Refusal(
        Reason.DUPLICATION,
        "looks like a recent payment; an intended second payment needs its own EndToEndId",
    ),
}


def claims(payment: CreditTransfer, sender: str, keys: KeyRing, settings: Settings) -> list[Claim]:
    """The claims of a payment, by the installation's settings."""
    ids = {
        ClaimKind.MESSAGE_ID: payment.message_id,
        ClaimKind.TRANSACTION_ID: payment.transaction_id,
        ClaimKind.INSTRUCTION_ID: payment.instruction_id,
    }
    lasts = settings.unique_ids_days * DAY_US
    made = [
        Claim(kind, keys.claim(sender, kind, text), lasts)
        for kind, text in ids.items()
        if text and kind in settings.unique_ids
    ]
    if settings.look_alikes != "off":
        lasts = int(settings.look_alike_window_s * 1_000_000)
        alert = settings.look_alikes == "alert"
        made.append(
            Claim(
                ClaimKind.LOOK_ALIKE,
                keys.claim(sender, ClaimKind.LOOK_ALIKE, _look_alike_key(payment)),
                lasts,
                alert,
            )
        )
    return made


def _look_alike_key(payment: CreditTransfer) -> str:
    amount = payment.interbank_settlement_amount
    return "\0".join(
        (
            account_key(payment.debtor_account),
            (payment.creditor_agent.bic or "")[:8],
            account_key(payment.creditor_account),
            amount.currency,
            str(amount.minor),
            payment.end_to_end_id,
            " ".join((payment.remittance or "").casefold().split()),
        )
    )


@dataclass(slots=True)
class ClaimUse:
    """The payment that made a claim, the claim's expiry, and whether that payment was aborted."""

    number: int
    until: int
    voided: bool = False


class Duplicates(BatchPart):
    """The writer's memory of claims, and what a batch adds to it."""

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._uses: dict[bytes, ClaimUse] = {}
        self._by_number: dict[int, list[ClaimUse]] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._fresh: dict[bytes, ClaimUse] = {}

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Load what `commands` would claim; memory has what the database may not have yet."""
        wanted = {
            claim.key
            for command in commands
            if isinstance(command, Accept)
            for claim in command.claims
            if claim.key not in self._uses
        }
        if not wanted:
            return
        for key, number, until, voided in await connection.fetch(_READ, [UUID(bytes=k) for k in wanted]):
            self._keep(key.bytes, ClaimUse(number, microseconds(until), voided))

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Refuse a payment that claims what another payment has claimed, unless that is only noted."""
        twin = self.twin(payment, now_us)
        return None if twin is None or twin[0].alert else REFUSALS[ClaimKind(twin[0].kind)]

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:
        """Make a payment's claims; note the payment of which it is a look-alike."""
        twin = self.twin(payment, now_us)
        if twin is not None:
            body = event_body(payment.identity.uetr, State.RESERVED, {"twin": twin[1]})
            books.record(number, EventKind.LOOK_ALIKE, body)
        self.waits(number, payment, books, now_us)

    def twin(self, payment: Accept, now_us: int) -> tuple[Claim, int] | None:
        """The first claim that another payment has made, and the number of that payment.

        What a payment claimed when screening held it, is its own.
        """
        for claim in payment.claims:
            use = self._uses.get(claim.key)
            if (
                use is not None
                and use.number != payment.held
                and now_us < use.until
                and not (use.voided and claim.kind == ClaimKind.LOOK_ALIKE)
            ):
                return claim, use.number
        return None

    def waits(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Make a payment's claims: its money is reserved, or screening holds it.

        An expired look-alike claim is replaced, and so is one that the payment made when it was held.
        """
        for claim in payment.claims:
            self._fresh[claim.key] = use = ClaimUse(number, now_us + claim.lasts_us)
            self._keep(claim.key, use)

    def waited(self, number: int) -> None:
        """Record that a payment waits no longer: until it is reserved it is as one that was aborted."""
        self.ended(number, voided=True)

    def ended(self, number: int, *, voided: bool) -> None:
        """Record that a payment has ended."""
        for use in self._by_number.get(number, ()):
            use.voided = voided

    def _keep(self, key: bytes, use: ClaimUse) -> None:
        self._uses.pop(key, None)  # the newest are last: claims of payments in flight are never dropped
        self._uses[key] = use
        self._by_number.setdefault(use.number, []).append(use)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_CLAIMS(self._fresh.items())] if self._fresh else []

    def durable(self) -> None:
        """Drop the oldest: they are in the database, since no two batches make so many claims."""
        while len(self._uses) > REMEMBERED_MAX:
            use = self._uses.pop(next(iter(self._uses)))
            self._by_number.pop(use.number, None)


_CLAIMS: Final[Columns[Iterable[tuple[bytes, ClaimUse]]]] = Columns(
    each("keys", "uuid", lambda claim: uuid(claim[0])),
    each("numbers", "bigint", lambda claim: claim[1].number),
    each("untils", "bigint", lambda claim: claim[1].until),
)
RECORD_CLAIMS: Final = Function("switch.record_claims", _CLAIMS)
