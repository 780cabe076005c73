"""The garbage collector of a process that serves payments: often a little, rarely everything."""

import gc
from typing import Final

_NEW_OBJECTS: Final = 20_000
_EVERYTHING_EVERY: Final = 100


def collect_in_short_steps(old_every: int = 20) -> None:
    """Configure the collector, once the process has loaded what it keeps.

    Payments create many objects and hardly ever a cycle, so nearly all memory is freed without the collector.
    By default it examines again and again everything that a process keeps: about 9 % of the processor time of
    an API worker. Now it examines new objects when there are more than a hundred payments in progress have,
    so rarely, and in a millisecond or two; those that were there at a former examination once in `old_every`
    of these; and what is present now never. The writer keeps a hundred thousand sets, so its `old_every` is
    large: each such examination stops it for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, old_every, _EVERYTHING_EVERY)
