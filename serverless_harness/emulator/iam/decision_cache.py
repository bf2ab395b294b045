"""Decisions that are remembered, each for as long as all that it depends on is the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from serverless_harness.emulator.iam import context_keys
from serverless_harness.emulator.iam.actions import Permission
from serverless_harness.emulator.iam.callers import Caller
from serverless_harness.emulator.iam.context_keys import ContextKeys, KnownKeys
from serverless_harness.emulator.iam.decision_records import DecisionRecord, decision_record
from serverless_harness.emulator.iam.evaluation import Decision, PolicySet, Request, evaluate
from serverless_harness.emulator.iam.principals import PrincipalKind

MAX_ANSWERS = 4096
"""So many decisions are remembered."""

type RequestKeys = Callable[[], Mapping[str, tuple[str, ...]]]
"""Makes the condition keys that the request itself gives."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision and its record, with the policies that it holds for: their identities stay theirs."""

    decision: Decision
    record: DecisionRecord
    policies: PolicySet


@dataclass(slots=True)
class Question:
    """All that a decision depends on, but for the request's own condition keys."""

    call_name: str
    caller: Caller
    permission: Permission
    owner: str
    """Account id of the resource's owner."""
    policies: PolicySet
    enforced: bool
    key: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Make the key: equal keys mean the same policies (by identity), caller and permission."""
        policies, permission, caller = self.policies, self.permission, self.caller
        self.key = (
            self.call_name,
            self.enforced,
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
            context_keys.is_of_request(key)
            for policy in everything
            for statement in policy.statements
            if statement.keys and statement.actions.matches(action)
            for key in statement.keys
        )

    def answer(self, request_keys: RequestKeys) -> Answer:
        """Decide."""
        caller, permission = self.caller, self.permission
        request = Request(
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
            enforced=self.enforced,
        )
        return Answer(decision, record, self.policies)


class DecisionCache:
    """Answers questions, and remembers the answers that hold for every request."""

    def __init__(self) -> None:
        self._answers: dict[tuple[object, ...], Answer] = {}

    def answer(self, question: Question, request_keys: RequestKeys) -> Answer:
        """Return the remembered answer, or decide."""
        answer = self._answers.get(question.key)
        if answer is None:
            answer = question.answer(request_keys)
            if question.has_one_answer:
                if len(self._answers) >= MAX_ANSWERS:
                    self._answers.clear()
                self._answers[question.key] = answer
        return answer
