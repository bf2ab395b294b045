"""Tumbling windows of a stream's records: a state that a function hands on until the window's end.

AWS Lambda developer guide, "Implementing stateful DynamoDB stream processing in Lambda": windows begin at
fixed times, a batch belongs to one window, and the last invoke of a window says so.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from serverless_harness.emulator.clock import clock
from serverless_harness.emulator.lambda_service.stream_batches import Event

STATE_KEY = "StreamWindow"


class Windows:
    """The window of a mapping's shard that is open; its state is kept with the mapping."""

    def __init__(self, length_s: int, source_arn: str, stored: Callable[[], dict[str, Any]]) -> None:
        self._length_s = length_s
        self._source_arn = source_arn
        self._stored = stored
        self._is_final = False

    def split(self, events: list[Event], close: Callable[[], None]) -> Iterator[list[Event]]:
        """Yield a batch's events window by window; `close` is called between, to end the open one."""
        if not self._length_s:
            yield events
            return
        for start in sorted({self._start_of(event) for event in events}):
            window = self._open()
            if window and window["start"] < start:
                self._end(close)
            if not self._open():
                self._stored()[STATE_KEY] = {"start": start, "state": {}}
            yield [event for event in events if self._start_of(event) == start]

    def close_if_over(self, close: Callable[[], None]) -> None:
        """End the open window if its time has passed."""
        window = self._open()
        if window and clock.now() >= window["start"] + self._length_s:
            self._end(close)

    def document(self, events: list[Event], shard_id: str) -> dict[str, Any]:
        """Return the event that the function gets."""
        window = self._open() or {"start": 0, "state": {}}
        return {
            "Records": events,
            "window": {
                "start": _timestamp(window["start"]),
                "end": _timestamp(window["start"] + self._length_s),
            },
            "state": window["state"],
            "shardId": shard_id,
            "eventSourceARN": self._source_arn,
            "isFinalInvokeForWindow": self._is_final,
            "isWindowTerminatedEarly": False,
        }

    def keep_state(self, answer: Any) -> None:  # noqa: ANN401 - whatever a function returns
        """Keep the state that the function returned for the window's next invoke."""
        window = self._open()
        if window and isinstance(answer, dict) and isinstance(answer.get("state"), dict):
            window["state"] = answer["state"]

    def _open(self) -> dict[str, Any] | None:
        window: dict[str, Any] | None = self._stored().get(STATE_KEY)
        return window

    def _end(self, close: Callable[[], None]) -> None:
        self._is_final = True
        try:
            close()
        finally:
            self._is_final = False
        self._stored().pop(STATE_KEY, None)

    def _start_of(self, event: Event) -> int:
        created_at = int(event["dynamodb"]["ApproximateCreationDateTime"])
        return created_at - created_at % self._length_s


def _timestamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
