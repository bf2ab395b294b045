"""Traces: every request that entered the stack, and what followed from it."""

from dataclasses import dataclass

from werkzeug import Request

from serverless_harness.console.source import Source, known
from serverless_harness.console.view import View
from serverless_harness.console.waterfall import lay_out
from serverless_harness.functions.traces import Trace, list_traces

LIMIT = 100
FILTERS = ("function", "error", "min_ms", "text")


@dataclass(frozen=True)
class TracePages:
    """The list of traces, and one of them."""

    source: Source

    def list(self, request: Request) -> View:
        """List the latest that match the filters."""
        filters = {name: request.args.get(name, "").strip() for name in FILTERS}
        traces = known(lambda: list_traces(self.source.local, limit=LIMIT, **filters))
        return View("traces", {"traces": traces, "filters": filters, "limit": LIMIT}, "Traces")

    def one(self, _request: Request, trace_id: str) -> View:
        """Show one trace."""
        waterfall = lay_out(Trace.read(self.source.local, trace_id))
        return View("trace", {"trace_id": trace_id, "waterfall": waterfall}, f"Trace {trace_id}")
