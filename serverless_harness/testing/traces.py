"""Assertions on the trace of a request: the fixture `trace`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from serverless_harness.functions import traces
from serverless_harness.functions.traces import Span, Trace
from serverless_harness.targets import LocalTarget
from serverless_harness.waiting import Wait


@dataclass(frozen=True)
class TraceUnderTest(Trace):
    """A trace, with assertions that show all of it where they fail."""

    def of(self, kind: str = "", service: str = "", name: str = "") -> list[Span]:
        """Give the spans of a kind, of a service, and with `name` in their name; all without."""
        return [
            span
            for span in self.spans
            if (not kind or span.kind == kind)
            and (not service or span.service == service)
            and name in span.name
        ]

    def invokes(self, function: str) -> list[Span]:
        """Give the invokes of a function, by any part of its name, in their order."""
        return self.of("invoke", name=function)

    def assert_services(self, *services: str) -> Self:
        """Fail unless these services worked on it in this order, others between them or not."""
        __tracebackhide__ = True
        self._assert_order(services, [span.service for span in self.spans], "services")
        return self

    def assert_functions(self, *functions: str) -> Self:
        """Fail unless these functions alone were invoked, first in this order; each is named by a part."""
        __tracebackhide__ = True
        found = self.functions
        fits = len(found) == len(functions) and all(map(str.__contains__, found, functions))
        assert fits, self._told(f"the functions {list(functions)} were expected, but {found} were invoked")
        return self

    def assert_no_errors(self) -> Self:
        """Fail if anything in it ended in an error, also if a retry made up for it."""
        __tracebackhide__ = True
        assert not self.errors, self._told(f"{len(self.errors)} of its spans ended in an error")
        return self

    def assert_error(self, text: str = "") -> Self:
        """Fail unless something in it ended in an error with `text` in it."""
        __tracebackhide__ = True
        assert any(text in str(span.error) for span in self.errors), self._told(f"no error contains {text!r}")
        return self

    def assert_within_ms(self, most_ms: float) -> Self:
        """Fail if it took longer, from its first span's begin to its last one's end."""
        __tracebackhide__ = True
        assert self.duration_ms <= most_ms, self._told(
            f"it took {self.duration_ms:.1f} ms, more than {most_ms} ms"
        )
        return self

    def _assert_order(self, wanted: Sequence[str], found: Sequence[str], what: str) -> None:
        __tracebackhide__ = True
        rest = iter(found)
        missing = next((each for each in wanted if each not in rest), None)
        assert missing is None, self._told(
            f"{missing!r} is missing, or too early: the {what} {list(wanted)} were expected in this order"
        )

    def _told(self, what: str) -> str:
        return f"{what}, in trace {self.trace_id}:\n{self.describe()}"


def await_trace(
    target: LocalTarget,
    text: str,
    timeout_s: float,
    until: Callable[[TraceUnderTest], object] = lambda _: True,
) -> TraceUnderTest:
    """Wait until a trace is complete, and `until` is true of it; raises WaitTimeoutError after `timeout_s`.

    It is the newest that `text` finds (`functions.traces.find_traces`).
    """
    seen: list[TraceUnderTest] = []

    def look() -> TraceUnderTest | None:
        if not (found := traces.find_traces(target, text)):
            return None
        trace = TraceUnderTest.read(target, found[0]["trace_id"])
        seen[:] = [trace]
        return trace if trace.is_complete and until(trace) else None

    return Wait(
        f"the trace of {text} to be complete",
        timeout_s,
        describe=lambda: _found(seen[0]) if seen else "no such trace",
    ).until(look)


def _found(trace: Trace) -> str:
    state = "a complete trace, of which `until` is not true" if trace.is_complete else "only this of it"
    return f"{state}:\n{trace.describe()}"
