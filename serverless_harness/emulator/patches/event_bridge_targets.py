"""EventBridge tries a target again, sends what it gives up to the dead-letter queue, and acts for its rule.

LocalStack tries once, whatever a target's retry policy and dead-letter queue say (`delivery.event_targets`),
takes targets that need a role without one, keeps targets that it refuses, and calls API destinations with no
role. Its clients try again on their own, which holds a failing delivery for up to 15 s, and it drops a
constant input that is empty. Patched with EventBridge's first use.
"""

import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError
from localstack import config
from localstack.aws import connect
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.api.events import Target
from localstack.services.plugins import SERVICE_PLUGINS

from serverless_harness.emulator import authorization
from serverless_harness.emulator.authorization import Errand
from serverless_harness.emulator.delivery import dead_letters, event_targets
from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [Target]


def apply() -> None:
    """Do nothing at start; see `apply_to_event_bridge`."""


def apply_to_event_bridge() -> None:
    """Wrap how targets are taken, and how events are sent to them."""
    from localstack.services.events import target
    from localstack.services.events.provider import EventsProvider
    from localstack.services.events.target import EventsApiDestinationTargetSender, TargetSender

    once = connect.connect_to._config.merge(dead_letters.ONE_ATTEMPT)
    replace(target, "connect_to", connect.InternalClientFactory(config.DISTRIBUTED_MODE, config=once))
    wrap(TargetSender._initialize_client, _initialize_client)
    TargetSender.process_event_once = TargetSender.process_event  # type: ignore[attr-defined]
    wrap(TargetSender.process_event, _process_event)
    wrap(EventsApiDestinationTargetSender.send_event, _call_api_destination)
    wrap(EventsProvider.put_targets, _put_targets)


def _initialize_client(fn: Callable[..., object], self: Any) -> object:  # noqa: ANN401
    with acting(source_arn=self.rule_arn):
        return fn(self)


def _process_event(fn: object, self: Any, event: dict[str, Any], trace_header: object) -> None:  # noqa: ANN401
    from localstack.services.events.utils import to_json_str

    # By the sender's name: what is to be tried again outlives the sender where a state is saved.
    attempt = functools.partial(_send, self.unique_id, event, trace_header)
    event_targets.deliver(attempt, to_json_str(event), self.target, self.rule_arn)


def _send(unique_id: str, event: dict[str, Any], trace_header: object) -> None:
    provider: Any = SERVICE_PLUGINS.require("events")
    sender = provider._provider._target_sender_store.get(unique_id)
    if sender is None:  # The target was removed meanwhile.
        return
    if constant := sender.target.get("Input"):
        sender.send_event(json.loads(constant), trace_header)
    else:
        sender.process_event_once(dict(event), trace_header)


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
