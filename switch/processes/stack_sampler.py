"""Stack samples of this process, for flame graphs: one for each few milliseconds of CPU that it used.

The kernel's timer counts the CPU time of the whole process and sends SIGPROF; the handler notes where the
main thread is. A process that waits is not sampled, and without the sampler there is no timer.
"""

import signal
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Final

INTERVAL_S: Final = 0.005
DEPTH_MAX: Final = 128


class StackSampler:
    """Counts stacks, the outermost function first: `module.function;module.function`."""

    def __init__(self) -> None:
        self.stacks: Counter[str] = Counter()

    def start(self, interval_s: float = INTERVAL_S) -> Callable[[], None]:
        """Begin; the returned function ends it. Only the main thread may call either."""
        before = signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, interval_s, interval_s)

        def stop() -> None:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, before or signal.SIG_IGN)

        return stop

    def _note(self, _: int, frame: FrameType | None) -> None:
        names: list[str] = []
        while frame is not None and len(names) < DEPTH_MAX:
            names.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}")
            frame = frame.f_back
        self.stacks[";".join(reversed(names))] += 1
