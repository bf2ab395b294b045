"""Samples of a duration, and what is quoted of them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

GB_SECOND_PRICE_USD = 0.0000166667
REQUEST_PRICE_USD = 0.20 / 1_000_000
"""AWS Lambda pricing: x86, us-east-1, first tier."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """Give a percentile by nearest rank: the least sample that `percent` % of all don't exceed."""
    ranked = sorted(samples)
    return ranked[max(0, math.ceil(percent * len(ranked) / 100) - 1)]


@dataclass(frozen=True)
class Distribution:
    """Durations in milliseconds, at least one."""

    samples_ms: tuple[float, ...]

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> "Distribution":
        """Make one of `samples_ms`; raises ValueError where there is none."""
        if not samples_ms:
            raise ValueError("a distribution needs at least one sample")
        return cls(tuple(sorted(samples_ms)))

    @property
    def min_ms(self) -> float:
        return self.samples_ms[0]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.samples_ms)

    @property
    def p95_ms(self) -> float:
        return percentile(self.samples_ms, 95)

    @property
    def max_ms(self) -> float:
        return self.samples_ms[-1]

    def as_json(self) -> dict[str, object]:
        """Give what `report.json` holds of it."""
        return {
            "count": len(self.samples_ms),
            "min_ms": self.min_ms,
            "median_ms": self.median_ms,
            "p95_ms": self.p95_ms,
            "max_ms": self.max_ms,
            "samples_ms": list(self.samples_ms),
        }


def cost_per_million_usd(billed_duration_ms: float, memory_mb: int) -> float:
    """Give AWS's price of a million invokes that are each billed `billed_duration_ms`."""
    gb_seconds = billed_duration_ms / 1000 * memory_mb / 1024
    return 1_000_000 * (gb_seconds * GB_SECOND_PRICE_USD + REQUEST_PRICE_USD)
