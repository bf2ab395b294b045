"""LocalStack's internal clients get the same answers in memory as over HTTP."""

import io
import json
from collections.abc import Iterable

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from gateway_serving import RunningServer, echo, serving
from rolo import Response
from rolo.gateway import Gateway

from serverless_harness.emulator.gateway.in_memory import answer
from serverless_harness.emulator.patches import in_memory_client

type Body = bytes | str | io.BytesIO | Iterable[bytes] | None


def dispatch(chain: object, context: object, response: Response) -> None:
    response.update_from(echo(context.request))


def prepared(
    method: str = "POST",
    target: str = "/",
    body: Body = b"",
    headers: dict[str, str] | None = None,
    port: int = 4566,
) -> AWSPreparedRequest:
    return AWSPreparedRequest(
        method, f"http://127.0.0.1:{port}{target}", HeadersDict(headers or {}), body, stream_output=False
    )


def in_memory(request: AWSPreparedRequest) -> dict:
    response = answer(Gateway(request_handlers=[dispatch]), request)
    assert response.status_code == 200
    return json.loads(response.content)


@pytest.mark.parametrize(
    ("method", "target", "body", "headers"),
    [
        ("POST", "/", b"Action=Publish", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("PUT", "/bucket/a%2Fb%20c?x=%2F&uploads", b"\x00\xff", {"X-Amz-Meta-Case": "Kept"}),
        ("GET", "/k%C3%A4se//x?list-type=2", None, {"host": "given:80", "accept-encoding": "gzip"}),
        ("DELETE", "", None, {}),
    ],
)
def test_gateway_sees_what_it_sees_over_http(
    echo_server: RunningServer, method: str, target: str, body: bytes | None, headers: dict[str, str]
) -> None:
    from botocore.httpsession import URLLib3Session

    if body:
        headers["Content-Length"] = str(len(body))
    request = prepared(method, target, body, headers, echo_server.port)
    over_http = json.loads(URLLib3Session(proxies={}).send(request).content)
    seen = in_memory(request)
    for view in (over_http, seen):
        view["headers"] = sorted(
            (name.lower(), value) for name, value in view["headers"] if name.lower() != "user-agent"
        )
    assert [field for field in over_http["headers"] if field != ("content-length", "0")] == seen["headers"]
    over_http.pop("headers")
    seen.pop("headers")
    assert seen == over_http


@pytest.mark.parametrize("body", [b"text", "text", io.BytesIO(b"text"), [b"te", b"xt"], bytearray(b"text")])
def test_takes_every_kind_of_body(body: Body) -> None:
    assert in_memory(prepared(body=body))["body"] == "text"


def test_file_is_sent_from_where_it_stands() -> None:
    file = io.BytesIO(b"skipped,sent")
    file.seek(len(b"skipped,"))
    assert in_memory(prepared(body=file))["body"] == "sent"


@pytest.mark.parametrize(("method", "length"), [("GET", 4), ("HEAD", 0)])
def test_answer_reads_as_one_from_the_network(method: str, length: int) -> None:
    def respond(chain: object, context: object, response: Response) -> None:
        response.set_response(iter([b"bo", b"dy"]))
        response.status_code = 404
        response.headers["X-Amzn-Thing"] = "1"

    response = answer(Gateway(request_handlers=[respond]), prepared(method))
    assert isinstance(response, AWSResponse)
    assert response.status_code == 404
    assert response.headers["x-amzn-thing"] == "1"
    assert len(response.content) == length


class _Operation:
    def __init__(self, has_event_stream_output: bool) -> None:
        self.has_event_stream_output = has_event_stream_output


@pytest.mark.parametrize(
    ("internal_url", "event_stream", "is_answered"),
    [
        ("http://127.0.0.1:4566", False, True),
        ("http://127.0.0.1:4566", True, False),
        ("http://localhost:8000", False, False),
        ("http://127.0.0.1:456", False, False),  # another port of which this is the beginning
    ],
)
def test_only_calls_of_localstack_itself_are_short_cut(
    internal_url: str, event_stream: bool, is_answered: bool
) -> None:
    from localstack.aws.client import GatewayShortCircuit

    in_memory_client.apply()
    short_circuit = GatewayShortCircuit(Gateway(request_handlers=[dispatch]))
    short_circuit._internal_url = internal_url
    request = prepared()
    request.operation_model = _Operation(event_stream)
    assert (short_circuit("before-send", request) is not None) is is_answered


def test_nested_call_is_answered_in_the_same_thread() -> None:
    """An internal call made while a request is served must not need another connection."""
    with serving(echo) as running:
        gateway = Gateway(request_handlers=[dispatch])

        def outer(chain: object, context: object, response: Response) -> None:
            inner = answer(gateway, prepared(target="/inner", port=running.port))
            response.set_response(inner.content)

        response = answer(Gateway(request_handlers=[outer]), prepared())
    assert json.loads(response.content)["path"] == "/inner"
