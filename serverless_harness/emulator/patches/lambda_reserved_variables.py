"""A function's configuration that sets a reserved environment variable is refused, as by AWS.

LocalStack takes it and lets the function see it, which on AWS would fail only when it is deployed there.
"""

import functools
from collections.abc import Callable, Mapping

from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_service import reserved_variables
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [LambdaProvider._verify_env_variables]


def apply() -> None:
    """Check the names before the size."""
    check = functools.partial(_verify_env_variables, LambdaProvider._verify_env_variables)
    replace(LambdaProvider, "_verify_env_variables", staticmethod(check))


def _verify_env_variables(fn: Callable[..., None], env_vars: Mapping[str, str]) -> None:
    reserved_variables.check(env_vars)
    fn(env_vars)
