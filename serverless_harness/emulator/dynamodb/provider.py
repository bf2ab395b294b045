"""DynamoDB over moto's tables: writes that are atomic, answers and errors in AWS's shape.

Operations on items are carried out here, on moto's tables. moto's own could only be made atomic from
outside, compute with floats, and copy whole tables for each transaction. Table operations whose answers
need mending are wrapped here. All others go to moto as they come (backups, export, import).
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from localstack.aws.api import (
    RequestContext,
    ServiceRequest,
    ServiceResponse,
)
from localstack.aws.api.dynamodb import DynamodbApi, ResourceNotFoundException
from localstack.aws.connect import connect_to
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import ServiceLifecycleHook
from localstack.state import StateVisitor
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from serverless_harness.emulator.dynamodb import (
    exports,
    imports,
    partiql,
    queries,
    reads,
    replicas,
    table_checks,
    table_settings,
    table_streams,
    tables,
    write_operations,
)
from serverless_harness.emulator.dynamodb.dispatch import Handler, served
from serverless_harness.emulator.dynamodb.errors import ValidationError, resource_not_found
from serverless_harness.emulator.dynamodb.expiry import ExpiryService
from serverless_harness.emulator.dynamodb.models import DynamoDbMotoStore, TableFacts, dynamodb_moto_stores
from serverless_harness.emulator.dynamodb.store import Database, keep_orders, open_database, replicas_of
from serverless_harness.emulator.dynamodb.transactions import transact_get_items, transact_write_items
from serverless_harness.emulator.settings import expiry_interval_s

Operation = Callable[[Database, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "GetItem": reads.get_item,
    "BatchGetItem": reads.batch_get_item,
    "TransactGetItems": transact_get_items,
    "Query": queries.query,
    "Scan": queries.scan,
    "PutItem": write_operations.put_item,
    "UpdateItem": write_operations.update_item,
    "DeleteItem": write_operations.delete_item,
    "BatchWriteItem": write_operations.batch_write_item,
    "ExecuteStatement": partiql.execute_statement,
    "BatchExecuteStatement": partiql.batch_execute_statement,
}
"""Operations that lock the database themselves, for as short a time as they can."""

SETTINGS: dict[str, Operation] = {
    "ListTables": tables.list_tables,
    "DescribeLimits": tables.describe_limits,
    "DescribeContributorInsights": tables.describe_contributor_insights,
    "ListContributorInsights": tables.list_contributor_insights,
    "TagResource": table_settings.tag_resource,
    "UntagResource": table_settings.untag_resource,
    "ListTagsOfResource": table_settings.list_tags_of_resource,
    "UpdateTimeToLive": table_settings.update_time_to_live,
    "DescribeTimeToLive": table_settings.describe_time_to_live,
}
"""Operations that run under the database's lock."""


class DynamoDbMotoProvider(DynamodbApi, ServiceLifecycleHook):
    """The DynamoDB API for LocalStack's gateway; every operation on a database waits for its lock."""

    def __init__(self) -> None:
        self._expiry = ExpiryService(expiry_interval_s())

    def on_before_start(self) -> None:
        self._expiry.start()

    def on_before_stop(self) -> None:
        self._expiry.stop()

    def on_before_state_save(self) -> None:
        self._expiry.stop()

    def on_after_state_save(self) -> None:
        self._expiry.start()

    def on_before_state_load(self) -> None:
        self._expiry.stop()

    def on_after_state_load(self) -> None:
        self._expiry.start()

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(dynamodb_backends)
        visitor.visit(dynamodb_moto_stores)

    def dispatch_table(self) -> DispatchTable:
        """Return LocalStack's map of operation name to handler, for all operations of the service."""
        handlers: dict[str, Any] = dict.fromkeys(load_service("dynamodb").operation_names, self._call_moto)
        handlers.update((name, self._unlocked(operation)) for name, operation in OPERATIONS.items())
        handlers.update((name, self._locked(operation)) for name, operation in SETTINGS.items())
        handlers["ExecuteTransaction"] = self._execute_transaction
        handlers["TransactWriteItems"] = self._transact_write_items
        handlers["ImportTable"] = self._with_s3(imports.import_table)
        handlers["ExportTableToPointInTime"] = self._with_s3(exports.export_table)
        handlers["DescribeExport"] = self._with_store(exports.describe_export)
        handlers["ListExports"] = self._with_store(exports.list_exports)
        handlers["RestoreTableToPointInTime"] = self._restore_to_point_in_time
        handlers["RestoreTableFromBackup"] = self._restore_from_backup
        handlers["DescribeImport"] = self._with_store(imports.describe_import)
        handlers["ListImports"] = self._with_store(imports.list_imports)
        handlers["DescribeEndpoints"] = self._describe_endpoints
        handlers["CreateTable"] = self._create_table
        handlers["DescribeTable"] = self._describe_table
        handlers["UpdateTable"] = self._update_table
        handlers["DeleteTable"] = self._delete_table
        handlers["UpdateContinuousBackups"] = self._update_continuous_backups
        handlers["DescribeContinuousBackups"] = self._describe_continuous_backups
        dispatch: dict[str, Any] = {name: served(call) for name, call in handlers.items()}
        return dispatch

    def _database(self, context: RequestContext) -> Database:
        return open_database(context.account_id, context.region)

    def _store(self, context: RequestContext) -> DynamoDbMotoStore:
        return dynamodb_moto_stores[context.account_id][context.region]

    def _described(self, table: Table, status: str = "ACTIVE") -> dict[str, Any]:
        store = dynamodb_moto_stores[table.account_id][table.region_name]
        facts = store.table_facts.setdefault(table.name, TableFacts())
        return {**tables.describe(table, facts, status), **replicas.describe(table)}

    def _facts(self, context: RequestContext, table_name: str) -> TableFacts:
        """Return a table's facts; a table that moto made itself (restored, imported) gets them now."""
        return self._store(context).table_facts.setdefault(table_name, TableFacts())

    def _call_moto(self, context: RequestContext, request: ServiceRequest) -> ServiceResponse:
        with self._database(context).lock:
            return call_moto(context)

    def _unlocked(self, operation: Operation) -> Handler:
        def handle(context: RequestContext, request: ServiceRequest) -> ServiceResponse:
            return cast(ServiceResponse, operation(self._database(context), request))

        return handle

    def _locked(self, operation: Operation) -> Handler:
        def handle(context: RequestContext, request: ServiceRequest) -> ServiceResponse:
            database = self._database(context)
            with database.lock:
                return cast(ServiceResponse, operation(database, request))

        return handle

    def _transact_write_items(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        tokens = self._store(context).transaction_tokens
        return transact_write_items(self._database(context), tokens, request)

    def _execute_transaction(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        tokens = self._store(context).transaction_tokens
        return partiql.execute_transaction(self._database(context), tokens, request)

    def _create_table(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        database = self._database(context)
        tables.refuse_unsupported("CreateTable", request)
        table_checks.check_creation(request)
        with database.lock:
            table_streams.check_creation(request)
            table = tables.create(database, request)
            table_streams.follow(table, self._store(context).streams, request)
            keep_orders(table)
            if policy := request.get("ResourcePolicy"):
                database.backend.put_resource_policy(table.table_arn, policy, None)
            facts = self._store(context).table_facts[table.name] = tables.created_facts(request)
            return {"TableDescription": tables.describe(table, facts, "CREATING")}

    def _with_s3(
        self, operation: Callable[[Database, DynamoDbMotoStore, Mapping[str, Any], Any], dict[str, Any]]
    ) -> Callable[[RequestContext, Mapping[str, Any]], dict[str, Any]]:
        def handle(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
            clients = connect_to(aws_access_key_id=context.account_id, region_name=context.region)
            return operation(self._database(context), self._store(context), request, clients.s3)

        return handle

    def _restore_to_point_in_time(
        self, context: RequestContext, request: Mapping[str, Any]
    ) -> ServiceResponse:
        table_settings.check_restore(self._database(context), self._store(context).table_facts, request)
        return self._call_moto(context, cast(ServiceRequest, request))

    def _with_store(
        self, operation: Callable[[DynamoDbMotoStore, Mapping[str, Any]], dict[str, Any]]
    ) -> Callable[[RequestContext, Mapping[str, Any]], dict[str, Any]]:
        return lambda context, request: operation(self._store(context), request)

    def _restore_from_backup(self, context: RequestContext, request: ServiceRequest) -> ServiceResponse:
        table_settings.refuse_overrides(cast(Mapping[str, Any], request))
        return self._call_moto(context, request)

    def _describe_endpoints(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        return tables.describe_endpoints(context.request.host)

    def _describe_table(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        database = self._database(context)
        with database.lock:
            table = _named_table(database, request["TableName"])
            return {"Table": self._described(table)}

    def _update_table(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        tables.refuse_unsupported("UpdateTable", request)
        table_checks.check_update_request(request)
        database = self._database(context)
        with database.lock:
            table = _named_table(database, request["TableName"])
            table_checks.check_update(table, request)
            table_streams.check_update(table, request)
            replicas.check(table, request)
            shared = {name: request[name] for name in replicas.SHARED if request.get(name)}
            before = self._described(table)
            for replica in replicas_of(table):
                self._apply_update(replica, shared)
            self._apply_update(table, request)
            replicas.update(table, request)
            description = self._described(table, "UPDATING")
            tables.mark_index_updates(description, before, request.get("GlobalSecondaryIndexUpdates") or [])
            return {"TableDescription": description}

    def _apply_update(self, table: Table, request: Mapping[str, Any]) -> None:
        store = dynamodb_moto_stores[table.account_id][table.region_name]
        facts = store.table_facts.setdefault(table.name, TableFacts())
        before = tables.StateBefore.of(table)
        tables.update(open_database(table.account_id, table.region_name), table, request)
        tables.apply_update(table, facts, request, before)
        table_streams.follow(table, store.streams, request)
        keep_orders(table)

    def _delete_table(self, context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
        database = self._database(context)
        with database.lock:
            table = _named_table(database, request["TableName"])
            if table.deletion_protection_enabled:
                raise ValidationError(
                    "Resource cannot be deleted as it is currently protected against deletion. "
                    "Disable deletion protection first."
                )
            description = tables.describe_deleted(table, self._facts(context, table.name))
            replicas.delete(table)
            return {"TableDescription": description}

    def _update_continuous_backups(
        self, context: RequestContext, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._with_facts(table_settings.update_continuous_backups, context, request)

    def _describe_continuous_backups(
        self, context: RequestContext, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._with_facts(table_settings.describe_continuous_backups, context, request)

    def _with_facts(
        self,
        operation: Callable[[Database, TableFacts, Mapping[str, Any]], dict[str, Any]],
        context: RequestContext,
        request: Mapping[str, Any],
    ) -> dict[str, Any]:
        database = self._database(context)
        with database.lock:
            name = request["TableName"].rpartition(":table/")[2]
            facts = self._facts(context, name) if name in database.backend.tables else TableFacts()
            return operation(database, facts, request)


def _named_table(database: Database, name: str) -> Table:
    """Return a table; table operations name it in the error, item operations don't."""
    try:
        return database.table(name)
    except ResourceNotFoundException:
        raise resource_not_found(name) from None
