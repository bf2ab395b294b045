"""LocalStack's own check of origins allows those that ours does.

LocalStack allows pages of app.localstack.cloud, over plain HTTP too, pages that S3 and CloudFront serve and
Electron's, and no page of another port of this machine.
"""

from collections.abc import Sequence

from localstack.aws.handlers.cors import CorsEnforcer

from serverless_harness.emulator.gateway import origins
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [CorsEnforcer.is_cors_origin_allowed, CorsEnforcer._is_in_allowed_origins]


def apply() -> None:
    """Ask `gateway.origins`."""
    replace(CorsEnforcer, "_is_in_allowed_origins", staticmethod(_is_in_allowed_origins))


def _is_in_allowed_origins(allowed_origins: Sequence[str], origin: str) -> bool:
    return origins.is_allowed(origin)
