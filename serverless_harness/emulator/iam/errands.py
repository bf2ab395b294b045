"""What a service does in somebody's name, without a call that the gateway sees: Lambda decrypts variables.

It is held to the policies of whoever it acts for.
"""

from collections.abc import Callable
from functools import partial

from localstack.aws.api import CommonServiceException, RequestContext

from serverless_harness.emulator.iam import context_keys, errors
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.decision_point import DecisionPoint
from serverless_harness.emulator.iam.mode import Mode
from serverless_harness.emulator.iam.policy import PolicyError
from serverless_harness.emulator.iam.stores import resource_account_id


class Errands:
    """Decides errands, as enforcement decides calls."""

    def __init__(self, decision_point: DecisionPoint) -> None:
        self._decision_point = decision_point

    def denial(
        self,
        call_name: str,
        identify: Callable[[], Caller | None],
        permission: Permission,
        context: RequestContext | None = None,
    ) -> CommonServiceException | None:
        """Return the error of an errand, None if it is allowed, or denials are only logged.

        `identify` finds the one in whose name it is, as `callers.identify` does; `context` is the request
        that made the service do it, if there is one.
        """
        if self._decision_point.mode is Mode.OFF:
            return None
        return self._decision_point.enforced(call_name, self._error(call_name, identify, permission, context))

    def _error(
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
            decision = self._decision_point.decide(call_name, caller, permission, owner, request_keys)
        except PolicyError as refusal:
            return errors.refused(permission.service, str(refusal))
        if decision.allowed:
            return None
        return errors.denied(
            permission.service, caller.principal, permission.action, permission.resource, decision
        )


_current: list[Errands] = []


def set_current(errands: Errands) -> None:
    """Have this process's services ask `errands`."""
    _current[:] = [errands]


def current() -> Errands | None:
    """Return what this process's services ask, None where nothing is enforced."""
    return _current[0] if _current else None
