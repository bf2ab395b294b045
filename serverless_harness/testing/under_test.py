"""The shop that tests are run for, by the variables that `./scripts/test` sets."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.stack.compose import ComposeStack
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.targets import AwsTarget, LocalTarget, Target

INTEGRATION = "tests/integration"
ENDPOINT_VARIABLE = "HARNESS_ENDPOINT_URL"
STATE_VARIABLE = "HARNESS_STATE_DIR"
"""Empty: `./scripts/test` runs tests that have no shop."""
COMPOSE_VARIABLE = "HARNESS_COMPOSE_PROJECT"


def deployment_under_test() -> Deployment:
    """Give tests the shop that they are run for: that of `./scripts/test`, else that of `./scripts/up`.

    Raises UserError where there is none.
    """
    state_dir = os.environ.get(STATE_VARIABLE)
    if state_dir == "":
        raise UserError(f"only the tests in {INTEGRATION} have a shop")
    if state_dir:
        endpoint_url = os.environ.get(ENDPOINT_VARIABLE)
        if project := os.environ.get(COMPOSE_VARIABLE):
            return Deployment.require(ComposeStack(urlsplit(endpoint_url).port or 0, project).target)
        target: Target = (
            LocalTarget(endpoint_url, Path(state_dir)) if endpoint_url else AwsTarget.from_configuration()
        )
        return Deployment.require(target)
    return Deployment.require(EmbeddedStack(4566).target)
