"""Application log levels of lines that a function prints as JSON itself, where its log format is JSON.

Source: Lambda developer guide, "Log-level filtering": such a line says its level under the key `level`;
without a valid one, or without a valid timestamp, it counts as INFO. What is logged with `logging` is
filtered by awslambdaric.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

LEVELS = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "warning": 3, "error": 4, "fatal": 5, "critical": 5}
DEFAULT_LEVEL = "INFO"
_TIMESTAMPS = ("timestamp", "time", "@timestamp")


def threshold(environ: Mapping[str, str]) -> int | None:
    """Return the least level that a function with these variables of Lambda's shows; None: all lines."""
    if environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON":
        return None
    level = environ.get("AWS_LAMBDA_LOG_LEVEL", DEFAULT_LEVEL)
    return LEVELS.get(level.lower(), LEVELS[DEFAULT_LEVEL.lower()])


def shows(line: str, least: int | None) -> bool:
    """Tell whether a line goes to the log; what is no JSON object always does."""
    if least is None or not line.startswith("{"):
        return True
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return not isinstance(record, dict) or _level(record) >= least


def _level(record: Mapping[str, Any]) -> int:
    level = LEVELS.get(str(record.get("level")).lower())
    if level is None or not any(_is_time(record.get(name)) for name in _TIMESTAMPS):
        return LEVELS[DEFAULT_LEVEL.lower()]
    return level


def _is_time(value: object) -> bool:
    """Tell whether a value is a time as RFC 3339 has it: a date, a time of day, and an offset."""
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
