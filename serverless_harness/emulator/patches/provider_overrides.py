"""No warning of `PROVIDER_OVERRIDE_STEPFUNCTIONS`, which LocalStack takes for a provider that it has removed.

The setting chooses this project's provider (`stepfunctions.plugin`), and it acts.
"""

from localstack import deprecations

PATCHED: list[object] = [deprecations.log_deprecation_warnings]


def apply() -> None:
    """Strike the setting off the list of those that are warned of."""
    deprecations.DEPRECATIONS[:] = [
        each for each in deprecations.DEPRECATIONS if each.env_var != "PROVIDER_OVERRIDE_STEPFUNCTIONS"
    ]
