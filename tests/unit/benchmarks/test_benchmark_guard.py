"""The guard fails where a ratio is too great, whoever of the two got slower."""

import json
import subprocess
import sys
import urllib.request

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import echo_server, guard
from benchmarks.guard import Ratio


def test_a_ratio_compares_medians_of_baseline_and_subject():
    ratio = Ratio.of("warm", [(1.0, 3.0), (2.0, 40.0), (90.0, 4.0)], bound=2.0)
    assert (ratio.baseline_ms, ratio.measured_ms, ratio.ratio) == (2.0, 4.0, 2.0)
    assert ratio.holds
    assert str(ratio) == "warm: 4.0 ms, 2.00 x 2.0 ms (at most 2 x): holds"


def test_one_that_is_too_great_says_so():
    ratio = Ratio.of("warm", [(1.0, 2.1)], bound=2.0)
    assert not ratio.holds
    assert str(ratio).endswith("TOO SLOW")


@pytest.mark.parametrize(("slowest_ms", "exit_code"), [(1.9, 0), (2.1, 1)])
def test_one_that_fails_fails_the_guard(monkeypatch, slowest_ms, exit_code):
    ratios = [Ratio("fast", 1.0, 1.0, 2.0), Ratio("slow", slowest_ms, 1.0, 2.0)]
    monkeypatch.setattr(guard, "measure", lambda: ratios)
    assert CliRunner().invoke(command.app, ["--guard"]).exit_code == exit_code


def test_subject_and_baseline_are_measured_in_turn():
    log = []

    def timed(name, elapsed_ms):
        log.append(name)
        return elapsed_ms

    ratio = guard._pairs("x", 1.0, lambda: timed("b", 2.0), lambda: timed("s", 6.0), 4)
    assert ratio.ratio == 3
    assert "".join(log) == "bs" * (guard.WARM_UP + 4)


def test_the_plain_server_answers_on_a_connection_that_stays_open():
    command = [sys.executable, "-I", echo_server.__file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            port = json.loads(process.stdout.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answer:
                assert answer.read() == b"OK"
                assert answer.version == 11
        finally:
            process.kill()
