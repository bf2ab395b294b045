"""Log groups as DescribeLogGroups lists them."""

from types import SimpleNamespace

import pytest
from localstack.aws.api.logs import InvalidParameterException
from localstack.services.logs.models import get_moto_logs_backend

from serverless_harness.emulator.logs.ingestion import store
from serverless_harness.emulator.logs.provider import FilteringLogsProvider

ACCOUNT, REGION = "111122223333", "eu-west-1"
NAMES = ["/aws/lambda/accept", "/aws/lambda/decrypt", "/aws/Other"]


class Uncopied:
    """An event that notices when it is copied: a group may have very many of them."""

    def __deepcopy__(self, memo):
        raise AssertionError("an event was copied")


@pytest.fixture
def backend():
    backend = get_moto_logs_backend(ACCOUNT, REGION)
    backend.groups.clear()
    for name in NAMES:
        backend.create_log_group(name, {})
    yield backend
    backend.groups.clear()


def describe(**request):
    context = SimpleNamespace(account_id=ACCOUNT, region=REGION)
    return FilteringLogsProvider.describe_log_groups(FilteringLogsProvider, context, request)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["/aws/Other", "/aws/lambda/accept", "/aws/lambda/decrypt"]),
        ({"logGroupNamePrefix": "/aws/lambda/"}, ["/aws/lambda/accept", "/aws/lambda/decrypt"]),
        ({"logGroupNamePattern": "other"}, ["/aws/Other"]),
        ({"logGroupNamePrefix": "/nothing"}, []),
    ],
)
def test_groups_are_found_by_their_names(backend, request_, expected):
    assert [group["logGroupName"] for group in describe(**request_)["logGroups"]] == expected


def test_a_prefix_and_a_pattern_exclude_each_other(backend):
    with pytest.raises(InvalidParameterException, match="mutually exclusive"):
        describe(logGroupNamePrefix="a", logGroupNamePattern="b")


def test_pages_follow_each_other(backend):
    first = describe(limit=2)
    second = describe(limit=2, nextToken=first["nextToken"])
    names = [group["logGroupName"] for page in (first, second) for group in page["logGroups"]]
    assert names == sorted(NAMES)
    assert "nextToken" not in second


def test_a_group_is_described_without_a_look_at_its_events(backend):
    group = backend.groups[NAMES[0]]
    group.create_log_stream("s")
    store(group.streams["s"], [{"timestamp": 1, "message": "four"}], 5000)
    group.streams["s"].events.append(Uncopied())
    group.retention_in_days = "7"
    [described] = describe(logGroupNamePrefix=NAMES[0])["logGroups"]
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{NAMES[0]}"
    assert described == {
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        "creationTime": group.creation_time,
        "logGroupName": NAMES[0],
        "metricFilterCount": 0,
        "retentionInDays": 7,
        "storedBytes": 4,
    }
