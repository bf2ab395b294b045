"""Subjects and batches that SNS refuses: SNS API reference, Publish and PublishBatch."""

import pytest
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.api.sns import EmptyBatchRequestException, InvalidParameterException
from localstack.http import Request
from localstack.services.sns.models import sns_stores

from serverless_harness.emulator.control import is_controlling
from serverless_harness.emulator.sns.provider import CheckedMessagesProvider, check_subject


@pytest.mark.parametrize("subject", [None, "s", "s" * 100, "Überschrift"])
def test_subjects_that_are_taken(subject):
    check_subject(subject)


@pytest.mark.parametrize("subject", ["", "s" * 101, "a\nb", "a\rb", "a\tb", "\x7f"])
def test_subjects_that_are_refused(subject):
    with pytest.raises(InvalidParameterException, match="Invalid parameter: Subject"):
        check_subject(subject)


@pytest.fixture
def context():
    context = RequestContext(Request("POST", "/"))
    context.account_id, context.region, context.partition = "000000000000", "us-east-1", "aws"
    yield context
    sns_stores.reset()


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ([], EmptyBatchRequestException),
        ([{"Id": "1", "Message": ""}], InvalidParameterException),
        ([{"Id": "1", "Message": "m", "Subject": "a\nb"}], InvalidParameterException),
    ],
)
def test_batches_that_are_refused(context, entries, error):
    provider = CheckedMessagesProvider()
    with pytest.raises((ServiceException, CommonServiceException)) as refused:
        provider.publish_batch(context, "arn:aws:sns:us-east-1:000000000000:t", entries)
    assert isinstance(refused.value, error)


def test_the_certificate_that_messages_name_is_open_to_all():
    path = "/_aws/sns/SimpleNotificationService-6c6f.pem"
    assert not is_controlling("GET", path)
    assert is_controlling("DELETE", path)
    assert is_controlling("GET", "/_aws/sns/sms-messages")
