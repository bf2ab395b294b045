"""Traces: every request that entered the stack, and what followed from it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug import Request

from serverless_harness.console.source import Source, known
from serverless_harness.console.view import View
from serverless_harness.console.waterfall import lay_out

PATH = "/_emulator/traces"
LIMIT = 100
FILTERS = ("function", "error", "min_ms", "text")


@dataclass(frozen=True)
class TracePages:
    """The list of traces, and one of them."""

    source: Source

    def list(self, request: Request) -> View:
        """List the latest that match the filters."""
        filters = {name: request.args.get(name, "").strip() for name in FILTERS}
        query = urlencode({"limit": LIMIT, **{name: value for name, value in filters.items() if value}})
        traces = known(lambda: self.source.control("GET", f"{PATH}?{query}")["traces"])
        return View("traces", {"traces": traces, "filters": filters, "limit": LIMIT}, "Traces")

    def one(self, _request: Request, trace_id: str) -> View:
        """Show one trace."""
        answer: Any = self.source.control("GET", f"{PATH}/{quote(trace_id, safe='')}")
        return View(
            "trace", {"trace_id": trace_id, "waterfall": lay_out(answer["spans"])}, f"Trace {trace_id}"
        )
