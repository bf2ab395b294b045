"""Traces: each request and what followed from it, as the emulator recorded it (docs/tracing.md)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote, urlencode

from serverless_harness.errors import UserError
from serverless_harness.escaping import escaped
from serverless_harness.stack.control import control
from serverless_harness.targets import LocalTarget, Target
from serverless_harness.terminal_output import say

PATH = "/_emulator/traces"
BAR_WIDTH = 24
MAX_FOUND = 20
"""How many traces are listed where a text is in several."""

type Summary = dict[str, Any]
"""What a list shows of a trace; the fields are those of docs/tracing.md."""


@dataclass(frozen=True)
class Span:
    """One piece of work in a trace; times in seconds since 1970 and milliseconds.

    `duration_ms` is None while it is under way, `own_ms` unless it is an init or invoke that has ended.
    """

    span_id: str
    parent_id: str | None
    kind: str
    service: str
    name: str
    resource: str
    started_s: float
    duration_ms: float | None
    wait_ms: float
    own_ms: float | None
    status: str
    error: str | None
    cold: bool
    attempt: int
    request_id: str | None


@dataclass(frozen=True)
class Trace:
    """The spans of a trace, in the order in which they began."""

    trace_id: str
    is_complete: bool
    """Whether nothing of it was under way when it was read."""
    left_out: int
    """How many spans were over the limit, and not kept."""
    spans: Sequence[Span]

    @classmethod
    def read(cls, target: LocalTarget, trace_id: str) -> Self:
        """Read a trace from a stack; raises UserError where it is unknown."""
        answer = control(target, "GET", f"{PATH}/{quote(trace_id, safe='')}")
        names = [field.name for field in fields(Span)]
        spans = [Span(**{name: span[name] for name in names}) for span in answer["spans"]]
        return cls(answer["trace_id"], answer["is_complete"], answer["left_out"], spans)

    @property
    def functions(self) -> list[str]:
        """The functions that were invoked, each once."""
        return list(dict.fromkeys(span.name for span in self.spans if span.kind == "invoke"))

    @property
    def errors(self) -> list[Span]:
        """The spans that ended in an error, also where a retry made up for it."""
        return [span for span in self.spans if span.error is not None]

    @property
    def duration_ms(self) -> float:
        """How long it took, from its first span's begin to its last one's end."""
        return max((self.offset_ms(span) + (span.duration_ms or 0.0) for span in self.spans), default=0.0)

    def offset_ms(self, span: Span) -> float:
        """Give when a span began, after the first."""
        return (span.started_s - self.spans[0].started_s) * 1000

    def tree(self) -> Iterator[tuple[int, Span]]:
        """Give each span with its depth, after the one that caused it."""
        known = {span.span_id for span in self.spans}
        by_parent: dict[str | None, list[Span]] = {}
        for span in self.spans:
            by_parent.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
        waiting = [(0, span) for span in reversed(by_parent.get(None, []))]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(by_parent.get(span.span_id, []))]

    def describe(self) -> str:
        """Draw it, a line for each span: when it began, how long it took, what it was."""
        total_ms = self.duration_ms or 1.0
        lines = [
            f"{self.offset_ms(span):>9.1f} {_shown_ms(span.duration_ms):>9}  "
            f"[{_bar(self.offset_ms(span), span.duration_ms, total_ms)}]  {'  ' * depth}{_line(span)}"
            for depth, span in self.tree()
        ]
        left_out = [f"{self.left_out} more spans were over the limit"] if self.left_out else []
        under_way = [] if self.is_complete else ["the request is still under way"]
        return "\n".join([f"{'began ms':>9} {'took ms':>9}", *lines, *left_out, *under_way])


def local(target: Target) -> LocalTarget:
    """Give a target that records traces; raises UserError for AWS, which has X-Ray for that."""
    if not isinstance(target, LocalTarget):
        raise UserError(f"only a local stack records traces, not {target.name}")
    return target


def list_traces(target: LocalTarget, **wanted: object) -> list[Summary]:
    """List the latest traces, the newest first; `wanted` has what docs/tracing.md lists: `text`, `limit`."""
    query = urlencode({name: value for name, value in wanted.items() if value})
    found: list[Summary] = control(target, "GET", f"{PATH}?{query}")["traces"]
    return found


def find_traces(target: LocalTarget, text: str) -> list[Summary]:
    """Find a trace by its id or a request's, or all that contain a text, such as an order's id.

    The value of the header `X-Amzn-Trace-Id` can be given as the id.
    """
    root = text.partition("Root=")[2].partition(";")[0] or text
    found = list_traces(target, text=root, limit=MAX_FOUND)
    return [each for each in found if each["trace_id"] == root] or found


def show(target: LocalTarget, text: str | None, as_json: bool, **wanted: object) -> None:
    """Print the latest traces, or the one that is meant; raises UserError where there is none."""
    found = find_traces(target, text) if text else list_traces(target, **wanted)
    if text and not found:
        raise UserError(f"no trace among the latest has this id or text: {text}")
    is_one = text is not None and len(found) == 1
    if as_json:
        answer = control(target, "GET", f"{PATH}/{found[0]['trace_id']}") if is_one else found
        say(json.dumps(answer, indent=2))
        return
    for each in found:
        say(_summary_line(each))
    if is_one:
        say(Trace.read(target, found[0]["trace_id"]).describe())
    elif not found:
        say("There are no traces.")


def on_one_line(text: str) -> str:
    """Give text of functions' making with nothing in it that a terminal would act on, on one line."""
    return " ".join(escaped(text).split())


def _summary_line(summary: Summary) -> str:
    started = datetime.fromtimestamp(summary["started_s"], UTC)
    events = [
        f"{summary[name]} {one if summary[name] == 1 else name.replace('_', ' ')}"
        for name, one in (
            ("errors", "error"),
            ("cold_starts", "cold start"),
            ("retries", "retry"),
            ("faults", "fault"),
        )
        if summary[name]
    ]
    functions = ", ".join(summary["functions"])
    return on_one_line(
        f"{summary['trace_id']}  {started:%H:%M:%S} UTC  {summary['duration_ms']:.0f} ms  {summary['entry']}"
        f"  {', '.join([summary['status'], *events])}{f'  ({functions})' if functions else ''}"
    )


def _line(span: Span) -> str:
    notes = [
        f"attempt {span.attempt}" if span.attempt > 1 else "",
        "cold" if span.cold else "",
        f"waited {span.wait_ms:.1f} ms" if span.wait_ms >= 1 else "",
        f"own time {span.own_ms:.1f} ms" if span.own_ms is not None else "",
        "" if span.status == "ok" or span.status.startswith("2") else span.status,
        span.error or "",
    ]
    told = "; ".join(note for note in notes if note)
    parts = (span.kind, span.service, span.name, span.resource if span.kind != "invoke" else "")
    what = " ".join(part for part in parts if part)
    return on_one_line(f"{what}: {told}" if told else what)


def _shown_ms(milliseconds: float | None) -> str:
    return "…" if milliseconds is None else f"{milliseconds:.1f}"


def _bar(offset_ms: float, duration_ms: float | None, total_ms: float) -> str:
    """Draw when a span was under way, within the whole."""
    start = min(BAR_WIDTH - 1, int(offset_ms / total_ms * BAR_WIDTH))
    length = round((duration_ms or 0.0) / total_ms * BAR_WIDTH)
    return (" " * start + "=" * max(1, min(length, BAR_WIDTH - start))).ljust(BAR_WIDTH)
