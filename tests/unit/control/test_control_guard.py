"""Only who has the stack's token controls it."""

from collections.abc import Mapping

import pytest
from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Request, Response

from serverless_harness.emulator import control
from serverless_harness.emulator.control import ControlGuard, is_controlling


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
        ("POST", "/"),
        ("GET", "/bucket/_emulator/iam"),
        ("GET", "/2015-03-31/functions/_emulator"),
    ],
)
def test_other_requests_need_no_token(method: str, path: str) -> None:
    assert not is_controlling(method, path)
    assert status_code(method, path, {}) == 200


@pytest.fixture
def preprocessing(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    installed: list[object] = []
    monkeypatch.setattr(handlers.preprocess_request, "handlers", installed)
    return installed


def test_the_token_leaves_the_environment_that_functions_could_inherit(preprocessing: list[object]) -> None:
    environment = {control.VARIABLE: "secret", "PATH": "/bin"}

    control.register(environment)

    assert environment == {"PATH": "/bin"}
    assert len(preprocessing) == 1


def test_without_a_token_nobody_controls_the_stack(preprocessing: list[object]) -> None:
    control.register({})
    [guard] = preprocessing
    chain: HandlerChain = HandlerChain(request_handlers=[guard])  # type: ignore[list-item]
    response = Response()
    request = Request("GET", "/_emulator/iam", headers={"Authorization": "Bearer "})
    chain.handle(RequestContext(request), response)

    assert response.status_code == 403
