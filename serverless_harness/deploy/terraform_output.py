"""What Terraform prints: the messages of its `-json` view as they come, and errors in text for people."""

import json
import os
import select
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from serverless_harness import paths

BLOCKED_AFTER_S = 45
"""How long a resource may take on a local target before it is asked what is in its way.

Of the provider's own waits, a queue's is 25 s; for a function that exists already, it tries for five minutes.
"""
SILENCE: Mapping[str, Any] = {"type": "silence"}
"""Stands for BLOCKED_AFTER_S without a message."""


def lines(output: IO[bytes]) -> Iterator[bytes | None]:
    """Give lines as they come, None after every BLOCKED_AFTER_S without one."""
    rest = b""
    while True:
        if not select.select([output], [], [], BLOCKED_AFTER_S)[0]:
            yield None
        elif chunk := os.read(output.fileno(), 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
        else:
            break
    if rest:
        yield rest


def message_of(text: str) -> dict[str, Any] | None:
    """Read a line of the `-json` view, None where it is none: cut short, or text for people."""
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def is_blocked(message: Mapping[str, Any]) -> bool:
    """Tell whether a message tells of a resource that failed, or of nothing that was done for long."""
    elapsed_s = message.get("hook", {}).get("elapsed_seconds", 0)
    return message is SILENCE or message.get("type") == "apply_errored" or elapsed_s >= BLOCKED_AFTER_S


def shows_work(message: Mapping[str, Any]) -> bool:
    """Tell whether a message shows that Terraform changes resources, or reads those of the target."""
    address = str(message.get("diagnostic", {}).get("address", ""))
    return message.get("type") in ("apply_start", "apply_errored") or "data." in address


def _one_line(diagnostic: Mapping[str, Any], terraform: Path) -> str:
    where = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    if place := diagnostic.get("range"):
        file = Path(os.path.normpath(terraform / place["filename"]))
        where = f"{paths.shown(file)}, line {place['start']['line']}: {where}"
    detail = " ".join(str(diagnostic.get("detail", "")).split())
    return f"{where}{diagnostic['summary']}{': ' + detail if detail else ''}"


def errors(message: Mapping[str, Any], terraform: Path) -> list[str]:
    """Give the error that a message tells of, if it does; `terraform` is the configuration's folder."""
    diagnostic = message.get("diagnostic", {}) if message.get("type") == "diagnostic" else {}
    return [_one_line(diagnostic, terraform)] if diagnostic.get("severity") == "error" else []


def reason(output: str) -> str:
    """Find what went wrong in what Terraform printed for people."""
    errors = (line for line in output.splitlines() if "Error" in line)
    return next(errors, last_line(output)).strip(" │╷")


def last_line(text: str) -> str:
    """Give the last line that has words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
