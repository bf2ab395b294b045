"""One of each resource of each service: whatever the APIs tell of them, they tell after a restart, too."""

import json
import time

import pytest
from forty_types_of_resources import terraform_in
from readings import Reader
from stack_processes import OWN_STACK

from serverless_harness.stack import control
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.state_transfer import STATE_PATH
from serverless_harness.testing.eventually import eventually

TIMEOUT_S = 300
MIN_ANSWERS = 200
"""Fewer would mean that most was not asked about."""
MAX_UNSTABLE = 0.1
"""The part of the answers that may differ from one moment to the next."""

pytestmark = [*OWN_STACK]


@pytest.fixture
def stack():
    stack = EmbeddedStack(free_port())
    stack.start()
    yield stack
    EmbeddedStack(stack.port).stop()


@pytest.fixture
def terraform(stack, tmp_path):
    return terraform_in(tmp_path, stack.endpoint_url, "kept")


def make_what_terraform_does_not(stack):
    """Resources that come about by use, and those for which the configuration has no block."""
    client = stack.target.client
    account = "000000000000"
    lambdas, sfn, s3, kms = client("lambda"), client("stepfunctions"), client("s3"), client("kms")
    functions = lambdas.list_functions()["Functions"]
    name = functions[0]["FunctionName"]
    lambdas.publish_version(FunctionName=name, Description="the first")
    lambdas.create_function_url_config(FunctionName=name, AuthType="NONE")
    lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    lambdas.invoke(FunctionName=name, Payload=b'{"a": 1}')

    machine = sfn.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1}')["executionArn"]
    eventually(
        lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING",
        timeout_s=TIMEOUT_S,
        what="the execution's end",
    )
    sfn.publish_state_machine_version(stateMachineArn=machine)

    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"x" * 6_000_000)
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="large",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    unfinished = s3.create_multipart_upload(Bucket=bucket, Key="unfinished")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="unfinished", UploadId=unfinished, PartNumber=1, Body=b"y" * 6_000_000)
    s3.put_object(Bucket=bucket, Key="again", Body=b"1", Metadata={"a": "b"}, Tagging="a=b")
    s3.put_object(Bucket=bucket, Key="again", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="again")

    key = kms.list_keys()["Keys"][0]["KeyId"]
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{account}:role/kept", Operations=["Decrypt"])
    for spec in ("RSA_2048", "ECC_NIST_P256", "HMAC_256"):
        usage = "GENERATE_VERIFY_MAC" if spec == "HMAC_256" else "SIGN_VERIFY"
        kms.create_key(KeySpec=spec, KeyUsage=usage, Tags=[{"TagKey": "a", "TagValue": "b"}])

    table = client("dynamodb").list_tables()["TableNames"][0]
    client("dynamodb").create_backup(TableName=table, BackupName="kept")
    client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"}
    )

    group = client("logs").describe_log_groups()["logGroups"][0]["logGroupName"]
    client("logs").create_log_stream(logGroupName=group, logStreamName="by hand")
    client("logs").put_log_events(
        logGroupName=group,
        logStreamName="by hand",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "a line"}],
    )
    client("cloudwatch").put_metric_data(Namespace="kept", MetricData=[{"MetricName": "m", "Value": 1.0}])

    events = client("events")
    connection = events.create_connection(
        Name="kept",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
    )
    events.create_api_destination(
        Name="kept",
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint="http://127.0.0.1:1/",
        HttpMethod="POST",
    )

    topic = client("sns").create_topic(Name="kept.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    client("sns").tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "b"}])
    queue = client("sqs").create_queue(
        QueueName="kept.fifo", Attributes={"FifoQueue": "true"}, tags={"a": "b"}
    )["QueueUrl"]
    client("sqs").send_message(
        QueueUrl=queue, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d"
    )

    client("ssm").put_parameter(Name="/kept/secure", Value="secret", Type="SecureString")
    client("ssm").label_parameter_version(Name="/kept/secure", Labels=["live"])
    client("secretsmanager").create_secret(
        Name="kept-binary", SecretBinary=b"\0\1", Tags=[{"Key": "a", "Value": "b"}]
    )
    client("ses").create_template(Template={"TemplateName": "kept", "SubjectPart": "s", "TextPart": "t"})
    client("route53").create_health_check(
        CallerReference="kept", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80}
    )
    client("swf").register_domain(name="kept", workflowExecutionRetentionPeriodInDays="1")
    client("swf").register_workflow_type(domain="kept", name="w", version="1")
    client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/kept-all", RoleSessionName="kept")
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-stack"}}}}
    formation = client("cloudformation")
    formation.create_stack(StackName="kept", TemplateBody=json.dumps(template))
    formation.get_waiter("stack_create_complete").wait(StackName="kept", WaiterConfig={"Delay": 1})


def complete_the_upload(stack):
    """Go on with the multipart upload that was under way."""
    s3 = stack.target.client("s3")
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    [upload] = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    names = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
    second = s3.upload_part(**names, PartNumber=2, Body=b"z")
    [first] = s3.list_parts(**names, MaxParts=1)["Parts"]
    parts = [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}]
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key=upload["Key"])["Body"].read() == b"y" * 6_000_000 + b"z"


def restart(stack):
    """Save the emulator's state, end it, and load the state into the next one on the same port."""

    saved = control.ask(stack.target, "GET", STATE_PATH, timeout_s=TIMEOUT_S)
    assert saved.status_code == 200, saved.text
    stack.stop()
    stack.start()
    loaded = control.ask(stack.target, "PUT", STATE_PATH, content=saved.content, timeout_s=TIMEOUT_S)
    assert loaded.status_code == 204, loaded.text


def test_whatever_can_be_read_is_the_same_after_a_restart(stack, terraform):
    applied = terraform("apply", "-auto-approve", "-parallelism=30")
    assert applied.returncode == 0, applied.stderr
    make_what_terraform_does_not(stack)

    reader = Reader(stack)
    questions = reader.questions()
    before, again = reader.answers(questions), reader.answers(questions)
    stable = [each for each in questions if before[each] == again[each]]
    assert len(stable) >= MIN_ANSWERS
    assert len(questions) - len(stable) <= MAX_UNSTABLE * len(questions)

    restart(stack)

    after = Reader(stack).answers(stable)
    different = {each: (before[each], after[each]) for each in stable if before[each] != after[each]}
    assert different == {}
    complete_the_upload(stack)
