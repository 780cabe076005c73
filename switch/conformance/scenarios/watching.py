"""Signatures and the clock; events, by page and by stream; webhooks, true and false."""

import asyncio
import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import httpx

from switch.clients.python import RequestRefused, credit_transfer
from switch.conformance import conduct
from switch.conformance.observing import Disturbance, DisturbanceKind
from switch.conformance.scenario import Group, NotMet, Play, Scenario, must
from switch.conformance.stage import Paid, Stage

CLOCK_S: Final = 10.0
"""A client's clock may differ by this; the switch refuses from a minute on."""
_LOOK_EVERY_S: Final = 0.1
_ANSWER_WITHIN_S: Final = 15.0
_FAR: Final = 10**15
_OLD_S: Final = 3600
_CUTS: Final = 2
_TWICE: Final = 2


# Signatures and clock. The first three look at the whole run.


async def _ensure_requests(stage: Stage) -> None:
    if len(stage.observer.exchanges) == stage.mark:
        await stage.pay(stage.order())


async def _signed(stage: Stage) -> str:
    await _ensure_requests(stage)
    seen = stage.observer.exchanges
    wrong = [each for each in seen if each.fault]
    must(not wrong, f"{len(wrong)} of {len(seen)} requests: {wrong[0].fault if wrong else ''}")
    return f"{len(seen)} requests with a valid signature"


async def _nonces(stage: Stage) -> str:
    await _ensure_requests(stage)
    seen = [each for each in stage.observer.exchanges if each.nonce]
    kept: dict[tuple[str, str], str] = {}
    for each in seen:
        first = kept.setdefault((each.keyid, each.nonce), each.digest)
        must(first == each.digest, "a nonce was used for two different requests")
    return f"{len(kept)} nonces"


async def _clock(stage: Stage) -> str:
    await _ensure_requests(stage)
    ahead = [each.ahead_s for each in stage.observer.exchanges if each.ahead_s is not None]
    must(bool(ahead), "no request states when it was signed")
    worst = max(ahead, key=abs)
    must(abs(worst) <= CLOCK_S, f"the clock differs by {worst:.0f} s; at most {CLOCK_S:.0f} s")
    return f"at most {abs(worst):.0f} s"


async def _not_authentic(stage: Stage) -> str:
    """Every request is refused with 401: nothing is paid, and the client does not say that it was."""
    order = stage.order(within_s=1)
    refusal = Disturbance(
        DisturbanceKind.ANSWER, 10_000, message="", status=401, problem="not-authentic", reason="DS0H"
    )
    found = await stage.pay(order, refusal)
    stage.observer.disturb()
    conduct.check_sent_once(found.sent)
    must(
        found.belief.status != "ACCC", "the client believes that a payment was credited that nobody accepted"
    )
    must(await stage.truth(found.uetr) is None, "the switch has the payment")
    return f"{found.belief.status or 'no status'}, {len(found.sent)} requests"


async def _redirected(stage: Stage) -> str:
    """A redirect to another host: a signed payment is not sent there."""
    elsewhere = await _Elsewhere.open()
    try:
        to = {"Location": f"{elsewhere.url}/v1/iso20022/pacs.008"}
        order = stage.order(within_s=1)
        found = await stage.pay(order, Disturbance(DisturbanceKind.ANSWER, status=307, headers=to))
        must(not elsewhere.taken, "the client sent the payment to the address of a redirect")
        conduct.check_sent_once(found.sent)
        stage.observer.disturb()
        if await stage.truth(found.uetr) is not None:
            belief = await stage.outcome(order["order"])
            await stage.check_belief(found, belief)
    finally:
        await elsewhere.close()
    return "not followed"


class _Elsewhere:
    """An address that nobody should send anything to."""

    def __init__(self) -> None:
        self.taken = 0
        self.url = ""
        self._server: asyncio.Server | None = None

    @classmethod
    async def open(cls) -> "_Elsewhere":
        """Listen on a port of this machine."""
        found = cls()
        found._server = await asyncio.start_server(found._take, "127.0.0.1", 0)
        found.url = f"http://127.0.0.1:{found._server.sockets[0].getsockname()[1]}"
        return found

    async def _take(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        writer.close()

    async def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()


# Events.


async def _cursor(stage: Stage) -> int:
    """The cursor of now, as we read it."""
    cursor, more = 0, True
    while more:
        page = await stage.client.read("events", after=str(cursor), limit="1000")
        cursor, more = page["next"], page["more"]
    return int(cursor)


async def _events_after(stage: Stage, cursor: int) -> list[int]:
    found: list[int] = []
    more = True
    while more:
        page = await stage.client.read("events", after=str(cursor), limit="1000")
        found += [int(event["id"]) for event in page["events"]]
        cursor, more = page["next"], page["more"]
    return found


async def _happen(stage: Stage, payments: int) -> int:
    """Make events happen by payments of our own; get the cursor before them."""
    before = await _cursor(stage)
    for _ in range(payments):
        order = stage.order()
        document = credit_transfer(
            **{name: order[name] for name in _FIELDS}, debtor_agent=stage.own.bic, purpose=order["purpose"]
        )
        await stage.client.pay(document, wait=min(20.0, stage.within_s))
    return before


_FIELDS: Final = (
    *("debtor", "debtor_account", "creditor_agent", "creditor_agent_member", "creditor", "creditor_account"),
    *("amount", "currency"),
)


async def _pages(stage: Stage) -> str:
    before = await _happen(stage, 3)
    wanted = await _events_after(stage, before)
    belief = await stage.ask("events", after=before, limit=3)
    read = [int(each) for each in belief.answer.get("events", ())]
    must(read[: len(wanted)] == wanted, f"the client read {len(read)} events; there were {len(wanted)}")
    pages = [each for each in stage.seen if each.path == "/v1/events"]
    must(len(pages) >= len(wanted) / 3, "the client did not read page after page")
    return f"{len(read)} events on {len(pages)} pages"


async def _pages_after_a_cut(stage: Stage) -> str:
    before = await _happen(stage, 2)
    wanted = await _events_after(stage, before)
    stage.observer.disturb(Disturbance(DisturbanceKind.CUT_AFTER, 2, message="", path="/v1/events"))
    belief = await stage.ask("events", after=before, limit=4)
    read = [int(each) for each in belief.answer.get("events", ())]
    must(read[: len(wanted)] == wanted, f"the client read {len(read)} events; there were {len(wanted)}")
    return f"{len(read)} events, none lost or repeated"


async def _stream(stage: Stage) -> str:
    """The stream is cut twice: the client resumes it after the last event that it had."""
    before = await _happen(stage, 2)
    wanted = await _events_after(stage, before)
    stage.observer.disturb(Disturbance(DisturbanceKind.CUT_STREAM, _CUTS, message="", path="/v1/events"))
    belief = await stage.ask("follow", after=before, count=len(wanted))
    read = [int(each) for each in belief.answer.get("events", ())]
    must(read[: len(wanted)] == wanted, "the client lost events, or has them twice, after the stream broke")
    streams = [each for each in stage.seen if "event-stream" in each.headers.get("accept", "")]
    must(len(streams) > _CUTS, "the client did not open the stream again")
    return f"{len(wanted)} events over {len(streams)} connections"


async def _ahead(stage: Stage) -> str:
    """A cursor that the log does not have, as after a restore: the client resumes where it is told."""
    belief = await stage.ask("events", after=_FAR, limit=100)
    asked = [each for each in stage.seen if each.path == "/v1/events"]
    must(bool(asked) and asked[0].answer is not None, "the client did not ask for events")
    answers = [
        each.answer.document for each in asked if each.answer and each.answer.status == HTTPStatus.CONFLICT
    ]
    must(bool(answers), "the client did not ask after the cursor of the task")
    must(
        int(belief.answer.get("cursor") or 0) >= int(answers[0]["resume"]),
        "the client did not continue with the cursor of `resume`",
    )
    must(int(belief.answer["cursor"]) < _FAR, "the client kept a cursor that the log does not have")
    return "continued with resume"


# Webhooks.


async def _hook(stage: Stage) -> dict[str, Any]:
    """The client's webhook; registered once in a run."""
    if stage.webhook:
        return stage.webhook
    belief = await stage.ask("webhook")
    try:
        found = await stage.client.read(f"webhooks/{belief.answer.get('id')}")
    except RequestRefused:
        raise NotMet("the client names no webhook of its own") from None
    stage.webhook = dict(found)
    return stage.webhook


async def _registers(stage: Stage) -> str:
    hook = await _hook(stage)
    must(not hook["types"], "the webhook is only for some types of events")
    await _delivered(stage, hook, await _new_event(stage))
    return "registered, and a delivery was accepted"


async def _new_event(stage: Stage) -> int:
    """Make a payment of the client; get the event that credits it."""
    found = await stage.pay(stage.order())
    if found.belief.status != "ACCC":
        raise NotMet("the client could not pay")
    return await _event_of(stage, found, "payment.posted")


async def _event_of(stage: Stage, paid: Paid, kind: str) -> int:
    cursor, more = max(0, await _cursor(stage) - 200), True
    while more:
        page = await stage.client.read("events", after=str(cursor), limit="1000")
        for event in page["events"]:
            if event["type"] == kind and event["subject"] == paid.uetr:
                return int(event["id"])
        cursor, more = page["next"], page["more"]
    raise NotMet(f"there is no event {kind} of the payment")


async def _delivered(stage: Stage, hook: Mapping[str, Any], event: int, attempts: int = 1) -> None:
    """Wait until the switch has delivered an event, so many times."""
    ends = stage.ends()
    found: dict[str, Any] = {}
    while time.monotonic() < ends:
        deliveries = await stage.client.read(f"webhooks/{hook['id']}/deliveries", limit="200")
        found = next((each for each in deliveries if each["event"] == event), {})
        if found.get("delivered_at") and found["attempts"] >= attempts:
            return
        if not httpx.codes.is_success(found.get("status") or HTTPStatus.OK):  # it answered, and refused
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    said = found.get("status") or found.get("detail") or "nothing"
    raise NotMet(f"the receiver did not accept a true delivery; the last answer: {said}")


async def _again(stage: Stage) -> str:
    """The same event is delivered twice: it is processed once."""
    hook = await _hook(stage)
    event = await _new_event(stage)
    await _delivered(stage, hook, event)
    await stage.client.change("POST", f"webhooks/{hook['id']}/deliveries/{event}/replay")
    await _delivered(stage, hook, event, 1)
    ends = stage.ends()
    count = 0
    while time.monotonic() < ends:
        belief = await stage.ask("deliveries", event=event)
        count = int(belief.answer.get("count") or 0)
        if belief.answer.get("received", _TWICE) >= _TWICE:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    must(count == 1, f"the client processed an event {count} times that was delivered twice")
    return "accepted twice, processed once"


async def _rotated(stage: Stage) -> str:
    hook = await _hook(stage)
    await stage.client.change("POST", f"webhooks/{hook['id']}/secret")
    await _delivered(stage, hook, await _new_event(stage))
    return "accepted while two secrets sign"


async def _old_news(stage: Stage) -> str:
    """An earlier event of a payment comes again, late: what the client believes does not go back."""
    hook = await _hook(stage)
    found = await stage.paid()
    await stage.expect(found, "ACCC")
    event = await _event_of(stage, found, "payment.reserved")
    await _delivered(stage, hook, await _event_of(stage, found, "payment.posted"))
    await stage.client.change("POST", f"webhooks/{hook['id']}/deliveries/{event}/replay")
    await _delivered(stage, hook, event)
    belief = await stage.outcome(found.order)
    await stage.check_belief(found, belief)
    return "still ACCC"


def _false(change: str) -> Play:
    """A delivery that is not of the switch, or not of now, must be refused with 4xx."""

    async def play(stage: Stage) -> str:
        hook = await _hook(stage)
        status = await _posted(hook["url"], *_forged(change, hook, _secret_of(stage, hook)))
        must(httpx.codes.is_client_error(status), f"the receiver answered {status} to a false delivery")
        must(status != HTTPStatus.GONE, "the receiver answered 410, which would end the webhook")
        return f"refused with {status}"

    return play


def _forged(change: str, hook: Mapping[str, Any], secret: bytes) -> tuple[dict[str, str], bytes]:
    """A delivery that only the stated fault makes false, for a receiver that verifies `v1`."""
    body, signed_at = json.dumps(_lie()).encode(), int(time.time())
    if change == "old":
        signed_at -= _OLD_S
    id_ = f"{hook['id']}.{_FAR}"
    key = secrets.token_bytes(32) if change == "noise" else secret
    signature = base64.b64encode(hmac.digest(key, f"{id_}.{signed_at}.".encode() + body, "sha256")).decode()
    headers = {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(signed_at),
        "webhook-signature": f"v1,{signature}",
    }
    match change:
        case "unsigned":
            del headers["webhook-signature"]
        case "empty":
            headers["webhook-signature"] = ""
        case "unknown":
            headers["webhook-signature"] = f"v9,{signature}"
        case "moved":
            headers["webhook-timestamp"] = str(signed_at + 1)
        case "changed":
            body = body.replace(b"COMMITTED", b"ABORTED")
    return headers, body


def _secret_of(stage: Stage, hook: Mapping[str, Any]) -> bytes:
    """The secret of the client's webhook, as it was told to the client; any other one if it was not seen."""
    for each in stage.observer.exchanges:
        told = None if each.real is None or each.path != "/v1/webhooks" else each.real.document
        if isinstance(told, dict) and told.get("id") == hook["id"]:
            return base64.b64decode(str(told["secret"]).removeprefix("whsec_"))
    return secrets.token_bytes(32)


async def _posted(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Post a delivery; get the status of the answer."""
    timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotMet(f"the receiver gave no answer: {type(error).__name__}") from None


def _lie() -> dict[str, Any]:
    """An event that never happened."""
    uetr = "00000000-0000-4000-8000-000000000000"
    return {
        "specversion": "1.0",
        "id": str(_FAR),
        "source": "/v1/events",
        "type": "payment.posted",
        "subject": uetr,
        "time": datetime.now(UTC).isoformat(),
        "data": {"uetr": uetr, "sequence": 9, "state": "COMMITTED"},
    }


_READS: Final = "reads each event once, in order"
_REFUSES: Final = "refuses it with 4xx"
SCENARIOS: Final = (
    Scenario("EVT-PAGES", Group.EVENTS, "events on several pages", _READS, _pages, quick=True),
    Scenario(
        "EVT-CUT", Group.EVENTS, "the connection is cut while pages are read", _READS, _pages_after_a_cut
    ),
    Scenario(
        "EVT-STREAM",
        Group.EVENTS,
        "the stream of events is cut twice",
        _READS,
        _stream,
        of_function="stream of events",
    ),
    Scenario(
        "EVT-AHEAD",
        Group.EVENTS,
        "a cursor that the log does not have, as after a restore",
        "continues with the cursor of `resume`",
        _ahead,
    ),
    Scenario(
        "WHK-REGISTER",
        Group.WEBHOOKS,
        "a webhook is registered",
        "accepts a true delivery with 2xx",
        _registers,
    ),
    Scenario(
        "WHK-FALSE",
        Group.WEBHOOKS,
        "a delivery with a signature of nobody",
        _REFUSES,
        _false("noise"),
        quick=True,
    ),
    Scenario("WHK-UNSIGNED", Group.WEBHOOKS, "a delivery without a signature", _REFUSES, _false("unsigned")),
    Scenario(
        "WHK-EMPTY", Group.WEBHOOKS, "a delivery with an empty list of signatures", _REFUSES, _false("empty")
    ),
    Scenario(
        "WHK-UNKNOWN",
        Group.WEBHOOKS,
        "a delivery with a signature of an unknown version",
        _REFUSES,
        _false("unknown"),
    ),
    Scenario("WHK-OLD", Group.WEBHOOKS, "a delivery of an hour ago", _REFUSES, _false("old")),
    Scenario(
        "WHK-CHANGED", Group.WEBHOOKS, "a delivery that was changed on its way", _REFUSES, _false("changed")
    ),
    Scenario(
        "WHK-MOVED", Group.WEBHOOKS, "a delivery with another time than was signed", _REFUSES, _false("moved")
    ),
    Scenario(
        "WHK-TWICE", Group.WEBHOOKS, "an event is delivered twice", "accepts both, and processes one", _again
    ),
    Scenario(
        "WHK-ROTATED",
        Group.WEBHOOKS,
        "the secret is renewed: two signatures for 24 hours",
        "accepts a delivery that one of them verifies",
        _rotated,
    ),
    Scenario(
        "WHK-LATE",
        Group.WEBHOOKS,
        "an earlier event of a payment comes again",
        "does not go back behind a later one",
        _old_news,
    ),
    Scenario(
        "SIG-401",
        Group.SIGNATURES,
        "every request is refused with 401",
        "does not believe that anything was paid, and makes no new UETR",
        _not_authentic,
    ),
    Scenario(
        "SIG-REDIRECT",
        Group.SIGNATURES,
        "a redirect to another host",
        "does not follow it with a payment",
        _redirected,
    ),
    Scenario(
        "SIG-ALL",
        Group.SIGNATURES,
        "all requests of the run",
        "signs each as the profile says",
        _signed,
        quick=True,
    ),
    Scenario(
        "SIG-NONCE", Group.SIGNATURES, "all nonces of the run", "uses a new one for each request", _nonces
    ),
    Scenario(
        "SIG-CLOCK",
        Group.SIGNATURES,
        "the clock of all requests",
        "is at most 10 s away from the switch's",
        _clock,
        quick=True,
    ),
)
