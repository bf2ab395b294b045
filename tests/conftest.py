"""What all tests share: property-based tests have no time limit an example, since CI's machines are noisy.

In CI their examples are the same at each run, so that a change fails by what it changes.
"""

import os

from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("project")

pytest_plugins = ["serverless_harness.pytest_plugin"]
