"""Decides and counts, for all who ask: enforcement of calls, and services' errands in somebody's name."""

import logging

from localstack.aws.api import CommonServiceException

from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.decision_cache import DecisionCache, Question, RequestKeys
from serverless_harness.emulator.iam.decision_records import DecisionLog, DecisionRecord
from serverless_harness.emulator.iam.evaluation import Decision, PolicySet
from serverless_harness.emulator.iam.mode import Mode
from serverless_harness.emulator.iam.resource_policies import resource_policies

LOG = logging.getLogger(__name__)


class DecisionPoint:
    """Where decisions are made: `mode` says what becomes of denials, and may change; `log` counts them."""

    def __init__(self, mode: Mode, log: DecisionLog) -> None:
        self.mode = mode
        self.log = log
        self._cache = DecisionCache()

    def decide(
        self, call_name: str, caller: Caller, permission: Permission, owner: str, request_keys: RequestKeys
    ) -> Decision:
        """Decide, and count the decision; `owner` is the account id of the resource's owner.

        Raises:
            PolicyError: A policy of the resource isn't supported.
        """
        policies = PolicySet(
            identity=caller.identity,
            boundary=caller.boundary,
            session=caller.session,
            resource=resource_policies(permission.action, permission.resource),
            resource_policy_decides=_resource_policy_decides(permission),
        )
        question = Question(call_name, caller, permission, owner, policies, enforced=self.mode is Mode.ON)
        answer = self._cache.answer(question, request_keys)
        self.log.add(answer.record)
        return answer.decision

    def record_refusal(self, call_name: str, caller: Caller | None, refusal: str) -> None:
        """Count a call that can't be decided; `caller` is None where it isn't known."""
        self.log.add(
            DecisionRecord(
                principal=caller.principal.arn if caller else "unknown",
                role_arn=caller.principal.role_arn if caller else None,
                action=call_name,
                resource="*",
                call=call_name,
                allowed=False,
                enforced=self.mode is Mode.ON,
                reason="refused",
                policy_type=None,
                refusal=refusal,
            )
        )

    def enforced(self, call_name: str, error: CommonServiceException | None) -> CommonServiceException | None:
        """Return the error that a call ends in; None where there is none, or denials are only logged."""
        if error is None or self.mode is Mode.ON:
            return error
        LOG.warning("IAM (soft): %s would be denied: %s", call_name, error.message)
        return None


def _resource_policy_decides(permission: Permission) -> bool:
    """Return whether identity policies need the word of a key policy or role trust policy.

    `kms:ListKeys` and such, and aliases, have no policy of their own.
    """
    action = permission.action.lower()
    if action.startswith("kms:"):
        return ":key/" in permission.resource and not permission.resource.endswith(":key/*")
    return action.startswith("sts:assumerole")
