"""Samples are taken in turn, and a row that fails fails alone and is shown as failed."""

import time

import pytest

from benchmarks import table
from benchmarks.figures import Figures, TooSlowError, time_limit
from benchmarks.rounds import interleave, take_turns
from benchmarks.rows import Entrant


class Sampled(Entrant):
    """Notes who is asked when; fails from its third sample on where `fails`."""

    def __init__(self, name, log, fails=False):
        super().__init__(None, Figures(say=lambda _: None))
        self.name, self.log, self.fails = name, log, fails

    def warm_order_ms(self):
        self.log.append(self.name)
        if self.fails and self.log.count(self.name) > 2:
            raise RuntimeError("lost")
        return float(len(self.log))

    def burst_warm_per_s(self):
        return 7.0


@pytest.fixture
def log():
    return []


def test_samples_alternate_and_so_does_who_goes_first(log):
    entrants = [Sampled("a", log), Sampled("b", log)]
    interleave(Sampled.warm_order_ms, entrants, 3)
    assert "".join(log) == "abbaab"
    assert entrants[0].figures.samples == {"warm_order_ms": [1, 4, 5]}


def test_warm_up_does_not_count(log):
    entrants = [Sampled("a", log), Sampled("b", log)]
    interleave(Sampled.warm_order_ms, entrants, 2, warm_up=3)
    assert log.count("a") == log.count("b") == 5
    assert [len(entrant.figures.samples["warm_order_ms"]) for entrant in entrants] == [2, 2]


def test_a_failure_is_that_rows_and_that_contenders_alone(log):
    entrants = [Sampled("a", log, fails=True), Sampled("b", log)]
    interleave(Sampled.warm_order_ms, entrants, 5)
    take_turns(Sampled.burst_warm_per_s, entrants, 0)
    failed, other = (entrant.figures for entrant in entrants)
    assert failed.failures == {"warm_order_ms": "RuntimeError: lost"}
    assert log.count("a") == 3
    assert failed.samples["burst_warm_per_s"] == [7.0]
    assert other.failures == {}
    assert len(other.samples["warm_order_ms"]) == 5


def test_rows_of_a_shop_that_could_not_be_deployed_fail():
    entrant = Entrant(None, Figures(say=lambda _: None))
    take_turns(Entrant.warm_order_ms, [entrant], 0)
    assert "could not be deployed" in entrant.figures.failures["warm_order_ms"]


def test_every_sampled_row_is_in_the_table():
    rows = {name for name, value in vars(Entrant).items() if callable(value) and not name.startswith("_")}
    assert rows <= table.ROWS.keys()
    assert "cold_order_ms" in rows


def test_a_wait_without_end_ends():
    figures = Figures(say=lambda _: None)
    begin = time.monotonic()
    with figures.attempt("deploy_s", timeout_s=0.05):
        time.sleep(20)
    assert time.monotonic() - begin < 10
    assert figures.failures == {"deploy_s": "TooSlowError: it took more than 0.05 s"}


def test_what_is_done_in_time_is_not_interrupted_later():
    with time_limit(0.05):
        pass
    time.sleep(0.1)
    assert not issubclass(TooSlowError, OSError)
