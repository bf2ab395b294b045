"""The fixture `fault`: what a test has set is gone after it, however it ends. In a pytest run of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
CONFTEST = """
import json
from contextlib import contextmanager
import pytest

pytest_plugins = ["serverless_harness.pytest_plugin"]

class Faults:
    def __init__(self):
        self.set = []

    @contextmanager
    def during(self, effect, **fields):
        self.set.append(effect)
        try:
            yield self
        finally:
            self.set.remove(effect)

KEPT = Faults()

@pytest.fixture(scope="session")
def faults():
    return KEPT

def pytest_runtest_logfinish(nodeid):
    with open("left.jsonl", "a") as file:
        file.write(json.dumps([nodeid.rpartition("::")[2], KEPT.set]) + "\\n")
"""
TESTS = """
import pytest

def test_passes(fault, faults):
    fault("throttle")
    fault("drop")
    assert faults.set == ["throttle", "drop"]

def test_fails(fault):
    fault("throttle")
    assert False

@pytest.fixture
def broken(fault):
    fault("delay")
    raise RuntimeError("in the setup of a test")

def test_is_never_run(broken):
    pass

def test_is_skipped_halfway(fault):
    fault("kill")
    pytest.skip()
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The effects that were left after each test."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_mine.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed, 1 skipped, 1 error" in done.stdout, done.stdout + done.stderr
    return dict(json.loads(line) for line in (folder / "left.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    "test", ["test_passes", "test_fails", "test_is_never_run", "test_is_skipped_halfway"]
)
def test_a_fault_does_not_outlive_its_test(left, test):
    assert left[test] == []
