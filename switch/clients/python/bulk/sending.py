"""Send a pain.001 of thousands of lines: each an ordinary payment, in any order, exactly once.

    outcome = send(client, Path("salaries.xml"), at_once=16)

A journal beside the file has what was sent and what became of it. Whatever ends the program, the same call
continues: the UETR of a line is always the same, so nothing is paid twice. `cancel` stops the rest: what was
not sent is not sent any more.

The journal is a file of JSON lines. Before the first line of a block is sent, it states that; then the
outcome of each line. A line without an outcome in such a block is asked for before it is sent again: if an
earlier message of it arrives nevertheless, one of the two is refused, as both have one UETR. The last line of
a journal may be torn, and does not count.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from ..client import Client
from ..messages import FINAL, PaymentState
from ..problems import (
    DuplicateUetr,
    NoAnswer,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    RequestRefused,
    TooManyRequests,
    Unavailable,
)
from . import lines
from .lines import CheckedFile, FileHeader, FileRefused, PaymentLine

_BLOCK: Final = 500
"""Lines that have one entry in the journal before they are sent."""
_AGAIN: Final = (NoAnswer, OutcomeUnknown, Overloaded, TooManyRequests, Unavailable)
_PAUSE_S: Final = 1.0
_PAUSE_S_MAX: Final = 30.0
PATIENCE_S: Final = 900.0
"""How long a line is tried while the switch cannot be reached, before the run ends. It can be resumed."""
CANCELLED: Final = "CANC"
UNSENT: Final = "RCVD"
"""Status of a line that was not sent yet."""
_XML: Final = "application/xml"


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of a line: an ISO status, and the reason of a rejection."""

    status: str
    reason: str | None = None
    text: str = ""

    @property
    def final(self) -> bool:
        """Whether it cannot change any more."""
        return self.status in FINAL or self.status == CANCELLED


@dataclass
class Progress:
    """How far a file is: numbers of lines by status; `RCVD` are not sent."""

    message_id: str
    lines: int
    by_status: dict[str, int] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing remains to be sent or to be learnt."""
        return sum(n for status, n in self.by_status.items() if status in {*FINAL, CANCELLED}) == self.lines


class Journal:
    """What is known of a file; one program at a time writes it."""

    def __init__(self, file: IO[bytes], checked: CheckedFile, *, whole: bool | None = None) -> None:
        """Read a journal; `whole` is None for one that is only read."""
        self._file = file
        self._lock, self._beginning = threading.Lock(), threading.Lock()
        self.checked = checked
        self.outcomes: dict[int, LineOutcome] = {}
        self.blocks: set[int] = set()
        """First lines of the blocks of which some may have been sent."""
        self.cancelled = False
        first, end = self._load()
        stated = {"file": checked.sha256, "message": checked.header.message_id}
        if first and {name: first.get(name) for name in stated} != stated:
            raise FileRefused("the journal is of another file: state another place for it")
        if whole is not None:
            file.seek(end)
            file.truncate()
            if not first:
                self.note({**stated, "whole": whole}, durable=True)

    def _load(self) -> tuple[dict[str, Any], int]:
        """The first entry, and where the last whole one ends."""
        first: dict[str, Any] = {}
        end = 0
        for raw in self._file:
            if not raw.endswith(b"\n"):  # torn by the end of the program that wrote it
                break
            entry, end = json.loads(raw), end + len(raw)
            first = first or entry
            if "block" in entry:
                self.blocks.add(entry["block"])
            elif "line" in entry:
                self.outcomes[entry["line"]] = LineOutcome(entry["status"], entry["reason"], entry["text"])
            self.cancelled = self.cancelled or "cancelled" in entry
        return first, end

    def note(self, entry: dict[str, Any], *, durable: bool = False) -> None:
        """Add an entry; a durable one is on disk before this returns."""
        with self._lock:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())

    def begin(self, number: int) -> None:
        """State that a line may be sent, before it is: on disk once for each block."""
        with self._beginning:
            if (block := block_of(number)) not in self.blocks:
                self.note({"block": block}, durable=True)
                self.blocks.add(block)

    def learn(self, number: int, outcome: LineOutcome) -> None:
        """Keep what became of a line."""
        self.outcomes[number] = outcome
        self.note({"line": number, "status": outcome.status, "reason": outcome.reason, "text": outcome.text})

    def of(self, number: int) -> LineOutcome:
        """What is known of a line."""
        return self.outcomes.get(number, LineOutcome(CANCELLED if self.cancelled else UNSENT))

    def progress(self) -> Progress:
        """Numbers of lines by status."""
        header = self.checked.header
        counts: dict[str, int] = {}
        for outcome in list(self.outcomes.values()):
            counts[outcome.status] = counts.get(outcome.status, 0) + 1
        if rest := header.lines - sum(counts.values()):
            counts[self.of(0).status] = rest
        return Progress(header.message_id, header.lines, counts, self.cancelled)


def block_of(number: int) -> int:
    """The first line of the block of a line."""
    return number - (number - 1) % _BLOCK


def journal_of(path: Path) -> Path:
    """Where the journal of a file is unless another place is stated: beside it."""
    return path.with_name(path.name + ".journal")


@contextmanager
def _writing(path: Path, place: Path, *, whole: bool) -> Iterator[Journal]:
    import fcntl  # noqa: PLC0415 - where there is none, the client can be used for everything else

    checked = lines.check(path)
    place.touch(mode=0o600)
    with place.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FileRefused("another program is sending this file") from None
        yield Journal(file, checked, whole=whole)


def reading(path: Path, journal: Path | None = None) -> Journal:
    """What is known of a file now, also while another program sends it.

    Raises:
        FileRefused: as `lines.check`, or it was never sent from here.

    """
    try:
        with (journal or journal_of(path)).open("rb") as file:
            return Journal(file, lines.check(path))
    except FileNotFoundError:
        raise FileRefused("there is no journal: the file was not sent from here") from None


def cancel(path: Path, journal: Path | None = None) -> bool:
    """Stop the rest of a file, also while another program sends it; what was sent is not recalled.

    False if nothing was left to stop: every line was sent or rejected, and none was cancelled.

    Raises:
        FileRefused: as `reading`.

    """
    progress = reading(path, journal).progress()
    if progress.cancelled or UNSENT not in progress.by_status:
        return progress.cancelled
    _mark(journal or journal_of(path)).touch()
    return True


def _mark(journal: Path) -> Path:
    return journal.with_name(journal.name + ".cancel")


def send(
    client: Client,
    path: Path,
    *,
    journal: Path | None = None,
    whole: bool = False,
    at_once: int = 16,
    progress: Callable[[Progress], None] = lambda _: None,
    within_s: float = 60.0,
) -> Progress:
    """Send what is left of a file, then learn what became of it, for at most `within_s` after the last line.

    With `whole`, nothing is sent if a line has a fault or the switch would not price it. Without, such lines
    are rejected, and the others are sent.

    Raises:
        FileRefused: as `lines.check`; the journal is another file's, or another program sends it; or
            a line has a fault and the file is to be sent whole.
        RequestRefused: the switch refuses the sender; call it again when that has ended.
        NoAnswer: the switch could not be reached for long; call it again to continue.

    """
    place = journal or journal_of(path)
    with _writing(path, place, whole=whole) as kept:
        run = _Run(client, path, kept, _mark(place), progress)
        if whole and not kept.blocks:
            run.check_whole(at_once)
        run.each(run.pay, at_once, lambda line: line.number not in kept.outcomes)
        ends = time.monotonic() + within_s
        while run.pending() and time.monotonic() < ends:
            run.each(run.ask, at_once, run.is_pending)
            time.sleep(_PAUSE_S if run.pending() else 0)
        run.tell(durable=True)
        return kept.progress()


class _Run:
    """One run over a file."""

    def __init__(
        self,
        client: Client,
        path: Path,
        journal: Journal,
        mark: Path,
        progress: Callable[[Progress], None],
    ) -> None:
        self._client = client
        self._path = path
        self._journal = journal
        self._mark = mark
        self._progress = progress
        self._resumed = frozenset(journal.blocks)
        self._told = 0.0

    def each(
        self, act: Callable[[PaymentLine], None], at_once: int, wanted: Callable[[PaymentLine], bool]
    ) -> None:
        """Do something with some lines, a few at once: no more of them are in memory."""
        with ThreadPoolExecutor(at_once) as pool:
            doing: set[Future[None]] = set()
            for line in lines.read(self._path):
                if isinstance(line, FileHeader) or not wanted(line):
                    continue
                if len(doing) >= at_once:
                    doing = self._collected(doing)
                doing.add(pool.submit(act, line))
            while doing:
                doing = self._collected(doing)

    def _collected(self, doing: set[Future[None]]) -> set[Future[None]]:
        done, left = wait(doing, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()  # what stops one line stops the run
        self.tell()
        return left

    def tell(self, *, durable: bool = False) -> None:
        """Report the progress, about once a second."""
        if self._mark.exists() and not self._journal.cancelled:
            self._journal.cancelled = True
            self._journal.note({"cancelled": datetime.now(UTC).isoformat()}, durable=True)
        if durable or time.monotonic() - self._told > _PAUSE_S:
            self._told = time.monotonic()
            self._progress(self._journal.progress())

    def check_whole(self, at_once: int) -> None:
        """Refuse a file of which a line could not be sent."""
        if self._journal.checked.faulty:
            numbers = ", ".join(map(str, self._journal.checked.faulty[:10]))
            raise FileRefused(f"nothing was sent: these lines have faults: {numbers}")
        self.each(self._price, at_once, lambda _: True)

    def _price(self, line: PaymentLine) -> None:
        agent = line.transaction.findtext("CdtrAgt/FinInstnId/BICFI")
        if not agent:
            return
        try:
            self._client.read(
                "quotes", creditor_agent=agent, amount=f"{line.amount:f}", currency=line.currency
            )
        except _AGAIN:
            raise
        except RequestRefused as refused:
            text = f"nothing was sent: line {line.number}: {refused.reason}: {refused.detail}"
            raise FileRefused(text) from None

    def pay(self, line: PaymentLine) -> None:
        """Send a line; one that may have been sent before is asked for first."""
        if line.fault is not None:
            self._journal.learn(line.number, LineOutcome("RJCT", *line.fault))
            return
        if block_of(line.number) in self._resumed and (known := self._known(line)) is not None:
            self._journal.learn(line.number, known)
        elif not self._mark.exists():
            self._journal.begin(line.number)
            message = lines.message(line, datetime.now(UTC))
            self._journal.learn(line.number, self._paid(line, message))

    def _paid(self, line: PaymentLine, message: bytes) -> LineOutcome:
        try:
            return _outcome(self._patiently(lambda: self._client.pay(message, media_type=_XML)))
        except DuplicateUetr as refused:
            known = self._known(line)
            return LineOutcome("RJCT", refused.reason, refused.detail) if known is None else known
        except RequestRefused as refused:
            if refused.status in _OF_SENDER:
                raise
            return LineOutcome("RJCT", refused.reason, refused.detail)

    def _known(self, line: PaymentLine) -> LineOutcome | None:
        """What the switch knows of a line; None if it never received it."""
        try:
            return _outcome(self._patiently(lambda: self._client.payment(line.uetr)))
        except NotFound:
            return None

    def is_pending(self, line: PaymentLine) -> bool:
        """Whether a line was sent, and its outcome is to be learnt."""
        outcome = self._journal.outcomes.get(line.number)
        return outcome is not None and not outcome.final

    def pending(self) -> bool:
        """Whether there are such lines."""
        return any(not outcome.final for outcome in self._journal.outcomes.values())

    def ask(self, line: PaymentLine) -> None:
        """Learn what became of a line."""
        known = self._known(line)
        if known is not None and known != self._journal.outcomes[line.number]:
            self._journal.learn(line.number, known)

    @staticmethod
    def _patiently(act: Callable[[], PaymentState]) -> PaymentState:
        """Do it again with the same bytes while the switch does not answer."""
        pause, ends = _PAUSE_S, time.monotonic() + PATIENCE_S
        while True:
            try:
                return act()
            except _AGAIN:
                if time.monotonic() > ends:
                    raise
            time.sleep(pause)
            pause = min(_PAUSE_S_MAX, 2 * pause)


_OF_SENDER: Final = frozenset({401, 403})
"""Refusals of the sender, not of a line: the run ends, and can be resumed."""


def _outcome(state: PaymentState) -> LineOutcome:
    return LineOutcome(state.status, state.reason, state.detail or "")
