"""Traces and spans as JSON, put together when somebody asks."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from serverless_harness.emulator.tracing.span import FIELDS, Row
from serverless_harness.emulator.tracing.store import Trace, TraceStore

type SpanJson = dict[str, Any]

_TRIED_AGAIN = ("call", "invoke")


@dataclass(frozen=True)
class Wanted:
    """Which traces are asked for."""

    limit: int = 50
    function: str = ""
    """Part of the name of a function that was invoked."""
    only_errors: bool = False
    min_ms: float = 0.0
    text: str = ""
    """Part of an id, a name, an error, or of the first 2 KB of a payload."""

    def takes(self, summary: dict[str, Any]) -> bool:
        """Whether a trace with this summary is one, its text left aside."""
        return (
            (not self.function or any(self.function in each for each in summary["functions"]))
            and (not self.only_errors or summary["errors"] > 0)
            and summary["duration_ms"] >= self.min_ms
        )


def listed(store: TraceStore, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Return the summaries of the traces that are wanted, the newest first."""
    found = 0
    for trace_id, trace in reversed(store.all()):
        if found >= wanted.limit:
            return
        summary = summary_of(trace_id, trace)
        if wanted.takes(summary) and (not wanted.text or _holds(trace_id, trace, wanted.text)):
            found += 1
            yield summary


def find(store: TraceStore, any_id: str) -> tuple[str, Trace] | None:
    """Return the trace of an id: its own, or that of a request or invoke in it."""
    trace = store.get(any_id)
    if trace is not None:
        return any_id, trace
    request_id = FIELDS.index("request_id")
    return next(
        (
            (trace_id, trace)
            for trace_id, trace in reversed(store.all())
            if any(row[request_id] == any_id for row in trace.rows())
        ),
        None,
    )


def spans_of(rows: Iterable[Row]) -> list[SpanJson]:
    """Return a trace's spans, in the order in which they began, with their attempts counted."""
    spans = [dict(zip(FIELDS, row, strict=True)) for row in rows]
    spans.sort(key=lambda span: float(span["started_s"]))
    deliveries = {span["span_id"] for span in spans if span["kind"] == "delivery"}
    tries: dict[tuple[str, ...], int] = {}
    for span in spans:
        del span["text"]
        if span["kind"] in _TRIED_AGAIN and span["parent_id"] in deliveries:
            key = (span["parent_id"], span["kind"], span["name"], span["resource"])
            span["attempt"] = tries[key] = tries.get(key, 0) + 1
    return spans


def summary_of(trace_id: str, trace: Trace) -> dict[str, Any]:
    """Return what a list shows of a trace."""
    rows = trace.rows()
    if trace.summary and trace.is_complete and trace.summary[0] == len(rows):
        return trace.summary[1]
    spans = spans_of(rows)
    summary = _summary(trace_id, spans, trace.is_complete)
    if trace.is_complete:
        trace.summary = len(rows), summary
    return summary


def _summary(trace_id: str, spans: Sequence[SpanJson], is_complete: bool) -> dict[str, Any]:
    first = spans[0] if spans else dict.fromkeys(FIELDS)
    started_s = first["started_s"] or time.time()
    now_s = time.time()
    ended_s = max(
        (
            now_s if span["duration_ms"] is None else span["started_s"] + span["duration_ms"] / 1000
            for span in spans
        ),
        default=now_s,
    )
    invokes = [span for span in spans if span["kind"] == "invoke"]
    return {
        "trace_id": trace_id,
        "started_s": started_s,
        "duration_ms": (ended_s - started_s) * 1000,
        "entry": " ".join(part for part in (first["service"], first["name"]) if part),
        "status": _status(spans, is_complete),
        "errors": sum(span["error"] is not None for span in spans),
        "cold_starts": sum(span["cold"] for span in invokes),
        "retries": sum(span["attempt"] > 1 for span in spans),
        "faults": sum(span["kind"] == "fault" for span in spans),
        "functions": list(dict.fromkeys(span["name"] for span in invokes)),
        "spans": len(spans),
    }


def _status(spans: Sequence[SpanJson], is_complete: bool) -> str:
    """Return whether it is still running, or ended in an error: its own, or of what it could not deliver."""
    if not is_complete:
        return "running"
    failed = any(
        span["error"] is not None and (span["parent_id"] is None or span["kind"] == "delivery")
        for span in spans
    )
    return "error" if failed else "ok"


def _holds(trace_id: str, trace: Trace, text: str) -> bool:
    needle = text.encode()
    return text in trace_id or any(
        needle in value if isinstance(value, bytes) else text in value
        for row in trace.rows()
        for value in row
        if isinstance(value, str | bytes)
    )
