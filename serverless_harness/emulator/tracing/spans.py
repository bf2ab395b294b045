"""Begins and ends spans, and knows which one this thread works on.

A span belongs to a trace, by the id that AWS's services hand on (X-Ray developer guide, "Tracing header"),
and to the span that caused it. Within a thread the current span is a context variable; it goes to other
threads by `carried`, with LocalStack's calls to itself by their parameters, and with an invoke by its trace
context. Without a current span nothing is recorded: where no request begins one, tracing is off.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from localstack.utils.xray.trace_header import TraceHeader

from serverless_harness.emulator.tracing.span import Cause, Kind, Span
from serverless_harness.emulator.tracing.store import TRACES

LINK = "emulator_span"
"""The name under which a call's parameters and an invoke's context have their cause: trace id, span id."""
MAX_TEXT_BYTES = 2048
MAX_ERROR_LENGTH = 500

_current: ContextVar[Span | Cause | None] = ContextVar("span", default=None)


def new_trace_id() -> str:
    """Return an id in the form of AWS X-Ray's: version, time, and a number drawn."""
    return f"1-{int(time.time()):08x}-{random.getrandbits(96):024x}"


def current() -> Span | None:
    """Return the span that this thread works on."""
    span = _current.get()
    return span if isinstance(span, Span) else None


def enter(span: Span | None) -> None:
    """Have this thread work on a span, or none, from now on."""
    _current.set(span)


@contextmanager
def within(span: Span | Cause | None) -> Iterator[None]:
    """Have this thread work on a span while the block runs; None changes nothing."""
    if span is None:
        yield
        return
    reset = _current.set(span)
    try:
        yield
    finally:
        _current.reset(reset)


def begin(
    kind: Kind,
    service: str,
    name: str,
    resource: str = "",
    *,
    cause: Cause | None = None,
    request_id: str | None = None,
    text: bytes = b"",
) -> Span | None:
    """Begin a span that `cause` leads to, by default the current one; None where there is none."""
    parent = cause or _current.get()
    if parent is None:
        return None
    span = Span(parent.trace_id, parent.span_id, kind, service, name, resource, request_id)
    span.text = text[:MAX_TEXT_BYTES]
    TRACES.begin(span)
    return span


def end(span: Span | None, status: str = "ok", error: str | None = None) -> None:
    """End a span, unless it is None; an error that was noted before stays."""
    if span is None:
        return
    span.duration_ms = (time.perf_counter() - span.began_s) * 1000
    if span.error is None:
        span.error = error and error[:MAX_ERROR_LENGTH]
    if span.status == "running":
        span.status = status
    TRACES.end(span)


@contextmanager
def span(kind: Kind, service: str, name: str, resource: str = "") -> Iterator[Span | None]:
    """Have the block be a span that the current one leads to; what it raises is the span's error."""
    begun = begin(kind, service, name, resource)
    try:
        with within(begun):
            yield begun
    except BaseException as error:
        end(begun, "error", f"{type(error).__name__}: {error}")
        raise
    end(begun)


def mark(
    kind: Kind, service: str, name: str, resource: str = "", status: str = "ok", error: str | None = None
) -> None:
    """Record something that takes no time."""
    end(begin(kind, service, name, resource), status, error)


def carried[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Return a function to be called once, in another thread, on the span that this one works on.

    The span's trace isn't complete until then.
    """
    span = _current.get()
    if span is None:
        return function
    TRACES.hold(span.trace_id)

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with within(span):
                return function(*args, **kwargs)
        finally:
            TRACES.release(span.trace_id)

    return call


def cause_of(context: Mapping[str, Any] | None) -> Cause | None:
    """Return what the parameters of a call, or the trace context of an invoke, name as its cause."""
    link = context.get(LINK) if context else None
    return Cause(*link) if link else None


def open_span(context: Mapping[str, Any]) -> Span | None:
    """Return the span that such a context names, while it is open."""
    cause = cause_of(context)
    return TRACES.open_span(cause.trace_id, cause.span_id) if cause and cause.span_id else None


def link_parameters() -> dict[str, Any]:
    """Return what names the current span as a cause."""
    span = _current.get()
    return {LINK: [span.trace_id, span.span_id]} if span else {}


def trace_header(incoming: str | None) -> Any:  # noqa: ANN401 (LocalStack's TraceHeader is untyped)
    """Return the X-Ray header that goes on: the one that came, else one of the current span's trace."""
    header: Any = TraceHeader.from_header_str(incoming)  # type: ignore[no-untyped-call]
    span = _current.get()
    if header.root is None and span is not None:
        header = TraceHeader(root=span.trace_id)  # type: ignore[no-untyped-call]
    return header.ensure_root_exists()
