"""Log groups as DescribeLogGroups finds and describes them."""

import pytest
from localstack.aws.api.logs import InvalidParameterException
from moto.logs.models import LogsBackend

from serverless_harness.emulator.logs.groups import describe_group, find_groups
from serverless_harness.emulator.logs.ingestion import store

ACCOUNT, REGION = "111122223333", "eu-west-1"
NAMES = ["/aws/Other", "/aws/lambda/accept", "/aws/lambda/decrypt"]


class Uncopied:
    """An event that notices when it is copied: a group may have very many of them."""

    def __deepcopy__(self, memo):
        raise AssertionError("an event was copied")


@pytest.fixture
def backend():
    backend = LogsBackend(REGION, ACCOUNT)
    for name in reversed(NAMES):
        backend.create_log_group(name, {})
    return backend


@pytest.mark.parametrize(
    ("prefix", "pattern", "expected"),
    [
        (None, None, NAMES),
        ("/aws/lambda/", None, NAMES[1:]),
        (None, "Other", NAMES[:1]),
        (None, "other", []),
        ("/nothing", "", []),
    ],
)
def test_groups_are_found_by_their_names(backend, prefix, pattern, expected):
    assert [group.name for group in find_groups(backend, prefix, pattern)] == expected


def test_a_prefix_and_a_pattern_exclude_each_other(backend):
    with pytest.raises(InvalidParameterException, match="mutually exclusive"):
        find_groups(backend, "a", "b")


def test_a_group_is_described_without_a_copy_of_its_events(backend):
    [group] = find_groups(backend, NAMES[1], None)
    group.create_log_stream("s")
    store(group.streams["s"], [{"timestamp": 1, "message": "four"}], 5000)
    group.streams["s"].events.append(Uncopied())
    group.retention_in_days = "7"
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{NAMES[1]}"
    assert describe_group(group, 2) == {
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        "creationTime": group.creation_time,
        "logGroupName": NAMES[1],
        "metricFilterCount": 2,
        "retentionInDays": 7,
        "storedBytes": 4,
    }
