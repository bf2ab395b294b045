"""Asks LocalStack's router of its own resources only for paths that it can have: those below `/_localstack`.

LocalStack matches the path of every AWS request against all of them.
"""

from collections.abc import Callable
from typing import Any

from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.constants import INTERNAL_RESOURCE_PATH
from localstack.services.internal import LocalstackResources
from rolo.gateway import RequestContext

from serverless_harness.emulator.patches import wrap

PATCHED = [LocalstackResourceHandler.__call__, LocalstackResources]


def apply() -> None:
    """Pass other requests by."""
    wrap(LocalstackResourceHandler.__call__, _serve)


def _serve(
    fn: Callable[..., None],
    self: LocalstackResourceHandler,
    chain: Any,  # noqa: ANN401
    context: RequestContext,
    response: Any,  # noqa: ANN401
) -> None:
    if context.request.path.startswith(INTERNAL_RESOURCE_PATH):
        fn(self, chain, context, response)
