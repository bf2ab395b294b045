"""How far an apply has come, in words, from the messages of Terraform's `-json` view."""

from collections.abc import Mapping
from typing import Any

SLOW_TO_CREATE = {"aws_sqs_queue": "the AWS provider watches a new queue for 25 s"}
"""What takes long wherever it is created, by the resource's type, and why."""


class ApplyProgress:
    """Follows one apply."""

    def __init__(self) -> None:
        self._planned: int | None = None
        self._done = 0
        self._under_way: dict[str, str | None] = {}
        """Why each takes long, if there is a reason, by its address; the latest is the last."""

    def take(self, message: Mapping[str, Any]) -> str | None:
        """Take a message; give how far the apply has come, None where the message doesn't tell of that."""
        hook = message.get("hook", {})
        resource = hook.get("resource", {})
        address, action = str(resource.get("addr")), hook.get("action")
        kind = message.get("type")
        if kind == "refresh_start" or (kind == "apply_start" and action == "read"):
            return f"reading {address}"
        if kind == "change_summary" and message["changes"]["operation"] == "plan":
            self._planned = sum(message["changes"][change] for change in ("add", "change", "remove"))
        elif kind == "apply_start":
            is_new = action == "create"
            self._under_way[address] = SLOW_TO_CREATE.get(resource.get("resource_type")) if is_new else None
        elif kind in ("apply_complete", "apply_errored") and address in self._under_way:
            del self._under_way[address]
            self._done += kind == "apply_complete"
        elif kind != "apply_progress":
            return None
        return str(self)

    def __str__(self) -> str:
        of_planned = f" of {self._planned}" if self._planned is not None else ""
        done = f"{self._done}{of_planned} done"
        if not self._under_way:
            return done
        *others, latest = self._under_way
        resources = f"{latest}{f' and {len(others)} more' if others else ''}"
        reason, *further = set(self._under_way.values())
        # A reason counts once nothing else is waited for.
        return f"{done}, {reason}: {resources}" if reason and not further else f"{done}, now {resources}"
