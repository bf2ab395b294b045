"""What isn't emulated says so, and the page that is named lists it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from localstack.aws.api import CommonServiceException
from localstack.aws.spec import load_service
from localstack.services.plugins import SERVICE_PLUGINS

from serverless_harness.emulator.coverage import PAGE, rules
from serverless_harness.emulator.coverage.errors import not_available
from serverless_harness.emulator.coverage.handler import SayWhatIsNotEmulated
from serverless_harness.emulator.coverage.rules import RULES
from serverless_harness.emulator.first_uses import FirstUses

TEXT = (Path(__file__).parents[3] / PAGE).read_text()
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"


def request_context(service, operation, parameters):
    model = load_service(service)
    return SimpleNamespace(
        service=model, operation=model.operation_model(operation), service_request=parameters
    )


@pytest.fixture
def calls():
    return []


@pytest.fixture
def say(calls, monkeypatch):
    monkeypatch.setattr(rules, "_kinesis_is_missing", lambda parameters: True)
    handler = SayWhatIsNotEmulated(FirstUses({"cloudformation": lambda: calls.append("first call")}))

    def say(service, operation, parameters):
        handler(None, request_context(service, operation, parameters), None)

    return say


def line_of(rule):
    names = ", ".join(rule.names) if rule.names else "each operation that changes something"
    kind = "refused" if rule.refused else "warning"
    return f"| `{rule.service}` {names.replace('*', 'all')} | {kind} | {rule.message} |"


def test_the_page_lists_every_service_that_is_provided():
    listed = re.findall(r"^\| \*\*[^|]+\*\* `([a-z0-9-]+)` \|", TEXT, re.M)
    assert listed == sorted(SERVICE_PLUGINS.list_available())


def test_the_page_lists_all_that_is_said():
    said = TEXT.partition("## The messages")[2].strip().splitlines()[2:]
    assert said == [line_of(rule) for rule in RULES], "bring docs/services.md up to the rules"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.service} {rule.operations}")
def test_rules_name_operations_that_aws_has(rule):
    known = load_service(rule.service).operation_names
    assert [name for name in rule.names if name not in ("*", *known)] == []


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("scheduler", "CreateSchedule", {"Name": "s"}),
        ("apigateway", "CreateAuthorizer", {"type": "COGNITO_USER_POOLS"}),
        ("apigateway", "PutMethod", {"authorizationType": "COGNITO_USER_POOLS"}),
        ("lambda", "CreateEventSourceMapping", {"EventSourceArn": "arn:aws:kafka:r:1:cluster/c"}),
        ("lambda", "CreateEventSourceMapping", {"SelfManagedEventSource": {"Endpoints": {}}}),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:ecs:r:1:cluster/c"}]}),
        ("firehose", "CreateDeliveryStream", {"RedshiftDestinationConfiguration": {"RoleARN": "r"}}),
        ("ssm", "SendCommand", {"DocumentName": "d"}),
        ("logs", "PutAccountPolicy", {"policyName": "p"}),
    ],
)
def test_what_would_never_act_is_refused_in_one_line(say, service, operation, parameters):
    with pytest.raises(CommonServiceException) as caught:
        say(service, operation, parameters)
    assert caught.value.status_code == 400
    assert caught.value.message.endswith(f"({PAGE})")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("scheduler", "CreateScheduleGroup", {"Name": "g"}),
        ("apigateway", "CreateAuthorizer", {"type": "TOKEN"}),
        ("lambda", "CreateEventSourceMapping", {"EventSourceArn": QUEUE}),
        ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": QUEUE}]}),
        ("firehose", "CreateDeliveryStream", {"ExtendedS3DestinationConfiguration": {"RoleARN": "r"}}),
        ("stepfunctions", "CreateStateMachine", {"definition": '{"StartAt": "A"}'}),
    ],
)
def test_what_acts_passes_unsaid(say, caplog, service, operation, parameters):
    say(service, operation, parameters)
    assert caplog.text == ""


def test_what_is_only_stored_is_said_once(say, caplog):
    for _ in range(2):
        say("dynamodb", "CreateTable", {"ProvisionedThroughput": {"ReadCapacityUnits": 1}})
        say("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"})
        say("ec2", "DescribeVpcs", {})
        say("dynamodb", "CreateTable", {"BillingMode": "PAY_PER_REQUEST"})
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("dynamodb.CreateTable: provisioned throughput is stored")
    assert all(message.endswith(f"({PAGE})") for message in said)


def test_kinesis_says_at_once_that_it_is_not_installed(monkeypatch):
    handler = SayWhatIsNotEmulated(FirstUses({}))
    with pytest.raises(CommonServiceException, match="kinesis-mock is not installed"):
        handler(None, request_context("kinesis", "ListStreams", {}), None)


def test_cloudformation_is_told_of_with_its_first_call(say, calls):
    say("sqs", "ListQueues", {})
    assert calls == []
    say("cloudformation", "ListStacks", {})
    say("cloudformation", "ListStacks", {})
    assert calls == ["first call"]


def test_what_nobody_provides_names_no_license():
    for operation, text in ((None, "pipes is"), ("CreatePipe", "CreatePipe of pipes is")):
        error = not_available("pipes", operation, None)
        assert error.message == f"{text} not emulated ({PAGE})"
        assert error.status_code == 501


def test_cloudformation_makes_what_there_is_a_provider_for():
    from localstack.aws.api.cloudformation import ChangeSetType
    from localstack.services.cloudformation.engine.v2 import change_set_resource_support_checker as theirs

    from serverless_harness.emulator.coverage import cloudformation

    assert callable(theirs.ChangeSetResourceSupportChecker(ChangeSetType.CREATE)._resource_support_status)
    assert callable(theirs._build_resource_failure_message)
    here = [
        kind
        for kind in (
            "AWS::SQS::Queue",
            "AWS::Lambda::Function",
            "AWS::CDK::Metadata",
            "AWS::Cognito::UserPool",
        )
        if cloudformation.support_of(None, kind).name == "AVAILABLE"
    ]
    assert here == ["AWS::SQS::Queue", "AWS::Lambda::Function", "AWS::CDK::Metadata"]
    assert cloudformation.failure_of("AWS::Cognito::UserPool", None).endswith(f"not emulated ({PAGE})")
