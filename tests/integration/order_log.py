"""Follows a request through the logs and into the dead letters, however many others are on their way."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from serverless_harness.functions.logs import LogEvent, now_ms, read_logs
from serverless_harness.waiting import Wait
from shop.dead_letters import ShopDeadLetters, ShopLetter
from shop.deployment import ShopDeployment

TIMEOUT_S = 240
"""Lambda retries after one and after two more minutes."""


@dataclass(frozen=True)
class OrderLog:
    """Reads logs since it was made, and the dead letters."""

    deployment: ShopDeployment
    since_ms: int = field(default_factory=now_ms)

    def lines(self, function: str, *parts: str) -> list[LogEvent]:
        """Read a function's lines that hold all `parts`."""
        # LocalStack takes no filter pattern of more than one quoted term, so the longest has to do.
        pattern = f'"{max(parts, key=len)}"' if parts else ""
        events = read_logs(self.deployment, [function], self.since_ms, pattern)
        return [event for event in events if all(part in event.message for part in parts)]

    def await_lines(self, function: str, *parts: str, count: int = 1) -> list[LogEvent]:
        """Wait for at least `count` such lines."""

        def look() -> list[LogEvent] | None:
            found = self.lines(function, *parts)
            return found if len(found) >= count else None

        return Wait(
            f"{count} lines of {function} with {' and '.join(parts)}",
            TIMEOUT_S,
            describe=lambda: f"{len(self.lines(function, *parts))}",
            hint=f"./scripts/logs {function}",
        ).until(look)

    def await_line(self, function: str, *parts: str) -> LogEvent:
        """Wait for such a line; the first, where an order was delivered more than once."""
        return self.await_lines(function, *parts)[0]

    def message_id(self, request_mark: str) -> str:
        """Find the id of the SNS message that accept made of the request that bears `request_mark`."""
        done = self.await_line("accept", "DONE: statusCode: 200", request_mark)
        found = re.search(r"message_id: (\S+),", done.message)
        assert found, done.message
        return found[1]

    def await_dead_letter(self, function: str, part: str) -> ShopLetter:
        """Wait for the letter whose body holds `part`, and take it out of the function's queue."""
        queues = ShopDeadLetters(self.deployment)
        [letter] = Wait(f"a dead letter of {function} with {part}", TIMEOUT_S).until(
            lambda: queues.purge(lambda letter: part in letter.body, function)
        )
        return letter


def event_of(line: str) -> dict[str, Any]:
    """Read the event out of accept's line `BEGIN: event:<json>`."""
    event: dict[str, Any] = json.loads(line.removeprefix("BEGIN: event:"))
    return event
