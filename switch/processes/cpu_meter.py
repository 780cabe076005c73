"""CPU time by stage, for benchmarks. A meter replaces functions, so without a meter nothing is slower.

A stage's time is that of its functions without the stages inside them, and only while they run: a coroutine
that waits costs nothing. So the times of all stages add up, whatever payments the event loop interleaves.
Metering itself takes about a microsecond for each time that a function starts or continues.
"""

import functools
import gc
import importlib
import inspect
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any, Final, cast

GARBAGE_COLLECTION: Final = "garbage collection"
_Function = Callable[..., Any]


class CpuMeter:
    """Nanoseconds of CPU and calls by stage, of the thread that made it."""

    def __init__(self) -> None:
        self.spent_ns: defaultdict[str, int] = defaultdict(int)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self._stages: list[str] = []
        self._since_ns = 0
        self._thread = threading.get_ident()

    def enter(self, stage: str) -> None:
        """Charge to `stage` from now on."""
        now = time.thread_time_ns()
        if self._stages:
            self.spent_ns[self._stages[-1]] += now - self._since_ns
        self._stages.append(stage)
        self._since_ns = now

    def leave(self) -> None:
        """Charge to the stage before again."""
        now = time.thread_time_ns()
        self.spent_ns[self._stages.pop()] += now - self._since_ns
        self._since_ns = now

    def metered(self, function: _Function, stage: str) -> _Function:
        """The function with its time charged to `stage`; in other threads it is not metered."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*arguments: Any, **named: Any) -> Any:
                self.calls[stage] += 1
                return await _Steps(self, stage, function(*arguments, **named))

            return later

        @functools.wraps(function)
        def now(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() != self._thread:
                return function(*arguments, **named)
            self.calls[stage] += 1
            self.enter(stage)
            try:
                return function(*arguments, **named)
            finally:
                self.leave()

        return now

    def count_collections(self) -> Callable[[], None]:
        """Charge garbage collection to its own stage; the returned function ends it."""

        def collect(phase: str, _: Mapping[str, int]) -> None:
            if threading.get_ident() != self._thread:
                return
            if phase == "start":
                self.calls[GARBAGE_COLLECTION] += 1
                self.enter(GARBAGE_COLLECTION)
            else:
                self.leave()

        gc.callbacks.append(collect)
        return lambda: gc.callbacks.remove(collect)

    def install(self, table: Mapping[str, Sequence[str]]) -> Callable[[], None]:
        """Meter the functions of each stage, by `module:name`; the returned function undoes it.

        Raises:
            AttributeError: there is no function of that name.

        """
        places = [(*_place(name), stage) for stage, names in table.items() for name in names]
        originals = [(owner, name, inspect.getattr_static(owner, name)) for owner, name, _ in places]
        for owner, name, stage in places:
            setattr(owner, name, self.metered(inspect.getattr_static(owner, name), stage))

        def undo() -> None:
            for owner, name, original in originals:
                setattr(owner, name, original)

        return undo


class _Steps:
    """A coroutine of which each step is charged to a stage."""

    def __init__(self, meter: CpuMeter, stage: str, steps: Coroutine[Any, Any, Any]) -> None:
        self._meter = meter
        self._stage = stage
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, Any]:
        return cast("Generator[Any, Any, Any]", self)  # it has what `await` uses of a generator

    def __iter__(self) -> "_Steps":
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Take the next step."""
        return self._step(self._steps.send, value)

    def throw(self, *error: Any) -> Any:
        """Take the next step with an error."""
        return self._step(self._steps.throw, *error)

    def close(self) -> None:
        """End it."""
        self._steps.close()

    def _step(self, step: _Function, *arguments: Any) -> Any:
        self._meter.enter(self._stage)
        try:
            return step(*arguments)
        finally:
            self._meter.leave()


def _place(name: str) -> tuple[Any, str]:
    """The object and the attribute of `module:Class.method` or `module:function`."""
    module, _, path = name.partition(":")
    *owners, attribute = path.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), attribute
