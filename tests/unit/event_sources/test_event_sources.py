"""What is checked of event source mappings, and how batches are cut, without a stack."""

import pytest
from botocore.exceptions import ClientError
from localstack.aws.api import CommonServiceException
from localstack.aws.api.lambda_ import InvalidParameterValueException

from serverless_harness.emulator import authorization
from serverless_harness.emulator.lambda_service import event_sources

QUEUE = "arn:aws:sqs:eu-central-1:000000000000:orders"
STREAM = "arn:aws:kinesis:eu-central-1:000000000000:stream/orders"
ROLE = "arn:aws:iam::000000000000:role/reader"


@pytest.fixture
def denied(monkeypatch):
    """Actions that no role has."""
    actions = set()
    monkeypatch.setattr(
        authorization,
        "denial_for_role",
        lambda errand, role_arn, session_name: Exception() if errand.action in actions else None,
    )
    return actions


def test_a_role_has_to_read_its_source(denied):
    event_sources.require_permissions("sqs", QUEUE, ROLE, "f")
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        denied.clear()
        denied.add(f"sqs:{action}")
        with pytest.raises(InvalidParameterValueException) as error:
            event_sources.require_permissions("sqs", QUEUE, ROLE, "f")
        assert error.value.message == (
            f"The provided execution role does not have permissions to call {action} on SQS"
        )
    denied.add("kinesis:GetRecords")
    with pytest.raises(InvalidParameterValueException, match="Cannot access stream"):
        event_sources.require_permissions("kinesis", STREAM, ROLE, "f")
    event_sources.require_permissions("kafka", "arn:aws:kafka:::", ROLE, "f")


@pytest.mark.parametrize(
    ("service", "code", "operation", "text"),
    [
        ("sqs", "AWS.SimpleQueueService.NonExistentQueue", "GetQueueAttributes", "NonExistentQueue"),
        ("sqs", "AccessDenied", "GetQueueAttributes", "does not have permissions to call ReceiveMessage"),
        ("sqs", "AccessDenied", "AssumeRole", "cannot be assumed by Lambda"),
        ("kinesis", "ResourceNotFoundException", "DescribeStream", "Stream not found"),
        ("dynamodb", "AccessDeniedException", "DescribeStream", "Cannot access stream"),
    ],
)
def test_a_source_that_can_not_be_read(service, code, operation, text):
    error = ClientError({"Error": {"Code": code, "Message": "m"}}, operation)
    assert text in event_sources.unreadable(service, QUEUE, error).message


def test_queues():
    event_sources.check_queue({}, 30, 30)
    event_sources.check_queue({"ScalingConfig": {"MaximumConcurrency": 2}}, None, 900)
    with pytest.raises(InvalidParameterValueException) as error:
        event_sources.check_queue({}, 30, 60)
    assert error.value.message == (
        "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    )
    for concurrency in (1, 1001):
        with pytest.raises(CommonServiceException, match="maximumConcurrency"):
            event_sources.check_queue({"ScalingConfig": {"MaximumConcurrency": concurrency}}, 30, 30)


def test_batches_fit_into_an_invoke():
    messages = [{"Body": "x" * 400} for _ in range(5)]
    sizes = [len(batch) for batch in event_sources.by_size(messages, maximum=2000)]
    assert sizes == [2, 2, 1]
    assert [len(batch) for batch in event_sources.by_size([{"Body": "x" * 5000}] * 2, maximum=2000)] == [1, 1]
    assert list(event_sources.by_size([])) == []
