"""Points at which fault tests stop the switch at once.

`PAYSWITCH_FAILPOINTS=after_reserve_commit:kill` kills this process with SIGKILL at the first pass,
`...:killgroup` its whole process group, and `...:stop` stops it with SIGSTOP, once, until it receives
SIGCONT. `...:kill@0.1` acts with that probability. Without the setting a failpoint costs one comparison.
"""

import os
import random
import signal
from typing import Final

NAMES: Final = (
    "before_reserve_commit",
    "after_reserve_commit",
    "before_rail_send",
    "after_rail_send",
    "before_callback_commit",
    "before_outcome_commit",
    "after_outcome_commit",
    "before_enquiry",
    "after_enquiry",
)
"""In the order in which a payment passes them."""
OF_HOLDS: Final = ("before_hold_commit", "after_hold_commit")
"""Those that only a payment passes which screening holds."""
OF_RETURNS: Final = ("before_return_booked", "after_return_booked")
"""Those that only a payment passes which its rail gives back."""
OF_REVERSALS: Final = ("before_reversal", "after_reversal")
"""Those around an attempt of a reversal, which is durable before the first."""
OF_ORDERS: Final = (
    "before_order_kept",
    "after_order_kept",
    "before_order_taken",
    "after_order_taken",
    "after_order_decided",
    "before_order_ended",
    "after_order_ended",
    "before_order_told",
    "after_order_told",
)
"""Those that an order of a rail passes, in this order; between them it passes those of its payment."""
OF_QUERIES: Final = ("after_order_looked_up", "before_order_given_up", "after_order_given_up")
"""Those that a rail's status query and its reversal of an order pass."""
OF_LOOKUPS: Final = (
    "before_lookup_kept",
    "after_lookup_kept",
    "before_lookup_decided",
    "after_lookup_decided",
)
"""Those that a look-up of a rail passes whose price is promised; between them the writer promises it."""
OF_REFUNDS: Final = ("before_refund_made", "before_refund_sent", "after_refund_sent", "before_refund_moved")
"""Those that the refund of an order passes, over the rail where its payment began."""
OF_RECALLS: Final = ("before_recall_asked", "after_recall_asked", "before_recall_told")
"""Those that a recall passes, whose payee's bank is asked over its rail."""
OF_FILES: Final = (
    "after_file_kept",
    "before_file_checked",
    "before_lines_taken",
    "after_lines_taken",
    "after_line_decided",
    "before_file_ended",
)
"""Those that a file of payments passes, in this order; between them its lines pass those of payments."""
OF_REQUESTS: Final = ("before_request_ended",)
"""Those that a request to pay passes."""
OF_INVESTIGATIONS: Final = (
    "before_investigation_kept",
    "after_investigation_kept",
    "before_investigation_answered",
    "after_investigation_answered",
    "before_investigation_told",
)
"""Those that a question about a payment and its answer pass."""
ALL: Final = (
    *NAMES,
    *OF_HOLDS,
    *OF_RETURNS,
    *OF_REVERSALS,
    *OF_ORDERS,
    *OF_QUERIES,
    *OF_LOOKUPS,
    *OF_REFUNDS,
    *OF_RECALLS,
    *OF_INVESTIGATIONS,
    *OF_FILES,
    *OF_REQUESTS,
)
_KINDS: Final = frozenset({"kill", "killgroup", "stop"})


def _parse(text: str) -> dict[str, tuple[str, float]]:
    armed: dict[str, tuple[str, float]] = {}
    for item in filter(None, text.split(",")):
        name, _, action = item.partition(":")
        kind, _, probability = action.partition("@")
        if name not in ALL or kind not in _KINDS:
            raise ValueError(f"unknown failpoint {item!r}")
        armed[name] = (kind, float(probability or "1"))
    return armed


_armed: dict[str, tuple[str, float]] = {}


def arm() -> None:
    """Read the environment: at the import, and again in a process that was forked after it."""
    _armed.clear()
    _armed.update(_parse(os.environ.get("PAYSWITCH_FAILPOINTS", "")))


arm()


def failpoint(name: str) -> None:
    """Stop here if the environment requires it."""
    if not _armed or name not in _armed:
        return
    kind, probability = _armed[name]
    if random.random() < probability:  # noqa: S311
        if kind == "stop":
            del _armed[name]
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        if kind == "killgroup":
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
