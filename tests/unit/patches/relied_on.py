"""What modules outside of `patches/` rely on of LocalStack's and moto's own parts, by module.

Their sources are pinned as those of patched objects are.
"""

from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.client import parse_response
from localstack.aws.connect import InternalClientFactory
from localstack.aws.handlers.service import ServiceNameParser
from localstack.aws.handlers.validation import OpenAPIRequestValidator, OpenAPIResponseValidator
from localstack.aws.spec import _get_catalog_filename
from localstack.services.cloudwatch.alarm_scheduler import calculate_alarm_state, collect_metric_data
from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.services.events.api_destination import APIDestinationService
from localstack.services.events.archive import ArchiveService
from localstack.services.events.connection import ConnectionService
from localstack.services.events.event_bus import EventBusService
from localstack.services.events.provider import EventsProvider
from localstack.services.events.replay import ReplayService
from localstack.services.events.rule import RuleService
from localstack.services.events.scheduler import JobScheduler
from localstack.services.events.target import EventsApiDestinationTargetSender, TargetSender
from localstack.services.events.utils import get_event_time
from localstack.services.firehose.provider import FirehoseProvider
from localstack.services.kms.models import deserialize_ciphertext_blob
from localstack.services.kms.provider import KmsProvider
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.plugins import Service
from localstack.services.s3.provider import S3Provider
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore, EphemeralS3StoredObject
from localstack.services.secretsmanager.provider import backend_rotate_secret
from localstack.services.ses.provider import SNSEmitter
from localstack.services.sqs.provider import SqsProvider
from localstack.services.stepfunctions.asl.component.common.retry.retrier_decl import RetrierDecl
from localstack.services.stepfunctions.asl.component.program.program import Program
from localstack.services.stepfunctions.asl.component.state.state_execution.execute_state import ExecutionState
from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function.timestamp import Timestamp
from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function.wait_function import (
    WaitFunction,
)
from localstack.services.stepfunctions.asl.eval.callback.callback import CallbackEndpoint, HeartbeatEndpoint
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.backend.execution import Execution
from localstack.services.stores import AccountRegionBundle, RegionBundle
from moto.config.models import ConfigBackend
from moto.core.base_backend import AccountSpecificBackend, BackendDict
from moto.dynamodb.models.table import Table
from moto.redshift.models import RedshiftBackend
from moto.secretsmanager.models import ReplicaSecret
from rolo.gateway.wsgi import WsgiGateway
from werkzeug.datastructures import Headers

RELIED_ON: dict[str, list[object]] = {
    "chain": [LocalstackAwsGateway],
    "delivery.schedules": [JobScheduler],
    "dynamodb.tables": [Table._get_default_encryption_key],
    "gateway.application": [Headers, WsgiGateway],
    "gateway.direct_calls": [ServiceNameParser, parse_response],
    "iam.lookups": [KmsProvider._get_key_id_from_any_id, deserialize_ciphertext_blob],
    "kms.base": [KmsProvider._get_kms_key],
    "kms.encryption": [KmsProvider._generate_data_key_pair],
    "kms.provider": [KmsProvider._decrypt_wrapped_key_material],
    "lambda_service.variable_encryption": [KmsProvider._get_key_id_from_any_id],
    "patches.emulator_clock": [
        CallbackEndpoint,
        CloudwatchDatabase.add_metric_data,
        CloudwatchProvider.put_metric_alarm,
        Environment,
        EventsProvider._get_scheduled_rule_job_function,
        ExecutionState._evaluate_with_timeout,
        HeartbeatEndpoint,
        Program.eval,
        RetrierDecl._eval_body,
        Timestamp._get_wait_seconds,
        WaitFunction._wait_interval,
        calculate_alarm_state,
        collect_metric_data,
        get_event_time,
    ],
    "patches.event_bridge_rules": [EventsProvider, RuleService, JobScheduler],
    "patches.event_bridge_targets": [
        InternalClientFactory,
        TargetSender,
        EventsApiDestinationTargetSender,
        EventsProvider.put_targets,
    ],
    "patches.moto_gaps": [
        ConfigBackend.describe_organization_conformance_packs,
        RedshiftBackend._describe_tags_for_resources,
        ReplicaSecret,
    ],
    "patches.openapi_validation": [OpenAPIRequestValidator, OpenAPIResponseValidator],
    "patches.service_principals": [
        CloudwatchProvider.set_alarm_state,
        CloudwatchProvider._run_composite_alarm_actions,
        Execution._get_start_aws_execution_details,
        FirehoseProvider._put_records,
        SNSEmitter,
        backend_rotate_secret,
    ],
    "snapshots.s3_contents": [EphemeralS3ObjectStore],
    "snapshots.service_states": [
        AccountRegionBundle,
        RegionBundle,
        BackendDict,
        AccountSpecificBackend,
        S3Provider.__init__,
        EphemeralS3ObjectStore,
        EphemeralS3StoredObject,
    ],
    "snapshots.restoring": [
        EventsProvider,
        APIDestinationService,
        ArchiveService,
        ConnectionService,
        EventBusService,
        ReplayService,
        RuleService,
        JobScheduler,
        Execution.start,
        LambdaProvider.on_after_state_load,
        Service,
    ],
    "sqs.provider": [SqsProvider],
    "docker/Dockerfile": [_get_catalog_filename],
}
