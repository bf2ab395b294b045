"""Lambda keeps environment variables encrypted with a KMS key, and needs that key for each invoke.

LocalStack keeps them as they come, drops `KMSKeyArn` (so that Terraform would set it anew in each plan), and
invokes a function whose key is disabled. What AWS does is in
`serverless_harness.emulator.lambda_service.environment_encryption`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from localstack.aws.api import RequestContext, ServiceException
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import (
    Function,
    FunctionVersion,
    VersionFunctionConfiguration,
)
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_service import environment_encryption
from serverless_harness.emulator.lambda_service.environment_encryption import EncryptedVariables
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [
    LambdaProvider.create_function,
    LambdaProvider.update_function_configuration,
    LambdaProvider.delete_function,
    LambdaVersionManager.invoke,
    ExecutionEnvironment.get_environment_variables,
    VersionFunctionConfiguration,
    api_utils.map_config_out,
]

Request = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Encryption:
    """How the request under way wants variables encrypted."""

    kms_key_arn: str | None
    function_arn: str


_requested: ContextVar[_Encryption | None] = ContextVar("requested_encryption", default=None)


def apply() -> None:
    """Encrypt what is stored, decrypt what is shown and run, check before invokes."""
    wrap(LambdaProvider.create_function, _create_function)
    wrap(LambdaProvider.update_function_configuration, _update_function_configuration)
    wrap(LambdaProvider.delete_function, _delete_function)
    wrap(LambdaVersionManager.invoke, _invoke)
    wrap(ExecutionEnvironment.get_environment_variables, _get_environment_variables)
    wrap(VersionFunctionConfiguration.__init__, _init_configuration)
    wrap(api_utils.map_config_out, _map_config_out)


def _init_configuration(fn: Callable[..., None], self: object, *arguments: Any, **fields: Any) -> None:  # noqa: ANN401
    """Encrypt the variables that a request brings, once; other changes of a function keep the ciphertext."""
    requested = _requested.get()
    environment = fields.get("environment")
    if (
        requested
        and not isinstance(environment, EncryptedVariables)
        and (environment or requested.kms_key_arn)
    ):
        fields["environment"] = EncryptedVariables(
            environment or {}, requested.kms_key_arn, requested.function_arn
        )
    fn(self, *arguments, **fields)


@contextmanager
def _encrypting(kms_key_arn: str | None, function_arn: str) -> Iterator[None]:
    reset = _requested.set(_Encryption(kms_key_arn, function_arn))
    try:
        yield
    finally:
        _requested.reset(reset)


def _create_function(
    fn: Callable[..., Any], self: LambdaProvider, context: RequestContext, request: Request
) -> Any:  # noqa: ANN401
    function_arn, function = _find(request["FunctionName"], context)
    kms_key_arn = request.get("KMSKeyArn") or None
    if kms_key_arn and function is None:
        environment_encryption.check_customer_key(context, kms_key_arn)
    with _encrypting(kms_key_arn, function_arn):
        answer = fn(self, context, request)
    _, created = _find(request["FunctionName"], context)
    if created:
        environment_encryption.make_grant(created.latest())
    return answer


def _update_function_configuration(
    fn: Callable[..., Any], self: LambdaProvider, context: RequestContext, request: Request
) -> Any:  # noqa: ANN401
    function_arn, function = _find(request["FunctionName"], context)
    if function is None:
        return fn(self, context, request)
    before = function.latest()
    stored = before.config.environment
    kms_key_arn = stored.kms_key_arn if isinstance(stored, EncryptedVariables) else None
    if "KMSKeyArn" in request:
        if request["KMSKeyArn"] and request["KMSKeyArn"] != kms_key_arn:
            environment_encryption.check_customer_key(context, request["KMSKeyArn"])
        kms_key_arn = request["KMSKeyArn"] or None
        if "Environment" not in request:
            request["Environment"] = {"Variables": environment_encryption.variables_of(stored)}
    with _encrypting(kms_key_arn, function_arn):
        answer = fn(self, context, request)
    _renew_grant(function, before)
    return answer


def _renew_grant(function: Function, before: FunctionVersion) -> None:
    """Make a grant where key or role are new, and retire those that no version of the function needs."""
    after = function.latest()
    if _granted(before) == _granted(after):
        return
    environment_encryption.make_grant(after)
    needed = {_granted(version) for version in function.versions.values()}
    if (old := _granted(before)) and old not in needed:
        others = frozenset(grantee for key_arn, grantee in filter(None, needed) if key_arn == old[0])
        function_arn = str(before.id.unqualified_arn())  # type: ignore[no-untyped-call]
        environment_encryption.retire_grants(old[0], function_arn, others)


def _granted(version: FunctionVersion) -> tuple[str, str] | None:
    """Return the key that a version needs and the session that needs it."""
    environment = version.config.environment
    if not isinstance(environment, EncryptedVariables):
        return None
    return environment.key_arn, environment_encryption.session_arn_of(version)


def _delete_function(
    fn: Callable[..., Any],
    self: LambdaProvider,
    context: RequestContext,
    function_name: str,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    function_arn, function = _find(function_name, context)
    versions = list(function.versions.values()) if function else []
    answer = fn(self, context, function_name, *arguments, **named)
    if _find(function_name, context)[1] is None:
        for key_arn in {granted[0] for granted in map(_granted, versions) if granted}:
            environment_encryption.retire_grants(key_arn, function_arn)
    return answer


def _find(name_or_arn: str, context: RequestContext) -> tuple[str, Function | None]:
    """Return a function's unqualified ARN, and the function if it exists."""
    account_id, region = api_utils.get_account_and_region(name_or_arn, context)
    name, _ = api_utils.get_name_and_qualifier(name_or_arn, None, context)
    function_arn = str(api_utils.unqualified_lambda_arn(name, account_id, region))
    return function_arn, lambda_stores[account_id][region].functions.get(name)


def _invoke(fn: Callable[..., Any], self: LambdaVersionManager, **named: Any) -> Any:  # noqa: ANN401
    environment_encryption.require_decryptable(self.function_version)
    return fn(self, **named)


def _get_environment_variables(
    fn: Callable[[ExecutionEnvironment], dict[str, str]], self: ExecutionEnvironment
) -> dict[str, str]:
    own = environment_encryption.variables_of(self.function_version.config.environment)
    return {**fn(self), **own}


def _map_config_out(
    fn: Callable[..., dict[str, Any]],
    version: FunctionVersion,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Show the variables, or why they can't be decrypted, and the customer's key."""
    configuration = fn(version, *arguments, **named)
    environment = version.config.environment
    if not isinstance(environment, EncryptedVariables):
        return configuration
    if environment.kms_key_arn:
        configuration["KMSKeyArn"] = environment.kms_key_arn
    try:
        variables = environment.decrypt()
    except ServiceException as error:
        configuration["Environment"] = {"Error": {"ErrorCode": error.code, "Message": error.message}}
        return configuration
    if variables:
        configuration["Environment"] = {"Variables": variables}
    else:
        configuration.pop("Environment", None)
    return configuration
