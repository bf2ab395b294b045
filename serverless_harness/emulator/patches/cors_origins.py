"""LocalStack's own check of origins allows those that ours does, and leaves out what is anybody's to call.

LocalStack leaves no answer to CORS to function URLs, and takes every path with `/_user_request_` in it for an
API's. It allows pages of app.localstack.cloud, over plain HTTP too, pages that S3 and CloudFront serve and
Electron's, and no page of another port of this machine.
"""

from collections.abc import Sequence

from localstack.aws.api import RequestContext
from localstack.aws.handlers import cors
from localstack.aws.handlers.cors import CorsEnforcer

from serverless_harness.emulator.gateway import allowed_origins
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    CorsEnforcer.is_cors_origin_allowed,
    CorsEnforcer._is_in_allowed_origins,
    cors.is_execute_api_call,
    cors.should_enforce_self_managed_service,
]


def apply() -> None:
    """Ask `gateway.allowed_origins`."""
    replace(cors, "is_execute_api_call", _is_public)
    replace(CorsEnforcer, "_is_in_allowed_origins", staticmethod(_is_in_allowed_origins))


def _is_public(context: RequestContext) -> bool:
    return allowed_origins.is_public(context.request)


def _is_in_allowed_origins(_: Sequence[str], origin: str) -> bool:
    return allowed_origins.is_allowed(origin)
