"""The shop's door, and copies of it that a test may break."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from serverless_harness.deploy.packaging import build_package, package_sources
from serverless_harness.project.locate import current
from serverless_harness.waiting import Wait
from shop.deployment import ShopDeployment

MARK_HEADER = "x-test-mark"
TIMEOUT_S = 240
REQUEST_TIMEOUT_S = 120
NO_ANSWER_OF_ACCEPT = (502, 503, 504)
"""API Gateway's own: accept crashed, was throttled or was cut off, as on a machine that is too busy."""
NOT_YET_THERE = (403, 404)
"""What API Gateway answers for a stage that hasn't reached all its servers."""


class Api:
    """HTTP to one API."""

    def __init__(self, invoke_url: str, is_local: bool) -> None:
        self.invoke_url = invoke_url
        self._http = httpx.Client(timeout=REQUEST_TIMEOUT_S, trust_env=not is_local)

    def __enter__(self) -> Self:
        self._http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.__exit__()

    def post(self, body: bytes, mark: str | None = None) -> httpx.Response:
        """POST a body as a cash register does: again, while accept has not come to an answer of its own.

        `mark` goes along in a header, and so into accept's event and log.
        """

        def look() -> httpx.Response | None:
            answer = self.post_once(body, mark)
            return None if answer.status_code in NO_ANSWER_OF_ACCEPT else answer

        return Wait("an answer of accept", TIMEOUT_S).until(look)

    def post_once(self, body: bytes, mark: str | None = None) -> httpx.Response:
        """POST a body and take what comes."""
        return self.request("POST", self.invoke_url, body, mark)

    def request(self, method: str, url: str, body: bytes = b"", mark: str | None = None) -> httpx.Response:
        """Send any request, to any URL."""
        headers = {"Content-Type": "application/json", MARK_HEADER: mark or new_mark()}
        return self._http.request(method, url, content=body, headers=headers)


def new_mark() -> str:
    """Make a word that no other request bears."""
    return f"mark-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class AcceptCopy:
    """A function with accept's package, role and log group, and an API that calls it."""

    function_name: str
    api: Api

    @classmethod
    @contextmanager
    def deployed(
        cls, deployment: ShopDeployment, name: str, environment: Mapping[str, str]
    ) -> "Iterator[AcceptCopy]":
        """Have the copy, with just these environment variables."""
        with (
            _function(deployment, name, environment) as function_arn,
            _rest_api(deployment, name, function_arn) as invoke_url,
            Api(invoke_url, deployment.target.is_local) as api,
        ):
            Wait(f"the API of {name}", TIMEOUT_S).until(lambda: _is_there(api))
            yield cls(name, api)


def _is_there(api: Api) -> bool:
    return api.post_once(b"{}").status_code not in NOT_YET_THERE


def _package() -> bytes:
    """Build accept's package: the one that was deployed may be in a container."""
    with tempfile.TemporaryDirectory() as folder:
        sources = package_sources(current())["accept"]
        return build_package(sources, Path(folder) / "accept.zip").read_bytes()


@contextmanager
def _function(deployment: ShopDeployment, name: str, environment: Mapping[str, str]) -> Iterator[str]:
    lambda_ = deployment.client("lambda")
    original = lambda_.get_function_configuration(FunctionName=deployment.function_name("accept"))
    function_arn = lambda_.create_function(
        FunctionName=name,
        Role=original["Role"],
        Runtime=original["Runtime"],
        Handler=original["Handler"],
        MemorySize=original["MemorySize"],
        Timeout=original["Timeout"],
        # The role may write to no other.
        LoggingConfig={"LogFormat": "Text", "LogGroup": original["LoggingConfig"]["LogGroup"]},
        Environment={"Variables": dict(environment)},
        Code={"ZipFile": _package()},
    )["FunctionArn"]
    try:
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        yield function_arn
    finally:
        lambda_.delete_function(FunctionName=name)


@contextmanager
def _rest_api(deployment: ShopDeployment, name: str, function_arn: str) -> Iterator[str]:
    gateway = deployment.client("apigateway")
    api_id = gateway.create_rest_api(name=name, endpointConfiguration={"types": ["REGIONAL"]})["id"]
    try:
        _route(gateway, deployment.target.region, api_id, function_arn)
        region, account_id = function_arn.split(":")[3:5]
        deployment.client("lambda").add_permission(
            FunctionName=name,
            StatementId="AllowApi",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{region}:{account_id}:{api_id}/prod/POST/shop",
        )
        gateway.create_deployment(restApiId=api_id, stageName="prod")
        yield f"{deployment.target.api_url(api_id, 'prod')}/shop"
    finally:
        gateway.delete_rest_api(restApiId=api_id)


def _route(gateway: Any, region: str, api_id: str, function_arn: str) -> None:
    [root] = gateway.get_resources(restApiId=api_id)["items"]
    resource = gateway.create_resource(restApiId=api_id, parentId=root["id"], pathPart="shop")
    method = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(
        **method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
    )
