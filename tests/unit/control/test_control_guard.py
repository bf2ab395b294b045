"""Only who has the stack's token controls it."""

from collections.abc import Mapping

import pytest
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Request, Response

from serverless_harness.emulator.control import VARIABLE, ControlGuard, is_controlling, take_token


def status_code(method: str, path: str, headers: Mapping[str, str]) -> int:
    """Send a request through a chain with the guard and a handler that answers all that comes to it."""

    def serve(chain: HandlerChain, context: RequestContext, response: object) -> None:
        chain.respond(200)

    chain: HandlerChain = HandlerChain(request_handlers=[ControlGuard("secret"), serve])
    context = RequestContext(Request(method, path, headers=headers))
    response = Response()
    chain.handle(context, response)
    return response.status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_emulator/iam"),
        ("DELETE", "/_emulator/iam"),
        ("PUT", "/_emulator/faults"),
        ("POST", "/_localstack/health"),
        ("GET", "/_localstack/diagnose"),
        ("GET", "/_aws/sqs/messages"),
        ("DELETE", "/_aws/dynamodb/expired"),
        ("DELETE", "//_emulator/iam"),
        ("DELETE", "/_emulator//iam"),
        ("GET", "/_localstack/health/"),
    ],
)
class TestControlEndpoint:
    def test_answers_to_the_token(self, method: str, path: str) -> None:
        assert status_code(method, path, {"Authorization": "Bearer secret"}) == 200

    @pytest.mark.parametrize("authorization", ["", "secret", "Bearer ", "Bearer guess", "Bearer secrét"])
    def test_refuses_everyone_else(self, method: str, path: str, authorization: str) -> None:
        assert status_code(method, path, {"Authorization": authorization}) == 403

    def test_refuses_who_says_nothing(self, method: str, path: str) -> None:
        assert status_code(method, path, {}) == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_localstack/health"),
        ("HEAD", "/_localstack/health"),
        ("GET", "/_localstack/info"),
        ("POST", "/_aws/execute-api/abc/prod/shop"),
        ("POST", "/_aws/lambda-url/abc/shop"),
        ("POST", "/"),
        ("GET", "/bucket/_emulator/iam"),
        ("GET", "/2015-03-31/functions/_emulator"),
    ],
)
def test_other_requests_need_no_token(method: str, path: str) -> None:
    assert not is_controlling(method, path)
    assert status_code(method, path, {}) == 200


def test_the_token_leaves_the_environment_that_functions_could_inherit() -> None:
    environment = {VARIABLE: "secret", "PATH": "/bin"}

    assert take_token(environment) == "secret"
    assert environment == {"PATH": "/bin"}


def test_without_a_token_nobody_controls_the_stack() -> None:
    token = take_token({})

    assert len(token) > 32
    assert token != take_token({})
