"""Buckets of times: how long committed payments took, to within a tenth, however many there are.

The edges are stored with the facts only as numbers of buckets, so they must never change.
"""

from collections.abc import Mapping, Sequence
from typing import Final

PER_DECADE: Final = 24
DECADES: Final = 8
EDGES: Final[Sequence[int]] = tuple(
    round(1000 * 10 ** (number / PER_DECADE)) for number in range(PER_DECADE * DECADES + 1)
)
"""Upper edges in microseconds, from a millisecond to more than a day: bucket n is below edge n."""


def percentile(counts: Mapping[int, int], percent: int) -> int | None:
    """The edge below which `percent` of the payments were, in microseconds; None if there are none.

    `counts`: number of payments by bucket. A payment slower than the last edge counts as the last edge.
    """
    wanted = -(-sum(counts.values()) * percent // 100)
    below = 0
    for bucket in sorted(counts):
        below += counts[bucket]
        if wanted and below >= wanted:
            return EDGES[min(bucket, len(EDGES) - 1)]
    return None
