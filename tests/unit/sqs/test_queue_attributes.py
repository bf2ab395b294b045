"""Values of queues' attributes: SQS API reference, SetQueueAttributes; the wording is the service's."""

import json

import pytest
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request
from localstack.services.sqs.models import sqs_stores

from serverless_harness.emulator.sqs import attributes
from serverless_harness.emulator.sqs.provider import CheckedAttributesProvider

ARN = "arn:aws:sqs:us-east-1:000000000000:"
FIFO_OF = {f"{ARN}dead": False, f"{ARN}dead.fifo": True}.get


def check(given, fifo=False):
    attributes.check(given, fifo=fifo, is_fifo=FIFO_OF)


def refused(given, fifo=False):
    with pytest.raises(CommonServiceException) as caught:
        check(given, fifo)
    return caught.value.code, caught.value.message


def redrive(target="dead", count=3):
    return json.dumps({"deadLetterTargetArn": f"{ARN}{target}", "maxReceiveCount": count})


@pytest.mark.parametrize("name", attributes.RANGES)
def test_numbers_are_held_to_their_ranges(name):
    least, most = attributes.RANGES[name]
    check({name: str(least)})
    check({name: str(most)})
    for value in (str(least - 1), str(most + 1), "", "x", "1.5", "1e2", "9" * 30, " 60"):
        expected = ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
        assert refused({name: value}) == expected


@pytest.mark.parametrize("name", attributes.CHOICES)
def test_choices_are_held_to_what_there_is(name):
    check({name: attributes.CHOICES[name][0]})
    assert refused({name: "other"}) == ("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


@pytest.mark.parametrize("value", ["x", "[]", "1"])
def test_a_policy_is_a_document(value):
    assert refused({"Policy": value})[0] == "InvalidAttributeValue"


@pytest.mark.parametrize(
    ("value", "fifo", "reason"),
    [
        ("x", False, "Redrive policy is not a valid JSON map."),
        ("[]", False, "Redrive policy is not a valid JSON map."),
        ("{}", False, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (
            '{"maxReceiveCount": 1}',
            False,
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (
            redrive(count=0),
            False,
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (redrive("none"), False, "Dead letter target does not exist."),
        (
            '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}',
            False,
            "Dead letter target does not exist.",
        ),
        (redrive("dead.fifo"), False, "Dead-letter queue must be same type of queue as the source.."),
        (redrive("dead"), True, "Dead-letter queue must be same type of queue as the source.."),
    ],
)
def test_redrive_policies_are_checked(value, fifo, reason):
    code, message = refused({"RedrivePolicy": value}, fifo)
    assert code.startswith("InvalidParameterValue")
    assert message == f"Value {value} for parameter RedrivePolicy is invalid. Reason: {reason}"


@pytest.mark.parametrize(("target", "fifo"), [("dead", False), ("dead.fifo", True)])
@pytest.mark.parametrize("count", [1, 1000, "5"])
def test_redrive_to_a_queue_of_the_same_kind(target, fifo, count):
    check({"RedrivePolicy": redrive(target, count)}, fifo)


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}a"]}, True),
        ({"redrivePermission": "byQueue"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}a"] * 11}, False),
        ({"redrivePermission": "allowAll", "sourceQueueArns": [f"{ARN}a"]}, False),
        ({"redrivePermission": "some"}, False),
        ([], False),
    ],
)
def test_redrive_allow_policies(policy, allowed):
    given = {"RedriveAllowPolicy": json.dumps(policy)}
    if allowed:
        check(given)
    else:
        assert refused(given)[0].startswith("InvalidParameterValue")


# The provider


@pytest.fixture
def context():
    context = RequestContext(Request("POST", "/"))
    context.account_id, context.region, context.partition = "000000000000", "us-east-1", "aws"
    from localstack.aws.spec import load_service

    context.service = load_service("sqs")
    yield context
    sqs_stores.reset()


@pytest.fixture
def provider():
    return CheckedAttributesProvider()


@pytest.mark.parametrize("name", attributes.REMOVED_BY_NOTHING)
def test_an_empty_value_takes_an_attribute_away(provider, context, name):
    provider.create_queue(context, "dead")
    value = {
        "Policy": '{"Version": "2012-10-17", "Statement": []}',
        "RedrivePolicy": redrive(),
        "RedriveAllowPolicy": '{"redrivePermission": "denyAll"}',
    }[name]
    url = provider.create_queue(context, "queue", {name: value})["QueueUrl"]
    assert provider.get_queue_attributes(context, url, ["All"])["Attributes"][name] == value
    provider.set_queue_attributes(context, url, {name: ""})
    assert name not in provider.get_queue_attributes(context, url, ["All"])["Attributes"]
    assert provider.create_queue(context, "queue", {name: ""})["QueueUrl"] == url


def test_of_attributes_that_are_refused_none_is_kept(provider, context):
    url = provider.create_queue(context, "queue")["QueueUrl"]
    with pytest.raises(CommonServiceException):
        provider.set_queue_attributes(context, url, {"DelaySeconds": "5", "VisibilityTimeout": "a"})
    assert provider.get_queue_attributes(context, url, ["All"])["Attributes"]["DelaySeconds"] == "0"


def test_a_queue_that_is_refused_is_not_there(provider, context):
    with pytest.raises(CommonServiceException):
        provider.create_queue(context, "queue", {"RedrivePolicy": redrive("none")})
    assert not provider.list_queues(context).get("QueueUrls")
