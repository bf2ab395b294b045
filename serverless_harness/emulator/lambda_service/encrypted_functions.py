"""How Lambda's operations keep a function's variables encrypted: what they store, show, grant and check."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from localstack.aws.api import RequestContext, ServiceException
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation.lambda_models import (
    Function,
    FunctionVersion,
    VersionFunctionConfiguration,
)
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.provider import LambdaProvider

from serverless_harness.emulator.lambda_service.variable_encryption import (
    EncryptedVariables,
    require_decryptable,
    variables_of,
)
from serverless_harness.emulator.lambda_service.variable_keys import (
    check_customer_key,
    grantee_of,
    make_grant,
    retire_grants,
)

Request = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Encryption:
    """How the request under way wants variables encrypted."""

    kms_key_arn: str | None
    function_arn: str
    granted: tuple[str, str] | None = None
    """The key that the function has needed so far, and the session that was granted it."""


_requested: ContextVar[_Encryption | None] = ContextVar("requested_encryption", default=None)


def init_configuration(
    original: Callable[..., None],
    self: VersionFunctionConfiguration,
    *arguments: Any,  # noqa: ANN401
    **fields: Any,  # noqa: ANN401
) -> None:
    """Encrypt the variables that a request brings, once; other changes of a function keep the ciphertext.

    The role's session is granted the key before the configuration is a function's: invokes need it at once.
    """
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
    original(self, *arguments, **fields)
    if requested and isinstance(self.environment, EncryptedVariables) and _needed(self) != requested.granted:
        make_grant(self.environment, self.role)


@contextmanager
def _encrypting(encryption: _Encryption) -> Iterator[None]:
    reset = _requested.set(encryption)
    try:
        yield
    finally:
        _requested.reset(reset)


def create_function(
    original: Callable[..., Any], provider: LambdaProvider, context: RequestContext, request: Request
) -> Any:  # noqa: ANN401
    """Create a function whose variables are stored encrypted."""
    function_arn, function = _find(request["FunctionName"], context)
    kms_key_arn = request.get("KMSKeyArn") or None
    if kms_key_arn and function is None:
        check_customer_key(context, kms_key_arn)
    with _encrypting(_Encryption(kms_key_arn, function_arn)):
        return original(provider, context, request)


def update_function_configuration(
    original: Callable[..., Any], provider: LambdaProvider, context: RequestContext, request: Request
) -> Any:  # noqa: ANN401
    """Update a function; a new key encrypts the variables anew, and grants that nothing needs go."""
    function_arn, function = _find(request["FunctionName"], context)
    if function is None:
        return original(provider, context, request)
    before = function.latest()
    stored = before.config.environment
    kms_key_arn = stored.kms_key_arn if isinstance(stored, EncryptedVariables) else None
    if "KMSKeyArn" in request:
        if request["KMSKeyArn"] and request["KMSKeyArn"] != kms_key_arn:
            check_customer_key(context, request["KMSKeyArn"])
        kms_key_arn = request["KMSKeyArn"] or None
        if "Environment" not in request:
            request["Environment"] = {"Variables": variables_of(stored)}
    with _encrypting(_Encryption(kms_key_arn, function_arn, _needed(before.config))):
        answer = original(provider, context, request)
    _retire_grants_of(before, function)
    return answer


def _retire_grants_of(before: FunctionVersion, function: Function) -> None:
    """Retire the grants of a version that was replaced, unless another of the function needs them."""
    needed = {_needed(version.config) for version in function.versions.values()}
    if (old := _needed(before.config)) and old not in needed:
        others = frozenset(grantee for key_arn, grantee in filter(None, needed) if key_arn == old[0])
        function_arn = str(before.id.unqualified_arn())  # type: ignore[no-untyped-call]
        retire_grants(old[0], function_arn, others)


def _needed(configuration: VersionFunctionConfiguration) -> tuple[str, str] | None:
    """Return the key that a version needs and the session that needs it."""
    environment = configuration.environment
    if not isinstance(environment, EncryptedVariables):
        return None
    return environment.key_arn, grantee_of(environment, configuration.role)


def delete_function(
    original: Callable[..., Any],
    provider: LambdaProvider,
    context: RequestContext,
    function_name: str,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Delete a function or version, and retire the grants that no version needs any more."""
    function_arn, function = _find(function_name, context)
    versions = list(function.versions.values()) if function else []
    answer = original(provider, context, function_name, *arguments, **named)
    if _find(function_name, context)[1] is None:
        for key_arn in {needed[0] for each in versions if (needed := _needed(each.config))}:
            retire_grants(key_arn, function_arn)
    return answer


def _find(name_or_arn: str, context: RequestContext) -> tuple[str, Function | None]:
    """Return a function's unqualified ARN, and the function if it exists."""
    account_id, region = api_utils.get_account_and_region(name_or_arn, context)
    name, _ = api_utils.get_name_and_qualifier(name_or_arn, None, context)
    function_arn = str(api_utils.unqualified_lambda_arn(name, account_id, region))
    return function_arn, lambda_stores[account_id][region].functions.get(name)


def invoke(original: Callable[..., Any], manager: LambdaVersionManager, **named: Any) -> Any:  # noqa: ANN401
    """Invoke, unless Lambda can't decrypt the variables; see `require_decryptable`."""
    require_decryptable(manager.function_version)
    return original(manager, **named)


def show_configuration(
    original: Callable[..., dict[str, Any]],
    version: FunctionVersion,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Show the variables, or why they can't be decrypted, and the customer's key."""
    configuration = original(version, *arguments, **named)
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
