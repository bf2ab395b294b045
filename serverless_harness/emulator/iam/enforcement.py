"""Enforces IAM in LocalStack's gateway.

`IAM_ENFORCEMENT=on` denies what AWS would deny, `soft` lets it through but logs and counts it, `off` does
nothing. Who calls is told by credentials (`callers`), never by LocalStack's mark of internal calls, unless it
is genuine (`serverless_harness.emulator.patches.internal_call_marks`): anyone could set it. The deployer (any
access key that LocalStack didn't hand out) and LocalStack's own errands are unrestricted. What can't be
decided is refused.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Resource
from werkzeug.exceptions import BadRequest

from serverless_harness.emulator.iam import callers, context_keys, errors, evaluation
from serverless_harness.emulator.iam.actions import Call, Permission, UnmappedCallError, permissions_for
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.context_keys import ContextKeys, KnownKeys
from serverless_harness.emulator.iam.definition import DefinitionMissingError, known_actions
from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, evaluate
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.principals import PrincipalKind
from serverless_harness.emulator.iam.records import DecisionLog, DecisionRecord, decision_record
from serverless_harness.emulator.iam.stores import LocalStackLookups, resource_account_id, resource_policies

LOG = logging.getLogger(__name__)

VARIABLE = "IAM_ENFORCEMENT"
DECISIONS_PATH = "/_emulator/iam"


class Mode(Enum):
    """What becomes of a denied call."""

    OFF = "off"
    SOFT = "soft"
    ON = "on"


DEFAULT_MODE = Mode.ON

_SERVICE_ACTIONS = frozenset({"lambda:invokefunction", "sns:publish", "sqs:sendmessage", "sts:assumerole"})
"""What services are held to when they act for themselves: all that AWS asks a resource policy for."""

_SERVICES_HELD_TO = frozenset(action.partition(":")[0] for action in _SERVICE_ACTIONS)

_PRESIGNED = frozenset({"X-Amz-Signature", "Signature"})
"""What a presigned URL has among its arguments, in either signature version."""

_FUNCTION_CODE_BUCKET = re.compile(r"awslambda-[a-z0-9-]+-tasks")


def mode_from_environment(environment: Mapping[str, str] = os.environ) -> Mode:
    """Return the mode that IAM_ENFORCEMENT asks for.

    Raises:
        ValueError: it holds something else than off, soft or on.
    """
    value = environment.get(VARIABLE, "").strip().lower()
    if not value:
        return DEFAULT_MODE
    try:
        return Mode(value)
    except ValueError:
        raise ValueError(f"{VARIABLE}={value} is not known: set it to off, soft or on") from None


MAX_ANSWERS = 4096
"""So many decisions are remembered."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A decision and its record, with the policies that it holds for: their identities stay theirs."""

    decision: Decision
    record: DecisionRecord
    policies: PolicySet


@dataclass(slots=True)
class _Question:
    """All that a decision depends on, but for the request's own condition keys."""

    call_name: str
    caller: Caller
    permission: Permission
    owner: str
    policies: PolicySet
    mode: Mode
    key: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Make the key: equal keys mean the same policies (by identity), caller and permission."""
        policies, permission, caller = self.policies, self.permission, self.caller
        self.key = (
            self.call_name,
            self.mode.value,
            caller.principal.arn,
            caller.principal.role_arn,
            tuple(caller.context().items()) if self._by_service else None,
            permission.action,
            permission.resource,
            tuple(permission.context.items()),
            self.owner,
            tuple(map(id, policies.identity)),
            tuple(map(id, policies.resource)),
            id(policies.boundary),
            tuple(map(id, policies.session)) if policies.session is not None else None,
        )

    @property
    def _by_service(self) -> bool:
        return self.caller.principal.kind is PrincipalKind.SERVICE

    @property
    def has_one_answer(self) -> bool:
        """Whether no statement on the action asks for what differs from request to request."""
        action = self.permission.action.lower()
        policies = self.policies
        boundary = (policies.boundary,) if policies.boundary else ()
        everything = (*policies.identity, *policies.resource, *boundary, *(policies.session or ()))
        return not any(
            context_keys.is_of_request(key, called_by_service=self._by_service)
            for policy in everything
            for statement in policy.statements
            if statement.keys and statement.actions.matches(action)
            for key in statement.keys
        )

    def answer(self, request_keys: Callable[[], Mapping[str, tuple[str, ...]]]) -> _Answer:
        """Decide."""
        caller, permission = self.caller, self.permission
        request = evaluation.Request(
            principal=caller.principal,
            action=permission.action,
            resource=permission.resource,
            resource_account_id=self.owner,
            context=ContextKeys(permission.context, lambda: {**request_keys(), **caller.context()}),
            known_keys=KnownKeys(permission.action),
        )
        decision = evaluate(request, self.policies)
        record = decision_record(
            caller.principal,
            permission.action,
            permission.resource,
            self.call_name,
            decision,
            enforced=self.mode is Mode.ON,
        )
        return _Answer(decision, record, self.policies)


class IamEnforcer:
    """A request handler that decides each call before its service sees it."""

    def __init__(self, mode: Mode, log: DecisionLog) -> None:
        """Take what becomes of denied calls, which may change, and where decisions are counted."""
        self.mode = mode
        self._log = log
        self._lookups = LocalStackLookups()
        self._answers: dict[tuple[object, ...], _Answer] = {}

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Let a call pass or raise the service's own error."""
        if self.mode is Mode.OFF:
            return
        call = self._parse(context)
        if call is None or _fetches_function_code(context, call):
            return
        error = self._error(context, call)
        if error is None:
            return
        if self.mode is Mode.ON:
            raise error
        LOG.warning("IAM (soft): %s would be denied: %s", call.name, error.message)

    def _parse(self, context: RequestContext) -> Call | None:
        """Return the call; None for requests that are no AWS call."""
        if context.service is None or context.operation is None:
            return None
        return Call(
            service=context.service.service_name,
            operation=context.operation.name,
            parameters=context.service_request or {},
            account_id=context.account_id,
            region=context.region,
            lookups=self._lookups,
            partition=context.partition,
            http_method=context.request.method,
            path=context.request.path,
        )

    def _error(self, context: RequestContext, call: Call) -> CommonServiceException | None:
        """Return the error that a call ends in; None if it is allowed."""
        caller: Caller | None = None
        try:
            caller = callers.identify(context)
            if caller is None:
                return None
            return self._decide_all(context, call, caller)
        except callers.InvalidTokenError:
            self._record_refusal(call, None, "unknown credentials")
            return errors.invalid_token(call.service)
        except (PolicyError, UnmappedCallError) as refusal:
            self._record_refusal(call, caller, str(refusal))
            return errors.refused(call.service, str(refusal))

    def _decide_all(
        self, context: RequestContext, call: Call, caller: Caller
    ) -> CommonServiceException | None:
        """Decide each permission that the call needs, up to the first that is denied."""
        is_service = caller.principal.kind is PrincipalKind.SERVICE
        if is_service and call.service not in _SERVICES_HELD_TO:
            return None
        for permission in permissions_for(call):
            if is_service and permission.action.lower() not in _SERVICE_ACTIONS:
                continue
            owner = resource_account_id(permission.action, permission.resource, context.account_id)
            request_keys = partial(context_keys.of_request, context, owner)
            decision = self._decide(call.name, caller, permission, owner, request_keys)
            if not decision.allowed:
                return _denial(call, caller, permission, decision)
        return None

    def denial_of_errand(
        self,
        call_name: str,
        identify: Callable[[], Caller | None],
        permission: Permission,
        context: RequestContext | None = None,
    ) -> CommonServiceException | None:
        """Return the error of what a service does in someone's name, None if it is allowed, or soft mode.

        `identify` finds that one, as `callers.identify` does; `context` is the request that made the service
        do it, if there is one.
        """
        if self.mode is Mode.OFF:
            return None
        error = self._error_of_errand(call_name, identify, permission, context)
        if error is None or self.mode is Mode.ON:
            return error
        LOG.warning("IAM (soft): %s would be denied: %s", call_name, error.message)
        return None

    def _error_of_errand(
        self,
        call_name: str,
        identify: Callable[[], Caller | None],
        permission: Permission,
        context: RequestContext | None,
    ) -> CommonServiceException | None:
        try:
            caller = identify()
            if caller is None:
                return None
            account_id = caller.principal.account_id or ""
            owner = resource_account_id(permission.action, permission.resource, account_id)
            request_keys = partial(context_keys.of_request, context, owner) if context else dict
            decision = self._decide(call_name, caller, permission, owner, request_keys)
        except PolicyError as refusal:
            return errors.refused(permission.service, str(refusal))
        if decision.allowed:
            return None
        return errors.denied(
            permission.service, caller.principal, permission.action, permission.resource, decision
        )

    def _decide(
        self,
        call_name: str,
        caller: Caller,
        permission: Permission,
        owner: str,
        request_keys: Callable[[], Mapping[str, tuple[str, ...]]],
    ) -> Decision:
        """Decide, and count the decision."""
        policies = PolicySet(
            identity=caller.identity,
            boundary=caller.boundary,
            session=caller.session,
            resource=resource_policies(permission.action, permission.resource),
            resource_policy_decides=_resource_policy_decides(permission),
        )
        question = _Question(call_name, caller, permission, owner, policies, self.mode)
        answered = self._answers.get(question.key)
        if answered is None:
            answered = question.answer(request_keys)
            if question.has_one_answer:
                self._remember(question, answered)
        self._log.add(answered.record)
        return answered.decision

    def _remember(self, question: "_Question", answered: "_Answer") -> None:
        if len(self._answers) >= MAX_ANSWERS:
            self._answers.clear()
        self._answers[question.key] = answered

    def _record_refusal(self, call: Call, caller: Caller | None, refusal: str) -> None:
        self._log.add(
            DecisionRecord(
                principal=caller.principal.arn if caller else "unknown",
                role_arn=caller.principal.role_arn if caller else None,
                action=call.name,
                resource="*",
                call=call.name,
                allowed=False,
                enforced=self.mode is Mode.ON,
                reason="refused",
                policy_type=None,
                refusal=refusal,
            )
        )


def _denial(call: Call, caller: Caller, permission: Permission, decision: Decision) -> CommonServiceException:
    if caller.principal.kind is PrincipalKind.ANONYMOUS:
        return errors.missing_token(call.service)
    return errors.denied(call.service, caller.principal, permission.action, permission.resource, decision)


def _resource_policy_decides(permission: Permission) -> bool:
    """Return whether identity policies need the word of a key policy or role trust policy.

    `kms:ListKeys` and such, and aliases, have no policy of their own.
    """
    action = permission.action.lower()
    if action.startswith("kms:"):
        return ":key/" in permission.resource and not permission.resource.endswith(":key/*")
    return action.startswith("sts:assumerole")


def _fetches_function_code(context: RequestContext, call: Call) -> bool:
    """Return whether this is the download that GetFunction's `Code.Location` offers.

    LocalStack signs that URL with its internal key; whoever has the URL may use it, as in AWS.
    """
    if (call.service, call.operation) != ("s3", "GetObject"):
        return False
    bucket = str(call.parameters.get("Bucket", ""))
    return (
        callers.access_key_id(context) == callers.INTERNAL_KEY
        and not _PRESIGNED.isdisjoint(context.request.args)
        and _FUNCTION_CODE_BUCKET.fullmatch(bucket) is not None
    )


def keep_session_policies(chain: object, context: RequestContext, response: object) -> None:
    """After AssumeRole, keep the managed session policies of the new session: moto doesn't."""
    if context.operation is None or context.operation.name != "AssumeRole" or context.service_exception:
        return
    parameters: Mapping[str, Any] = context.service_request or {}
    arns = tuple(entry["arn"] for entry in parameters.get("PolicyArns") or ())
    credentials = (context.service_response or {}).get("Credentials")
    if not arns or not credentials:
        return
    session = callers.find_session(credentials["AccessKeyId"], context.partition)
    if session is not None:
        callers.session_policy_arns[session] = arns


class DecisionsResource:
    """Serves the decisions and the mode as JSON."""

    def __init__(self, enforcer: IamEnforcer, log: DecisionLog) -> None:
        """Take what is served."""
        self._enforcer = enforcer
        self._log = log

    def on_get(self, request: object) -> dict[str, Any]:
        """Return `{"mode": …, "decisions": […], "dropped": n}`; see `DecisionLog.to_json`."""
        return {"mode": self._enforcer.mode.value, **self._log.to_json()}

    def on_put(self, request: Request) -> dict[str, Any]:
        """Enforce as `{"mode": …}` says from now on; status 400 for anything else."""
        body: Any = request.get_json(silent=True, force=True)
        try:
            self._enforcer.mode = Mode(body["mode"])
        except (ValueError, KeyError, TypeError):
            raise BadRequest('give {"mode": "on"}, or "soft" or "off"') from None
        return {"mode": self._enforcer.mode.value}

    def on_delete(self, request: object) -> dict[str, Any]:
        """Forget the decisions."""
        self._log.clear()
        return {}


_current: list[IamEnforcer] = []


def current() -> IamEnforcer | None:
    """Return the enforcer of this process, None where nothing is enforced."""
    return _current[0] if _current else None


class EnforcementError(RuntimeError):
    """Enforcement can't be set up; the message is one line that says why and what to do."""


def register() -> None:
    """Enforce IAM from now on, as IAM_ENFORCEMENT says. Called once, when LocalStack starts.

    Raises:
        EnforcementError: the mode is unknown, or a package is missing.
    """
    try:
        mode = mode_from_environment()
        if mode is not Mode.OFF:
            known_actions("iam")
    except (ValueError, DefinitionMissingError) as error:
        raise EnforcementError(str(error)) from error
    from localstack.services.edge import ROUTER

    log = DecisionLog()
    enforcer = IamEnforcer(mode, log)
    _current[:] = [enforcer]
    handlers.serve_custom_service_request_handlers.append(enforcer)
    handlers.run_custom_response_handlers.append(keep_session_policies)
    ROUTER.add(Resource(DECISIONS_PATH, DecisionsResource(enforcer, log)))
    LOG.info("IAM enforcement is %s", mode.value)
