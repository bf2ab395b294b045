"""Reserved environment variables in a function's configuration."""

import pytest
from localstack.aws.api.lambda_ import InvalidParameterValueException
from localstack.services.lambda_.provider import LambdaProvider

PREFIX = (
    "Lambda was unable to configure your environment variables because the environment variables you have "
    "provided contains reserved keys that are currently not supported for modification. "
    "Reserved keys used in this request: "
)


@pytest.fixture
def verify(applied):
    applied("lambda_reserved_variables")
    return LambdaProvider.__new__(LambdaProvider)._verify_env_variables


def test_reserved_variables_are_refused_by_name(verify):
    with pytest.raises(InvalidParameterValueException) as refused:
        verify({"B": "1", "AWS_SESSION_TOKEN": "x", "AWS_ACCESS_KEY_ID": "x"})
    assert refused.value.message == PREFIX + "AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN"


def test_other_variables_are_not(verify):
    verify({"TABLE": "shops", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "PATH": "/bin", "TZ": "UTC"})


def test_the_size_is_still_checked(verify):
    with pytest.raises(InvalidParameterValueException, match="exceeded the 4KB limit"):
        verify({"A": "x" * 5000})
