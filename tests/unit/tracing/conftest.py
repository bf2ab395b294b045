import pytest

from serverless_harness.emulator.tracing import environments, spans
from serverless_harness.emulator.tracing.store import TRACES


@pytest.fixture(autouse=True)
def traces():
    """The process's traces, none at first, and no span under way afterwards."""
    TRACES.clear()
    spans.enter(None)
    yield TRACES
    spans.enter(None)
    TRACES.clear()
    environments.ENVIRONMENTS.clear()
