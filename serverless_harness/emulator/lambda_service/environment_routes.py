"""`GET /_emulator/environments`: the execution environments, for whoever has the stack's control token.

`{"environments": [{"environment_id", "function_name", "region", "version", "state", "provisioned", "age_s",
"idle_s"}]}`: `state` is `starting`, `busy`, `idle` or `stopping`; `environment_id` is None before its start;
`age_s` is how long ago it was begun, in seconds, `idle_s` how long it has been idle, None where it isn't.
"""

from typing import Any

from serverless_harness.emulator.lambda_service.assignment import shared_service

PATH = "/_emulator/environments"


class EnvironmentsResource:
    """Serves them over HTTP."""

    def on_get(self, request: object) -> dict[str, Any]:
        """List all that there are."""
        return {"environments": shared_service().environments()}
