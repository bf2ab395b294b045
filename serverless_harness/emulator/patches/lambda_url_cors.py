"""LocalStack leaves CORS requests to function URLs to their configuration, as it leaves them to APIs.

Its own check lets only its own web pages' origins pass, and answers every preflight itself.
"""

from collections.abc import Callable

from localstack.aws.api import RequestContext
from localstack.aws.handlers import cors

from serverless_harness.emulator.lambda_service import function_urls
from serverless_harness.emulator.patches import wrap

PATCHED: list[object] = [cors.should_enforce_self_managed_service]


def apply() -> None:
    """Except function URLs from LocalStack's check."""
    wrap(cors.should_enforce_self_managed_service, _should_enforce)


def _should_enforce(fn: Callable[[RequestContext], bool], context: RequestContext) -> bool:
    request = context.request
    is_function_url = (
        request.path.startswith(f"{function_urls.PATH_PREFIX}/") or ".lambda-url." in request.host
    )
    return not is_function_url and fn(context)
