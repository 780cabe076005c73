"""Admission: how many messages one API worker works on at once, and whose turn it is.

Theory of operation. A message holds a *place* from its admission until its command is durable. The number of
places is measured: it grows by one a round while all are taken and each is held for at most three times the
least time, and falls in proportion when one is held longer, because the processor, the writer or the
database has more to do than it can. The phase at the rail holds no place: a slow rail has its own quota.

A message that finds no place waits in the line of its participant; places go to the lines in turn. By
Little's law a place becomes free every `held_s / limit` seconds, which tells how long a line would wait.
Where that exceeds `wait_s`, or the sender's own limit in time, the message is refused at once: nothing was
done with it. So a participant that sends twenty times its share fills only its own line.

Only messages whose sender is proved join a line. Before that, `full` tells whether the line of the claimed
participant takes no more; asking changes nothing, so a stranger uses up nobody's share.

A refusal states when to come back. Those of one participant are told different instants, one turn apart, so
that a herd that returns after an outage comes back at the pace at which it can be served.
"""

import asyncio
import heapq
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Container
from contextlib import AbstractContextManager
from typing import Final, Literal, get_args

from schemas.errors import Overloaded
from switch.base import metrics

Cause = Literal["share", "deadline", "patience"]
"""Why a message was refused: the line of its participant is full; it would be too late for its sender; it
waited in vain."""
Tell = Callable[["AdmissionTicket", Cause | None], None]

QUEUEING: Final = 3.0
"""Times the least time for which a place may be held; the rest of it is spent in queues behind the gate."""
HELD_S_LEAST: Final = 0.06
"""Seconds for which a place may always be held: so short a queue costs less than it gains."""
PLACES_MIN: Final = 12
"""So few always work at once. With four the writer's batches were nearly empty: 1.8 times the processor time
of a payment, and half the payments a second."""
PLACES_FIRST: Final = 32
"""At the start, before anything is measured."""
_PATIENCE: Final = 2.0
"""Times the longest wait, after which what still waits is refused: places are held longer than estimated."""
BACK_S_MIN: Final = 0.05
BACK_S_MAX: Final = 10.0
"""Bounds of what a refusal states."""
_REPORT_EVERY_S: Final = 1.0
LEAST_RISES: Final = 0.05
LEAST_RISES_TO_S: Final = 0.15
"""Share by which the least time rises in a second, up to a bound: a disk may have become slower, which is no
overload, while what queues for ever must not count as the least time."""
_CUT_MOST: Final = 0.5
_SMOOTH: Final = 1 / 16
_FIRST_HELD_S: Final = 0.02


class AdmissionTicket(AbstractContextManager["AdmissionTicket"]):
    """One message: in its line, or at a place until `leave`."""

    __slots__ = ("came", "entered", "gate", "participant", "tell", "until")

    def __init__(self, gate: "Gate", participant: str, until: float, came: float) -> None:
        self.gate = gate
        self.participant = participant
        self.until = until
        """By the gate's clock; of no use to its sender later."""
        self.came = came
        self.entered: float | None = None
        """When it got its place; None without one."""
        self.tell: Tell | None = None

    def leave(self) -> None:
        """Free the place: the command is durable; again it has no effect."""
        if self.entered is not None:
            self.gate.leave(self, durable=True)

    def __exit__(self, *_: object) -> None:
        if self.entered is not None:
            self.gate.leave(self, durable=False)


class _Line:
    """What waits of one participant: a heap, the least time left first."""

    __slots__ = ("heap", "served_at", "turn_s")

    def __init__(self, turn_s: float) -> None:
        self.heap: list[tuple[float, int, AdmissionTicket]] = []
        self.turn_s = turn_s
        """Seconds from one of its turns to the next: estimated at first, then measured."""
        self.served_at: float | None = None

    def pop(self, now: float) -> AdmissionTicket:
        """Take the next one, whose turn it is."""
        if self.served_at is not None:
            self.turn_s += (now - self.served_at - self.turn_s) * _SMOOTH
        self.served_at = now
        return heapq.heappop(self.heap)[2]


class Gate:
    """The places and lines of one worker; times are monotonic seconds of `now`."""

    def __init__(self, most: int, wait_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._least = min(PLACES_MIN, most)
        self._wait_s = wait_s
        self._now = now
        self._limit = float(min(PLACES_FIRST, most))
        self._held_s = _FIRST_HELD_S
        self._least_held_s = math.inf
        self._measured_at = now()
        self._lower_from = -math.inf
        """No further cut before: messages of the time before the last one still end."""
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        """Lines that are not empty, by whose turn it is."""
        self._number = 0
        self._back: dict[str, float] = {}
        """When the last refused message of a participant was told to come back."""
        self.inside = 0
        """Places taken."""
        self.waiting = 0
        """Messages in all lines."""

    @property
    def limit(self) -> int:
        """How many places there are now."""
        return int(self._limit)

    @property
    def _gap_s(self) -> float:
        """Seconds from one free place to the next, by Little's law."""
        return self._held_s / self._limit

    def arrive(self, participant: str, tell: Tell, *, until: float = math.inf) -> AdmissionTicket:
        """Take a place, or join the line of an authenticated participant.

        `tell` is called later if it has to wait: with None once it has its place, or with why it gets none.

        Raises:
            Overloaded: it would wait too long; nothing was done.

        """
        now = self._now()
        ticket = AdmissionTicket(self, participant, until, now)
        if self.inside < self.limit and not self.waiting:
            self._let_in(ticket, now)
            return ticket
        cause = self._cause(participant, until - now)
        if cause is not None:
            raise self.refused(participant, cause)
        ticket.tell = tell
        line = self._lines.get(participant)
        if line is None:
            line = self._lines[participant] = _Line(self._turn_s(None))
        self._number += 1
        heapq.heappush(line.heap, (until, self._number, ticket))
        self.waiting += 1
        return ticket

    def full(self, participant: str) -> bool:
        """Whether the line of a participant takes no more; asking has no effect."""
        return self.waiting > 0 and self._cause(participant, math.inf) is not None

    def refused(self, participant: str, cause: Cause, *, proved: bool = True) -> Overloaded:
        """Count a refusal, and build its error; only one of a `proved` sender delays the next one."""
        metrics.SHED.labels(cause).inc()
        now, line = self._now(), self._lines.get(participant)
        turn_s = self._turn_s(line)
        free_at = now + turn_s * (1 if line is None else len(line.heap) + 1)
        back = min(max(self._back.get(participant, 0.0), free_at) + turn_s, now + BACK_S_MAX)
        if proved:
            self._back[participant] = back
        return Overloaded(retry_after_ms=math.ceil(1000 * max(BACK_S_MIN, back - now)))

    def leave(self, ticket: AdmissionTicket, *, durable: bool) -> None:
        """Free the place of a ticket, and let in whose turn it is; learn from a durable one."""
        now = self._now()
        assert ticket.entered is not None
        if durable:
            self._learn(now - ticket.entered, now)
        ticket.entered = None
        self.inside -= 1
        if self.waiting:
            self._serve(now)

    def _learn(self, held_s: float, now: float) -> None:
        """Adapt the number of places to how long one was held."""
        self._held_s += (held_s - self._held_s) * _SMOOTH
        risen_s = self._least_held_s
        if risen_s < LEAST_RISES_TO_S:
            risen_s *= 1 + LEAST_RISES * (now - self._measured_at)
        self._least_held_s, self._measured_at = min(risen_s, held_s), now
        most_s = max(QUEUEING * self._least_held_s, HELD_S_LEAST)
        if held_s > most_s:
            if now >= self._lower_from:
                self._limit = max(float(self._least), self._limit * max(_CUT_MOST, most_s / held_s))
                self._lower_from = now + held_s
        elif self.inside >= self.limit:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)

    def expire(self) -> None:
        """Refuse what has waited too long, or is of no use to its sender any more."""
        now = self._now()
        for participant, line in list(self._lines.items()):
            vain = {ticket: cause for _, _, ticket in line.heap if (cause := self._vain(ticket, now))}
            if vain:
                self._remove(participant, line, vain)
            for ticket, cause in vain.items():
                assert ticket.tell is not None
                ticket.tell(ticket, cause)
        self._serve(now)

    def give_up(self, ticket: AdmissionTicket) -> None:
        """Forget a ticket whose sender is gone."""
        if ticket.entered is not None:
            self.leave(ticket, durable=False)
            return
        line = self._lines.get(ticket.participant)
        if line is not None and any(entry[2] is ticket for entry in line.heap):
            self._remove(ticket.participant, line, {ticket})

    def _turn_s(self, line: _Line | None) -> float:
        """Seconds between two turns of a line; of one that does not exist, an estimate."""
        return self._gap_s * (len(self._lines) + 1) if line is None else line.turn_s

    def _cause(self, participant: str, left_s: float) -> Cause | None:
        """Why a message would be let in too late; each line takes at least one."""
        line = self._lines.get(participant)
        wait_s = self._turn_s(line) * (1 if line is None else len(line.heap) + 1)
        if wait_s > left_s:
            return "deadline"
        return "share" if line is not None and wait_s > self._wait_s else None

    def _serve(self, now: float) -> None:
        """Give free places to the lines in turn."""
        while self.waiting and self.inside < self.limit:
            participant, line = self._lines.popitem(last=False)
            ticket = line.pop(now)
            if line.heap:
                self._lines[participant] = line
            self.waiting -= 1
            cause = self._vain(ticket, now)
            if cause is None:
                self._let_in(ticket, now)
            assert ticket.tell is not None
            ticket.tell(ticket, cause)

    def _remove(self, participant: str, line: _Line, gone: Container[AdmissionTicket]) -> None:
        kept = [entry for entry in line.heap if entry[2] not in gone]
        self.waiting -= len(line.heap) - len(kept)
        heapq.heapify(kept)
        line.heap = kept
        if not line.heap:
            del self._lines[participant]

    def _vain(self, ticket: AdmissionTicket, now: float) -> Cause | None:
        """Why a ticket must not get a place any more."""
        if ticket.until <= now:
            return "deadline"
        return "patience" if now - ticket.came > _PATIENCE * self._wait_s else None

    def _let_in(self, ticket: AdmissionTicket, now: float) -> None:
        ticket.entered = now
        self.inside += 1


class Admission(Gate):
    """The gate of a worker's event loop."""

    def __init__(self, most: int, wait_s: float) -> None:
        super().__init__(most, wait_s)
        self._timer: asyncio.TimerHandle | None = None
        for cause in get_args(Cause):
            metrics.SHED.labels(cause)  # from the first refusal on, an alert sees an increase

    async def enter(self, participant: str, *, left_s: float = math.inf) -> AdmissionTicket:
        """Wait for a place for a message of an authenticated participant, useless after `left_s` seconds.

        Raises:
            Overloaded: there is none in time; nothing was done.

        """
        decided: asyncio.Future[Cause | None] | None = None

        def tell(_: AdmissionTicket, cause: Cause | None) -> None:
            assert decided is not None
            if not decided.done():
                decided.set_result(cause)

        ticket = self.arrive(participant, tell, until=self._now() + left_s)
        if ticket.entered is None:
            decided = asyncio.get_running_loop().create_future()
            self._look_later()
            try:
                cause = await decided
            except asyncio.CancelledError:
                self.give_up(ticket)
                raise
            if cause is not None:
                raise self.refused(participant, cause)
        metrics.ADMISSION_WAIT.observe((ticket.entered or ticket.came) - ticket.came)
        return ticket

    async def keep_reporting(self) -> None:
        """Set the gauges of the present state once a second, until cancelled."""
        while True:
            metrics.ADMISSION_LIMIT.set(self.limit)
            metrics.ADMISSION_PLACES.labels("taken").set(self.inside)
            metrics.ADMISSION_PLACES.labels("waiting").set(self.waiting)
            await asyncio.sleep(_REPORT_EVERY_S)

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait_s / 4, self._look)

    def _look(self) -> None:
        self._timer = None
        self.expire()
        if self.waiting:
            self._look_later()
