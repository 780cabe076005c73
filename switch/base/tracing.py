"""Stages of a payment: timed for the metrics and, with an OTLP endpoint, exported as OpenTelemetry spans.

Off by default: then a stage costs only its histogram, and the SDK is not imported. On, it needs the extra
`payswitch[traces]`; a thread sends spans in batches, and drops them while the collector is unavailable.
Attributes are a UETR, a rail, a route, a status and the request id, never a name, an account or an amount.
The sampling flag in a caller's `traceparent` has no effect.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, Tracer

from switch.base import metrics
from switch.base.settings import Settings

_tracer: Tracer | None = None


class TracesNotInstalled(RuntimeError):
    """PAYSWITCH_OTLP_ENDPOINT is set; traces need `pip install 'payswitch[traces]'`."""


def start(settings: Settings, process: str) -> Callable[[], None]:
    """Begin to export spans, if an endpoint is set; the returned function sends the last ones and stops.

    Raises:
        TracesNotInstalled: the SDK is not installed.

    """
    global _tracer  # noqa: PLW0603 - one a process, as the log is
    if not settings.otlp_endpoint:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import TraceIdRatioBased  # noqa: PLC0415
    except ImportError:
        raise TracesNotInstalled((TracesNotInstalled.__doc__ or "").strip()) from None
    provider = TracerProvider(
        sampler=TraceIdRatioBased(settings.otlp_ratio),
        resource=Resource({"service.name": "payswitch", "payswitch.process": process}),
        shutdown_on_exit=False,
    )
    endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5)))
    _tracer = provider.get_tracer("payswitch")

    def stop() -> None:
        global _tracer  # noqa: PLW0603
        _tracer = None
        provider.shutdown()

    return stop


def part(stage: str, *, rail: str = "", uetr: str | bytes = "") -> AbstractContextManager[None]:
    """Time one stage of a payment; also exported as a span, with the payment and the rail."""
    return _Timed(stage) if _tracer is None else _exported(_tracer, stage, rail, uetr)


class _Timed(AbstractContextManager[None]):
    """A stage that is only timed."""

    __slots__ = ("_began", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        metrics.STAGE.labels(self._stage).observe(perf_counter() - self._began)


@contextmanager
def _exported(tracer: Tracer, stage: str, rail: str, uetr: str | bytes) -> Iterator[None]:
    about = {"payswitch.rail": rail, "payswitch.uetr": uetr if isinstance(uetr, str) else _text(uetr)}
    # The text of an error may contain data of a client: neither it nor its status is recorded.
    with (
        _Timed(stage),
        tracer.start_as_current_span(
            stage,
            attributes={name: value for name, value in about.items() if value},
            record_exception=False,
            set_status_on_exception=False,
        ),
    ):
        yield


def _text(uetr: bytes) -> str:
    return str(UUID(bytes=uetr))


class Served:
    """One HTTP request as a span: it continues the caller's trace if its `traceparent` is valid."""

    __slots__ = ("_entered", "_span")

    def __init__(self, scope: Mapping[str, Any], request_id: str) -> None:
        self._span = self._entered = None
        if _tracer is not None:
            carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self._span = _tracer.start_span(
                scope["method"],
                context=extract({"traceparent": carrier.get("traceparent", "")}),
                kind=SpanKind.SERVER,
                attributes={"http.request.method": scope["method"], "payswitch.request_id": request_id},
            )
            self._entered = trace.use_span(self._span, record_exception=False, set_status_on_exception=False)
            self._entered.__enter__()

    def end(self, route: str, status: int) -> None:
        """Record the result and end the span."""
        if self._span is not None and self._entered is not None:
            self._span.update_name(route)
            self._span.set_attributes({"http.route": route, "http.response.status_code": status})
            self._entered.__exit__(None, None, None)
            self._span.end()
