"""The figures as a table: median, spread and, where there is a goal, what it says."""

import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions, version

import psutil

from benchmarks.busy import LOOPS
from benchmarks.figures import Figures
from benchmarks.probes import RUNTIME
from serverless_harness.emulator.sandbox import interpreters
from serverless_harness.timing.machine import processor
from serverless_harness.timing.statistics import percentile

ROWS: Mapping[str, tuple[str, str]] = {
    "ready_s": ("ready to serve, s", "≤ 3; stretch 2"),
    "cold_invoke_ms": ("cold invoke, boto3 and a client, ms", "≤ 1.2 x bare"),
    "bare_process_ms": ("    the bare process beside it, ms", ""),
    "warm_invoke_ms": ("warm direct invoke, empty handler, ms", "≤ 8"),
    "warm_printing_invoke_ms": ("warm direct invoke, handler prints, ms", ""),
    "warm_order_ms": ("warm order, POST to booked, ms", "≤ 40 / 60 (p95)"),
    "cold_order_ms": ("first order, everything cold, ms", "≤ 1.2 x 3 bare"),
    "burst_cold_per_s": ("burst: 200 orders, 8 clients, cold, orders/s", "≥ 15; stretch 20"),
    "burst_warm_per_s": ("burst again, warm, orders/s", "≥ 40"),
    "burst_busy_per_s": (f"the cold burst beside {LOOPS} busy loops, orders/s", "≥ the quiet one / 3.5"),
    "burst_memory_mb": ("memory at the burst's peak (PSS), MB", "≤ 1000"),
    "deploy_s": ("deploy (terraform apply), s", "≤ 15"),
    "second_plan_empty": ("    second plan is empty (1: yes)", "1"),
    "up_unchanged_s": ("`up` again, stack running, s", "≤ 5"),
    "up_from_snapshot_s": ("`up` again after `down --delete`, s", "≤ 5"),
    "state_save_s": ("`state save`, s", ""),
    "state_load_s": ("`state load`, s", ""),
    "reset_s": ("`reset`, s", ""),
    "checkpoint_pause_ms": ("pause for a checkpoint, ms", ""),
}


def summary(samples: Sequence[float]) -> str:
    """Give median, 95th percentile, range and number of samples."""
    median, p95 = statistics.median(samples), percentile(samples, 95)
    return f"{_short(median)}, p95 {_short(p95)} ({_spread(samples)}, n={len(samples)})"


def markdown(figures: Mapping[str, Figures]) -> str:
    """Give the table as docs/performance.md has it."""
    lines = [["", *figures, "goal"], ["---"] * (len(figures) + 2)]
    for row, (title, goal) in ROWS.items():
        cells = [_cell(row, each) for each in figures.values()]
        if any(cells):
            lines.append([title.strip(), *(cell or "-" for cell in cells), goal])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: str, figures: Figures) -> str:
    samples = figures.samples.get(row)
    if row in figures.failures:
        return f"failed after {summary(samples)}" if samples else "failed"
    return summary(samples) if samples else ""


def ratios(figures: Figures) -> list[str]:
    """Give the ratios to the bare process of the same run."""
    found = []
    samples = figures.samples
    if bare := samples.get("bare_process_ms"):
        for row, processes in (("cold_invoke_ms", 1), ("cold_order_ms", 3)):
            if row in samples:
                ratio = statistics.median(samples[row]) / (processes * statistics.median(bare))
                found.append(f"{ROWS[row][0].removesuffix(', ms')}: {ratio:.2f} x {processes} bare")
    return found


def machine() -> dict[str, str]:
    """Say what the figures were got on and with."""
    return {
        "machine": f"{psutil.cpu_count()} x {processor()}, {psutil.virtual_memory().total / 1e9:.1f} GB",
        "load before": f"{psutil.getloadavg()[0]:.1f}",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("localstack-core", "moto-ext", "boto3")},
        "awslambdaric": _of_functions("awslambdaric"),
    }


def _of_functions(name: str) -> str:
    """Give the version of a package that functions have."""
    site_packages = interpreters.find(RUNTIME).site_packages
    [package] = distributions(name=name, path=[str(site_packages)])
    return package.version


def _spread(samples: Sequence[float]) -> str:
    return f"{_short(min(samples))} to {_short(max(samples))}"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
