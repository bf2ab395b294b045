"""Decides what a service does in somebody's name, without a call that the gateway sees."""

from collections.abc import Callable
from functools import partial

from localstack.aws.api import CommonServiceException, RequestContext

from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.iam import callers, context_keys, errors
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.mode import Mode
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.resource_policies import resource_account_id
from serverless_harness.emulator.tracing import spans


class Errands:
    """Holds errands to the policies of whoever they are for; an `authorization.Authorizer`."""

    def __init__(self, decision_point: DecisionPoint) -> None:
        self._decision_point = decision_point

    def denial_for_role(
        self, errand: Errand, role_arn: str, session_name: str
    ) -> CommonServiceException | None:
        """Decide for a role's session; None if it is allowed, or denials are only logged."""
        return self._denial(errand, partial(callers.service_session, role_arn, session_name), None)

    def denial_for_caller(self, errand: Errand, context: RequestContext) -> CommonServiceException | None:
        """Decide for whoever makes a request; None if it is allowed, or denials are only logged."""
        return self._denial(errand, partial(callers.identify, context), context)

    def _denial(
        self, errand: Errand, identify: Callable[[], Caller | None], context: RequestContext | None
    ) -> CommonServiceException | None:
        if self._decision_point.mode is Mode.OFF:
            return None
        error = self._decision_point.enforced(errand.call_name, self._error(errand, identify, context))
        if error is not None:
            service, _, action = errand.action.partition(":")
            spans.mark("call", service, action, errand.resource, "403", f"{error.code}: {error.message}")
        return error

    def _error(
        self, errand: Errand, identify: Callable[[], Caller | None], context: RequestContext | None
    ) -> CommonServiceException | None:
        permission = Permission(errand.action, errand.resource, errand.condition_keys)
        try:
            caller = identify()
            if caller is None:
                return None
            account_id = caller.principal.account_id or ""
            owner = resource_account_id(permission.action, permission.resource, account_id)
            request_keys = partial(context_keys.of_request, context, owner) if context else dict
            decision = self._decision_point.decide(errand.call_name, caller, permission, owner, request_keys)
        except PolicyError as refusal:
            return errors.refused(permission.service, str(refusal))
        if decision.allowed:
            return None
        return errors.denied(
            permission.service, caller.principal, permission.action, permission.resource, decision
        )
