"""Lambda: functions by name, partial ARN or ARN, with or without a qualifier.

Source: AWS page "Actions, resources, and condition keys for AWS Lambda".
"""

from collections.abc import Iterator

from emulator.iam.actions.call import Call, Permission

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
    return str(next((arn for arn in named if arn), "*"))


def _function(call: Call) -> str:
    """Make the function's ARN: an unqualified one for the function, a qualified one for version or alias."""
    name = call.parameters["FunctionName"]
    qualifier = call.parameters.get("Qualifier")
    account_id = call.account_id
    if name.startswith("arn:"):
        base, qualified = ":".join(name.split(":")[:7]), name.split(":")[7:]
        qualifier = qualifier or (qualified[0] if qualified else None)
    else:
        if ":function:" in name:
            account_id, _, name = name.partition(":function:")
        name, _, qualified_name = name.partition(":")
        qualifier = qualifier or qualified_name or None
        base = f"arn:{call.partition}:lambda:{call.region}:{account_id}:function:{name}"
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
    if "EventSourceMapping" in call.operation and (arn := parameters.get("FunctionName")):
        context["lambda:functionarn"] = (_function(call) if not arn.startswith("arn:") else arn,)
    return context
