"""How many execution environments may exist, and how long an invoke waits for one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serverless_harness.emulator.settings import InvalidSettingError

ENVIRONMENT_MEMORY_MB = 48
"""What an environment with boto3 and a client keeps resident."""
MEMORY_SHARE = 4
"""Environments together take at most one part in so many of the machine's memory."""
ENVIRONMENTS_PER_CPU = 6
FUNCTIONS = 3
"""So many busy functions have room at once: taking another's place costs a cold start."""
MIN_ENVIRONMENTS = 4
DEFAULT_WAIT_MS = 25_000
"""Less than the 29 s after which API Gateway gives up on an integration."""

CGROUP_MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True)
class EnvironmentLimits:
    """Bounds on execution environments; `max_wait_s` until an invoke that finds none free is throttled."""

    max_per_function: int
    max_total: int
    max_wait_s: float
    max_starting: int
    """How many start at a time: each has a CPU of its own on AWS, and they share the machine's here."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "EnvironmentLimits":
        """Read the LAMBDA_PROCESS_* settings; what isn't set follows from the machine's CPUs and memory."""
        cpus = os.process_cpu_count() or 1
        default_total = default_max_total(cpus, machine_memory_mb())
        max_total = positive_integer(environ, "LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL", default_total)
        default_per_function = max(1, max_total // FUNCTIONS)
        return cls(
            max_per_function=min(
                max_total,
                positive_integer(
                    environ, "LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION", default_per_function
                ),
            ),
            max_total=max_total,
            max_wait_s=positive_integer(environ, "LAMBDA_PROCESS_MAX_WAIT_MS", DEFAULT_WAIT_MS) / 1000,
            max_starting=positive_integer(environ, "LAMBDA_PROCESS_MAX_STARTING", cpus),
        )


def default_max_total(cpus: int, memory_mb: int) -> int:
    """Return how many environments suit a machine: bounded by its CPUs and by a share of its memory."""
    by_memory = memory_mb // MEMORY_SHARE // ENVIRONMENT_MEMORY_MB
    return max(MIN_ENVIRONMENTS, min(cpus * ENVIRONMENTS_PER_CPU, by_memory))


def machine_memory_mb() -> int:
    """Return the memory that this process may use: the machine's, or a container's limit."""
    limits_bytes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in CGROUP_MEMORY_LIMITS:
        text = file.read_text().strip() if file.is_file() else ""
        if text.isdigit():
            limits_bytes.append(int(text))
    return min(limits_bytes) // (1024 * 1024)


def positive_integer(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return the setting `name` as a number above zero."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise InvalidSettingError(f"{name} is {text!r}: set it to a whole number above zero, or leave it out")
    return int(text)
