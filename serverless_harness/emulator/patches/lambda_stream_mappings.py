"""Event source mappings of DynamoDB streams act on all of their settings: `lambda_service.stream_poller`.

LocalStack's poller has no plugin point for a source that it knows itself.
"""

from collections.abc import Callable
from typing import Any, cast

from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller
from localstack.services.lambda_.event_source_mapping.senders.lambda_sender import LambdaSender

from serverless_harness.emulator.lambda_service.stream_poller import StreamMappingPoller
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    EsmWorkerFactory.get_esm_worker,
    EsmWorker,
    DynamoDBPoller,
    StreamPoller,
    LambdaSender.send_events,
]


def apply() -> None:
    """Install the poller."""
    replace(esm_worker_factory, "DynamoDBPoller", StreamMappingPoller)
    wrap(EsmWorkerFactory.get_esm_worker, _with_settings)


def _with_settings(fn: Callable[[EsmWorkerFactory], EsmWorker], self: EsmWorkerFactory) -> EsmWorker:
    worker = fn(self)
    if isinstance(worker.poller, StreamMappingPoller):

        def stored() -> dict[str, Any]:
            return cast(dict[str, Any], worker._state.event_source_mappings.get(worker.uuid, {}))

        worker.poller.follow(cast(dict[str, Any], worker.esm_config), worker._shutdown_event, stored)
    return worker
