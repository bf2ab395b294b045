"""DynamoDB Streams for LocalStack's gateway: the streams of the tables that `provider` writes."""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api import RequestContext, ServiceRequest
from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi
from localstack.aws.skeleton import DispatchTable
from localstack.services.plugins import ServiceLifecycleHook

from serverless_harness.emulator.dynamodb import stream_reads
from serverless_harness.emulator.dynamodb.dispatch import Handler, served
from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore, dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.store import Database, open_database

Operation = Callable[[Database, DynamoDbMotoStore, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "ListStreams": stream_reads.list_streams,
    "DescribeStream": stream_reads.describe_stream,
    "GetShardIterator": stream_reads.get_shard_iterator,
    "GetRecords": stream_reads.get_records,
}


class DynamoDbStreamsProvider(DynamodbstreamsApi, ServiceLifecycleHook):
    """The DynamoDB Streams API; its state is kept with DynamoDB's."""

    def dispatch_table(self) -> DispatchTable:
        """Return LocalStack's map of operation name to handler."""
        dispatch: dict[str, Any] = {
            name: served(_locked(operation)) for name, operation in OPERATIONS.items()
        }
        return dispatch


def _locked(operation: Operation) -> Handler:
    def handle(context: RequestContext, request: ServiceRequest) -> Any:  # noqa: ANN401
        database = open_database(context.account_id, context.region)
        with database.lock:
            return operation(database, dynamodb_moto_stores[context.account_id][context.region], request)

    return handle
