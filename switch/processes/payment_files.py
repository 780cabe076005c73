"""The caretaker's work on files of payments: check them, give their lines to the intake, and end them.

An API worker keeps a file; it is the process that an intruder takes first. So the caretaker verifies the
signature over the whole file again, and only then makes payments of its lines. What moves money is a line's
payment alone, by the ordinary intake. A line is `taken` in the database, with the exact message, before it is
given: what a crash interrupts is given again in the same bytes, and the ledger decides each line once.

Memory holds one block of lines of a file, and the UETR of each line while it is checked. The state of a line
is read from the ledger, never from what the intake answered.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element

import asyncpg
import structlog

from schemas import codec, credit_transfer
from schemas.errors import DuplicateUetr, InvalidMessage, NotAllowed, NotAuthentic, Refused, SwitchError
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from schemas.signing.keys import PublicKey
from switch.base import logs, personal_data
from switch.base.failpoints import failpoint
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.clients.python.bulk import FileRefused, LineOutcome, PaymentLine, lines, pain_002
from switch.clients.python.bulk.lines import CheckedFile, FileCheck, FileHeader, FileReader
from switch.payments import correspondence, payment_files
from switch.payments.intake import Intake
from switch.payments.payment_files import FileLineState, FileState
from switch.payments.signatures import verify_file
from switch.writer.commands import Evidence

FILES_AT_ONCE: Final = 4
"""Files that are worked on at the same time, each of another sender."""
LINES_AT_ONCE: Final = 16
"""Lines of a file that are given to the intake at the same time."""
_BLOCK: Final = 64
"""Lines that are taken by one statement."""
_STORED_AT_ONCE: Final = 1000
_WAITS_MAX: Final = 256
"""Lines that may wait for a rail or the writer that is away, before no more are taken."""
_ENDED_AT_ONCE: Final = 1000
_PAUSE_S: Final = 1.0
_PAUSE_S_MAX: Final = 30.0
"""Pauses double up to this while lines wait for a rail or the writer that is away."""
_statement: Final = statements("switch.processes")
_OPEN: Final = _statement("open_payment_files")
_ADD_LINES: Final = _statement("add_payment_file_lines")
_BEGIN: Final = _statement("begin_payment_file")
_REFUSE: Final = _statement("refuse_payment_file")
_WAITING: Final = _statement("waiting_payment_file_lines")
_TAKE: Final = _statement("take_payment_file_lines")
_UNDECIDED: Final = _statement("undecided_payment_file_lines")
_REJECT: Final = _statement("reject_payment_file_line")
_REJECT_WAITING: Final = _statement("reject_waiting_lines")
_END_LINES: Final = _statement("end_payment_file_lines")
_END: Final = _statement("end_payment_file")
_STATES: Final = _statement("payment_file_states")
_GOES_ON: Final = (
    "SELECT cancelled_at IS NULL AND ends_at > clock_timestamp() FROM switch.payment_file WHERE id = $1"
)
_REJECT_UNSENT: Final = (
    "UPDATE switch.payment_file_line SET state = 'rejected', reason = $3, detail = $4"
    " WHERE file = $1 AND number = $2 AND state = 'waiting'"
)
_WAIT: Final = "SELECT EXISTS (SELECT FROM switch.payment_file_line WHERE file = $1 AND state = 'waiting')"
_NOTIFIED: Final = "SELECT EXISTS (SELECT FROM switch.correspondence WHERE id = $1)"
_log = structlog.get_logger()


class FileNotTrue(Exception):
    """A file is refused as a whole: the reason code and a text."""

    def __init__(self, reason: Reason, text: str, checked: CheckedFile | None = None) -> None:
        super().__init__(text)
        self.reason, self.text, self.checked = reason, text, checked


class PaymentFiles:
    """Works on files of payments. One per caretaker."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, keys: KeyRing, intake: Intake) -> None:
        self._pool, self._keys, self._intake = pool, keys, intake
        self._authority = settings.authority
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By sender: the work on its oldest file."""
        self._pauses: dict[UUID, float] = {}
        """By file: how long to wait before its undecided lines are given again."""

    async def look(self) -> None:
        """One round: begin the work on files that nobody works on."""
        for sender in [sender for sender, task in self._tasks.items() if task.done()]:
            del self._tasks[sender]
        for row in await self._pool.fetch(_OPEN):
            if len(self._tasks) >= FILES_AT_ONCE:
                return
            if row["sender"] not in self._tasks:
                self._tasks[row["sender"]] = asyncio.create_task(self._try(row))

    async def close(self) -> None:
        """End the work; the next caretaker continues it."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _try(self, row: asyncpg.Record) -> None:
        try:
            await self._continue(row)
        except SwitchError as error:  # the writer, the directory or a rail is away
            _log.warning("payment_file_waits", error=type(error).__name__, detail=error.detail)
            await asyncio.sleep(_PAUSE_S)
        except Exception as error:  # noqa: BLE001 - one file must not keep the others waiting
            _log.error("payment_file_failed", error=type(error).__name__, detail=logs.where(error))
            await asyncio.sleep(_PAUSE_S)

    async def _continue(self, row: asyncpg.Record) -> None:
        """The next step of a file."""
        evidence = Evidence(row["keyid"], row["signature"], row["base"], b"")
        if row["state"] == FileState.RECEIVED:
            await self._check(row, evidence)
            return
        waits = await self._decide_again(row, evidence)
        if row["cancelled_at"] is not None:
            await self._stop(row, FileLineState.CANCELLED, "", row["detail"])
        elif row["now"] >= row["ends_at"]:
            await self._stop(
                row, FileLineState.REJECTED, Reason.CUT_OFF_TIME, "the time of its file was over"
            )
        elif not row["valid"]:
            text = "the key that signed its file is not in force any more"
            await self._stop(row, FileLineState.REJECTED, Reason.SIGNER_NOT_ALLOWED, text)
        elif waits < _WAITS_MAX and await self._pool.fetchval(_WAIT, row["id"]):
            await self._send(row, evidence)
        if await self._end(row):
            self._pauses.pop(row["id"], None)
            return
        pause = min(2 * self._pauses.get(row["id"], _PAUSE_S / 2), _PAUSE_S_MAX) if waits else _PAUSE_S
        self._pauses[row["id"]] = pause
        await asyncio.sleep(pause)

    # The check

    async def _check(self, row: asyncpg.Record, evidence: Evidence) -> None:
        """Read the whole file; know its lines, or refuse it."""
        failpoint("before_file_checked")
        try:
            _check_time(row)
            checked = await self._checked(row, evidence)
            await self._store_lines(row)
            total = f"{checked.sum:f}"
            await self._pool.execute(
                _BEGIN, row["id"], checked.header.message_id, checked.header.lines, total
            )
        except FileNotTrue as refused:
            await self._refuse(row, refused)
        except asyncpg.UniqueViolationError:
            text = "another file of yours has this message id (GrpHdr/MsgId)"
            await self._refuse(row, FileNotTrue(Reason.DUPLICATE_MESSAGE_ID, text))

    async def _checked(self, row: asyncpg.Record, evidence: Evidence) -> CheckedFile:
        """Verify what was signed, compare the file with its numbers, and check all lines if it goes whole.

        Raises:
            FileNotTrue: it is refused.

        """
        checking = FileCheck()
        wrong: FileNotTrue | None = None
        try:
            async for found in self._read(row, checking):
                checking.add(found)
                if isinstance(found, PaymentLine) and row["whole"] and wrong is None:
                    wrong = await self._fault(row, found)
            checked = checking.end()
        except FileRefused as refused:
            raise FileNotTrue(Reason.INVALID_FILE_FORMAT, str(refused)) from None
        self._verify(row, evidence, bytes.fromhex(checked.sha256))
        if wrong is not None:
            raise FileNotTrue(wrong.reason, wrong.text, checked)
        if len(checked.faulty) == checked.header.lines:
            raise FileNotTrue(Reason.CONTENT_INCORRECT, "none of its lines can be sent", checked)
        return checked

    def _verify(self, row: asyncpg.Record, evidence: Evidence, sha256: bytes) -> None:
        if not evidence.keyid:  # of a sandbox: the writer decides whether that is enough
            return
        if not row["valid"]:
            raise FileNotTrue(Reason.SIGNER_NOT_ALLOWED, "its key is not in force any more")
        try:
            key = PublicKey.from_pem(evidence.keyid, row["public_key"].encode())
            verify_file(evidence, key, int(row["received_at"].timestamp()), self._authority, sha256)
        except (NotAuthentic, ValueError) as error:
            _log.error("payment_file_not_believed", file=str(row["id"]), error=type(error).__name__)
            raise FileNotTrue(Reason.SIGNER_NOT_ALLOWED, "it is not what its sender signed") from None

    async def _fault(self, row: asyncpg.Record, line: PaymentLine) -> FileNotTrue | None:
        """Why a line of a file that goes whole cannot be sent."""
        try:
            made = _made(line, datetime.now(UTC))
            await self._intake.check(*made, self._intake.participant(row["sender"]))
        except (Refused, NotAllowed, InvalidMessage) as refused:
            reason, text = _reason_of(refused)
            return FileNotTrue(reason, f"line {line.number}: {text}")
        return None

    async def _store_lines(self, row: asyncpg.Record) -> None:
        """Store the number and the UETR of each line; those that cannot be sent are rejected."""
        some: list[tuple[int, UUID, str, str]] = []
        async for found in self._read(row):
            if isinstance(found, FileHeader):
                continue
            some.append((found.number, UUID(found.uetr), *(found.fault or ("", ""))))
            if len(some) >= _STORED_AT_ONCE:
                await self._pool.execute(_ADD_LINES, row["id"], *map(list, zip(*some, strict=True)))
                some.clear()
        if some:
            await self._pool.execute(_ADD_LINES, row["id"], *map(list, zip(*some, strict=True)))

    async def _refuse(self, row: asyncpg.Record, refused: FileNotTrue) -> None:
        checked = refused.checked
        stated: tuple[str | None, int | None, str | None] = (None, None, None)
        if checked is not None:
            stated = (checked.header.message_id, checked.header.lines, f"{checked.sum:f}")
            outcome = LineOutcome("RJCT", refused.reason, refused.text)
            about = pain_002.group(checked, {"RJCT": checked.header.lines}, outcome)
            await self._notify(row, about)
        await self._pool.execute(_REFUSE, row["id"], *stated, refused.reason, refused.text)

    async def _read(
        self, row: asyncpg.Record, checking: FileCheck | None = None
    ) -> AsyncIterator[FileHeader | PaymentLine]:
        """The file's header, and its lines in their order; other work is done between two parts.

        Raises:
            FileRefused: it is no pain.001.
            Erased: its key was deleted.

        """
        reader = FileReader()
        async for piece in payment_files.pieces(self._pool, self._keys, row["id"], row["sealed_key"]):
            if checking is not None:
                checking.feed(piece)
            for found in reader.feed(piece):
                yield found
        for found in reader.end():
            yield found

    # Its lines

    async def _send(self, row: asyncpg.Record, evidence: Evidence) -> None:
        """Give the lines that wait to the intake, block by block."""
        block: list[PaymentLine] = []
        async for found in self._read(row):
            if isinstance(found, FileHeader):
                continue
            block.append(found)
            if len(block) >= _BLOCK:
                if not await self._send_block(row, evidence, block):
                    return
                block = []
        if block:
            await self._send_block(row, evidence, block)

    async def _send_block(self, row: asyncpg.Record, evidence: Evidence, block: list[PaymentLine]) -> bool:
        """Take and give what waits of a block; False: a later round continues."""
        first, last = block[0].number, block[-1].number
        rows = await self._pool.fetch(_WAITING, row["id"], first, last)
        waiting = {each["number"]: each["uetr"] for each in rows}
        if not waiting:
            return True
        mine = [line for line in block if waiting.get(line.number) == UUID(line.uetr)]
        if len(mine) < len(waiting):
            raise AssertionError("what is stored is not the file that was checked")
        if not await self._pool.fetchval(_GOES_ON, row["id"]):
            return False
        await self._take(row, evidence, mine)
        await self._pool.fetchval(_END_LINES, row["id"], _ENDED_AT_ONCE)
        undecided = await self._pool.fetch(_UNDECIDED, row["id"], _WAITS_MAX)
        return len(undecided) < _WAITS_MAX

    async def _take(self, row: asyncpg.Record, evidence: Evidence, block: list[PaymentLine]) -> None:
        """Make the messages of lines, store them with the lines, and give them to the intake."""
        sender = self._intake.participant(row["sender"])
        taken: list[tuple[int, bytes, bytes, bytes]] = []
        made: dict[int, bytes] = {}
        for line in block:
            try:
                message, _ = _made(line, datetime.now(UTC))
            except (Refused, InvalidMessage) as error:
                reason, text = _reason_of(error)
                await self._pool.execute(_REJECT_UNSENT, row["id"], line.number, reason, text)
                continue
            sealer = self._keys.sealer(UUID(line.uetr))
            fingerprint = self._intake.fingerprint(message, sender)
            sealed = sealer.seal(personal_data.SENT, message.raw)
            taken.append((line.number, fingerprint, sealer.sealed_key, sealed))
            made[line.number] = message.raw
        if not taken:
            return
        failpoint("before_lines_taken")
        rows = await self._pool.fetch(_TAKE, row["id"], *map(list, zip(*taken, strict=True)))
        failpoint("after_lines_taken")
        await self._give(row, evidence, {each["number"]: made[each["number"]] for each in rows})

    async def _decide_again(self, row: asyncpg.Record, evidence: Evidence) -> int:
        """Give lines again that were taken, and of which the ledger has nothing; how many these were."""
        undecided = await self._pool.fetch(_UNDECIDED, row["id"], _WAITS_MAX)
        again = {}
        for each in undecided:
            sealed = each["sealed_key"], each["message"]
            again[each["number"]] = self._keys.open(each["uetr"], personal_data.SENT, *sealed)
        await self._give(row, evidence, again)
        return len(again)

    async def _give(self, row: asyncpg.Record, evidence: Evidence, messages: dict[int, bytes]) -> None:
        """Give messages of lines to the intake, a few at once; those that it cannot decide now stay taken."""
        places = asyncio.Semaphore(LINES_AT_ONCE)

        async def give(number: int, raw: bytes) -> None:
            async with places:
                await self._give_one(row, evidence, number, raw)

        await asyncio.gather(*(give(number, raw) for number, raw in messages.items()))

    async def _give_one(self, row: asyncpg.Record, evidence: Evidence, number: int, raw: bytes) -> None:
        sender = self._intake.participant(row["sender"])
        message = codec.decode(raw, media_type=codec.XML, expect="pacs.008")
        payment = credit_transfer.read(message)
        stop = self._why_not(row)
        try:
            if stop is None:
                await self._intake.take_line(message, payment, sender, evidence)
            else:
                await self._intake.refuse_line(message, payment, sender, evidence, stop)
        except DuplicateUetr:
            text = "another payment has the UETR of this line"
            await self._pool.execute(_REJECT, row["id"], number, Reason.DUPLICATION, text)
        except SwitchError as error:  # it stays taken, and is given again
            _log.warning("payment_line_waits", error=type(error).__name__, detail=error.detail)
        failpoint("after_line_decided")

    @staticmethod
    def _why_not(row: asyncpg.Record) -> Refused | None:
        """Why nothing of a file may be sent any more."""
        if datetime.now(UTC) >= row["ends_at"]:
            return Refused("the time of its file was over", reason=Reason.CUT_OFF_TIME)
        if not row["valid"]:
            text = "the key that signed its file is not in force any more"
            return Refused(text, reason=Reason.SIGNER_NOT_ALLOWED)
        return None

    # The end

    async def _stop(self, row: asyncpg.Record, state: FileLineState, reason: str, text: str) -> None:
        await self._pool.execute(_REJECT_WAITING, row["id"], state, reason, text)

    async def _end(self, row: asyncpg.Record) -> bool:
        """Learn what became of the lines; once all have ended, notify the sender and end the file."""
        while await self._pool.fetchval(_END_LINES, row["id"], _ENDED_AT_ONCE) == _ENDED_AT_ONCE:
            pass
        rows = await self._pool.fetch(_STATES, row["id"])
        states = {FileLineState(each["state"]): each["count"] for each in rows}
        if states.keys() & {FileLineState.WAITING, FileLineState.TAKEN}:
            return False
        counts = {payment_files.STATUS[state]: count for state, count in states.items()}
        header = FileHeader(row["message_id"], "", row["lines"], None)
        await self._notify(row, pain_002.group(CheckedFile(header, "", Decimal(row["total"]), ()), counts))
        failpoint("before_file_ended")
        await self._pool.execute(_END, row["id"])
        return True

    async def _notify(self, row: asyncpg.Record, about: Element) -> None:
        """Send the sender the pain.002 about the file as a whole, once."""
        message_id = row["id"].hex
        raw = pain_002.begin(about, message_id) + pain_002.end(None)
        message = codec.decode(raw, media_type=codec.XML, expect="pain.002")
        id_ = correspondence.identity(correspondence.SWITCH, message, message_id)
        if await self._pool.fetchval(_NOTIFIED, id_):
            return
        await correspondence.store(
            self._pool,
            self._keys,
            message,
            message_id=message_id,
            sender=None,
            receiver=row["sender"],
            uetr=None,
        )


def _check_time(row: asyncpg.Record) -> None:
    if row["cancelled_at"] is not None:
        text = row["detail"] or "its sender cancelled it"
        raise FileNotTrue(Reason.NARRATIVE, f"{text}, before it was checked")
    if row["now"] >= row["ends_at"]:
        raise FileNotTrue(Reason.CUT_OFF_TIME, "its time was over before it could be checked")


def _made(line: PaymentLine, at: datetime) -> tuple[codec.Message, CreditTransfer]:
    """The pacs.008 of a line.

    Raises:
        Refused: it has a fault, or is no payment.
        InvalidMessage: it is not valid by the schema.

    """
    if line.fault is not None:
        reason, text = line.fault
        raise Refused(text, reason=Reason(reason))
    message = codec.decode(lines.message(line, at), media_type=codec.XML, expect="pacs.008")
    return message, credit_transfer.read(message)


def _reason_of(error: SwitchError) -> tuple[Reason, str]:
    """The reason and the text of a refusal, with the place and the broken rule."""
    stated = not error.path or error.detail.startswith(error.path)
    text = error.detail if stated else f"{error.path}: {error.detail}"
    if isinstance(error, InvalidMessage):
        text = f"{text} [{error.rule}]"
    return Reason(error.reason or Reason.CONTENT_INCORRECT), text
