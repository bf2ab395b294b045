"""Provisioned concurrency that this machine has no room for: refused at once, with what raises the limit."""

from localstack import config
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.invocation.lambda_models import Function

from serverless_harness.emulator.lambda_service.environment_limits import EnvironmentLimits

PER_FUNCTION = "LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION"
TOTAL = "LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL"


def check(function: Function | None, wanted: int, limits: EnvironmentLimits) -> None:
    """Raise InvalidParameterValueException where AWS would provide what doesn't fit on this machine.

    What AWS refuses itself passes: LocalStack refuses it in AWS's words.
    """
    if function is None or wanted <= limits.max_per_function:
        return
    reserved = function.reserved_concurrent_executions
    accounts = (
        config.LAMBDA_LIMITS_CONCURRENT_EXECUTIONS - config.LAMBDA_LIMITS_MINIMUM_UNRESERVED_CONCURRENCY
    )
    if wanted > accounts or (reserved is not None and wanted > reserved):
        return
    setting = TOTAL if limits.max_per_function == limits.max_total else PER_FUNCTION
    raise InvalidParameterValueException(
        f"{wanted} provisioned environments are not possible: a function can have at most "
        f"{limits.max_per_function} on this machine. Start the stack with {setting}={wanted} or more",
        Type="User",
    )
