"""A short benchmark for CI: ratios to baselines of the same run, never absolute times.

Warm is held against a GET of the health check through the same server, which costs the server and little
else; cold against a bare runtime process with the same imports. The bounds are about twice what an idle
machine shows, so that noise passes and a lost shortcut doesn't.
"""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.contenders import Embedded
from benchmarks.probes import Probes, bare_process_ms

COLD_BOUND = 2.0
WARM_BOUND = 8.0
COLD_COUNT = 7
WARM_COUNT = 200


@dataclass(frozen=True)
class Ratio:
    """A measured time over its baseline, and how great it may be."""

    name: str
    measured_ms: float
    baseline_ms: float
    bound: float

    @property
    def ratio(self) -> float:
        return self.measured_ms / self.baseline_ms

    @property
    def holds(self) -> bool:
        return self.ratio <= self.bound

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "TOO SLOW"
        return (
            f"{self.name}: {self.measured_ms:.1f} ms, {self.ratio:.2f} x {self.baseline_ms:.1f} ms "
            f"(at most {self.bound:g} x): {verdict}"
        )


def measure() -> list[Ratio]:
    """Measure on a stack of its own, baseline and subject in turn."""
    contender = Embedded()
    try:
        contender.start()
        probes = Probes(contender.target)
        return [_warm(contender, probes), _cold(probes)]
    finally:
        contender.stop()


def _warm(contender: Embedded, probes: Probes) -> Ratio:
    probes.warm_ms("empty", 20)
    with httpx.Client(trust_env=False) as client:
        url = f"{contender.target.endpoint_url}/_localstack/health"
        rounds = [(_get_ms(client, url), probes.warm_ms("empty", 1)[0]) for _ in range(WARM_COUNT // 4)]
    baseline, measured = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Ratio("warm invoke to an echo of the server", measured, baseline, WARM_BOUND)


def _get_ms(client: httpx.Client, url: str) -> float:
    begin = time.perf_counter()
    client.get(url).raise_for_status()
    return (time.perf_counter() - begin) * 1000


def _cold(probes: Probes) -> Ratio:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        bare_process_ms("boto3", folder), probes.cold_ms("boto3")
        rounds = [(bare_process_ms("boto3", folder), probes.cold_ms("boto3")) for _ in range(COLD_COUNT)]
    baseline, measured = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Ratio("cold invoke to a bare process", measured, baseline, COLD_BOUND)
