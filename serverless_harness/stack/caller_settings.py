"""Which settings of the project and of the caller reach the emulator: embedded and in containers."""

import os

from serverless_harness.project.project import Project

PREFIXES = (
    "LAMBDA_", "PROVIDER_OVERRIDE_", "LS_LOG", "DEBUG", "IAM_", "ENFORCE_IAM", "DYNAMODB_EXPIRY_",
    "STATE_CHECKPOINT_", "GATEWAY_ALLOWED_HOSTS", "EXTRA_CORS_ALLOWED_ORIGINS", "DISABLE_CORS_CHECKS",
    "EMULATOR_TRACING",
)  # fmt: skip
"""Of the caller's environment, what the emulator gets: `DEBUG=1 ./scripts/up`."""


def caller_settings(project: Project) -> dict[str, str]:
    """Give the settings that `project` names under `emulator`, and over them those of the environment."""
    named = {name: value for name, value in os.environ.items() if name.startswith(PREFIXES)}
    return {**project.settings.emulator, **named}
