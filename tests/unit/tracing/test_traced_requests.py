"""Requests begin and end spans: whose they are is told by the connection or the credentials."""

from types import SimpleNamespace

import pytest
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response

from serverless_harness.emulator.gateway.traced_requests import BeginSpan, EndSpan, NameSpan
from serverless_harness.emulator.gateway.wsgi_environ import CALLER, FunctionCaller
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.environments import ENVIRONMENTS, Activity
from serverless_harness.emulator.tracing.span import Span
from serverless_harness.emulator.tracing.summaries import spans_of

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=1"


def context_of(method="POST", path="/", headers=None, internal=None, host="127.0.0.1:4566"):
    request = Request(method, path, headers={"Host": host, **(headers or {})})
    context = RequestContext(request)
    context.internal_request_params = internal
    return context


def serve(context, call=None, parameters=None, answer=None, status=200, error=None, inside=lambda: None):
    """Have a request go through the three handlers, as a call of a service or not."""
    response = Response(status=status)
    BeginSpan()(None, context, response)
    if call:
        service, operation = call.split(":")
        context.service = SimpleNamespace(service_name=service)
        context.operation = SimpleNamespace(name=operation)
        context.service_request = parameters or {}
        NameSpan()(None, context, response)
    inside()
    context.service_response, context.service_exception = answer, error
    EndSpan()(None, context, response)


def recorded(traces):
    return [span for _, trace in traces.all() for span in spans_of(trace.rows())]


@pytest.fixture
def invoke(traces):
    """An invoke under way in an environment, `environment-1`, whose session has the key `LSIAKEY`."""
    span = Span("trace-of-invoke", None, "invoke", "lambda", "accept")
    traces.begin(span)
    activity = Activity()
    for key in ("environment-1", "LSIAKEY"):
        ENVIRONMENTS[key] = activity
    with activity.doing(span):
        yield span


@pytest.mark.parametrize(
    ("path", "host", "name", "service", "resource"),
    [
        ("/_aws/execute-api/abc/test/shop/1", "127.0.0.1:4566", "POST /shop/1", "apigateway", "abc/test"),
        ("/_aws/execute-api/abc/test/", "127.0.0.1:4566", "POST /", "apigateway", "abc/test"),
        ("/restapis/abc/test/_user_request_/shop", "localhost", "POST /shop", "apigateway", "abc/test"),
        ("/test/shop", "abc.execute-api.localhost:4566", "POST /shop", "apigateway", "abc/test"),
        ("/_aws/lambda-url/xyz/go", "127.0.0.1:4566", "POST /go", "lambda", "xyz"),
        ("/go", "xyz.lambda-url.us-east-1.localhost", "POST /go", "lambda", "xyz"),
    ],
)
def test_requests_of_apis_enter_with_their_path(traces, path, host, name, service, resource):
    serve(context_of(path=path, host=host))
    [span] = recorded(traces)
    assert (span["kind"], span["name"], span["service"], span["resource"]) == (
        "request",
        name,
        service,
        resource,
    )
    assert span["status"] == "200"
    assert spans.current() is None


@pytest.mark.parametrize(
    "path", ["/_emulator/traces", "/_localstack/health", "/_aws/sqs/messages", "//_emulator"]
)
def test_the_emulators_own_endpoints_are_no_requests_of_a_trace(traces, path):
    serve(context_of("GET", path))
    assert recorded(traces) == []


def test_the_trace_id_that_comes_is_the_traces(traces):
    serve(context_of(path="/_aws/execute-api/a/b/", headers={"X-Amzn-Trace-Id": f"Root={ROOT};Sampled=1"}))
    serve(context_of(path="/_aws/execute-api/a/b/", headers={"X-Amzn-Trace-Id": "Root=../../etc;Self=1"}))
    first, second = [trace_id for trace_id, _ in traces.all()]
    assert first == ROOT
    assert second.startswith("1-")


def test_a_call_is_named_with_its_resource_and_what_it_carries(traces):
    serve(context_of(), "sns:Publish", {"TopicArn": "arn:aws:sns:us-east-1:0:to_decrypt", "Message": "4711"})
    [span] = recorded(traces)
    assert (span["kind"], span["service"], span["name"], span["resource"]) == (
        "request",
        "sns",
        "Publish",
        "to_decrypt",
    )
    assert traces.all()[0][1].rows()[0][-1] == b"4711"


@pytest.mark.parametrize(
    ("call", "parameters", "answer", "resource"),
    [
        ("lambda:Invoke", {"FunctionName": "arn:aws:lambda:r:0:function:accept:live"}, None, "accept"),
        ("sqs:SendMessage", {"QueueUrl": "http://sqs.localhost:4566/0/letters"}, None, "letters"),
        ("s3:PutObject", {"Bucket": "goods", "Key": "a/b"}, None, "goods/a/b"),
        ("kms:Decrypt", {}, {"KeyId": "arn:aws:kms:us-east-1:0:key/1-2"}, "1-2"),
        ("dynamodb:GetItem", {"TableName": "shops", "Key": {"id": {"S": "1"}}}, None, "shops"),
        ("dynamodb:TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "shops"}}]}, None, "shops"),
        ("dynamodb:BatchWriteItem", {"RequestItems": {"shops": []}}, None, "shops"),
    ],
)
def test_a_calls_resource(traces, call, parameters, answer, resource):
    serve(context_of(), call, parameters, answer, status=500)
    assert recorded(traces)[0]["resource"] == resource


def test_secrets_are_not_kept_to_be_found(traces):
    context = context_of(headers={"X-Amz-Target": "secretsmanager.CreateSecret"})
    serve(context, "secretsmanager:CreateSecret", {"SecretString": "hush"})
    assert traces.all()[0][1].rows()[0][-1] == b""


def test_an_error_is_the_services_words(traces):
    error = CommonServiceException("AuthorizationError", "not allowed", status_code=403)
    serve(context_of(), "sns:Publish", status=403, error=error)
    [span] = recorded(traces)
    assert (span["status"], span["error"]) == ("403", "AuthorizationError: not allowed")


def test_reads_from_outside_that_lead_to_nothing_are_forgotten(traces):
    serve(context_of(), "lambda:GetFunction", {"FunctionName": "accept"})
    assert recorded(traces) == []
    serve(context_of(), "lambda:GetFunction", status=404, error=CommonServiceException("NotFound", "no", 404))
    serve(context_of(), "dynamodb:GetItem", inside=lambda: spans.mark("fault", "dynamodb", "delay"))
    assert len(traces.all()) == 2


@pytest.mark.parametrize("by", ["connection", "credentials"])
def test_a_functions_call_is_of_its_invoke_whatever_it_says(traces, invoke, by):
    context = context_of(
        headers={
            "X-Amzn-Trace-Id": f"Root={ROOT}",
            "amz-sdk-request": "ttl=20260101T000000Z; attempt=2; max=5",
        }
    )
    if by == "connection":
        context.request.environ[CALLER] = FunctionCaller("accept", "role", environment_id="environment-1")
    else:
        context.request.headers["Authorization"] = SIGNED.format("LSIAKEY")
    serve(context, "dynamodb:GetItem", {"TableName": "shops"})
    call = next(span for span in recorded(traces) if span["kind"] == "call")
    assert (call["parent_id"], call["attempt"]) == (invoke.span_id, 2)
    assert [trace_id for trace_id, _ in traces.all()] == ["trace-of-invoke"]


def test_an_idle_environments_call_is_a_trace_of_its_own(traces, invoke):
    ENVIRONMENTS["environment-1"].span = None
    context = context_of()
    context.request.environ[CALLER] = FunctionCaller("accept", "role", environment_id="environment-1")
    serve(context, "sns:Publish")
    assert len(traces.all()) == 2


def test_the_emulators_calls_belong_to_their_cause_and_those_without_are_left_out(traces):
    serve(context_of(internal={spans.LINK: ["trace", "parent"]}), "lambda:Invoke", {"FunctionName": "f"})
    serve(context_of(internal={"service_principal": "logs"}), "logs:PutLogEvents")
    [span] = recorded(traces)
    assert (span["kind"], span["parent_id"], span["name"]) == ("call", "parent", "Invoke")


def test_what_the_emulator_starts_of_its_own_accord_is_a_trace(traces):
    context = context_of(internal={"service_principal": "scheduler"})
    serve(context, "lambda:Invoke", {"FunctionName": "f"})
    [span] = recorded(traces)
    assert (span["kind"], span["parent_id"]) == ("request", None)
    assert spans.cause_of(context.trace_context) == (traces.all()[0][0], span["span_id"])


def test_a_trace_goes_on_by_the_context_and_the_header(traces):
    context = context_of()
    serve(context, "lambda:Invoke", {"FunctionName": "f"})
    [(trace_id, _)] = traces.all()
    assert context.trace_context["aws_trace_header"].root == trace_id
    given = context_of(headers={"X-Amzn-Trace-Id": f"Root={ROOT};Parent=1;Sampled=1"})
    given.trace_context["aws_trace_header"] = "as it came"
    serve(given, "lambda:Invoke", {"FunctionName": "f"})
    assert given.trace_context["aws_trace_header"] == "as it came"


def test_messages_of_queues_remember_their_sender(traces):
    serve(context_of(), "sqs:SendMessage", {"QueueUrl": "q"}, {"MessageId": "m-1"})
    serve(context_of(), "sqs:SendMessageBatch", {"QueueUrl": "q"}, {"Successful": [{"MessageId": "m-2"}]})
    first, second = [trace_id for trace_id, _ in traces.all()]
    assert traces.sender_of(["m-1"])[0] == first
    assert traces.sender_of(["m-2"])[0] == second


def test_a_request_that_leaves_no_answer_says_so(traces):
    def drop():
        span = spans.current()
        span.status, span.error = "dropped", "the connection was closed before the answer"

    serve(context_of(), "sns:Publish", inside=drop)
    assert recorded(traces)[0]["status"] == "dropped"
