"""Unknown outcomes: broken exchanges between the client and the switch, and late answers of the rail."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.simulation.magic import Magic
from switch.conformance import conduct
from switch.conformance.observing import Disturbance, DisturbanceKind
from switch.conformance.scenario import Group, Play, Scenario, must
from switch.conformance.stage import Stage

_NOT_FINAL: Final = frozenset({"PDNG", "ACSP"})
_HTML: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_SHORT_S: Final = 1.0
"""Seconds in which a payment that stays open is followed."""
_WAIT: Final = {"Retry-After": "1"}


def _answer(
    status: int, name: str = "", *, after: bool = False, times: int = 1, **more: object
) -> Disturbance:
    act = DisturbanceKind.ANSWER_AFTER if after else DisturbanceKind.ANSWER
    return Disturbance(act, times, status=status, problem=name, **more)  # type: ignore[arg-type]


def _survived(word: str = "", *disturbances: Disturbance) -> Play:
    """A payment that succeeds after disturbances, with one UETR."""

    async def play(stage: Stage) -> str:
        copies = [_copy(each) for each in disturbances]
        found = await stage.paid(word, *copies)
        conduct.check_repeated(found.sent, sum(each.times for each in disturbances) - 1)
        return await stage.expect(found, "RJCT" if word else "ACCC", word)

    return play


def _copy(each: Disturbance) -> Disturbance:
    """A disturbance counts down, so each run has its own."""
    return replace(each)


def _read_instead(*disturbances: Disturbance) -> Play:
    """As `_survived`, but the client may read the payment in place of a repetition."""

    async def play(stage: Stage) -> str:
        found = await stage.paid("", *map(_copy, disturbances))
        return await stage.expect(found, "ACCC")

    return play


def _outage(word: str, status: str, reason: str = "") -> Play:
    """The switch took the payment and then is out of reach: the outcome stays unknown until it is back."""

    async def play(stage: Stage) -> str:
        gone = Disturbance(DisturbanceKind.CUT_BEFORE, 10_000, message="")
        order = stage.order(word, within_s=_SHORT_S)
        found = await stage.pay(order, Disturbance(DisturbanceKind.CUT_AFTER), gone)
        conduct.check_sent_once(found.sent)
        must(
            found.belief.status in _NOT_FINAL,
            f"the client believes {found.belief.status or '(nothing)'}, and cannot know the outcome",
        )
        stage.observer.disturb()
        belief = await stage.outcome(order["order"])
        conduct.check_sent_once(stage.payments())
        state = await stage.check_belief(found, belief)
        must(
            (state.status, reason or state.reason) == (status, state.reason), f"the payment is {state.status}"
        )
        return f"unknown during the outage, {status} after it"

    return play


async def _never_taken(stage: Stage) -> str:
    """Nothing reached the switch, and nobody told the client: it may not say that nothing happened."""
    order = stage.order(within_s=_SHORT_S)
    found = await stage.pay(order, Disturbance(DisturbanceKind.CUT_BEFORE, 10_000, message=""))
    conduct.check_sent_once(found.sent)
    must(found.belief.status in _NOT_FINAL, f"the client believes {found.belief.status or '(nothing)'}")
    stage.observer.disturb()
    belief = await stage.ask("resend", order=order["order"])
    conduct.check_sent_once(stage.payments())
    must(belief.uetr == found.uetr, "the client resent it under another UETR")
    state = await stage.client.wait(found.uetr, within_s=stage.within_s)
    must(state.status == "ACCC", f"the payment is {state.status}")
    return "unknown, then the same message was sent and credited"


async def _refused_caller(stage: Stage) -> str:
    """A cut, then 401: the refusal is about the caller, not about the payment, which may have been taken."""
    order = stage.order(within_s=_SHORT_S)
    refusal = _answer(401, "not-authentic", times=10_000, message="", reason="DS0H")
    found = await stage.pay(order, Disturbance(DisturbanceKind.CUT_AFTER), refusal)
    conduct.check_sent_once(found.sent)
    must(
        found.belief.status in _NOT_FINAL,
        f"the client believes {found.belief.status or '(nothing)'} after a cut and a 401",
    )
    stage.observer.disturb()
    belief = await stage.outcome(order["order"])
    conduct.check_sent_once(stage.payments())
    await stage.check_belief(found, belief)
    return "unknown, then found as ACCC"


def _late(word: str, status: str = "ACCC", reason: str = "") -> Play:
    """The rail answers late or wrongly: the client waits, and ends with the truth."""

    async def play(stage: Stage) -> str:
        found = await stage.paid(word, payee=stage.soonest())
        return await stage.expect(found, status, reason)

    return play


def _open(word: str) -> Play:
    """The payment stays open longer than the client follows it."""

    async def play(stage: Stage) -> str:
        found = await stage.pay(stage.order(word, within_s=_SHORT_S))
        conduct.check_sent_once(found.sent)
        must(
            found.belief.status in {*_NOT_FINAL, "ACCC", "RJCT"},
            f"the client states {found.belief.status or 'no status'}",
        )
        if found.belief.status not in _NOT_FINAL:
            await stage.check_belief(found)
        belief = await stage.outcome(found.order)
        conduct.check_sent_once(stage.payments())
        state = await stage.check_belief(found, belief)
        return f"{found.belief.status} first, then {state.status}"

    return play


_ONCE: Final = "sends the same message again with the same UETR, and believes what is true"
_WAITS: Final = "waits for Retry-After, then sends the same message again"
_KEEPS: Final = "says that the outcome is unknown, and makes no new UETR"
_ENDS: Final = "believes nothing final before the switch says so, and then what is true"
_BROKEN: Final[tuple[tuple[str, str, str, Play], ...]] = (
    (
        "CUT",
        "the connection is cut before the answer",
        _ONCE,
        _survived("", Disturbance(DisturbanceKind.CUT_AFTER)),
    ),
    (
        "CUT-EARLY",
        "the connection is cut before the switch has the message",
        _ONCE,
        _survived("", Disturbance(DisturbanceKind.CUT_BEFORE)),
    ),
    (
        "CUT-REFUSED",
        "the connection is cut before a refusal is answered",
        _ONCE,
        _survived("AC04", Disturbance(DisturbanceKind.CUT_AFTER)),
    ),
    (
        "TRUNCATED",
        "the answer is cut in its middle",
        _ONCE,
        _survived("", Disturbance(DisturbanceKind.TRUNCATE)),
    ),
    (
        "503",
        "503 unavailable with Retry-After: nothing was done",
        _WAITS,
        _survived("", _answer(503, "unavailable", headers=_WAIT, reason="AB10")),
    ),
    (
        "503-TAKEN",
        "503 outcome-unknown with Retry-After: it may have been done",
        _WAITS,
        _survived("", _answer(503, "outcome-unknown", after=True, headers=_WAIT)),
    ),
    ("503-TWICE", "503 twice", _WAITS, _survived("", _answer(503, "unavailable", times=2, headers=_WAIT))),
    (
        "429",
        "429 too many requests with Retry-After",
        _WAITS,
        _survived("", _answer(429, "too-many-requests", headers=_WAIT)),
    ),
    (
        "500",
        "500 without a body, after the payment was taken",
        _ONCE,
        _survived("", _answer(500, after=True)),
    ),
    ("502", "502 with a page of a proxy", _ONCE, _survived("", _answer(502, body=_HTML))),
    (
        "504",
        "504 with a page of a proxy, after the payment was taken",
        _ONCE,
        _survived("", _answer(504, after=True, body=_HTML)),
    ),
    (
        "HTML",
        "200 with a page in place of the answer",
        _ONCE,
        _read_instead(_answer(200, after=True, body=_HTML)),
    ),
    (
        "JSON",
        "200 with JSON that is no answer",
        _ONCE,
        _read_instead(_answer(200, after=True, body=b'{"ok": true}', media_type="application/json")),
    ),
    (
        "EMPTY",
        "200 without a body",
        _ONCE,
        _read_instead(_answer(200, after=True, media_type="application/json")),
    ),
    (
        "MIXED",
        "a cut, then 503, then 502",
        _ONCE,
        _survived(
            "",
            Disturbance(DisturbanceKind.CUT_AFTER),
            _answer(503, "outcome-unknown", headers=_WAIT),
            _answer(502, body=_HTML),
        ),
    ),
    ("OUTAGE", "the switch is out of reach after it took the payment", _KEEPS, _outage("", "ACCC")),
    (
        "OUTAGE-REFUSED",
        "the switch is out of reach, and the rail refuses meanwhile",
        _KEEPS,
        _outage("AC04", "RJCT", "AC04"),
    ),
    ("NEVER", "the switch is out of reach from the start", _KEEPS, _never_taken),
    ("401", "a cut, then 401", _KEEPS, _refused_caller),
)
_QUICK: Final = frozenset({"CUT", "503-TAKEN", "OUTAGE"})
_WORDS: Final[Mapping[str, tuple[str, Play]]] = {
    "SLOW2": ("the rail answers after two seconds", _late("SLOW2")),
    "PENDING": ("the rail says pending, and credits a little later", _late("PENDING")),
    Magic.RETURN: ("the rail says pending, and refuses a little later", _late(Magic.RETURN, "RJCT", "AC04")),
    "SILENT": ("the rail credits, and never answers", _late("SILENT")),
    "LATE": ("the rail answers after the time-out", _late("LATE")),
    "GARBAGE": ("the rail's answer is malformed", _late("GARBAGE")),
    "CUT": ("the rail cuts the connection", _late("CUT")),
    "HTTP502": ("the rail answers 502", _late("HTTP502")),
    "BADSIG": ("the rail's signature is invalid", _late("BADSIG")),
    "WRONGREF": ("the rail answers about another order", _late("WRONGREF")),
    "DUPCB": ("the rail answers twice", _late("DUPCB")),
    "UNKFND": ("an enquiry at the rail first finds nothing", _late("UNKFND")),
    "OPEN": ("the payment is open longer than the client follows it", _open("SLOW5")),
}
SCENARIOS: Final = (
    *(
        Scenario(f"UNK-{name}", Group.UNKNOWN, title, right, play, quick=name in _QUICK)
        for name, title, right, play in _BROKEN
    ),
    *(Scenario(f"LATE-{word}", Group.LATE, title, _ENDS, play) for word, (title, play) in _WORDS.items()),
)
