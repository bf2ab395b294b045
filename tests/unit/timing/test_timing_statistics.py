"""What is quoted of a duration's samples, and its price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serverless_harness.timing.statistics import Distribution, cost_per_million_usd, percentile

SAMPLES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


def test_the_quoted_figures():
    distribution = Distribution.of([30, 10, 20, 40])
    assert (distribution.min_ms, distribution.median_ms, distribution.max_ms) == (10, 25, 40)
    assert distribution.as_json()["count"] == 4


@pytest.mark.parametrize(("count", "p95"), [(1, 1), (10, 10), (19, 19), (20, 19), (100, 95), (101, 96)])
def test_the_95th_percentile_is_by_nearest_rank(count, p95):
    assert Distribution.of(range(1, count + 1)).p95_ms == p95


@given(st.integers(1, 2000), st.integers(1, 100))
def test_a_percentile_is_the_least_sample_that_so_many_do_not_exceed(count, percent):
    found = percentile(range(1, count + 1), percent)
    assert found * 100 >= percent * count
    assert (found - 1) * 100 < percent * count


@given(SAMPLES)
def test_the_figures_are_in_order_and_samples_are_kept(samples):
    distribution = Distribution.of(samples)
    figures = [distribution.min_ms, distribution.median_ms, distribution.p95_ms, distribution.max_ms]
    assert [figures[0], figures[-1]] == [min(samples), max(samples)]
    assert figures[0] <= figures[1] <= figures[3]
    assert figures[2] in samples
    assert sum(sample <= figures[2] for sample in samples) >= 0.95 * len(samples)
    assert distribution.as_json()["samples_ms"] == sorted(samples)


def test_no_sample_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        Distribution.of([])


def test_the_price_is_awss():
    # 1 s at 1 GB, a million times: 16.6667 $ of compute and 0.20 $ of requests.
    assert cost_per_million_usd(1000, 1024) == pytest.approx(16.8667, abs=1e-4)
    assert cost_per_million_usd(0, 128) == pytest.approx(0.20)
    assert cost_per_million_usd(100, 512) - 0.2 == pytest.approx((cost_per_million_usd(100, 1024) - 0.2) / 2)
