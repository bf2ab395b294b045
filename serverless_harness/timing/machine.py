"""What figures depend on: the machine, and how CPU is shared out among functions."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from serverless_harness.stack.up import Stack
from serverless_harness.terminal_output import console


def describe_machine(stack: Stack) -> dict[str, Any]:
    """Tell what the figures depend on: the machine, and how CPU is shared out among functions."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": stack.target.name,
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "functions_cpu": _functions_cpu(stack),
    }


def processor() -> str:
    """Give the name of the machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _functions_cpu(stack: Stack) -> str:
    """Tell how CPU is shared out, `unknown` where the stack doesn't say."""
    settings = stack.settings_in_force()
    return "unknown" if settings is None else settings.get("LAMBDA_PROCESS_CPU", "unlimited")


@contextmanager
def timing_progress(total: int) -> Iterator[tuple[Progress, TaskID]]:
    """Show a progress bar while the block runs."""
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress, progress.add_task("", total=total)
