"""What another program's failure says of the machine."""

import pytest

from serverless_harness import exhaustion
from serverless_harness.errors import HarnessError, UserError

FAILURE = HarnessError("terraform apply failed: Plugin did not respond")


@pytest.mark.parametrize(
    "words",
    [
        "RuntimeError: can't start new thread",
        "runtime: failed to create new OS thread (have 6 already; errno=11)",
        "fatal error: newosproc",
        "fork/exec /usr/bin/terraform: resource temporarily unavailable",
    ],
)
def test_full_process_table_is_told(tmp_path, words):
    error = exhaustion.explained(FAILURE, f"first\n{words}\nlast", tmp_path)
    assert isinstance(error, UserError)
    assert str(error).startswith("no more processes or threads can be started: end some")


def test_full_disk_is_told(tmp_path):
    error = exhaustion.explained(FAILURE, "write terraform.tfstate: no space left on device", tmp_path)
    assert isinstance(error, UserError)
    assert str(error) == f"the disk of {tmp_path} is full: free some space on that disk, then run this again"


def test_disk_so_full_that_nothing_could_be_said_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(exhaustion, "LEAST_FREE_BYTES", float("inf"))
    assert "is full" in str(exhaustion.explained(FAILURE, "", tmp_path))


@pytest.mark.parametrize("folder", [".", "gone"])
def test_another_failure_stays_what_it_is(tmp_path, folder):
    assert exhaustion.explained(FAILURE, "Plugin did not respond", tmp_path / folder) is FAILURE
