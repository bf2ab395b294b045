"""Keeps SQS's query endpoint from lending LocalStack's own rights to its callers (`gateway.queue_urls`).

Requests to a queue's URL are served by `localstack.services.sqs.query_api`, which makes each of them anew
with an internal client: it would pass enforcement, whoever sent it.
"""

from localstack.services.sqs import query_api

from serverless_harness.emulator.gateway import queue_urls
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [query_api.try_call_sqs]


def apply() -> None:
    """Make the query endpoint's calls outside requests."""
    wrap(query_api.try_call_sqs, queue_urls.call_as_sender)
    replace(query_api, "connect_to", queue_urls.connect)
