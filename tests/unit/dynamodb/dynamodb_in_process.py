"""The provider served to boto3 and to raw requests in this process: no server, no port."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.model import Shape
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.client import create_http_request
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.http import Request, Response
from moto.core.models import DEFAULT_ACCOUNT_ID

from serverless_harness.emulator.dynamodb import http

REGION = "us-east-1"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={DEFAULT_ACCOUNT_ID}/20260101/{REGION}/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


class InProcessDynamoDb:
    """Serves botocore's requests with a provider."""

    service_name = "dynamodb"
    event = "before-send.dynamodb"

    def __init__(self, dispatch_table: dict[str, Any], region: str = REGION) -> None:
        self._region = region
        self._service = load_service(self.service_name)
        self._skeleton = Skeleton(self._service, dispatch_table)

    def client(self, *, validate: bool = True) -> Any:
        client = boto3.client(self.service_name, **self._options(validate))
        client.meta.events.register(self.event, self._serve)
        return client

    def resource(self) -> Any:
        resource = boto3.resource("dynamodb", **self._options(validate=True))
        resource.meta.client.meta.events.register("before-send.dynamodb", self._serve)
        return resource

    def _options(self, validate: bool) -> dict[str, Any]:
        return {
            "region_name": self._region,
            "endpoint_url": "http://dynamodb.invalid",
            "aws_access_key_id": DEFAULT_ACCOUNT_ID,
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=validate),
        }

    def _serve(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        context = self._context(create_http_request(request))
        response = self.respond(context)
        if context.service_response and context.operation.output_shape:
            check_members(context.operation.output_shape, context.service_response, context.operation.name)
        return AWSResponse(request.url, response.status_code, dict(response.headers), _Raw(response.data))

    def raw(self, operation: str, body: str | bytes, **headers: str) -> "RawAnswer":
        """Send a body as it is; `headers` replace those of a proper request, "" leaves one out."""
        sent = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{self._service.metadata['targetPrefix']}.{operation}",
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": AUTHORIZATION,
            **headers,
        }
        content = body.encode() if isinstance(body, str) else body
        request = Request("POST", "/", headers={k: v for k, v in sent.items() if v}, body=content)
        response = self.respond(self._context(request))
        return RawAnswer(response.status_code, dict(response.headers), response.data)

    def _context(self, request: Request) -> RequestContext:
        context = RequestContext(request)
        context.service, context.protocol = self._service, "json"
        context.account_id, context.region, context.partition = DEFAULT_ACCOUNT_ID, self._region, "aws"
        return context

    def respond(self, context: RequestContext) -> Response:
        """Receive and answer a request as the gateway does."""
        try:
            context.operation, context.service_request = http.receive(context.request, self._service)
        except ServiceException as error:
            return http.refuse(context, error)
        handler = self._skeleton.dispatch_table[context.operation.name]
        response: Response = handler(context, context.service_request)
        return response


class InProcessStreams(InProcessDynamoDb):
    """The same for the provider of DynamoDB Streams."""

    service_name = "dynamodbstreams"
    event = "before-send.dynamodb-streams"


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
