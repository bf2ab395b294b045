"""LocalStack's own calls carry a token that forged ones lack (`gateway.internal_calls`).

LocalStack marks its internal calls with the header `x-localstack-data` and the access key
`__internal_call__`; anyone can send both.
"""

import sys

from localstack.aws import connect
from localstack.aws.api import RequestContext
from localstack.aws.handlers.internal_requests import InternalRequestParamsEnricher

from serverless_harness.emulator.gateway import internal_calls
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [connect.dump_dto, InternalRequestParamsEnricher]


def apply() -> None:
    """Make LocalStack write the token into its internal calls, and read no header without it."""
    unsigned = connect.dump_dto
    for module in list(sys.modules.values()):
        if getattr(module, "dump_dto", None) is unsigned:
            replace(module, "dump_dto", internal_calls.sign)
    replace(InternalRequestParamsEnricher, "__call__", _enrich)


def _enrich(self: object, chain: object, context: RequestContext, response: object) -> None:
    internal_calls.read_header(context)
