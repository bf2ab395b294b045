"""Whether a request may have changed the emulator's state: where none has, no new checkpoint is needed.

What isn't known to read alone counts as a change: one checkpoint too many costs little.
"""

from localstack.aws.api import RequestContext

from serverless_harness.emulator.clock import routes as clock_routes

_READING = (
    "BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query", "Scan", "Simulate", "Test",
)  # fmt: skip
"""How the names of operations begin that read alone."""
_CHANGING = ("GetActivityTask", "GetFederationToken", "GetParametersForImport", "GetSessionToken")
"""Those of them that don't."""
_CONTROL = ("/_emulator/", "/_localstack/")


def may_have_changed(context: RequestContext) -> bool:
    """Return whether a request that has ended may have changed what a state holds."""
    if context.operation is None:
        path = context.request.path
        return path == clock_routes.PATH or not path.startswith(_CONTROL)
    name = context.operation.name
    if name == "ReceiveMessage":
        return bool((context.service_response or {}).get("Messages"))
    return name in _CHANGING or not name.startswith(_READING)
