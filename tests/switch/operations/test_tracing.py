"""Spans, as a collector gets them: real OTLP over a real socket, from real processes."""

import asyncio
import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.http import HttpClient
from adapters.port import RailConnection
from adapters.profile import Basis, Timing
from switch.base import metrics, tracing
from switch.base.settings import Settings
from tests.switch.operations.reading import WITHIN_S, fetch
from tests.switch.stack import Stack

TIMING = Timing(5, 5, 5, 5, 5, 1, 5, 5, Basis.PROFILE)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Collector(ThreadingHTTPServer):
    """Takes spans in at /v1/traces."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.raw = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.server.raw += body
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def traced(stack: Stack, collector: Collector) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """One more API worker of the running switch, which tells its spans."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.set_inheritable(True)
        environment = {
            **stack.supervisor.environment_of("api-traced"),
            "PAYSWITCH_OTLP_ENDPOINT": collector.url,
            metrics.PLACE: "api-traced",
        }
        command = [sys.executable, "-m", "switch.processes.api", str(listener.fileno())]
        with (stack.settings.data / "logs" / "api-traced.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, pass_fds=[listener.fileno()], stdout=log, stderr=log
            )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    until(lambda: answers(f"{url}/readyz"))
    yield url, process
    process.terminate()
    process.wait(60)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return bool(fetch(url))
    except OSError:
        return False


async def test_a_payment_makes_spans_of_the_callers_trace_without_personal_data(
    stack: Stack, collector: Collector, traced: tuple[str, subprocess.Popen[bytes]]
) -> None:
    url, process = traced
    document, request_id = stack.document("asha-bank", "noor-wallet"), str(uuid.uuid4())
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    headers = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Prefer": "wait=20",
        "Request-Id": request_id,
        "traceparent": TRACEPARENT,
    }
    async with aiohttp.ClientSession(url, headers=headers) as session:
        async with session.post("/v1/iso20022/pacs.008", json=document) as answer:
            status, echoed = answer.status, answer.headers["Request-Id"]
    process.terminate()
    process.wait(60)
    spans = {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE}
    attributes = {
        name: {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
        for name, span in spans.items()
    }
    root = spans["/v1/iso20022/pacs.008"]

    assert (status, echoed) == (200, request_id)
    assert set(spans) == {root.name, "verify", "accept", "reserve", "send", "post", "final"}
    assert root.parent_span_id.hex() == "00f067aa0ba902b7"
    assert spans["reserve"].parent_span_id == spans["accept"].span_id
    assert spans["accept"].parent_span_id == root.span_id
    assert attributes[root.name] == {
        "http.request.method": "POST",
        "http.route": "/v1/iso20022/pacs.008",
        "http.response.status_code": 200,
        "payswitch.request_id": request_id,
    }
    assert attributes["send"] == {"payswitch.rail": "PK", "payswitch.uetr": transaction["PmtId"]["UETR"]}
    assert set().union(*attributes.values()) == {*attributes[root.name], "payswitch.rail", "payswitch.uetr"}
    for person in (transaction["Dbtr"]["Nm"], transaction["Cdtr"]["Nm"]):
        assert person.encode() not in collector.raw
    for account in re.findall(r'"(?:IBAN|Id)": ?"(\w{8,})"', json.dumps(transaction)):
        assert account.encode() not in collector.raw


async def test_a_request_id_is_echoed_and_one_that_could_name_somebody_is_not(stack: Stack) -> None:
    known = uuid.uuid4().hex
    answers_ = []
    async with aiohttp.ClientSession(stack.url) as session:
        for given in (known, "asha.rao@example.org", ""):
            async with session.get("/livez", headers={"Request-Id": given}) as answer:
                answers_.append(answer.headers["Request-Id"])

    assert answers_[0] == known
    assert all(re.fullmatch(r"[0-9a-f]{32}", made) for made in answers_[1:])
    assert len(set(answers_)) == 3


async def test_the_trace_goes_on_to_the_rail(collector: Collector) -> None:
    seen: list[str | None] = []

    async def rail(request: web.Request) -> web.Response:
        seen.append(request.headers.get("traceparent"))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", rail)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert isinstance(site._server, asyncio.Server)
    client = HttpClient(
        RailConnection(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"), TIMING
    )
    stop = tracing.start(Settings(otlp_endpoint=collector.url), "test")
    try:
        with tracing.part("send", rail="XX"):
            await client.request("POST", "/", b"x")
        await client.request("POST", "/", b"x")
    finally:
        await asyncio.to_thread(stop)
        await client.close()
        await runner.cleanup()
    (span,) = collector.spans

    assert seen[0] is not None
    assert seen[0].startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-0")
    assert seen[1] is None
    assert [a.key for a in span.attributes] == ["payswitch.rail"]


async def test_an_error_inside_a_part_echoes_nothing_of_it(collector: Collector) -> None:
    stop = tracing.start(Settings(otlp_endpoint=collector.url), "test")
    with pytest.raises(ValueError, match="CANARY"):
        with tracing.part("verify"):
            raise ValueError("CANARY")
    await asyncio.to_thread(stop)

    assert [span.name for span in collector.spans] == ["verify"]
    assert b"CANARY" not in collector.raw


@pytest.mark.long
async def test_a_collector_that_is_away_holds_nobody_up() -> None:
    stop = tracing.start(Settings(otlp_endpoint="http://127.0.0.1:1"), "test")
    with tracing.part("verify"):
        pass
    await asyncio.to_thread(stop)


def test_without_the_extra_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(tracing.TracesNotInstalled, match=r"pip install 'payswitch\[traces\]'"):
        tracing.start(Settings(otlp_endpoint="http://127.0.0.1:1"), "test")


@pytest.mark.long
def test_where_nobody_traces_the_sdk_is_not_even_loaded() -> None:
    code = "import sys, switch.processes.app; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
