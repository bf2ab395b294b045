"""The clock's HTTP interface: `GET` and `POST /_emulator/clock`, for whoever has the control token.

Both answer with `{"now": "2026-01-31T12:05:00+00:00", "now_s": 1769861100.0, "ahead_s": 300.0}`; `POST` takes
`{"advance": "5m"}`, or a number of seconds.
"""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from localstack.http import Request, Response

from serverless_harness.emulator.clock import Clock

PATH = "/_emulator/clock"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_AHEAD_S = timedelta(days=20 * 365).total_seconds()
"""No service has a delay as long; dates keep within what they can express."""


class InvalidAdvanceError(Exception):
    """The clock can't be set forward by that; the message is for the user."""


class ClockResource:
    """Shows the clock, and sets it forward."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_get(self, request: Request) -> Response:
        """Return the time."""
        return self._shown()

    def on_post(self, request: Request) -> Response:
        """Set the clock forward, and return the time."""
        try:
            seconds = parse_advance(request.get_data())
            if self._clock.ahead_s + seconds > MAX_AHEAD_S:
                raise InvalidAdvanceError("the clock can be at most 20 years ahead")
        except InvalidAdvanceError as error:
            content = json.dumps({"message": str(error)})
            return Response(content, HTTPStatus.BAD_REQUEST, mimetype="application/json")
        self._clock.advance(seconds)
        return self._shown()

    def _shown(self) -> Response:
        now_s = self._clock.now()
        content = {
            "now": datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds"),
            "now_s": now_s,
            "ahead_s": self._clock.ahead_s,
        }
        return Response(json.dumps(content), mimetype="application/json")


def parse_advance(body: bytes) -> float:
    """Return by how many seconds a request asks to set the clock forward; raises InvalidAdvanceError."""
    try:
        advance = json.loads(body)["advance"]
    except (ValueError, TypeError, KeyError):
        raise InvalidAdvanceError('the body has to be JSON such as {"advance": "5m"}') from None
    seconds = math.nan
    if isinstance(advance, int | float) and not isinstance(advance, bool):
        seconds = float(advance) if abs(advance) <= MAX_AHEAD_S else math.inf
    elif isinstance(advance, str) and re.fullmatch(r"([0-9]{1,12}(\.[0-9]{1,6})?[smhd])+", advance):
        parts = re.findall(r"([0-9.]+)([smhd])", advance)
        seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if not seconds >= 0:
        raise InvalidAdvanceError(
            f"{repr(advance)[:40]} is not a time to set the clock forward by: give 90s, 5m, 2h, 1d or 1h30m"
        )
    return seconds
