"""A boto3 client whose requests go to the provider in this process: no server, no port."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.model import Shape
from localstack.aws.api import RequestContext
from localstack.aws.client import create_http_request
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from moto.core.models import DEFAULT_ACCOUNT_ID

from serverless_harness.emulator.dynamodb.provider import DynamoDbMotoProvider

REGION = "us-east-1"
_names = itertools.count()


class InProcessDynamoDb:
    """Serves botocore's requests with a provider, through LocalStack's parser and serializer."""

    def __init__(self, dispatch_table: dict[str, Any]) -> None:
        self._service = load_service("dynamodb")
        self._skeleton = Skeleton(self._service, dispatch_table)

    def client(self, *, validate: bool = True) -> Any:
        client = boto3.client("dynamodb", **self._options(validate))
        client.meta.events.register("before-send.dynamodb", self._serve)
        return client

    def resource(self) -> Any:
        resource = boto3.resource("dynamodb", **self._options(validate=True))
        resource.meta.client.meta.events.register("before-send.dynamodb", self._serve)
        return resource

    def _options(self, validate: bool) -> dict[str, Any]:
        return {
            "region_name": REGION,
            "endpoint_url": "http://dynamodb.invalid",
            "aws_access_key_id": DEFAULT_ACCOUNT_ID,
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=validate),
        }

    def _serve(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        context = RequestContext(create_http_request(request))
        context.service, context.protocol = self._service, "json"
        context.account_id, context.region, context.partition = DEFAULT_ACCOUNT_ID, REGION, "aws"
        response = self._skeleton.invoke(context)
        if context.service_response:
            check_members(context.operation.output_shape, context.service_response, context.operation.name)
        return AWSResponse(request.url, response.status_code, dict(response.headers), _Raw(response.data))


def check_members(shape: Shape, value: Any, path: str) -> None:
    """Fail for a member that the API's output shape doesn't have: boto3 would drop it in silence."""
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path} has members that the API doesn't know: {sorted(unknown)}"
        for name, member in value.items():
            check_members(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for element in value:
            check_members(shape.member, element, f"{path}[]")
    elif shape.type_name == "map":
        for name, element in value.items():
            check_members(shape.value, element, f"{path}.{name}")


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


@pytest.fixture(scope="session")
def served() -> InProcessDynamoDb:
    return InProcessDynamoDb(DynamoDbMotoProvider().dispatch_table())


@pytest.fixture(scope="session")
def client(served: InProcessDynamoDb) -> Any:
    return served.client()


@pytest.fixture(scope="session")
def unchecked_client(served: InProcessDynamoDb) -> Any:
    """A client that sends what boto3's own parameter validation would refuse."""
    return served.client(validate=False)


@pytest.fixture
def make_table(client: Any) -> Iterator[Callable[..., str]]:
    """Return a function that creates a table and returns its name; hash key `pk`, range key `sk`, strings."""
    made: list[str] = []

    def make(*, range_key: bool = True, **options: Any) -> str:
        name = f"table-{next(_names)}"
        keys = ["pk", "sk"] if range_key else ["pk"]
        parameters = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        }
        client.create_table(**{**parameters, **options})
        made.append(name)
        return name

    yield make
    for name in made:
        client.delete_table(TableName=name)


@pytest.fixture
def table(make_table: Callable[..., str]) -> str:
    """The name of an empty table with hash key `pk` and range key `sk`."""
    return make_table()
