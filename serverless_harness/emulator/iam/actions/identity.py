"""IAM and STS.

Sources: AWS pages "Actions, resources, and condition keys for AWS Identity and Access Management" and "… for
AWS Security Token Service".
"""

from collections.abc import Iterator

from serverless_harness.emulator.iam.actions.call import Call, Permission, UnsupportedCallError

_NAMED = (
    ("RoleName", "role"),
    ("UserName", "user"),
    ("GroupName", "group"),
    ("InstanceProfileName", "instance-profile"),
    ("PolicyName", "policy"),
    ("SAMLProviderName", "saml-provider"),
    ("ServerCertificateName", "server-certificate"),
)
_BY_ARN = (
    "PolicyArn",
    "PolicySourceArn",
    "OpenIDConnectProviderArn",
    "SAMLProviderArn",
    "Arn",
    "SerialNumber",
)
_ON_ATTACHED_ENTITY = ("Attach", "Detach")


def iam(call: Call) -> Iterator[Permission]:
    """Yield what a call to `iam` needs."""
    yield Permission(f"iam:{call.operation}", _iam_resource(call), _iam_context(call))


def _iam_resource(call: Call) -> str:
    parameters = call.parameters
    if call.operation.startswith(_ON_ATTACHED_ENTITY):
        names: tuple[tuple[str, str], ...] = _NAMED[:3]
    elif any(parameters.get(name) for name in _BY_ARN):
        return next(str(parameters[name]) for name in _BY_ARN if parameters.get(name))
    else:
        names = _NAMED
    for name, kind in names:
        if value := parameters.get(name):
            path = parameters.get("Path", "/") if call.operation.startswith("Create") else "/"
            found = call.lookups.iam_arn(kind, value, call.account_id)
            return found or call.arn("iam", f"{kind}{path}{value}", regional=False)
    return "*"


def _iam_context(call: Call) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {}
    if boundary := call.parameters.get("PermissionsBoundary"):
        context["iam:permissionsboundary"] = (boundary,)
    if call.operation.startswith(_ON_ATTACHED_ENTITY) and (arn := call.parameters.get("PolicyArn")):
        context["iam:policyarn"] = (arn,)
    if service := call.parameters.get("AWSServiceName"):
        context["iam:awsservicename"] = (service,)
    return context


_NOT_SUPPORTED = {
    "GetSessionToken",
    "GetFederationToken",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
}
"""moto checks nothing for these, and hands out one constant key, or a session of any role."""


def sts(call: Call) -> Iterator[Permission]:
    """Yield what a call to `sts` needs; GetCallerIdentity needs nothing."""
    if call.operation == "GetCallerIdentity":
        return
    if call.operation in _NOT_SUPPORTED:
        raise UnsupportedCallError(f"sts:{call.operation} is not supported here")
    parameters = call.parameters
    resource = "*"
    if role_arn := parameters.get("RoleArn"):
        resource = role_arn
    elif name := parameters.get("Name"):
        resource = call.arn("sts", f"federated-user/{name}", regional=False)
    yield Permission(f"sts:{call.operation}", resource, _sts_context(call))


def _sts_context(call: Call) -> dict[str, tuple[str, ...]]:
    names = {
        "RoleSessionName": "sts:rolesessionname",
        "ExternalId": "sts:externalid",
        "SourceIdentity": "sts:sourceidentity",
        "DurationSeconds": "sts:durationseconds",
    }
    given = call.parameters
    context: dict[str, tuple[str, ...]] = {
        key: (str(given[name]),) for name, key in names.items() if given.get(name)
    }
    if keys := given.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = tuple(keys)
    return context
