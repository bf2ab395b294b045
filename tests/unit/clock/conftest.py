"""The clock of the process is as it was after each test."""

import pytest

from serverless_harness.emulator.clock import clock as emulators_clock


@pytest.fixture
def clock():
    """Give the emulator's clock, and set it back in the end."""
    ahead_s = emulators_clock.ahead_s
    yield emulators_clock
    emulators_clock.restore(ahead_s)
