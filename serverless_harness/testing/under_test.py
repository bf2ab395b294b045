"""The deployment that tests are run for, by the variables that `test` sets."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from serverless_harness.deploy.deployment import Deployment
from serverless_harness.errors import UserError
from serverless_harness.stack import DEFAULT_PORT
from serverless_harness.stack.compose import ComposeStack
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.targets import AwsTarget, LocalTarget, Target

ENDPOINT_VARIABLE = "HARNESS_ENDPOINT_URL"
STATE_VARIABLE = "HARNESS_STATE_DIR"
"""Empty: `test` runs the tests that need no stack."""
COMPOSE_VARIABLE = "HARNESS_COMPOSE_PROJECT"


def deployment_under_test() -> Deployment:
    """Give tests the deployment that they are run for: that of `test`, else that of `up`.

    Raises UserError where there is none.
    """
    state_dir = os.environ.get(STATE_VARIABLE)
    if state_dir == "":
        raise UserError(
            "these tests are run without a stack: only those in the folder of integration tests get one"
        )
    if state_dir:
        endpoint_url = os.environ.get(ENDPOINT_VARIABLE)
        if name := os.environ.get(COMPOSE_VARIABLE):
            return Deployment.require(ComposeStack(urlsplit(endpoint_url).port or 0, name).target)
        target: Target = (
            LocalTarget(endpoint_url, Path(state_dir)) if endpoint_url else AwsTarget.from_configuration()
        )
        return Deployment.require(target)
    return Deployment.require(EmbeddedStack(DEFAULT_PORT).target)
