"""Who makes a request, by its credentials, and that one's own policies.

The credentials are those that LocalStack's IAM and STS hand out (moto's stores). Keys that they never handed
out, such as `test`, are the deployer's.
"""

import hmac
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.sts.models import sts_stores
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from moto.iam.models import IAMBackend, Role, User, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from serverless_harness.emulator.authorization import assumed_role_arn
from serverless_harness.emulator.gateway import function_processes
from serverless_harness.emulator.gateway.wsgi_environ import CALLER, FunctionCaller
from serverless_harness.emulator.iam.policy import Policy, PolicyType, parse_policy
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind

VARIABLE = "IAM_FUNCTION_CREDENTIALS"
ANY = "any"
"""What the setting is where functions may sign as the deployer and as users, too."""

INTERNAL_KEY = "__internal_call__"
ANONYMOUS_KEY = "injectedaccesskey"
"""The access key that LocalStack gives to requests that have none (`MissingAuthHeaderInjector`)."""

_ISSUED_PREFIXES = ("LSIA", "LKIA")
_POSSIBLY_ISSUED_PREFIXES = ("ASIA", "AKIA")
"""Handed out where PARITY_AWS_ACCESS_KEY_ID is set; else a real account's, which LocalStack disregards."""

_TOKEN_NAME = "X-Amz-Security-Token"

session_policy_arns: "weakref.WeakKeyDictionary[AssumedRole, tuple[str, ...]]" = weakref.WeakKeyDictionary()
"""The managed policies that a session was given as its session policies, which moto doesn't keep."""


_FUNCTION_KINDS = (PrincipalKind.ROLE_SESSION, PrincipalKind.ANONYMOUS)
"""Who a function can be: the session of its role, and those that it assumed, are proven by their tokens.

The deployer's and users' keys aren't: no signature is verified, and an access key's id is no secret.
"""


class InvalidTokenError(Exception):
    """Credentials that LocalStack should know and doesn't, or that don't fit together."""


@dataclass(frozen=True)
class Caller:
    """A principal with its own policies; `context` finds the condition keys that it brings along."""

    principal: Principal
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    context: Callable[[], Mapping[str, tuple[str, ...]]] = dict


def identify(context: RequestContext) -> Caller | None:
    """Return who makes a request; None for the deployer and for LocalStack itself, who may do everything.

    Raises:
        InvalidTokenError: the credentials are unknown, forged, or not a function's that comes with them.
        PolicyError: a policy of the caller's isn't supported.
    """
    caller = _identify(context)
    if (caller is None or caller.principal.kind not in _FUNCTION_KINDS) and comes_from_function(context):
        raise InvalidTokenError
    return caller


def comes_from_function(context: RequestContext) -> bool:
    """Return whether a function sent a request, and functions are held to their sessions.

    It is known by the network that the request came over, else by the process that has the connection.
    """
    environ = context.request.environ
    if os.environ.get(VARIABLE) == ANY:
        return False
    if isinstance(environ.get(CALLER), FunctionCaller):
        return True
    address = (environ.get("REMOTE_ADDR", ""), int(environ.get("REMOTE_PORT") or 0))
    return context.internal_request_params is None and function_processes.own(address)


def _identify(context: RequestContext) -> Caller | None:
    key_id = access_key_id(context)
    internal = context.internal_request_params
    if key_id.startswith(_ISSUED_PREFIXES + _POSSIBLY_ISSUED_PREFIXES):
        caller = _issued(context, key_id)
        if caller is not None:
            return caller
        if key_id.startswith(_ISSUED_PREFIXES):
            raise InvalidTokenError
    if internal is not None:
        return _service(internal, context)
    if key_id == INTERNAL_KEY:
        raise InvalidTokenError
    return _anonymous() if key_id == ANONYMOUS_KEY else None


def access_key_id(context: RequestContext) -> str:
    """Return the access key that a request is signed with."""
    headers: Any = context.request.headers
    return extract_access_key_id_from_auth_header(headers) or ANONYMOUS_KEY


def _issued(context: RequestContext, key_id: str) -> Caller | None:
    session = find_session(key_id, context.partition)
    if session is not None:
        _require_token(context, session)
        return _role_session(session)
    backend = _iam(context.account_id, context.partition)
    user = backend.get_user_from_access_key_id(key_id)
    if user is None:
        return None
    if any(key.access_key_id == key_id and key.status != "Active" for key in user.access_keys):
        raise InvalidTokenError
    return _user(user, backend)


def _require_token(context: RequestContext, session: AssumedRole) -> None:
    """Ask for the session's own token."""
    given = context.request.headers.get(_TOKEN_NAME) or _token_of_url(context)
    if not hmac.compare_digest(given.encode(), session.session_token.encode()):
        raise InvalidTokenError


def _token_of_url(context: RequestContext) -> str:
    """Return the token of a presigned URL, which names it in lower case in signature version 2."""
    arguments = context.request.args
    return arguments.get(_TOKEN_NAME) or arguments.get(_TOKEN_NAME.lower()) or ""


_sessions: dict[str, tuple[AssumedRole, list[AssumedRole]]] = {}
"""The sessions found, each with the list that holds it: a store that is reset has another list."""


def find_session(key_id: str, partition: str) -> AssumedRole | None:
    """Find a role session by its access key; moto keeps them in lists that only grow."""
    session, holder = _sessions.get(key_id, (None, None))
    if session is not None and sts_backends[session.account_id][partition].assumed_roles is holder:
        return session
    for account in list(sts_backends.values()):
        holder = account[partition].assumed_roles
        session = next((each for each in reversed(holder) if each.access_key_id == key_id), None)
        if session is not None:
            _sessions[key_id] = (session, holder)
            return session
    return None


def _iam(account_id: str, partition: str) -> IAMBackend:
    return iam_backends[account_id][partition]


def _role_session(session: AssumedRole) -> Caller:
    account_id = session.role_arn.split(":", 5)[4]
    principal = Principal(PrincipalKind.ROLE_SESSION, session.arn, account_id, session.role_arn)
    return _of_role(
        principal,
        session.session_name,
        _session_policies(session, account_id),
        lambda: _session_tags(account_id, session.access_key_id),
    )


def service_session_principal(role_arn: str, session_name: str) -> Principal:
    """Return the session in which a service acts with a role that it was given, as Lambda for a function."""
    arn = assumed_role_arn(role_arn, session_name)
    return Principal(PrincipalKind.ROLE_SESSION, arn, arn.split(":", 5)[4], role_arn)


def service_session(role_arn: str, session_name: str) -> Caller:
    """Return that session with its role's policies; raises PolicyError where one isn't supported."""
    return _of_role(service_session_principal(role_arn, session_name), session_name, None, dict)


def _of_role(
    principal: Principal,
    session_name: str,
    session_policies: tuple[Policy, ...] | None,
    session_tags: Callable[[], Mapping[str, tuple[str, ...]]],
) -> Caller:
    role_arn = principal.role_arn or ""
    role = find_role(role_arn)
    if role is None:
        return Caller(principal)

    def context() -> dict[str, tuple[str, ...]]:
        user_id = f"{role.id}:{session_name}"
        return {
            **_principal_context(principal, "AssumedRole", role_arn, user_id),
            **_tags(role.tags),
            **session_tags(),
        }

    return Caller(
        principal,
        identity=_own_policies(role),
        boundary=_boundary(role),
        session=session_policies,
        context=context,
    )


_role_ids: dict[str, str] = {}
"""The id that a role was last found with, by its ARN."""


def find_role(role_arn: str) -> Role | None:
    """Find a role by its ARN."""
    _, partition, _, _, account_id, resource = role_arn.split(":", 5)
    roles = _iam(account_id, partition).roles
    role: Role | None = roles.get(_role_ids.get(role_arn, ""))
    if role is not None and role.arn == role_arn:
        return role
    name = resource.rpartition("/")[2]
    role = next((each for each in list(roles.values()) if each.name == name and each.arn == role_arn), None)
    if role is not None:
        _role_ids[role_arn] = role.id
    return role


def _boundary(role: Role) -> Policy | None:
    arn = role.permissions_boundary_arn
    return _managed(_iam(role.account_id, role.partition), arn, PolicyType.BOUNDARY) if arn else None


def _user(user: User, backend: IAMBackend) -> Caller:
    principal = Principal(PrincipalKind.USER, user.arn, user.account_id)
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    boundary_arn = getattr(user, "permissions_boundary", None)  # set by LocalStack's provider

    def context() -> dict[str, tuple[str, ...]]:
        return {
            **_principal_context(principal, "User", user.arn, user.id),
            "aws:username": (user.name,),
            **_tags(backend.tagger.list_tags_for_resource(user.arn).get("Tags", [])),
        }

    return Caller(
        principal,
        identity=tuple(policy for owner in (user, *groups) for policy in _own_policies(owner)),
        boundary=_managed(backend, boundary_arn, PolicyType.BOUNDARY),
        context=context,
    )


def bucket_name(arn: str) -> str:
    """Return the name of the bucket that an ARN is of, or that its object is in."""
    return arn.rpartition(":::")[2].partition("/")[0]


def bucket_owner(arn: str) -> str | None:
    """Return the account of that bucket."""
    from localstack.services.s3.models import s3_stores

    owners: dict[str, str] = s3_stores["000000000000"]["us-east-1"].global_bucket_map
    return owners.get(bucket_name(arn))


_TELL_SOURCE_OWNER = frozenset({"cloudwatch.amazonaws.com", "ses.amazonaws.com"})
"""Services that a topic's default policy lets in, by the key `aws:SourceOwner`."""


def _service(internal: Mapping[str, Any], context: RequestContext) -> Caller | None:
    """Return the service that an internal call names; None for LocalStack's own errands.

    It acts in the region of what it acts for, else in that of the call; for the account of that, else for the
    one of what it calls.
    """
    name = internal.get("service_principal")
    if not name:
        return None
    name = name if name.endswith(".amazonaws.com") else f"{name}.amazonaws.com"
    source_arn = internal.get("source_arn") or ""
    source = source_arn.split(":", 5) if source_arn.startswith("arn:") else []
    region, account_id = (source[3], source[4]) if len(source) == 6 else ("", "")
    if source[2:3] == ["s3"]:
        account_id = bucket_owner(source_arn) or ""
    principal = Principal(PrincipalKind.SERVICE, name, region=region or context.region)
    account = (account_id or _account_called(context),)
    keys = {
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (name,),
        "aws:principalservicenameslist": tuple(sorted(principal.service_names)),
        "aws:sourceaccount": account,
    }
    if source_arn:
        keys["aws:sourcearn"] = (source_arn,)
    if name in _TELL_SOURCE_OWNER:
        keys["aws:sourceowner"] = account
    return Caller(principal, context=lambda: keys)


def _account_called(context: RequestContext) -> str:
    """Return the account of the role that a service assumes: only its own may be handed to it."""
    parameters: Any = context.service_request or {}
    fields = str(parameters.get("RoleArn") or "").split(":", 5)
    return fields[4] if len(fields) == 6 else context.account_id


def _anonymous() -> Caller:
    context = {"aws:principaltype": ("Anonymous",), "aws:principalisawsservice": ("false",)}
    return Caller(Principal(PrincipalKind.ANONYMOUS, "anonymous"), context=lambda: context)


def _principal_context(
    principal: Principal, principal_type: str, arn: str, user_id: str
) -> dict[str, tuple[str, ...]]:
    return {
        "aws:principalarn": (arn,),
        "aws:principalaccount": (principal.account_id or "",),
        "aws:principaltype": (principal_type,),
        "aws:principalisawsservice": ("false",),
        "aws:userid": (user_id,),
    }


def _own_policies(owner: Any) -> tuple[Policy, ...]:  # noqa: ANN401 - moto's Role, User and Group share no type
    inline = (parse_policy(text, PolicyType.IDENTITY, name) for name, text in list(owner.policies.items()))
    managed = (
        parse_policy(default_document(policy), PolicyType.IDENTITY, policy.arn)
        for policy in list(owner.managed_policies.values())
    )
    return (*inline, *managed)


def default_document(policy: Any) -> str:  # noqa: ANN401 - moto's managed policy
    """Return the document of a managed policy's default version."""
    versions: Iterable[Any] = policy.versions
    return next(str(version.document) for version in versions if version.is_default)


_ALLOWS_NOTHING = '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}'
"""Stands for a boundary or session policy that was deleted: it allows nothing."""


def _managed(backend: IAMBackend, arn: str | None, policy_type: PolicyType) -> Policy | None:
    if not arn:
        return None
    policy = backend.managed_policies.get(arn)
    document = default_document(policy) if policy else _ALLOWS_NOTHING
    return parse_policy(document, policy_type, arn)


def _session_policies(session: AssumedRole, account_id: str) -> tuple[Policy, ...] | None:
    arns = session_policy_arns.get(session, ())
    if not arns and not session.policy:
        return None
    backend = _iam(account_id, session.partition)
    managed = [_managed(backend, arn, PolicyType.SESSION) for arn in arns]
    if session.policy:
        managed.append(parse_policy(session.policy, PolicyType.SESSION, "session policy"))
    return tuple(policy for policy in managed if policy)


def _tags(tags: object) -> dict[str, tuple[str, ...]]:
    """Return aws:PrincipalTag/… of tags, which moto keeps as a list of pairs or as a mapping of them."""
    pairs = tags.values() if isinstance(tags, dict) else tags if isinstance(tags, list) else []
    return {f"aws:principaltag/{tag['Key'].lower()}": (tag["Value"],) for tag in pairs}


def _session_tags(account_id: str, key_id: str) -> dict[str, tuple[str, ...]]:
    config = sts_stores[account_id]["us-east-1"].sessions.get(key_id)
    return _tags(config["tags"]) if config else {}
