"""Lambda: functions by name, partial ARN or ARN, with or without a qualifier.

Source: AWS page "Actions, resources, and condition keys for AWS Lambda".
"""

from collections.abc import Iterator

from serverless_harness.emulator.iam.actions.call import Call, Permission, UnmappedCallError

_ACTIONS = {
    "Invoke": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
    "GetLayerVersionByArn": "GetLayerVersion",
}
_PASSING_A_ROLE = {"CreateFunction", "UpdateFunctionConfiguration"}
_ACCOUNT_WIDE = {
    "ListFunctions", "ListEventSourceMappings", "ListLayers", "ListCodeSigningConfigs", "GetAccountSettings",
    "CreateEventSourceMapping", "CreateCodeSigningConfig",
}  # fmt: skip


def permissions(call: Call) -> Iterator[Permission]:
    """Yield what a call to `lambda` needs."""
    action = f"lambda:{_ACTIONS.get(call.operation, call.operation)}"
    yield Permission(action, _resource(call), _context(call))
    role = call.parameters.get("Role")
    if call.operation in _PASSING_A_ROLE and role:
        yield Permission("iam:PassRole", role, {"iam:passedtoservice": ("lambda.amazonaws.com",)})


def _resource(call: Call) -> str:
    parameters = call.parameters
    if call.operation in _ACCOUNT_WIDE:
        return "*"
    if layer := parameters.get("LayerName"):
        return _layer(call, layer)
    if uuid := parameters.get("UUID"):
        return call.arn("lambda", f"event-source-mapping:{uuid}")
    if parameters.get("FunctionName"):
        return _function(call)
    named = (parameters.get(name) for name in ("Arn", "Resource", "CodeSigningConfigArn"))
    for arn in named:
        if arn:
            return str(arn)
    raise UnmappedCallError(f"what {call.operation} of Lambda is on is left to the reference")


def _function(call: Call) -> str:
    """Make the function's ARN, qualified for a version or alias, from any form that LocalStack takes."""
    from localstack.services.lambda_.api_utils import function_locators_from_arn

    given = call.parameters["FunctionName"]
    name, qualified, account_id, region = function_locators_from_arn(given)
    qualifier = call.parameters.get("Qualifier") or qualified
    place = f"{region or call.region}:{account_id or call.account_id}"
    base = f"arn:{call.partition}:lambda:{place}:function:{name or given}"
    return f"{base}:{qualifier}" if qualifier else base


def _layer(call: Call, layer: str) -> str:
    arn = layer if layer.startswith("arn:") else call.arn("lambda", f"layer:{layer}")
    version = call.parameters.get("VersionNumber")
    return f"{arn}:{version}" if version is not None else arn


def _context(call: Call) -> dict[str, tuple[str, ...]]:
    parameters = call.parameters
    context: dict[str, tuple[str, ...]] = {}
    if call.operation == "AddPermission":
        context["lambda:principal"] = (parameters.get("Principal", ""),)
    if auth_type := parameters.get("FunctionUrlAuthType") or (
        parameters.get("AuthType") if "FunctionUrl" in call.operation else None
    ):
        context["lambda:functionurlauthtype"] = (auth_type,)
    if layers := parameters.get("Layers"):
        context["lambda:layer"] = tuple(layers)
    if "EventSourceMapping" in call.operation and parameters.get("FunctionName"):
        context["lambda:functionarn"] = (_function(call),)
    return context
