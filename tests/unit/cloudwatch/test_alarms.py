"""Tags of alarms (CloudWatch API reference, PutMetricAlarm), and alarms of a loaded state."""

from threading import Event

import pytest
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request
from localstack.services.cloudwatch.models import LocalStackMetricAlarm, cloudwatch_stores

from serverless_harness.emulator.cloudwatch import provider as provider_module
from serverless_harness.emulator.cloudwatch.provider import TaggedAlarmsProvider

ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:many"
TOPIC = "arn:aws:sns:us-east-1:000000000000:t"
ALARM = {
    "AlarmName": "many",
    "AlarmActions": [TOPIC],
    "MetricName": "m",
    "Namespace": "n",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def context():
    context = RequestContext(Request("POST", "/"))
    context.account_id, context.region, context.partition = "000000000000", "us-east-1", "aws"
    yield context
    cloudwatch_stores.reset()


@pytest.fixture
def provider(monkeypatch):
    provider = TaggedAlarmsProvider()
    monkeypatch.setattr(provider.alarm_scheduler, "schedule_metric_alarm", lambda arn: None)
    monkeypatch.setattr(provider.alarm_scheduler, "delete_scheduler_for_alarm", lambda arn: None)
    return provider


def tags(provider, context):
    return {tag["Key"]: tag["Value"] for tag in provider.list_tags_for_resource(context, ARN)["Tags"]}


def test_a_new_alarm_has_its_tags_and_one_that_is_there_keeps_its_own(provider, context):
    provider.put_metric_alarm(context, {**ALARM, "Tags": [{"Key": "a", "Value": "1"}]})
    assert tags(provider, context) == {"a": "1"}
    provider.put_metric_alarm(context, {**ALARM, "Tags": [{"Key": "a", "Value": "2"}]})
    assert tags(provider, context) == {"a": "1"}


def test_tags_go_with_their_alarm(provider, context):
    provider.put_metric_alarm(context, {**ALARM, "Tags": [{"Key": "a", "Value": "1"}]})
    provider.delete_alarms(context, ["many"])
    provider.put_metric_alarm(context, ALARM)
    assert tags(provider, context) == {}


@pytest.mark.parametrize(("prefix", "count"), [(TOPIC, 1), ("arn:aws:lambda", 0)])
def test_alarms_are_found_by_their_actions(provider, context, prefix, count):
    provider.put_metric_alarm(context, ALARM)
    assert len(provider.describe_alarms(context, {"ActionPrefix": prefix})["MetricAlarms"]) == count


def test_data_has_to_be_there(provider, context):
    with pytest.raises(CommonServiceException) as refused:
        provider.put_metric_data(context, {"Namespace": "n"})
    assert refused.value.code == "MissingParameter"


def test_all_alarms_of_a_loaded_state_are_evaluated_again(provider, context, monkeypatch):
    evaluated = []
    all_there = Event()

    def schedule(arn):
        evaluated.append(arn)
        if len(evaluated) == 62:
            all_there.set()

    monkeypatch.setattr(provider.alarm_scheduler, "schedule_metric_alarm", schedule)
    monkeypatch.setattr(provider.alarm_scheduler, "start", lambda: None)
    monkeypatch.setattr(provider_module, "poll_condition", lambda _: True)
    for account, region, count in (("000000000000", "us-east-1", 61), ("111122223333", "eu-west-1", 1)):
        alarms = cloudwatch_stores[account][region].alarms
        for number in range(count):
            alarm = LocalStackMetricAlarm(account, region, {**ALARM, "AlarmName": f"many-{number}"})
            alarms[alarm.alarm["AlarmArn"]] = alarm
    provider.on_after_state_load()
    assert all_there.wait(timeout=20), f"only {len(evaluated)} of 62"
    assert "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:many-0" in evaluated


@pytest.mark.parametrize("event", ["on_before_state_load", "on_before_state_reset"])
def test_no_alarm_of_a_state_that_is_gone_is_evaluated(event):
    provider = TaggedAlarmsProvider()
    task = provider.alarm_scheduler.scheduler.schedule(lambda: None, period=60)
    provider.alarm_scheduler.scheduled_alarms[ARN] = task
    getattr(provider, event)()
    assert task.is_cancelled
