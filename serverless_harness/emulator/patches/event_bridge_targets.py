"""EventBridge tries a target again, sends what it gives up to the dead-letter queue, and acts for its rule.

LocalStack tries once, whatever a target's retry policy and dead-letter queue say (`delivery.event_targets`),
takes targets that need a role without one, keeps targets that it refuses, and calls API destinations with no
role. A constant `Input` may be any JSON text on AWS; LocalStack drops an empty one, and on a schedule each
that isn't an object. Each PutTargets on a schedule gives it one more job: without this, targets are called
once for each. Patched with EventBridge's first use.
"""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.api.events import Target

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.delivery import event_targets
from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [Target]


def apply() -> None:
    """Do nothing at start; see `apply_to_event_bridge`."""


def apply_to_event_bridge() -> None:
    """Wrap how targets are taken, and how events are sent to them."""
    from localstack.services.events.provider import EventsProvider
    from localstack.services.events.rule import RuleService
    from localstack.services.events.target import EventsApiDestinationTargetSender, TargetSender

    wrap(TargetSender._initialize_client, _initialize_client)
    wrap(TargetSender.process_event, _process_event)
    wrap(EventsApiDestinationTargetSender.send_event, _call_api_destination)
    wrap(EventsProvider.put_targets, _put_targets)
    wrap(EventsProvider._get_scheduled_rule_job_function, _scheduled)
    wrap(RuleService.create_schedule_job, _create_schedule_job)


def _initialize_client(fn: Callable[..., object], self: Any) -> object:  # noqa: ANN401
    with acting(source_arn=self.rule_arn):
        return fn(self)


def _process_event(fn: Callable[..., object], self: Any, event: dict[str, Any], trace_header: object) -> None:  # noqa: ANN401
    from localstack.services.events.utils import to_json_str

    def attempt() -> None:
        if constant := self.target.get("Input"):
            self.send_event(json.loads(constant), trace_header)
        else:
            fn(self, dict(event), trace_header)

    event_targets.deliver(attempt, to_json_str(event), self.target, self.rule_arn)


def _scheduled(
    fn: Callable[..., Callable[[], None]],
    self: object,
    account_id: str,
    region: str,
    rule: Any,  # noqa: ANN401
) -> Callable[..., None]:
    """Return the job of a schedule, which leaves a constant input to `_process_event`."""

    def job(*_: object, **__: object) -> None:
        without_input = copy.copy(rule)
        without_input.targets = {
            id_: {name: value for name, value in target.items() if name != "Input"}
            for id_, target in rule.targets.items()
        }
        fn(self, account_id, region, without_input)()

    return job


def _create_schedule_job(fn: Callable[..., None], self: Any, *args: object) -> None:  # noqa: ANN401
    from localstack.services.events.scheduler import JobScheduler

    JobScheduler.instance().cancel_job(getattr(self, "job_id", None))  # type: ignore[no-untyped-call]
    fn(self, *args)


def _call_api_destination(fn: Callable[..., None], self: Any, *args: object) -> None:  # noqa: ANN401
    errand = Errand("events:PutEvents", "events:InvokeApiDestination", self.target["Arn"])
    error = authorization.denial_for_role(errand, self.target["RoleArn"], "events")
    if error is not None:
        raise ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": error.message}}, "InvokeApiDestination"
        )
    fn(self, *args)


def _put_targets(
    fn: Callable[..., object],
    self: Any,  # noqa: ANN401
    context: RequestContext,
    rule: str,
    targets: Iterable[Target],
    event_bus_name: str | None = None,
    **named: object,
) -> object:
    if arn := event_targets.without_role(targets):
        message = f"RoleArn is required for target {arn}."
        raise CommonServiceException("ValidationException", message, 400, sender_fault=True)
    stored = self.get_rule_service(context.region, context.account_id, rule, event_bus_name).rule.targets
    before = dict(stored)
    try:
        return fn(self, context, rule, targets, event_bus_name, **named)
    except ServiceException:
        stored.clear()
        stored.update(before)
        raise
