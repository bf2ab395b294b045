"""`up` again, on a stack that runs and after `down`: as a user runs it, by its script."""

import os
import subprocess
import time

from benchmarks.checkpoints import make_checkpoint
from benchmarks.figures import Figures
from serverless_harness.project.locate import current
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.snapshot import Snapshot
from serverless_harness.stack.states import SavedState

REPETITIONS = 3
STATE = f"benchmark-{os.getpid()}"


def measure_up_again(figures: Figures) -> None:
    """Deploy once, then bring the same shop up again and again."""
    port = free_port()
    with figures.attempt("up_unchanged_s"):
        _run("up", port)
        for _ in range(REPETITIONS):
            figures.add("up_unchanged_s", _run("up", port))
    measure_states(figures, port)
    with figures.attempt("up_from_snapshot_s"):
        for _ in range(REPETITIONS):
            _run("down", port, "--delete")
            figures.add("up_from_snapshot_s", _run("up", port))
    with figures.attempt("up_from_snapshot_s"):
        _run("down", port, "--delete")
    Snapshot.of(EmbeddedStack(port)).discard()


def measure_states(figures: Figures, port: int) -> None:
    """Save, load and reset the shop that runs on `port`, as a user does; have checkpoints made of it."""
    target = EmbeddedStack(port).target
    for row, script, *arguments in (
        ("state_save_s", "state", "save", STATE),
        ("state_load_s", "state", "load", STATE),
        ("reset_s", "reset"),
    ):
        with figures.attempt(row):
            for _ in range(REPETITIONS):
                figures.add(row, _run(script, port, *arguments))
    with figures.attempt("checkpoint_pause_ms"):
        for _ in range(REPETITIONS):
            figures.add("checkpoint_pause_ms", make_checkpoint(target)["pause_ms"])
    SavedState.named(current(), STATE).delete()


def _run(script: str, port: int, *options: str) -> float:
    begin = time.perf_counter()
    result = subprocess.run(
        [str(current().folder / "scripts" / script), *options, "--port", str(port)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"./scripts/{script} failed: {result.stderr.strip()}")
    return time.perf_counter() - begin
