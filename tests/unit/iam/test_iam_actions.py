# ruff: noqa: E501 - one row of a table, one line
"""Which actions on which resources a call needs: each row is a call and what AWS's pages say that it takes."""

from typing import Any

import pytest
from localstack.services.plugins import SERVICE_PLUGINS

from serverless_harness.emulator.iam.actions import SERVICES, Call, UnsupportedCallError, permissions_for
from serverless_harness.emulator.iam.actions.call import KmsKeyFacts
from serverless_harness.emulator.iam.actions.reference import PREFIXES
from serverless_harness.emulator.iam.matching import UNTOLD
from serverless_harness.emulator.iam.service_reference import condition_keys, known_actions

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY_ID = "785351b1-1f2c-4f60-ba28-c55212ba8e3c"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/reader"


class Lookups:
    """One key with an alias, and one role with a path."""

    key = KmsKeyFacts(KEY, KEY_ID, "RSA_4096", "ENCRYPT_DECRYPT", "AWS_KMS", False, ("alias/shop-AMIS1",))

    def kms_key(self, key_id: str, account_id: str, region: str) -> KmsKeyFacts | None:
        known = (KEY_ID, KEY, "alias/shop-AMIS1", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/shop-AMIS1")
        return self.key if key_id in known else None

    def kms_key_of_ciphertext(self, blob: bytes, account_id: str, region: str) -> KmsKeyFacts | None:
        return self.key if blob == b"made with the key" else None

    def iam_arn(self, kind: str, name: str, account_id: str) -> str | None:
        return ROLE if (kind, name) == ("role", "reader") else None

    def arn_by_name(self, kind: str, name: str, call: Call) -> str | None:
        return SECRET if (kind, name) == ("Secret", "db") else None


def call(service: str, operation: str, parameters: dict[str, Any], **fields: str) -> Call:
    return Call(service, operation, parameters, ACCOUNT, REGION, Lookups(), **fields)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


TOPIC, QUEUE, TABLE, FUNCTION = (
    arn("sns", "orders"),
    arn("sqs", "orders"),
    arn("dynamodb", "table/shops"),
    arn("lambda", "function:accept"),
)
GROUP = arn("logs", "log-group:/aws/lambda/accept")
QUEUE_URL = f"http://127.0.0.1:4566/queue/{REGION}/{ACCOUNT}/orders"

# fmt: off
ROWS: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("sns", "Publish", {"TopicArn": TOPIC, "Message": "m"}, [("sns:Publish", TOPIC)]),
    ("sns", "Publish", {"TargetArn": TOPIC, "Message": "m"}, [("sns:Publish", TOPIC)]),
    ("sns", "Publish", {"PhoneNumber": "+358401234567", "Message": "m"}, [("sns:Publish", "+358401234567")]),
    ("sns", "PublishBatch", {"TopicArn": TOPIC}, [("sns:Publish", TOPIC)]),
    ("sns", "CreateTopic", {"Name": "orders"}, [("sns:CreateTopic", TOPIC)]),
    ("sns", "Unsubscribe", {"SubscriptionArn": f"{TOPIC}:1234"}, [("sns:Unsubscribe", TOPIC)]),
    ("sns", "ListTopics", {}, [("sns:ListTopics", "*")]),
    ("sns", "ListSubscriptionsByTopic", {"TopicArn": TOPIC}, [("sns:ListSubscriptionsByTopic", TOPIC)]),
    ("sqs", "SendMessage", {"QueueUrl": QUEUE_URL}, [("sqs:SendMessage", QUEUE)]),
    ("sqs", "SendMessage", {"QueueUrl": f"http://sqs.{REGION}.localhost:4566/{ACCOUNT}/orders"}, [("sqs:SendMessage", QUEUE)]),
    ("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:4566/444455556666/orders"}, [("sqs:SendMessage", f"arn:aws:sqs:{REGION}:444455556666:orders")]),
    ("sqs", "SendMessage", {"QueueUrl": f"http://127.0.0.1:4566/queue/eu-west-1/{ACCOUNT}/orders"}, [("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders")]),
    ("sqs", "SendMessage", {"QueueUrl": f"http://sqs.eu-west-1.localhost:4566/{ACCOUNT}/orders"}, [("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders")]),
    ("sqs", "SendMessageBatch", {"QueueUrl": QUEUE_URL}, [("sqs:SendMessage", QUEUE)]),
    ("sqs", "DeleteMessageBatch", {"QueueUrl": QUEUE_URL}, [("sqs:DeleteMessage", QUEUE)]),
    ("sqs", "ChangeMessageVisibilityBatch", {"QueueUrl": QUEUE_URL}, [("sqs:ChangeMessageVisibility", QUEUE)]),
    ("sqs", "GetQueueUrl", {"QueueName": "orders"}, [("sqs:GetQueueUrl", QUEUE)]),
    ("sqs", "ListQueues", {}, [("sqs:ListQueues", "*")]),
    ("dynamodb", "PutItem", {"TableName": "shops"}, [("dynamodb:PutItem", TABLE)]),
    ("dynamodb", "GetItem", {"TableName": TABLE}, [("dynamodb:GetItem", TABLE)]),
    ("dynamodb", "Query", {"TableName": "shops", "IndexName": "by-day"}, [("dynamodb:Query", f"{TABLE}/index/by-day")]),
    ("dynamodb", "BatchWriteItem", {"RequestItems": {"shops": [], "other": []}},
     [("dynamodb:BatchWriteItem", TABLE), ("dynamodb:BatchWriteItem", arn("dynamodb", "table/other"))]),
    ("dynamodb", "TransactWriteItems",
     {"TransactItems": [{"Put": {"TableName": "shops"}}, {"Update": {"TableName": "shops"}}, {"Delete": {"TableName": "other"}}, {"ConditionCheck": {"TableName": "shops"}}]},
     [("dynamodb:PutItem", TABLE), ("dynamodb:UpdateItem", TABLE), ("dynamodb:DeleteItem", arn("dynamodb", "table/other")), ("dynamodb:ConditionCheckItem", TABLE)]),
    ("dynamodb", "TransactGetItems", {"TransactItems": [{"Get": {"TableName": "shops"}}]}, [("dynamodb:GetItem", TABLE)]),
    ("dynamodb", "ExecuteStatement", {"Statement": "SELECT * FROM \"shops\".\"by-day\" WHERE a = 1"}, [("dynamodb:PartiQLSelect", f"{TABLE}/index/by-day")]),
    ("dynamodb", "ExecuteStatement", {"Statement": "insert into shops value {'a': 1}"}, [("dynamodb:PartiQLInsert", TABLE)]),
    ("dynamodb", "BatchExecuteStatement", {"Statements": [{"Statement": "UPDATE shops SET a = 1"}, {"Statement": "delete from shops where a = 1"}]},
     [("dynamodb:PartiQLUpdate", TABLE), ("dynamodb:PartiQLDelete", TABLE)]),
    ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
    ("dynamodb", "TagResource", {"ResourceArn": TABLE, "Tags": []}, [("dynamodb:TagResource", TABLE)]),
    ("kms", "Decrypt", {"KeyId": "alias/shop-AMIS1"}, [("kms:Decrypt", KEY)]),
    ("kms", "Decrypt", {"KeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/shop-AMIS1"}, [("kms:Decrypt", KEY)]),
    ("kms", "Decrypt", {"KeyId": KEY_ID}, [("kms:Decrypt", KEY)]),
    ("kms", "Decrypt", {"KeyId": KEY}, [("kms:Decrypt", KEY)]),
    ("kms", "Decrypt", {"CiphertextBlob": b"made with the key"}, [("kms:Decrypt", KEY)]),
    ("kms", "Decrypt", {"KeyId": "alias/unknown"}, []),
    ("kms", "ReEncrypt", {"CiphertextBlob": b"made with the key", "DestinationKeyId": KEY_ID}, [("kms:ReEncryptFrom", KEY), ("kms:ReEncryptTo", KEY)]),
    ("kms", "CreateAlias", {"AliasName": "alias/new", "TargetKeyId": KEY_ID}, [("kms:CreateAlias", arn("kms", "alias/new")), ("kms:CreateAlias", KEY)]),
    ("kms", "UpdateAlias", {"AliasName": "alias/shop-AMIS1", "TargetKeyId": KEY_ID}, [("kms:UpdateAlias", arn("kms", "alias/shop-AMIS1")), ("kms:UpdateAlias", KEY), ("kms:UpdateAlias", KEY)]),
    ("kms", "ListKeys", {}, [("kms:ListKeys", "*")]),
    ("logs", "PutLogEvents", {"logGroupName": "/aws/lambda/accept", "logStreamName": "s"}, [("logs:PutLogEvents", f"{GROUP}:log-stream:s")]),
    ("logs", "CreateLogStream", {"logGroupName": "/aws/lambda/accept", "logStreamName": "s"}, [("logs:CreateLogStream", f"{GROUP}:log-stream:s")]),
    ("logs", "CreateLogGroup", {"logGroupName": "/aws/lambda/accept"}, [("logs:CreateLogGroup", f"{GROUP}:log-stream:")]),
    ("logs", "DescribeLogGroups", {}, [("logs:DescribeLogGroups", arn("logs", "log-group::log-stream:"))]),
    ("logs", "FilterLogEvents", {"logGroupIdentifier": f"{GROUP}:*"}, [("logs:FilterLogEvents", f"{GROUP}:log-stream:")]),
    ("logs", "StartQuery", {"logGroupNames": ["/aws/lambda/accept", "b"]}, [("logs:StartQuery", f"{GROUP}:log-stream:"), ("logs:StartQuery", arn("logs", "log-group:b:log-stream:"))]),
    ("logs", "TagResource", {"resourceArn": f"{GROUP}:*"}, [("logs:TagResource", GROUP)]),
    ("logs", "PutSubscriptionFilter", {"logGroupName": "/aws/lambda/accept", "roleArn": "arn:aws:iam::1:role/r"}, [("logs:PutSubscriptionFilter", f"{GROUP}:log-stream:"), ("iam:PassRole", "arn:aws:iam::1:role/r")]),
    ("lambda", "Invoke", {"FunctionName": "accept"}, [("lambda:InvokeFunction", FUNCTION)]),
    ("lambda", "Invoke", {"FunctionName": "accept", "Qualifier": "live"}, [("lambda:InvokeFunction", f"{FUNCTION}:live")]),
    ("lambda", "Invoke", {"FunctionName": "accept:live"}, [("lambda:InvokeFunction", f"{FUNCTION}:live")]),
    ("lambda", "Invoke", {"FunctionName": f"{FUNCTION}:live"}, [("lambda:InvokeFunction", f"{FUNCTION}:live")]),
    ("lambda", "Invoke", {"FunctionName": f"{ACCOUNT}:function:accept"}, [("lambda:InvokeFunction", FUNCTION)]),
    ("lambda", "Invoke", {"FunctionName": "function:accept"}, [("lambda:InvokeFunction", FUNCTION)]),
    ("lambda", "Invoke", {"FunctionName": f"{ACCOUNT}:accept"}, [("lambda:InvokeFunction", FUNCTION)]),
    ("lambda", "Invoke", {"FunctionName": "arn:aws:lambda:accept"}, [("lambda:InvokeFunction", FUNCTION)]),
    ("lambda", "Invoke", {"FunctionName": f"{REGION}:{ACCOUNT}:function:accept:live"}, [("lambda:InvokeFunction", f"{FUNCTION}:live")]),
    ("lambda", "GetFunction", {"FunctionName": FUNCTION}, [("lambda:GetFunction", FUNCTION)]),
    ("lambda", "ListFunctions", {}, [("lambda:ListFunctions", "*")]),
    ("lambda", "ListVersionsByFunction", {"FunctionName": "accept"}, [("lambda:ListVersionsByFunction", FUNCTION)]),
    ("lambda", "CreateFunction", {"FunctionName": "accept", "Role": ROLE}, [("lambda:CreateFunction", FUNCTION), ("iam:PassRole", ROLE)]),
    ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "accept"}, [("lambda:UpdateFunctionConfiguration", FUNCTION)]),
    ("lambda", "GetLayerVersion", {"LayerName": "l", "VersionNumber": 3}, [("lambda:GetLayerVersion", arn("lambda", "layer:l:3"))]),
    ("lambda", "CreateEventSourceMapping", {"FunctionName": "accept"}, [("lambda:CreateEventSourceMapping", "*")]),
    ("lambda", "DeleteEventSourceMapping", {"UUID": "u"}, [("lambda:DeleteEventSourceMapping", arn("lambda", "event-source-mapping:u"))]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "a/k"}, [("s3:GetObject", "arn:aws:s3:::b/a/k")]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
    ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
    ("s3", "PutObject", {"Bucket": "b", "Key": "k", "Tagging": "a=b"}, [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:PutObjectTagging", "arn:aws:s3:::b/k")]),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
    ("s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "/src/a%20b"}, [("s3:GetObject", "arn:aws:s3:::src/a b"), ("s3:PutObject", "arn:aws:s3:::b/k")]),
    ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2", "VersionId": "v"}]}}, [("s3:DeleteObject", "arn:aws:s3:::b/1"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/2")]),
    ("s3", "PutBucketNotificationConfiguration", {"Bucket": "b"}, [("s3:PutBucketNotification", "arn:aws:s3:::b")]),
    ("iam", "GetRole", {"RoleName": "reader"}, [("iam:GetRole", ROLE)]),
    ("iam", "CreateRole", {"RoleName": "new", "Path": "/app/"}, [("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/app/new")]),
    ("iam", "AttachRolePolicy", {"RoleName": "reader", "PolicyArn": "arn:aws:iam::aws:policy/X"}, [("iam:AttachRolePolicy", ROLE)]),
    ("iam", "GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/X"}, [("iam:GetPolicy", "arn:aws:iam::aws:policy/X")]),
    ("iam", "ListRoles", {}, [("iam:ListRoles", "*")]),
    ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "s"}, [("sts:AssumeRole", ROLE)]),
    ("sts", "GetCallerIdentity", {}, []),
    ("cloudwatch", "PutMetricData", {"Namespace": "Shop"}, [("cloudwatch:PutMetricData", "*")]),
    ("cloudwatch", "SetAlarmState", {"AlarmName": "a"}, [("cloudwatch:SetAlarmState", arn("cloudwatch", "alarm:a"))]),
]
# fmt: on


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    ROWS,
    ids=[f"{row[0]}-{row[1]}-{i}" for i, row in enumerate(ROWS)],
)
def test_a_call_needs_what_aws_documents(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    needed = permissions_for(call(service, operation, parameters))

    assert [(permission.action, permission.resource) for permission in needed] == expected


def test_api_gateway_needs_the_method_on_the_path() -> None:
    (needed,) = permissions_for(
        call("apigateway", "GetResources", {}, http_method="GET", path="/restapis/abc/resources")
    )

    assert (needed.action, needed.resource) == (
        "apigateway:GET",
        f"arn:aws:apigateway:{REGION}::/restapis/abc/resources",
    )


# fmt: off
CONTEXT_ROWS: list[tuple[str, str, dict[str, Any], dict[str, tuple[str, ...]]]] = [
    ("kms", "Decrypt", {"KeyId": "alias/shop-AMIS1", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
     {"kms:requestalias": ("alias/shop-AMIS1",), "kms:encryptionalgorithm": ("RSAES_OAEP_SHA_256",), "kms:keyspec": ("RSA_4096",), "kms:calleraccount": (ACCOUNT,), "kms:resourcealiases": ("alias/shop-AMIS1",)}),
    ("kms", "Encrypt", {"KeyId": KEY_ID, "EncryptionContext": {"Shop": "AMIS1"}},
     {"kms:encryptioncontext:shop": ("AMIS1",), "kms:encryptioncontextkeys": ("Shop",), "kms:encryptionalgorithm": ("SYMMETRIC_DEFAULT",)}),
    ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "shops"}}]}, {"dynamodb:enclosingoperation": ("TransactWriteItems",)}),
    ("dynamodb", "UpdateItem", {"TableName": "shops", "ReturnValues": "ALL_NEW"}, {"dynamodb:returnvalues": ("ALL_NEW",)}),
    ("sns", "Subscribe", {"TopicArn": TOPIC, "Protocol": "lambda", "Endpoint": FUNCTION}, {"sns:protocol": ("lambda",), "sns:endpoint": (FUNCTION,)}),
    ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "home/", "MaxKeys": 10}, {"s3:prefix": ("home/",), "s3:max-keys": ("10",)}),
    ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "s", "ExternalId": "x"}, {"sts:rolesessionname": ("s",), "sts:externalid": ("x",)}),
    ("sns", "TagResource", {"ResourceArn": TOPIC, "Tags": [{"Key": "Team", "Value": "red"}]}, {"aws:tagkeys": ("Team",), "aws:requesttag/team": ("red",)}),
    ("lambda", "TagResource", {"Resource": FUNCTION, "Tags": {"Team": "red"}}, {"aws:requesttag/team": ("red",)}),
    ("sqs", "UntagQueue", {"QueueUrl": QUEUE_URL, "TagKeys": ["Team"]}, {"aws:tagkeys": ("Team",)}),
    ("cloudwatch", "PutMetricData", {"Namespace": "Shop"}, {"cloudwatch:namespace": ("Shop",)}),
]
# fmt: on


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    CONTEXT_ROWS,
    ids=[f"{row[0]}-{row[1]}" for row in CONTEXT_ROWS],
)
def test_a_call_brings_its_condition_keys(
    service: str, operation: str, parameters: dict[str, Any], expected: dict[str, tuple[str, ...]]
) -> None:
    needed = permissions_for(call(service, operation, parameters))[0]

    assert expected.items() <= needed.context.items()


def test_the_key_itself_is_no_alias() -> None:
    (needed,) = permissions_for(call("kms", "Decrypt", {"KeyId": KEY_ID}))

    assert "kms:requestalias" not in needed.context


SECRET = arn("secretsmanager", "secret:db-AbCdEf")
MACHINE = arn("states", "stateMachine:flow")
EXECUTION = arn("states", "execution:flow:1")

# fmt: off
BY_REFERENCE: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("ssm", "GetParameter", {"Name": "/app/key"}, [("ssm:GetParameter", arn("ssm", "parameter/app/key"))]),
    ("ssm", "GetParameters", {"Names": ["a", "/b"]}, [("ssm:GetParameters", arn("ssm", "parameter/a")), ("ssm:GetParameters", arn("ssm", "parameter/b"))]),
    ("ssm", "GetParametersByPath", {"Path": "/app"}, [("ssm:GetParametersByPath", arn("ssm", "parameter/app"))]),
    ("ssm", "PutParameter", {"Name": "key", "Value": "v", "Type": "String"}, [("ssm:PutParameter", arn("ssm", "parameter/key"))]),
    ("ssm", "DescribeParameters", {}, [("ssm:DescribeParameters", "*")]),
    ("secretsmanager", "GetSecretValue", {"SecretId": SECRET}, [("secretsmanager:GetSecretValue", SECRET)]),
    ("secretsmanager", "GetSecretValue", {"SecretId": "db"}, [("secretsmanager:GetSecretValue", SECRET)]),
    ("secretsmanager", "ListSecrets", {}, [("secretsmanager:ListSecrets", "*")]),
    ("events", "PutEvents", {"Entries": [{"Source": "s", "Detail": "{}"}]}, [("events:PutEvents", arn("events", "event-bus/default"))]),
    ("events", "PutEvents", {"Entries": [{"EventBusName": "b"}, {"EventBusName": arn("events", "event-bus/c")}]}, [("events:PutEvents", arn("events", "event-bus/b")), ("events:PutEvents", arn("events", "event-bus/c"))]),
    ("events", "PutRule", {"Name": "r"}, [("events:PutRule", arn("events", "rule/r"))]),
    ("events", "PutRule", {"Name": "r", "EventBusName": "b"}, [("events:PutRule", arn("events", "rule/b/r"))]),
    ("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": QUEUE, "RoleArn": ROLE}]}, [("events:PutTargets", arn("events", "rule/r")), ("iam:PassRole", ROLE)]),
    ("events", "ListRules", {}, [("events:ListRules", "*")]),
    ("stepfunctions", "StartExecution", {"stateMachineArn": MACHINE, "input": "{}"}, [("states:StartExecution", MACHINE)]),
    ("stepfunctions", "CreateStateMachine", {"name": "flow", "definition": "{}", "roleArn": ROLE}, [("states:CreateStateMachine", MACHINE), ("iam:PassRole", ROLE)]),
    ("stepfunctions", "DescribeExecution", {"executionArn": EXECUTION}, [("states:DescribeExecution", EXECUTION)]),
    ("stepfunctions", "SendTaskSuccess", {"taskToken": "t", "output": "{}"}, [("states:SendTaskSuccess", "*")]),
    ("kinesis", "PutRecord", {"StreamName": "s", "Data": b"", "PartitionKey": "k"}, [("kinesis:PutRecord", arn("kinesis", "stream/s"))]),
    ("kinesis", "PutRecord", {"StreamARN": arn("kinesis", "stream/s")}, [("kinesis:PutRecord", arn("kinesis", "stream/s"))]),
    ("firehose", "PutRecord", {"DeliveryStreamName": "d"}, [("firehose:PutRecord", arn("firehose", "deliverystream/d"))]),
    ("firehose", "CreateDeliveryStream", {"DeliveryStreamName": "d", "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE}}, [("firehose:CreateDeliveryStream", arn("firehose", "deliverystream/d")), ("iam:PassRole", ROLE)]),
    ("scheduler", "CreateSchedule", {"Name": "s", "Target": {"Arn": QUEUE, "RoleArn": ROLE}}, [("scheduler:CreateSchedule", arn("scheduler", "schedule/default/s")), ("iam:PassRole", ROLE)]),
    ("scheduler", "CreateScheduleGroup", {"Name": "g"}, [("scheduler:CreateScheduleGroup", arn("scheduler", "schedule-group/g"))]),
    ("ses", "SendEmail", {"Source": "a@example.com"}, [("ses:SendEmail", arn("ses", "identity/a@example.com"))]),
    ("route53", "ChangeResourceRecordSets", {"HostedZoneId": "/hostedzone/Z1"}, [("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1")]),
    ("route53", "GetHostedZone", {"Id": "Z1"}, [("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z1")]),
    ("ec2", "DescribeInstances", {}, [("ec2:DescribeInstances", "*")]),
    ("ec2", "TerminateInstances", {"InstanceIds": ["i-1", "i-2"]}, [("ec2:TerminateInstances", arn("ec2", "instance/i-1")), ("ec2:TerminateInstances", arn("ec2", "instance/i-2"))]),
    ("opensearch", "DescribeDomain", {"DomainName": "d"}, [("es:DescribeDomain", arn("es", "domain/d"))]),
    ("resourcegroupstaggingapi", "GetResources", {}, [("tag:GetResources", "*")]),
    ("cloudformation", "CreateStack", {"StackName": "s"}, [("cloudformation:CreateStack", arn("cloudformation", f"stack/s/{UNTOLD}"))]),
    ("sns", "GetTopicAttributes", {}, [("sns:GetTopicAttributes", arn("sns", UNTOLD))]),
    ("sqs", "SendMessage", {}, [("sqs:SendMessage", arn("sqs", UNTOLD))]),
    ("dynamodb", "PutItem", {}, [("dynamodb:PutItem", arn("dynamodb", f"table/{UNTOLD}"))]),
    ("dynamodb", "ExecuteStatement", {"Statement": "EXPLAIN x"}, [(f"dynamodb:{UNTOLD}", UNTOLD)]),
    ("lambda", "Unheard", {"FunctionName": "f"}, [(f"lambda:{UNTOLD}", arn("lambda", "function:f"))]),
    ("lambda", "SendDurableExecutionCallbackSuccess", {},
     [("lambda:SendDurableExecutionCallbackSuccess", arn("lambda", f"function:{UNTOLD}"))]),
    ("events", "DescribeEventBus", {}, [("events:DescribeEventBus", arn("events", f"event-bus/{UNTOLD}"))]),
    ("unheard", "Of", {}, [(f"unheard:{UNTOLD}", UNTOLD)]),
]
# fmt: on


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"), BY_REFERENCE, ids=[row[1] for row in BY_REFERENCE]
)
def test_other_calls_are_mapped_by_the_reference(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Source: the pages "Actions, resources, and condition keys for …" of each service."""
    needed = permissions_for(call(service, operation, parameters))
    assert [(each.action, each.resource) for each in needed] == expected


@pytest.mark.parametrize(
    "operation", ["GetSessionToken", "GetFederationToken", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
)
def test_what_is_not_checked_here_is_refused(operation: str) -> None:
    with pytest.raises(UnsupportedCallError, match=operation):
        permissions_for(call("sts", operation, {}))


def test_every_service_that_runs_here_is_in_the_definitions() -> None:
    provided = set(SERVICE_PLUGINS.list_available()) | set(SERVICES)
    assert [name for name in sorted(provided) if not known_actions(PREFIXES.get(name, name))] == []


def test_the_definitions_name_condition_keys() -> None:
    """Source: "Actions, resources, and condition keys for AWS Key Management Service"."""

    def documented(action: str, key: str) -> bool:
        return any(pattern.fullmatch(key) for pattern in condition_keys(action))

    assert documented("kms:Decrypt", "kms:requestalias")
    assert documented("kms:Decrypt", "kms:encryptioncontext:shop")
    assert documented("dynamodb:PutItem", "dynamodb:leadingkeys")
    assert not documented("sns:Publish", "kms:requestalias")
