"""Function URLs work without DNS, ask who may invoke them, and heed their CORS configuration.

LocalStack gives each a host name of its own, invokes the function for anybody, and with a client context that
is none. It also drops the condition that `InvokedViaFunctionUrl` adds to a permission.
"""

import json
from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.http import Request, Response
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation.lambda_models import FunctionUrlConfig
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.urlrouter import FunctionUrlRouter

from serverless_harness.emulator.lambda_service import function_url_server, function_urls
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    FunctionUrlRouter,
    LambdaProvider.create_function_url_config,
    LambdaProvider.add_permission,
]


def apply() -> None:
    """Serve function URLs by path too, and give out that address."""
    wrap(FunctionUrlRouter.register_routes, _register_routes)
    replace(FunctionUrlRouter, "handle_lambda_url_invocation", _serve)
    replace(provider, "FunctionUrlConfig", _function_url_config)
    wrap(LambdaProvider.add_permission, _add_permission)


def _register_routes(fn: Callable[..., None], self: FunctionUrlRouter) -> None:
    if not self.registered:
        rule = f"{function_urls.PATH_PREFIX}/<api_id>"
        endpoint: Any = self.handle_lambda_url_invocation
        self.router.add(f"{rule}/", endpoint=endpoint, defaults={"path": ""}, strict_slashes=False)
        self.router.add(f"{rule}/<path:path>", endpoint=endpoint)
    fn(self)


def _serve(self: FunctionUrlRouter, request: Request, api_id: str, **_: str) -> Response:
    return function_url_server.serve(self.lambda_service, request, api_id)


def _function_url_config(**config: Any) -> FunctionUrlConfig:  # noqa: ANN401
    return FunctionUrlConfig(**{**config, "url": function_url_server.address(config["url_id"])})


def _add_permission(
    fn: Callable[..., Any], self: LambdaProvider, context: RequestContext, request: dict[str, Any]
) -> Any:  # noqa: ANN401
    """Add the condition to the statement that was stored, and to the one that is returned."""
    answer = fn(self, context, request)
    if not request.get("InvokedViaFunctionUrl"):
        return answer
    told = json.loads(answer["Statement"])
    function = self._get_function(*_located(told["Resource"]))
    for permission in function.permissions.values():
        for statement in permission.policy.Statement:
            if (statement["Sid"], statement["Resource"]) == (told["Sid"], told["Resource"]):
                condition = statement.setdefault("Condition", {})
                condition.setdefault("Bool", {})["lambda:InvokedViaFunctionUrl"] = "true"
                told["Condition"] = condition
    return {**answer, "Statement": json.dumps(told)}


def _located(arn: str) -> tuple[str, str, str]:
    """Return a function's name, account and region."""
    fields = arn.split(":")
    return fields[6], fields[4], fields[3]
