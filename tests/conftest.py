"""What all tests share: property-based tests have no time limit an example, since CI's machines are noisy.

In CI their examples are the same at each run, so that a change fails by what it changes. The tests' order is
not that of the files, for no test may need another one before it, but it is the same at each run too; with
`--random-order-seed` it is another. Tests of one module stay together, for they share what is made for it.
"""

import os

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("project")

pytest_plugins = ["serverless_harness.pytest_plugin"]


SEED = "1"


def pytest_configure(config: pytest.Config) -> None:
    """Shuffle the tests in CI; see the module's description."""
    if "CI" in os.environ and not hasattr(config, "workerinput"):
        config.option.random_order_enabled = True
        if not any(
            each.startswith("--random-order-seed") for each in map(str, config.invocation_params.args)
        ):
            config.option.random_order_seed = SEED
