"""LocalStack's CloudWatch, with tags of alarms, alarms found by their actions, and those of loaded states.

LocalStack drops the tags, so that a plan with default tags is never empty, and ends in status 500 where
alarms are asked for by an action. Source: CloudWatch API reference, PutMetricAlarm: "If you are using this
operation to update an existing alarm, any tags you specify in this parameter are ignored".
"""

import logging
from collections.abc import Iterable, Mapping
from threading import Thread
from typing import Any

from botocore import xform_name
from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.aws.api import cloudwatch as api
from localstack.services.cloudwatch import alarm_scheduler
from localstack.services.cloudwatch.models import LocalStackMetricAlarm, cloudwatch_stores
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.services.plugins import SERVICE_PLUGINS
from localstack.utils.aws import arns
from localstack.utils.sync import poll_condition

from serverless_harness.emulator.clock import clock

LOG = logging.getLogger(__name__)

_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


class TaggedAlarmsProvider(CloudwatchProvider):
    """CloudWatch."""

    def on_before_start(self) -> None:
        """Evaluate alarms from now on, and all of them whenever the emulator's clock is set forward."""
        super().on_before_start()  # type: ignore[no-untyped-call]
        clock.when_advanced(lambda: Thread(target=self._evaluate_alarms, daemon=True).start())

    def on_before_state_load(self) -> None:
        """Evaluate no alarm of the state that is replaced: LocalStack only forgets them."""
        self._cancel_alarms()
        super().on_before_state_load()  # type: ignore[no-untyped-call]

    def on_before_state_reset(self) -> None:
        """Evaluate no alarm of the state that is deleted."""
        self._cancel_alarms()
        super().on_before_state_reset()  # type: ignore[no-untyped-call]

    def _cancel_alarms(self) -> None:
        for arn in list(self.alarm_scheduler.scheduled_alarms):
            self.alarm_scheduler.delete_scheduler_for_alarm(arn)

    def on_after_state_load(self) -> None:
        """Evaluate the alarms of the state again, in all accounts and regions.

        LocalStack asks for the first 50 of each region, with a request for each region that there is.
        """
        self.alarm_scheduler.start()
        loaded = [
            arn
            for _, _, store in cloudwatch_stores.iter_stores()
            for arn, alarm in store.alarms.items()
            if isinstance(alarm, LocalStackMetricAlarm)
        ]
        if loaded:
            Thread(target=self._schedule, args=(loaded,), daemon=True).start()

    def _schedule(self, alarm_arns: Iterable[str]) -> None:
        poll_condition(lambda: SERVICE_PLUGINS.is_running("cloudwatch"))
        for arn in alarm_arns:
            try:
                self.alarm_scheduler.schedule_metric_alarm(arn)
            except Exception:
                LOG.exception("%s can't be evaluated", arn)

    def _evaluate_alarms(self) -> None:
        for arn in list(self.alarm_scheduler.scheduled_alarms):
            try:
                alarm_scheduler.calculate_alarm_state(arn)
            except Exception:
                LOG.exception("%s can't be evaluated", arn)

    @handler("PutMetricAlarm", expand=False)
    def put_metric_alarm(  # type: ignore[override]
        self, context: RequestContext, request: api.PutMetricAlarmInput
    ) -> None:
        """Create an alarm with its tags; one that is there already keeps its own."""
        is_new = not self._has_alarm(context, request["AlarmName"])
        super().put_metric_alarm(context, request)
        if is_new:
            self._tag(context, request["AlarmName"], request)

    @handler("PutCompositeAlarm", expand=False)
    def put_composite_alarm(  # type: ignore[override]
        self, context: RequestContext, request: api.PutCompositeAlarmInput
    ) -> None:
        """Create a composite alarm with its tags; one that is there already keeps its own."""
        is_new = not self._has_alarm(context, request["AlarmName"])
        super().put_composite_alarm(context, request)
        if is_new:
            self._tag(context, request["AlarmName"], request)

    def delete_alarms(
        self,
        context: RequestContext,
        alarm_names: api.AlarmNames,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Delete alarms with their tags."""
        super().delete_alarms(context, alarm_names, **kwargs)
        tags = self.get_store(context.account_id, context.region).TAGS
        for name in alarm_names:
            arn = _arn(context, name)
            tags.untag_resource(arn, [tag["Key"] for tag in tags.list_tags_for_resource(arn)["Tags"]])

    @handler("DescribeAlarms", expand=False)
    def describe_alarms(  # type: ignore[override]
        self, context: RequestContext, request: api.DescribeAlarmsInput
    ) -> api.DescribeAlarmsOutput:
        """Describe alarms; `ActionPrefix` picks those that have an action of that beginning."""
        given = _arguments(request)
        prefix = given.pop("action_prefix", None)
        output: api.DescribeAlarmsOutput = super().describe_alarms(context, **given)
        if prefix:
            for alarms in (output.get("MetricAlarms"), output.get("CompositeAlarms")):
                if alarms:
                    alarms[:] = [alarm for alarm in alarms if _has_action(alarm, str(prefix))]  # type: ignore
        return output

    @handler("PutMetricData", expand=False)
    def put_metric_data(  # type: ignore[override]
        self, context: RequestContext, request: api.PutMetricDataInput
    ) -> None:
        """Store data; there has to be some."""
        if not request.get("MetricData"):
            text = "The parameter MetricData is required."
            raise CommonServiceException("MissingParameter", text, 400, sender_fault=True)
        super().put_metric_data(context, **_arguments(request))

    def _has_alarm(self, context: RequestContext, name: str) -> bool:
        return _arn(context, name) in self.get_store(context.account_id, context.region).alarms

    def _tag(self, context: RequestContext, name: str, request: Mapping[str, Any]) -> None:
        if tags := request.get("Tags"):
            self.tag_resource(context, _arn(context, name), tags)


def _arguments(request: Mapping[str, Any]) -> dict[str, Any]:
    return {xform_name(name): value for name, value in request.items()}


def _arn(context: RequestContext, name: str) -> str:
    return arns.cloudwatch_alarm_arn(name, context.account_id, context.region)


def _has_action(alarm: Mapping[str, Any], prefix: str) -> bool:
    return any(action.startswith(prefix) for name in _ACTIONS for action in alarm.get(name) or ())
