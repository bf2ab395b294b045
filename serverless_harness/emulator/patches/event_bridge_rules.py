"""EventBridge's rules act as they are now.

LocalStack matches disabled rules too, and a schedule of its goes on as it was at the first PutTargets: after
another expression, after DisableRule and DeleteRule; each further PutTargets has it run once more. It may
run a minute early, and a constant input of a schedule has to be an object there. Patched with EventBridge's
first use.
"""

import copy
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.events import RuleState

from serverless_harness.emulator.delivery import schedules
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [RuleState]


def apply() -> None:
    """Do nothing at start; see `apply_to_event_bridge`."""


def apply_to_event_bridge() -> None:
    """Wrap how rules match, and what changes them."""
    from localstack.services.events.provider import EventsProvider
    from localstack.services.events.rule import RuleService
    from localstack.services.events.scheduler import JobScheduler

    replace(JobScheduler, "loop", schedules.run)
    wrap(EventsProvider._process_rules, _process_rules)
    wrap(EventsProvider._get_scheduled_rule_job_function, _scheduled)
    wrap(RuleService.create_schedule_job, _create_schedule_job)
    for changing in (EventsProvider.put_rule, EventsProvider.enable_rule, EventsProvider.disable_rule):
        wrap(changing, _change_rule)
    wrap(EventsProvider._delete_rule_services, _delete_rule_services)


def _process_rules(fn: Callable[..., None], self: object, rule: Any, *rest: Any, **named: Any) -> None:  # noqa: ANN401
    if rule.state != RuleState.DISABLED:
        fn(self, rule, *rest, **named)


def _scheduled(
    fn: Callable[..., Callable[[], None]],
    self: object,
    account_id: str,
    region: str,
    rule: Any,  # noqa: ANN401
) -> Callable[..., None]:
    """Return the job of a schedule, which leaves a constant input to the target's sender."""

    def job(*_: object, **__: object) -> None:
        without_input = copy.copy(rule)
        without_input.targets = {
            id_: {name: value for name, value in target.items() if name != "Input"}
            for id_, target in rule.targets.items()
        }
        fn(self, account_id, region, without_input)()

    return job


_JOBS: dict[str, str] = {}
"""The one job of each schedule, by its rule's ARN."""


def _create_schedule_job(fn: Callable[..., None], self: Any, *args: object) -> None:  # noqa: ANN401
    _cancel(self.arn)
    fn(self, *args)
    _JOBS[self.arn] = self.job_id


def _change_rule(
    fn: Callable[..., object],
    self: Any,  # noqa: ANN401
    context: RequestContext,
    name: str,
    *rest: object,
    event_bus_name: str | None = None,
    **named: object,
) -> object:
    answer = fn(self, context, name, *rest, event_bus_name=event_bus_name, **named)
    service = self.get_rule_service(context.region, context.account_id, name, event_bus_name)
    _cancel(service.arn)
    if service.schedule_cron and service.rule.targets:
        job = self._get_scheduled_rule_job_function(context.account_id, context.region, service.rule)
        service.create_schedule_job(job)
    return answer


def _delete_rule_services(fn: Callable[..., None], self: object, rules: Any) -> None:  # noqa: ANN401
    for rule in list(rules.values()) if isinstance(rules, dict) else [rules]:
        _cancel(rule.arn)
    fn(self, rules)


def _cancel(rule_arn: str) -> None:
    from localstack.services.events.scheduler import JobScheduler

    JobScheduler.instance().cancel_job(_JOBS.pop(rule_arn, None))  # type: ignore[no-untyped-call]
