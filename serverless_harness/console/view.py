"""What a page is made of, and how what comes from functions is shown in it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from serverless_harness.console.source import Unknown
from serverless_harness.escaping import escaped

FOLDER = Path(__file__).parent
UNKNOWN = "\N{EN DASH}"
"""What is shown if there is no number."""


@dataclass(frozen=True)
class View:
    """A page: its template, what that is filled with, and its title."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    status: int = 200


def environment() -> jinja2.Environment:
    """Make the templates' environment: everything is escaped, and an unknown name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": ago,
        "clock": clock,
        "duration": duration,
        "number": number,
        "pretty": pretty,
        "printed": printed,
        "short_arn": short_arn,
        "size": size,
    }
    made.tests["unknown"] = lambda value: isinstance(value, Unknown)
    return made


def printed(value: object) -> str:
    """Give others' text with what a terminal or a reader would take for something else written out."""
    return escaped(str(value))


def duration(value_ms: float | None) -> str:
    """Give a duration so that it can be compared at a glance: `0.84 ms`, `127 ms`, `3.2 s`, `2 min 5 s`."""
    if value_ms is None:
        return UNKNOWN
    if value_ms == 0:
        return "0 ms"
    if value_ms < 10:
        return f"{value_ms:.2f} ms"
    if value_ms < 1000:
        return f"{value_ms:.0f} ms"
    if value_ms < 60_000:
        return f"{value_ms / 1000:.2f} s"
    return ago(value_ms / 1000)


def ago(seconds: float) -> str:
    """Give a time span in its two largest units: `2 min 5 s`."""
    left = int(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def clock(value: datetime | float, with_ms: bool = True) -> str:
    """Give a time, or seconds since 1970, on the machine's clock; with its date where that isn't today's."""
    when = (
        value.astimezone() if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC).astimezone()
    )
    is_today = when.date() == datetime.fromtimestamp(time.time(), when.tzinfo).date()
    if not is_today:
        return f"{when:%Y-%m-%d %H:%M:%S}"
    return f"{when:%H:%M:%S}.{when.microsecond // 1000:03}" if with_ms else f"{when:%H:%M:%S}"


def number(value: int | None) -> str:
    """Give a count with its thousands apart."""
    return UNKNOWN if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(value: float) -> str:
    """Give a size in bytes."""
    for unit in ("B", "KB", "MB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"


def pretty(value: object) -> str:
    """Give JSON, or text that may be JSON, indented; other text as it is."""
    try:
        content = json.loads(value) if isinstance(value, str) else value
        return escaped(json.dumps(content, indent=2, ensure_ascii=False, default=str))
    except (ValueError, RecursionError):
        return escaped(str(value))


def short_arn(arn: object) -> str:
    """Give what an ARN names: `table/shop-shops`; other text as it is."""
    parts = str(arn).split(":", 5)
    return parts[5] if len(parts) == 6 and parts[0] == "arn" else str(arn)
