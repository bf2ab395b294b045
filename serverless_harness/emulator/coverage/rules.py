"""Which operations and settings would be stored and never act: they are refused, or warned of.

An operation is refused where what it is for wouldn't happen. What is one setting among others that work, and
what projects need to be applied as a whole, is stored, with a warning in the emulator's log.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localstack import config

Parameters = Mapping[str, Any]
Applies = Callable[[Parameters], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """An operation, or what it may ask for, and what is said of it. `refused`: it ends there."""

    service: str
    operations: str
    message: str
    refused: bool
    applies: Applies = lambda parameters: True

    @property
    def names(self) -> list[str]:
        """The operations; `*` is all of the service, and none are those of it that change something."""
        return self.operations.split()


def _given(*names: str) -> Applies:
    return lambda parameters: any(parameters.get(name) for name in names)


def _is(name: str, *values: str) -> Applies:
    return lambda parameters: parameters.get(name) in values


def _kinesis_is_missing(parameters: Parameters) -> bool:
    from localstack.services.kinesis import packages

    name = str(config.KINESIS_MOCK_PROVIDER_ENGINE)
    is_scala = packages.KinesisMockEngine(name) == packages.KinesisMockEngine.SCALA
    package = packages.kinesismock_scala_package if is_scala else packages.kinesismock_package
    return not package.get_installer().is_installed()


def _search_engine_is_missing(parameters: Parameters) -> bool:
    from localstack.services.opensearch.packages import opensearch_package

    return not config.OPENSEARCH_CUSTOM_BACKEND and not opensearch_package.get_installer().is_installed()


def _speech_model_is_missing(parameters: Parameters) -> bool:
    from localstack.services.transcribe.packages import vosk_package

    return not vosk_package.get_installer().is_installed()


def _wants_jsonata(parameters: Parameters) -> bool:
    if not re.search(r'"QueryLanguage"\s*:\s*"JSONata"', parameters.get("definition") or ""):
        return False
    from localstack.services.stepfunctions.packages import jpype_jsonata_package

    return not jpype_jsonata_package.get_installer().is_installed()


_MAPPED_SOURCES = ("sqs", "dynamodb")


def _source_does_not_run(parameters: Parameters) -> bool:
    source = str(parameters.get("EventSourceArn") or "").split(":")
    if parameters.get("SelfManagedEventSource"):
        return True
    if len(source) < 6 or source[2] in _MAPPED_SOURCES:
        return False
    return source[2] != "kinesis" or _kinesis_is_missing(parameters)


_TARGETS = ("events", "execute-api", "apigateway", "firehose", "lambda", "logs", "sns", "sqs", "states")


def _target_does_not_run(parameters: Parameters) -> bool:
    arns = [str(target.get("Arn") or "").split(":") for target in parameters.get("Targets") or ()]
    others = {arn[2] for arn in arns if len(arn) > 5 and arn[2] not in _TARGETS}
    return bool(others - {"kinesis"}) or ("kinesis" in others and _kinesis_is_missing(parameters))


_DELIVERED_TO = (
    "S3DestinationConfiguration",
    "ExtendedS3DestinationConfiguration",
    "HttpEndpointDestinationConfiguration",
)


def _delivery_does_not_run(parameters: Parameters) -> bool:
    destinations = [name for name in parameters if name.endswith("DestinationConfiguration")]
    from_kinesis = parameters.get("DeliveryStreamType") == "KinesisStreamAsSource"
    return any(name not in _DELIVERED_TO for name in destinations) or (
        from_kinesis and _kinesis_is_missing(parameters)
    )


def _converts(parameters: Parameters) -> bool:
    destination = parameters.get("ExtendedS3DestinationConfiguration") or {}
    return bool((destination.get("DataFormatConversionConfiguration") or {}).get("Enabled"))


def _refused(service: str, operations: str, message: str, applies: Applies = lambda parameters: True) -> Rule:
    return Rule(service, operations, message, True, applies)


def _warned(service: str, operations: str, message: str, applies: Applies = lambda parameters: True) -> Rule:
    return Rule(service, operations, message, False, applies)


_NO_KINESIS = "Kinesis does not run: kinesis-mock is not installed, and is not downloaded"

RULES: Sequence[Rule] = (
    # Whole services that need what isn't installed.
    _refused("kinesis", "*", _NO_KINESIS, _kinesis_is_missing),
    _refused(
        "opensearch",
        "CreateDomain",
        "OpenSearch is not installed, and is not downloaded",
        _search_engine_is_missing,
    ),
    _refused(
        "es",
        "CreateElasticsearchDomain",
        "Elasticsearch is not installed, and is not downloaded",
        _search_engine_is_missing,
    ),
    _refused(
        "transcribe",
        "StartTranscriptionJob",
        "the speech models of Transcribe are not installed, and are not downloaded",
        _speech_model_is_missing,
    ),
    # Operations for what wouldn't happen.
    _refused(
        "scheduler",
        "CreateSchedule UpdateSchedule",
        "EventBridge Scheduler does not run schedules: use a rule of EventBridge with a schedule expression",
    ),
    _refused(
        "apigateway",
        "CreateAuthorizer",
        "authorizers of Cognito user pools are not emulated",
        _is("type", "COGNITO_USER_POOLS"),
    ),
    _refused(
        "apigateway",
        "PutMethod",
        "authorization by Cognito user pools is not emulated",
        _is("authorizationType", "COGNITO_USER_POOLS"),
    ),
    _refused(
        "lambda",
        "CreateEventSourceMapping",
        "event source mappings of this source are not emulated; those of SQS and DynamoDB are",
        _source_does_not_run,
    ),
    _refused(
        "events", "PutTargets", "the service of one of the targets is not emulated", _target_does_not_run
    ),
    _refused("events", "CreateEndpoint UpdateEndpoint", "global endpoints of EventBridge are not emulated"),
    _refused(
        "firehose",
        "CreateDeliveryStream",
        "Firehose delivers only to S3 and HTTP endpoints, and from Kinesis only where that runs",
        _delivery_does_not_run,
    ),
    _refused(
        "stepfunctions",
        "CreateStateMachine UpdateStateMachine ValidateStateMachineDefinition TestState",
        "JSONata needs Java libraries that are not installed: use JSONPath",
        _wants_jsonata,
    ),
    _refused(
        "ssm",
        "SendCommand StartAutomationExecution StartSession StartChangeRequestExecution",
        "Systems Manager can't run anything on instances, as there are none",
    ),
    _refused("apigateway", "ImportApiKeys", "keys can't be imported: create them one by one"),
    _refused(
        "logs",
        "PutDeliverySource PutDeliveryDestination CreateDelivery",
        "deliveries of other services' logs are not emulated",
    ),
    _refused("logs", "PutDestination", "destinations of other accounts' logs are not emulated"),
    _refused(
        "logs",
        "PutAccountPolicy PutTransformer PutDataProtectionPolicy CreateLogAnomalyDetector "
        "CreateScheduledQuery",
        "this setting of log groups is not emulated",
    ),
    # Settings that are stored, beside others that work.
    _warned(
        "dynamodb",
        "CreateTable UpdateTable",
        "provisioned throughput is stored without effect: DynamoDB doesn't throttle requests",
        _given("ProvisionedThroughput"),
    ),
    _warned(
        "lambda",
        "CreateFunction UpdateFunctionConfiguration",
        "SnapStart is stored without effect: every cold start runs the init",
        _given("SnapStart"),
    ),
    _warned(
        "lambda",
        "CreateFunction UpdateFunctionConfiguration",
        "file systems are stored, but not mounted",
        _given("FileSystemConfigs"),
    ),
    _warned(
        "lambda",
        "CreateFunction UpdateFunctionConfiguration",
        "VpcConfig is stored without effect: functions don't run in a VPC",
        lambda parameters: bool((parameters.get("VpcConfig") or {}).get("SubnetIds")),
    ),
    _warned(
        "lambda",
        "CreateFunction UpdateFunctionConfiguration",
        "X-Ray is not emulated: it gets no traces",
        lambda parameters: (parameters.get("TracingConfig") or {}).get("Mode") == "Active",
    ),
    _warned(
        "lambda",
        "CreateCodeSigningConfig PutFunctionCodeSigningConfig",
        "code signing is stored, but signatures are not checked",
    ),
    _warned(
        "apigateway",
        "CreateStage CreateDeployment",
        "cache clusters and tracing of stages are stored without effect",
        _given("cacheClusterEnabled", "tracingEnabled"),
    ),
    _warned(
        "apigateway",
        "CreateDomainName CreateVpcLink GenerateClientCertificate",
        "this is stored without effect on requests",
    ),
    _warned(
        "s3",
        "PutBucketReplication PutBucketLifecycleConfiguration PutBucketAccelerateConfiguration "
        "PutBucketLogging PutBucketInventoryConfiguration PutBucketAnalyticsConfiguration "
        "PutBucketMetricsConfiguration PutBucketIntelligentTieringConfiguration",
        "this setting of buckets is stored without effect: nothing is replicated, expired, logged or listed",
    ),
    _warned(
        "sns",
        "Subscribe",
        "SNS sends no e-mails, text messages or push messages",
        _is("Protocol", "email", "email-json", "sms", "application"),
    ),
    _warned("cloudwatch", "PutCompositeAlarm", "composite alarms support only OR and ALARM()"),
    _warned("cloudwatch", "PutDashboard", "dashboards are stored without effect: they are not displayed"),
    _warned(
        "cloudformation", "CreateStackSet", "stack sets are stored without effect: no stacks are created"
    ),
    _warned(
        "firehose",
        "CreateDeliveryStream UpdateDestination",
        "Firehose does not convert formats",
        _converts,
    ),
    _warned(
        "secretsmanager",
        "RotateSecret",
        "the secret is rotated once, now, and not by its schedule",
        _given("RotationRules"),
    ),
    _warned(
        "ssm",
        "CreateDocument CreateMaintenanceWindow CreatePatchBaseline",
        "this is stored without effect: Systems Manager runs nothing",
    ),
    _warned(
        "secretsmanager",
        "ReplicateSecretToRegions",
        "replicas are stored without effect: no other region has the secret",
    ),
    _warned(
        "secretsmanager",
        "CreateSecret",
        "replicas are stored without effect: no other region has the secret",
        _given("AddReplicaRegions"),
    ),
    _warned(
        "iam",
        "CreateSAMLProvider CreateOpenIDConnectProvider CreateVirtualMFADevice EnableMFADevice "
        "CreateAccountAlias",
        "this is stored without effect: nobody signs in with it",
    ),
    _warned("logs", "CreateExportTask", "export tasks are stored without effect: nothing is exported"),
    _warned(
        "sns",
        "SetSMSAttributes CreatePlatformApplication",
        "SNS sends no e-mails, text messages or push messages",
    ),
    _warned("sns", "Publish", "SNS sends no e-mails, text messages or push messages", _given("PhoneNumber")),
    _warned(
        "stepfunctions",
        "CreateStateMachine UpdateStateMachine",
        "X-Ray is not emulated: it gets no traces",
        lambda parameters: bool((parameters.get("tracingConfiguration") or {}).get("enabled")),
    ),
    _warned(
        "stepfunctions",
        "CreateStateMachine UpdateStateMachine CreateActivity",
        "keys are stored without effect: data of executions is not encrypted",
        _given("encryptionConfiguration"),
    ),
    _warned(
        "lambda",
        "CreateFunctionUrlConfig UpdateFunctionUrlConfig",
        "responses of function URLs are sent as a whole, and not streamed",
        _is("InvokeMode", "RESPONSE_STREAM"),
    ),
    _warned("lambda", "PutFunctionRecursionConfig", "recursive loops are not detected"),
    _warned("ses", "CreateReceiptRule", "receipt rules are stored without effect: no e-mails are received"),
    _warned(
        "ses",
        "SendEmail SendRawEmail SendTemplatedEmail",
        "SES stores e-mails and does not send them: read them at /_aws/ses",
    ),
    # Services that only store.
    *(
        _warned(service, "", f"{name} stores this without effect: {instead}")
        for service, name, instead in (
            ("acm", "ACM", "certificates are not used"),
            ("config", "AWS Config", "nothing is recorded or evaluated"),
            ("ec2", "EC2", "no instances, networks or volumes are created"),
            ("redshift", "Redshift", "no cluster runs"),
            ("route53", "Route 53", "no names are resolved"),
            ("route53resolver", "Route 53 Resolver", "no queries are forwarded or blocked"),
            ("support", "Support", "there are no answers"),
        )
    ),
)
