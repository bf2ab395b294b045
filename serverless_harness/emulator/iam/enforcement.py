"""Enforces IAM in LocalStack's gateway.

Who calls is told by credentials (`callers`), never by LocalStack's mark of internal calls, unless it is
genuine (`serverless_harness.emulator.gateway.internal_calls`): anyone could set it. The deployer (any
access key that LocalStack didn't hand out) and LocalStack's own errands are unrestricted. What can't be
decided is refused. `mode` says what becomes of denied calls.
"""

from functools import partial

from localstack.aws.api import CommonServiceException, RequestContext

from serverless_harness.emulator.iam import callers, context_keys, errors, unsigned_links
from serverless_harness.emulator.iam.actions import Call, Permission, UnsupportedCallError, permissions_for
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.calls import call_of
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.evaluation import Decision
from serverless_harness.emulator.iam.function_code import downloads_function_code
from serverless_harness.emulator.iam.mode import Mode
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.principals import PrincipalKind
from serverless_harness.emulator.iam.resource_policies import resource_account_id

_SERVICE_ACTIONS = frozenset(
    {
        "lambda:invokefunction",
        "logs:createlogstream",
        "logs:putlogevents",
        "sns:publish",
        "sqs:sendmessage",
        "sts:assumerole",
    }
)
"""What services are held to when they act for themselves: all that AWS asks a resource policy for."""

_SERVICES_HELD_TO = frozenset(action.partition(":")[0] for action in _SERVICE_ACTIONS)


class IamEnforcer:
    """A request handler that decides each call before its service sees it."""

    def __init__(self, decision_point: DecisionPoint) -> None:
        self._decision_point = decision_point

    def __call__(self, chain: object, context: RequestContext, response: object) -> None:
        """Let a call pass or raise the service's own error."""
        if self._decision_point.mode is Mode.OFF:
            return
        call = call_of(context)
        if call is None or downloads_function_code(context, call):
            return
        error = self._decision_point.enforced(call.name, self._error(context, call))
        if error is not None:
            raise error

    def _error(self, context: RequestContext, call: Call) -> CommonServiceException | None:
        """Return the error that a call ends in; None if it is allowed."""
        caller: Caller | None = None
        try:
            caller = callers.identify(context)
            if caller is None or unsigned_links.allows(call, caller):
                return None
            return self._decide_all(context, call, caller)
        except callers.InvalidTokenError:
            self._decision_point.record_refusal(call.name, None, "unknown credentials")
            return errors.invalid_token(call.service)
        except (PolicyError, UnsupportedCallError) as refusal:
            self._decision_point.record_refusal(call.name, caller, str(refusal))
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
            decision = self._decision_point.decide(call.name, caller, permission, owner, request_keys)
            if not decision.allowed:
                return _denial(call, caller, permission, decision)
        return None


def _denial(call: Call, caller: Caller, permission: Permission, decision: Decision) -> CommonServiceException:
    if caller.principal.kind is PrincipalKind.ANONYMOUS:
        return errors.missing_token(call.service)
    return errors.denied(call.service, caller.principal, permission.action, permission.resource, decision)
