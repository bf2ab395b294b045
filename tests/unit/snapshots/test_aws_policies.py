"""AWS's managed policies take little of a saved state, and come back as they were."""

import pytest
from moto.core.config import default_user_config
from moto.iam.models import IAMBackend

from serverless_harness.emulator.snapshots import aws_policies, codec

ACCOUNT = "000000000000"
MOST_BYTES_OF_ONE = 250


def facts(policy):
    return {**vars(policy), "versions": [vars(version) for version in policy.versions]}


@pytest.fixture
def backend(monkeypatch):
    """An account as LocalStack makes it, with AWS's policies."""
    monkeypatch.setitem(default_user_config["iam"], "load_aws_managed_policies", True)
    aws_policies._made.cache_clear()
    yield IAMBackend("aws", ACCOUNT)
    aws_policies._made.cache_clear()


def test_they_are_saved_by_name_and_come_back_with_their_ids(backend):
    aws_policies._made("aws")  # With LocalStack's patches, which an account has that is made from now on.
    policies = IAMBackend("aws", ACCOUNT).aws_managed_policies
    assert len(policies) > 1_000

    data = codec.dumps(policies)
    loaded = codec.loads(data)

    assert [facts(each) for each in loaded] == [facts(each) for each in policies]
    assert len(data) < len(policies) * MOST_BYTES_OF_ONE


def test_one_is_one_in_the_list_and_in_the_dict(backend):
    policy = backend.aws_managed_policies[0]
    first, second = codec.loads(codec.dumps([policy, policy]))
    assert first is second


def test_one_that_a_request_has_changed_comes_back_changed(backend):
    attached, tagged, other_version, untouched = backend.aws_managed_policies[:4]
    attached.attachment_count += 1
    tagged.tags["a"] = {"Key": "a", "Value": "b"}
    other_version.versions[0].document = "{}"

    loaded = codec.loads(codec.dumps([attached, tagged, other_version, untouched]))

    assert [facts(each) for each in loaded] == [
        facts(each) for each in (attached, tagged, other_version, untouched)
    ]
    loaded[3].tags["a"] = loaded[3].versions[0].document = None
    again = codec.loads(codec.dumps(untouched))
    assert facts(again) == facts(untouched)
