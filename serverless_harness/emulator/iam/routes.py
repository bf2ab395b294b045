"""`/_emulator/iam`: the decisions and the mode, as JSON, for whoever has the stack's control token.

| request | answer |
|---|---|
| `GET` | `{"mode": …, "decisions": […], "dropped": n}`; see `DecisionLog.to_json` |
| `PUT`, `{"mode": "on"}`, or `"soft"` or `"off"` | `{"mode": …}`: it holds from now on |
| `DELETE` | `{}`: the decisions are forgotten |
"""

from typing import Any

from localstack.http import Request
from werkzeug.exceptions import BadRequest

from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.mode import Mode

PATH = "/_emulator/iam"


class DecisionsResource:
    """Serves the decisions and the mode."""

    def __init__(self, decision_point: DecisionPoint) -> None:
        self._decision_point = decision_point

    def on_get(self, request: object) -> dict[str, Any]:
        """Return the mode and the decisions."""
        return {"mode": self._decision_point.mode.value, **self._decision_point.log.to_json()}

    def on_put(self, request: Request) -> dict[str, Any]:
        """Enforce as the body says from now on; status 400 for anything that is no mode."""
        body: Any = request.get_json(silent=True, force=True)
        try:
            self._decision_point.mode = Mode(body["mode"])
        except (ValueError, KeyError, TypeError):
            raise BadRequest('give {"mode": "on"}, or "soft" or "off"') from None
        return {"mode": self._decision_point.mode.value}

    def on_delete(self, request: object) -> dict[str, Any]:
        """Forget the decisions."""
        self._decision_point.log.clear()
        return {}
