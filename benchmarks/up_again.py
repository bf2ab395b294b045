"""`up` again, on a stack that runs and after `down`: as a user runs it, by its script."""

import subprocess
import time

from benchmarks.figures import Figures
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.snapshot import Snapshot

REPETITIONS = 3


def measure_up_again(figures: Figures) -> None:
    """Deploy once, then bring the same shop up again and again."""
    port = free_port()
    with figures.attempt("up_unchanged_s"):
        _run("up", port)
        for _ in range(REPETITIONS):
            figures.add("up_unchanged_s", _run("up", port))
    with figures.attempt("up_from_snapshot_s"):
        for _ in range(REPETITIONS):
            _run("down", port, "--delete")
            figures.add("up_from_snapshot_s", _run("up", port))
    with figures.attempt("up_from_snapshot_s"):
        _run("down", port, "--delete")
    Snapshot.of(EmbeddedStack(port)).discard()


def _run(script: str, port: int, *options: str) -> float:
    begin = time.perf_counter()
    result = subprocess.run(
        [str(current().folder / "scripts" / script), "--port", str(port), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"./scripts/{script} failed: {result.stderr.strip()}")
    return time.perf_counter() - begin
