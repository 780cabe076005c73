"""What both Python clients do alike: the blocking one is called from a thread, so one server serves both."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from schemas.errors import SwitchError
from switch.api.problems import name_of
from switch.clients import python
from switch.clients.python import (
    AsyncClient,
    Client,
    CursorAhead,
    DuplicateUetr,
    Event,
    InvalidMessage,
    NoAnswer,
    NotAuthentic,
    RequestRefused,
    SigningKey,
    problems,
)
from tests.clients.answering_server import KEY, UETR, answering, cut, problem, status_report

EVENT = {
    "specversion": "1.0",
    "id": "7",
    "source": "/v1/events",
    "type": "payment.posted",
    "subject": UETR,
    "time": "2026-11-23T10:00:00+00:00",
    "data": {"uetr": UETR},
}


class Both:
    """One of the two clients, called alike."""

    def __init__(self, url: str, *, blocking: bool) -> None:
        self.url = url
        self.blocking = blocking

    async def do(self, what: Callable[[Any], Any], **options: Any) -> Any:
        """Do one thing; what comes one by one is collected."""
        key = SigningKey.from_pem(KEY.keyid, KEY.pem)
        if not self.blocking:
            async with AsyncClient(self.url, key=key, **options) as client:
                return await what(client)

        def run() -> Any:
            with Client(self.url, key=key, **options) as client:
                return what(client)

        return await asyncio.to_thread(run)

    async def events(self, count: int, after: int = 0, **options: Any) -> list[Event]:
        """The first events of a stream."""

        def first(client: Client) -> list[Event]:
            found: list[Event] = []
            for event in client.events(after=after):
                found.append(event)
                if len(found) == count:
                    break
            return found

        async def first_async(client: AsyncClient) -> list[Event]:
            found: list[Event] = []
            async for event in client.events(after=after):
                found.append(event)
                if len(found) == count:
                    break
            return found

        found: list[Event] = await self.do(first if self.blocking else first_async, **options)
        return found


@pytest.fixture(params=[True, False], ids=["blocking", "async"])
def both(request, server):
    return Both(server.url, blocking=request.param)


async def test_a_payment_is_sent_again_with_the_same_bytes(both, server):
    server.answers += [cut, problem(503, name="outcome-unknown"), status_report("ACCC")]
    document = {"$type": "pacs.008.001.08", "Document": {}}

    state = await both.do(lambda client: client.pay(document, wait=1))

    assert (state.status, state.final) == ("ACCC", True)
    assert len({body for _, body in server.requests}) == 1
    assert len(set(server.nonces)) == 3


async def test_waiting_ends_with_the_final_status(both, server):
    open_, final = {"uetr": UETR, "status": "ACSP"}, {"uetr": UETR, "status": "ACCC"}
    server.answers += [answering(open_), answering(open_), answering(final)]

    state = await both.do(lambda client: client.wait(UETR, within_s=20))

    assert state.final
    assert len(server.requests) == 3


async def test_waiting_ends_when_the_time_is_over(both, server):
    server.answers += [answering({"uetr": UETR, "status": "ACSP"})]

    state = await both.do(lambda client: client.wait(UETR, within_s=0))

    assert not state.final


async def test_a_change_is_sent_once_because_a_second_would_be_a_second_change(both, server):
    server.answers += [cut]

    with pytest.raises(NoAnswer, match="1 try"):
        await both.do(lambda client: client.change("POST", "webhooks", {"url": "https://bank.example"}))
    assert len(server.requests) == 1


async def test_a_removal_may_be_repeated_and_has_no_content(both, server):
    async def gone(_):
        return web.Response(status=204)

    server.answers += [cut, gone]

    assert await both.do(lambda client: client.change("DELETE", f"webhooks/{UETR}")) is None


def streamed(*events: dict[str, Any], then_cut: bool = False):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n: 1\n\n")
        for event in events:
            text = f"id: {event['id']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n"
            await response.write(text.encode())
        if then_cut:
            return await cut(request)
        return response

    return handler


async def test_a_stream_that_breaks_is_resumed_after_the_last_event(both, server):
    later = {**EVENT, "id": "9"}
    server.answers += [streamed(EVENT, then_cut=True), problem(503), cut, streamed(later)]

    found = await both.events(2, after=5)

    assert [event.id for event in found] == [7, 9]
    assert found[0] == Event(7, "payment.posted", UETR, EVENT["time"], {"uetr": UETR})
    asked = [request.headers["Last-Event-ID"] for request, _ in server.requests]
    assert asked == ["5", "7", "7", "7"]


async def test_a_stream_that_cannot_be_opened_again_and_again_ends(both, server):
    server.answers += [problem(503), problem(429, name="too-many-requests")]

    with pytest.raises(NoAnswer, match="no stream in 2 tries: http 429 too-many-requests"):
        await both.events(1, tries=2)


async def test_a_cursor_that_the_log_lacks_says_where_to_go_on(both, server):
    async def ahead(_):
        body = {"type": "/docs/problems#cursor-ahead", "reason": "NARR", "detail": "no", "resume": 4711}
        return web.json_response(body, status=409, content_type="application/problem+json")

    server.answers += [ahead]

    with pytest.raises(CursorAhead) as raised:
        await both.events(1, after=9999)
    assert raised.value.resume == 4711


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "invalid-message", InvalidMessage),
        (401, "not-authentic", NotAuthentic),
        (409, "duplicate-uetr", DuplicateUetr),
        (418, "of-tomorrow", RequestRefused),
    ],
)
async def test_a_problem_is_an_exception_of_its_type(both, server, status, name, kind):
    server.answers += [problem(status, name=name)]

    with pytest.raises(RequestRefused) as raised:
        await both.do(lambda client: client.read("rails"))
    assert type(raised.value) is kind
    assert raised.value.name == name


async def test_each_mistake_in_a_message_is_in_the_exception(both, server):
    async def wrong(_):
        errors = [{"path": "Document/FIToFICstmrCdtTrf", "message": "element is missing", "rule": "missing"}]
        body = {"type": "/docs/problems#invalid-message", "reason": "FF01", "detail": "no", "errors": errors}
        return web.json_response(body, status=400, content_type="application/problem+json")

    server.answers += [wrong]

    with pytest.raises(InvalidMessage, match="at Document/FIToFICstmrCdtTrf: element is missing") as raised:
        await both.do(lambda client: client.pay({"$type": "pacs.008.001.08"}))
    assert raised.value.errors[0]["rule"] == "missing"


def below(kind: type) -> set[type]:
    """The errors of the catalogue; those that the writer raises inside do not reach a client."""
    found = {kind}.union(*(below(child) for child in kind.__subclasses__()))
    return {each for each in found if each.__module__ == SwitchError.__module__}


@pytest.mark.parametrize("kind", sorted(below(SwitchError), key=name_of), ids=name_of)
def test_every_problem_of_the_catalogue_has_an_exception_of_its_name(kind):
    found = problems.KINDS[name_of(kind)]

    assert found.__name__ == kind.__name__
    assert found.retryable == kind.retryable
    assert getattr(python, found.__name__) is found
