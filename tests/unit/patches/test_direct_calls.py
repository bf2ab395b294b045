"""A direct call is to the gateway's handlers what a client's call is, and ends in the same errors."""

import json
from types import SimpleNamespace

import pytest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, ConnectionClosedError
from localstack import config, runtime
from localstack.aws import connect, handlers
from localstack.aws.api import CommonServiceException
from localstack.aws.client import botocore_in_memory_endpoint_patch
from localstack.aws.gateway import Gateway
from localstack.aws.protocol.parser import create_parser

from serverless_harness.emulator.faults import drop_answer
from serverless_harness.emulator.gateway import direct_calls, integration_calls
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.span import Span

FUNCTION_ARN = "arn:aws:lambda:eu-central-1:000000000000:function:decrypt:live"
TOPIC_ARN = "arn:aws:sns:eu-central-1:000000000000:orders"
SESSION = ReadOnlyCredentials("LSIAQAAAAAAVNCBMPNSG", "secret", "session-token")
EVENTS = {
    "logGroupName": "/aws/lambda/decrypt",
    "logStreamName": "2026/03/01/[$LATEST]0123456789abcdef0123456789abcdef",
    "logEvents": [{"timestamp": 1_772_323_200_000, "message": "K\u00e4se \U0001f9c0\n"}],
}
PAYLOAD = '{"a": "K\u00e4se"}'.encode()
OF_RETRIES = {"amz-sdk-invocation-id", "amz-sdk-request"}
"""What a client tells of its own attempts, which a direct call has none of."""


class Served:
    """A gateway that reads requests as LocalStack's does, notes them, and ends them as a test says."""

    def __init__(self):
        self.seen = []
        self.end = lambda context, response: None
        self.error_handlers = [handlers.handle_service_exception]
        read = [
            handlers.add_internal_request_params,
            handlers.parse_service_name,
            handlers.inject_auth_header_if_missing,
            handlers.add_region_from_header,
            handlers.add_account_id,
            handlers.parse_trace_context,
            handlers.parse_service_request,
            self.serve,
        ]
        self.gateway = Gateway(request_handlers=read, exception_handlers=self.error_handlers)

    def serve(self, chain, context, response):
        http = context.request
        parameters = dict(context.service_request)
        assert parameters.keys() == create_parser(context.service, context.protocol).parse(http)[1].keys()
        if "Payload" in parameters:
            parameters["Payload"] = parameters["Payload"].read()
        headers = {name.lower(): value for name, value in http.headers.items()}
        assert headers.pop("x-amz-date")
        headers["user-agent"], *_ = headers["user-agent"].split()
        self.seen.append(
            {
                "http": (http.method, http.path, http.full_path, http.url, http.remote_addr, http.scheme),
                "headers": {name: value for name, value in headers.items() if name not in OF_RETRIES},
                "body": json.loads(http.get_data()) if "logEvents" in parameters else None,
                "service": context.service.service_name,
                "protocol": context.protocol,
                "operation": context.operation.name,
                "parameters": parameters,
                "region": context.region,
                "account_id": context.account_id,
                "internal": dict(context.internal_request_params),
                "span": spans.current(),
            }
        )
        response.headers["x-amzn-requestid"] = context.request_id
        self.end(context, response)


@pytest.fixture
def served(applied, monkeypatch):
    for name in ("internal_call_marks", "internal_client_overhead", "in_memory_client", "request_parsing"):
        applied(name)
    served = Served()
    current = SimpleNamespace(components=SimpleNamespace(gateway=served.gateway))
    monkeypatch.setattr(runtime, "get_current_runtime", lambda: current)
    monkeypatch.setattr(direct_calls, "get_current_runtime", lambda: current)
    monkeypatch.setattr(config, "IN_MEMORY_CLIENT", True)
    botocore_in_memory_endpoint_patch.apply()  # `applied` puts it back.
    return served


def clients(**settings):
    once = Config(retries={"total_max_attempts": 1})
    factory = connect.InternalClientFactory(config=connect.connect_to._config.merge(once))
    return factory(region_name="eu-central-1", **settings)


def invoke_by_client(invocation_type="Event"):
    client = clients().lambda_.request_metadata(source_arn=TOPIC_ARN, service_principal="sns")
    return client.invoke(FunctionName=FUNCTION_ARN, Payload=PAYLOAD, InvocationType=invocation_type)


def invoke_directly(invocation_type="Event"):
    return direct_calls.invoke(
        FUNCTION_ARN, PAYLOAD, invocation_type, service_principal="sns", source_arn=TOPIC_ARN
    )


def put_by_client():
    keys = {
        "aws_access_key_id": SESSION.access_key,
        "aws_secret_access_key": SESSION.secret_key,
        "aws_session_token": SESSION.token,
    }
    clients(**keys).logs.put_log_events(**EVENTS)


def put_directly():
    direct_calls.put_log_events(EVENTS, "eu-central-1", SESSION)


BOTH_WAYS = pytest.mark.parametrize(
    ("by_client", "directly"),
    [(invoke_by_client, invoke_directly), (put_by_client, put_directly)],
    ids=["Invoke", "PutLogEvents"],
)


@BOTH_WAYS
@pytest.mark.parametrize("is_traced", [True, False])
def test_handlers_see_of_a_direct_call_what_they_see_of_a_clients(served, by_client, directly, is_traced):
    span = Span("1-67891233-abcdef012345678912345678", None, "delivery", "sns", "m") if is_traced else None
    with spans.within(span):
        by_client()
        directly()
    of_client, direct = served.seen
    for seen in (of_client, direct):
        assert seen["headers"].pop("content-length")  # Of JSON that may be written with other spaces.
    assert direct["headers"] == of_client["headers"]
    assert direct == of_client
    assert direct["span"] is None
    assert (spans.LINK in direct["internal"]) is is_traced


@BOTH_WAYS
@pytest.mark.parametrize(("code", "status"), [("AccessDeniedException", 403), ("ServiceException", 500)])
def test_an_error_is_a_clients(served, by_client, directly, code, status):
    def fail(context, response):
        raise CommonServiceException(code, "No, says the policy.", status_code=status)

    served.end = fail
    raised = []
    for call in (by_client, directly):
        with pytest.raises(ClientError) as caught:
            call()
        raised.append(caught.value)
    of_client, direct = raised
    assert str(direct) == str(of_client).replace(" (reached max retries: 0)", "")
    assert direct.response["Error"] == of_client.response["Error"]
    for error in raised:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert direct_calls.is_server_side(error) is (status == 500)


@BOTH_WAYS
def test_a_connection_that_a_fault_closes_is_a_clients(served, by_client, directly):
    served.end = lambda context, response: drop_answer.drop(response)
    for call in (by_client, directly):
        with pytest.raises(ConnectionClosedError):
            call()


def test_an_answer_is_a_clients(served):
    def answer(context, response):
        response.data = b'{"statusCode": 200}'

    served.end = answer
    of_client, direct = invoke_by_client("RequestResponse"), invoke_directly("RequestResponse")
    assert direct.body == of_client["Payload"].read() == b'{"statusCode": 200}'
    assert direct.request_id
    assert direct.request_id != of_client["ResponseMetadata"]["RequestId"]


@pytest.fixture
def integration(served):
    """API Gateway's call of a function: `by_client` notes what it is asked for."""
    asked = []

    def by_client(**call):
        asked.append(call)
        return b"by client"

    def call(credentials=None):
        return integration_calls.call_lambda(
            by_client,
            function_arn=FUNCTION_ARN,
            event=PAYLOAD,
            source_arn="arn:aws:execute-api:eu-central-1:000000000000:api/stage/POST/order",
            credentials=credentials,
        )

    return SimpleNamespace(call=call, asked=asked, served=served)


def fail_with(status):
    def fail(context, response):
        raise CommonServiceException("E", "message", status_code=status)

    return fail


def test_an_api_calls_its_function_directly(integration):
    integration.served.end = lambda context, response: setattr(response, "data", b"answer")
    assert integration.call() == b"answer"
    [seen] = integration.served.seen
    assert seen["internal"]["service_principal"] == "apigateway"
    assert seen["internal"]["source_arn"].startswith("arn:aws:execute-api:")
    assert seen["parameters"]["InvocationType"] == "RequestResponse"
    assert integration.asked == []


def test_an_api_with_a_role_calls_its_function_by_client(integration):
    role = "arn:aws:iam::000000000000:role/api"
    assert integration.call(role) == b"by client"
    assert integration.asked[0]["credentials"] == role
    assert integration.served.seen == []


@pytest.mark.parametrize(
    "end",
    [fail_with(500), fail_with(429), lambda context, response: drop_answer.drop(response)],
    ids=["500", "429", "closed"],
)
def test_an_attempt_that_may_succeed_later_is_left_to_the_client(integration, end):
    integration.served.end = end
    assert integration.call() == b"by client"
    assert len(integration.asked) == 1


def test_an_attempt_that_is_refused_is_not_made_again(integration):
    integration.served.end = fail_with(403)
    with pytest.raises(ClientError):
        integration.call()
    assert integration.asked == []
