"""`/_emulator/traces`: the latest traces, as JSON, for whoever has the stack's control token.

| request | answer |
|---|---|
| `GET` | `{"traces": […]}`, the newest first: see `summaries.summary_of` |
| `GET …/<id>`, of a trace, a request or an invoke | `{"trace_id", "is_complete", "left_out", "spans": […]}` |

The list takes `limit` (50 unless given, at most 1000), `function` (part of a name), `error=1`, `min_ms` and
`text` (part of an id, a name, an error, or of the first 2 KB of a payload). Times are seconds since 1970
(`…_s`) and milliseconds (`…_ms`); what is under way has no `duration_ms`. A request's or call's `status` is
its HTTP status, as text; else it is `ok`, `error`, `timeout`, `throttled`, `delivered`, `failed`, `dropped`
(the connection, by a fault) or `running`. A trace's is `ok`, `error` or `running`.
"""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from localstack.http import Request, Response

from serverless_harness.emulator.tracing import summaries
from serverless_harness.emulator.tracing.store import TraceStore
from serverless_harness.emulator.tracing.summaries import Wanted

PATH = "/_emulator/traces"
MAX_LIMIT = 1000


class TracesResource:
    """Serves the traces over HTTP."""

    def __init__(self, store: TraceStore, why_none: str = "") -> None:
        """`why_none` says why no traces are recorded; empty: they are."""
        self._store = store
        self._why_none = why_none

    def on_get(self, request: Request, any_id: str | None = None) -> Response:
        """List traces, or show one; status 404 where there is none of that id, 400 for bad numbers.

        Where none are recorded, the status of any request is 400.
        """
        if self._why_none:
            return _answer({"message": self._why_none}, HTTPStatus.BAD_REQUEST)
        if any_id is None:
            return self._list(request.args)
        found = summaries.find(self._store, any_id)
        if found is None:
            message = f"there is no trace or request '{any_id}' among the latest"
            return _answer({"message": message}, HTTPStatus.NOT_FOUND)
        trace_id, trace = found
        spans = summaries.spans_of(trace.rows())
        return _answer(
            {
                "trace_id": trace_id,
                "is_complete": trace.is_complete,
                "left_out": trace.left_out,
                "spans": spans,
            }
        )

    def _list(self, arguments: Mapping[str, str]) -> Response:
        try:
            wanted = Wanted(
                limit=_number(arguments, "limit", 50, MAX_LIMIT),
                function=arguments.get("function", ""),
                only_errors=arguments.get("error") == "1",
                min_ms=_number(arguments, "min_ms", 0, math.inf),
                text=arguments.get("text", ""),
            )
        except ValueError as error:
            return _answer({"message": str(error)}, HTTPStatus.BAD_REQUEST)
        return _answer({"traces": list(summaries.listed(self._store, wanted))})


def _number[T: (int, float)](arguments: Mapping[str, str], name: str, default: int, most: T) -> T:
    text = arguments.get(name) or str(default)
    kind = type(most)
    try:
        number = kind(text)
    except ValueError:
        number = kind(-1)
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {text!r}: set it to a number from 0 to {most}")
    return number


def _answer(content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status=status, mimetype="application/json")
