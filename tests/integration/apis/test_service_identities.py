"""Services call each other as AWS's do: each flow of docs/identities.md, allowed and denied."""

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from apis_under_test import ACCOUNT_ID, ON_A_STACK_OF_THEIR_OWN, allowing, zipped
from botocore.exceptions import ClientError

from serverless_harness.waiting import Wait

pytestmark = ON_A_STACK_OF_THEIR_OWN

TIMEOUT_S = 60
QUIET_S = 3
"""How long something that is denied is waited for."""
RECORD = """
import json, os, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
    return {"records": [
        {"recordId": each["recordId"], "result": "Ok", "data": each["data"]}
        for each in event.get("records", [])
    ]}
"""


def policy(action, resource, service, **conditions):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {
            "ArnLike" if key == "aws:SourceArn" else "StringEquals": {key: value}
            for key, value in conditions.items()
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Account:
    """Makes what a flow needs, under names of its own."""

    def __init__(self, target):
        self.target = target
        self.region = target.region
        self.id = secrets.token_hex(4)

    def __getattr__(self, name):
        return self.target.client({"lambda_": "lambda"}.get(name, name))

    def arn(self, service, rest):
        return f"arn:aws:{service}:{self.region}:{ACCOUNT_ID}:{rest}"

    def queue(self, name, policy_for=None):
        """Make a queue whose policy `policy_for` makes of its ARN; by default it has none."""
        url = self.sqs.create_queue(QueueName=f"{name}-{self.id}")["QueueUrl"]
        arn = self.arn("sqs", f"{name}-{self.id}")
        if policy_for:
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy_for(arn)})
        return url, arn

    def topic(self, name, policy_for=None):
        arn = self.sns.create_topic(Name=f"{name}-{self.id}")["TopicArn"]
        if policy_for:
            self.sns.set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=policy_for(arn)
            )
        return arn

    def role(self, name, service, *actions, resource="*", **conditions):
        trust = json.loads(policy("sts:AssumeRole", "*", service, **conditions))
        del trust["Statement"][0]["Resource"]
        name = f"{name}-{self.id}"
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if actions:
            self.iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=allowing(*actions, resource=resource)
            )
        return arn

    def function(self, name, queue_url, *, permit=None, code=RECORD, role_arn=None):
        """Make a function that records its events; `permit` is AddPermission's principal and conditions."""
        name = f"{name}-{self.id}"
        self.lambda_.create_function(
            FunctionName=name,
            Role=role_arn or self.role(f"of-{name}", "lambda", "sqs:*", "logs:*"),
            Runtime="python3.13",
            Handler="function.handler",
            Timeout=20,
            Environment={"Variables": {"QUEUE": queue_url}},
            Code={"ZipFile": zipped(code)},
        )
        self.lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        if permit:
            self.lambda_.add_permission(
                FunctionName=name, StatementId="permitted", Action="lambda:InvokeFunction", **permit
            )
        return self.arn("lambda", f"function:{name}")

    def received(self, queue_url, timeout_s=TIMEOUT_S):
        """Wait for a message; returns it whole."""

        def look():
            answer = self.sqs.receive_message(
                QueueUrl=queue_url, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            )
            return (answer.get("Messages") or [None])[0]

        return Wait(f"a message in {queue_url}", timeout_s, interval_s=0.1).until(look)

    def stays_empty(self, queue_url):
        answer = self.sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=QUIET_S)
        return "Messages" not in answer


@pytest.fixture
def account(stack):
    return Account(stack.target)


class Refusing(BaseHTTPRequestHandler):
    """An endpoint that refuses whatever it is sent, as a client's error."""

    def do_POST(self):
        self.send_response(400)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def refusing_url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.parametrize("protocol", ["sqs", "http"])
@pytest.mark.parametrize("named", ["the topic", "another topic"])
def test_sns_sends_dead_letters_in_the_topics_name(account, refusing_url, protocol, named):
    topic_arn = account.topic("orders")
    source = topic_arn if named == "the topic" else f"{topic_arn}-other"
    dead_url, dead_arn = account.queue(
        "dead", lambda arn: policy("sqs:SendMessage", arn, "sns", **{"aws:SourceArn": source})
    )
    _, denying_arn = account.queue("denying")  # Its policy permits nobody: each delivery is denied.
    account.sns.subscribe(
        TopicArn=topic_arn,
        Protocol=protocol,
        Endpoint=denying_arn if protocol == "sqs" else refusing_url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})},
    )
    account.sns.publish(TopicArn=topic_arn, Message="an order")
    if named == "the topic":
        assert "an order" in account.received(dead_url)["Body"] or protocol == "http"
    else:
        assert account.stays_empty(dead_url)


def test_sns_batches_that_are_denied_are_dead_letters(account):
    topic_arn = account.topic("orders")
    dead_url, dead_arn = account.queue(
        "dead", lambda arn: policy("sqs:SendMessage", arn, "sns", **{"aws:SourceArn": topic_arn})
    )
    account.sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=account.queue("denying")[1],
        Attributes={
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn}),
            "RawMessageDelivery": "true",
        },
    )
    account.sns.publish_batch(
        TopicArn=topic_arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "an order"}]
    )
    assert account.received(dead_url)["Body"] == "an order"


def integrate(account, api, path, queue_url, role_arn):
    """Have `POST path` of an API send its body to a queue, as a role."""
    place = {"restApiId": api.api_id, "resourceId": api.resource_id(path), "httpMethod": "POST"}
    api.client.put_method(**place, authorizationType="NONE")
    queue_path = "/".join(queue_url.split("/")[-2:])
    api.client.put_integration(
        **place,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{account.region}:sqs:path/{queue_path}",
        credentials=role_arn,
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates={"application/json": "Action=SendMessage&MessageBody=$input.body"},
        passthroughBehavior="NEVER",
    )
    for status, pattern in (("200", None), ("403", "403"), ("500", "5\\d\\d")):
        api.client.put_method_response(**place, statusCode=status)
        selected = {"selectionPattern": pattern} if pattern else {}
        api.client.put_integration_response(**place, statusCode=status, **selected)


def test_api_gateway_sends_to_a_queue_as_the_integrations_role(account, make_api):
    url, arn = account.queue("orders")
    api = make_api()
    integrate(account, api, "/may", url, account.role("may", "apigateway", "sqs:SendMessage", resource=arn))
    integrate(account, api, "/may-not", url, account.role("may-not", "apigateway", "sqs:DeleteMessage"))
    integrate(account, api, "/untrusted", url, account.role("untrusted", "lambda", "sqs:SendMessage"))
    api.deploy()

    answer = api.request("/may", "POST", json={"id": 1})
    assert answer.status_code == 200, answer.text
    assert json.loads(account.received(url)["Body"]) == {"id": 1}
    assert api.request("/may-not", "POST", json={"id": 2}).status_code == 403
    assert api.request("/untrusted", "POST", json={"id": 3}).status_code == 500
    assert account.stays_empty(url)


@pytest.mark.parametrize("owner", [ACCOUNT_ID, "111122223333"])
def test_s3_notifies_for_its_bucket_and_the_buckets_account(account, owner):
    bucket = f"orders-{account.id}"
    account.s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region}
    ) if account.region != "us-east-1" else account.s3.create_bucket(Bucket=bucket)
    conditions = {"aws:SourceArn": f"arn:aws:s3:::{bucket}", "aws:SourceAccount": owner}
    url, arn = account.queue("of-bucket", lambda arn: policy("sqs:SendMessage", arn, "s3", **conditions))
    topic_arn = account.topic("of-bucket", lambda arn: policy("sns:Publish", arn, "s3", **conditions))
    function_arn = account.function(
        "of-bucket",
        url,
        permit={
            "Principal": "s3.amazonaws.com",
            "SourceArn": conditions["aws:SourceArn"],
            "SourceAccount": owner,
        },
    )
    for kind, key, destination in (
        ("QueueConfigurations", "QueueArn", arn),
        ("TopicConfigurations", "TopicArn", topic_arn),
        ("LambdaFunctionConfigurations", "LambdaFunctionArn", function_arn),
    ):
        configuration = {kind: [{key: destination, "Events": ["s3:ObjectCreated:*"]}]}
        put = account.s3.put_bucket_notification_configuration
        if owner == ACCOUNT_ID:
            put(Bucket=bucket, NotificationConfiguration=configuration)
        else:
            with pytest.raises(ClientError) as refusal:
                put(Bucket=bucket, NotificationConfiguration=configuration)
            assert refusal.value.response["Error"]["Code"] == "InvalidArgument"


ALARM = {"MetricName": "errors", "Namespace": "shop", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0}
ALARM |= {"ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}


def set_off(account, name, *actions):
    account.cloudwatch.put_metric_alarm(AlarmName=name, AlarmActions=list(actions), **ALARM)
    account.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")


def subscribed(account, topic_arn):
    """Return the URL of a queue that gets what is published to a topic."""
    url, arn = account.queue("subscribed", lambda arn: policy("sqs:SendMessage", arn, "sns"))
    account.sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return url


def test_alarms_act_in_their_own_name(account):
    name = f"errors-{account.id}"
    alarm_arn = account.arn("cloudwatch", f"alarm:{name}")
    denying = account.topic("denying", lambda arn: policy("sns:Publish", arn, "s3"))
    allowing_one = account.topic(
        "allowing", lambda arn: policy("sns:Publish", arn, "cloudwatch", **{"aws:SourceArn": alarm_arn})
    )
    denied_url, allowed_url = subscribed(account, denying), account.queue("calls")[0]
    function_arn = account.function(
        "of-alarm",
        allowed_url,
        permit={
            "Principal": "lambda.alarms.cloudwatch.amazonaws.com",
            "SourceArn": alarm_arn,
            "SourceAccount": ACCOUNT_ID,
        },
    )
    unpermitted_arn = account.function("unpermitted", denied_url)
    # What is denied comes first: it stops nothing that follows, and the state is set all the same.
    set_off(account, name, denying, unpermitted_arn, allowing_one, function_arn)
    assert json.loads(account.received(allowed_url)["Body"])["alarmArn"] == alarm_arn
    assert account.stays_empty(denied_url)


def test_alarms_and_no_other_service_may_publish_by_a_topics_default_policy(account):
    topic_arn = account.topic("default")
    url = subscribed(account, topic_arn)
    rule = put_rule(account, "to-default-topic")
    account.events.put_targets(Rule=rule[0], Targets=[{"Id": "topic", "Arn": topic_arn}])
    put_event(account)
    assert account.stays_empty(url)
    set_off(account, f"default-{account.id}", topic_arn)
    assert "a test" in account.received(url)["Body"]


def put_rule(account, name):
    name = f"{name}-{account.id}"
    pattern = json.dumps({"source": [f"shop-{account.id}"]})
    return name, account.events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]


def put_event(account):
    entry = {"Source": f"shop-{account.id}", "DetailType": "order", "Detail": json.dumps({"id": 1})}
    assert account.events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_event_bridge_delivers_for_its_rule_or_to_the_dead_letters(account):
    name, rule_arn = put_rule(account, "orders")
    of_rule = {"aws:SourceArn": rule_arn, "aws:SourceAccount": ACCOUNT_ID}
    url, arn = account.queue("target", lambda arn: policy("sqs:SendMessage", arn, "events", **of_rule))
    dead_url, dead_arn = account.queue(
        "dead", lambda arn: policy("sqs:SendMessage", arn, "events", **of_rule)
    )
    denying_url, denying_arn = account.queue(
        "denying", lambda arn: policy("sqs:SendMessage", arn, "events", **{"aws:SourceArn": f"{rule_arn}-2"})
    )
    account.events.put_targets(
        Rule=name,
        Targets=[
            {"Id": "allowed", "Arn": arn},
            {"Id": "denied", "Arn": denying_arn, "DeadLetterConfig": {"Arn": dead_arn}},
        ],
    )
    put_event(account)
    assert json.loads(account.received(url)["Body"])["detail"] == {"id": 1}
    letter = account.received(dead_url)
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (rule_arn, denying_arn)
    assert json.loads(letter["Body"])["detail"] == {"id": 1}
    assert account.stays_empty(denying_url)


def test_event_bridge_writes_to_log_groups_that_a_policy_of_logs_permits(account):
    name, _ = put_rule(account, "to-logs")
    groups = {which: f"/aws/events/{which}-{account.id}" for which in ("permitted", "other")}
    for group in groups.values():
        account.logs.create_log_group(logGroupName=group)
    resource = account.arn("logs", f"log-group:{groups['permitted']}:*")
    account.logs.put_resource_policy(
        policyName=f"events-{account.id}",
        policyDocument=policy(["logs:CreateLogStream", "logs:PutLogEvents"], resource, "events"),
    )
    account.events.put_targets(
        Rule=name,
        Targets=[
            {"Id": which, "Arn": account.arn("logs", f"log-group:{group}")} for which, group in groups.items()
        ],
    )
    put_event(account)

    def events_of(which):
        return account.logs.filter_log_events(logGroupName=groups[which])["events"]

    Wait("the event's line", TIMEOUT_S, interval_s=0.2).until(lambda: events_of("permitted"))
    time.sleep(QUIET_S)
    assert events_of("other") == []
    account.logs.delete_resource_policy(policyName=f"events-{account.id}")


PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})


def test_event_bridge_starts_state_machines_as_a_role_alone(account):
    name, rule_arn = put_rule(account, "to-machine")
    machine_arn = account.stepfunctions.create_state_machine(
        name=f"machine-{account.id}", definition=PASS, roleArn=account.role("of-machine", "states")
    )["stateMachineArn"]
    with pytest.raises(ClientError, match="RoleArn is required for target"):
        account.events.put_targets(Rule=name, Targets=[{"Id": "machine", "Arn": machine_arn}])
    role_arn = account.role(
        "starting",
        "events",
        "states:StartExecution",
        resource=machine_arn,
        **{"aws:SourceArn": rule_arn, "aws:SourceAccount": ACCOUNT_ID},
    )
    target = {"Id": "machine", "Arn": machine_arn, "RoleArn": role_arn}
    account.events.put_targets(Rule=name, Targets=[target])
    put_event(account)

    def executions():
        return account.stepfunctions.list_executions(stateMachineArn=machine_arn)["executions"]

    Wait("an execution", TIMEOUT_S, interval_s=0.2).until(executions)
    account.iam.delete_role_policy(RoleName=role_arn.rpartition("/")[2], PolicyName="own")
    put_event(account)
    time.sleep(QUIET_S)
    assert len(executions()) == 1


def send_to(queue_url):
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue_url, "MessageBody.$": "$"},
        "End": True,
    }
    return json.dumps({"StartAt": "Send", "States": {"Send": state}})


@pytest.mark.parametrize("trusts", ["this machine", "another machine", "its account"])
def test_step_functions_act_as_the_machines_role_for_the_machine(account, trusts):
    url, arn = account.queue("tasks")
    machine = f"machine-{account.id}"
    conditions = {
        "this machine": {"aws:SourceArn": account.arn("states", f"stateMachine:{machine}")},
        "another machine": {"aws:SourceArn": account.arn("states", "stateMachine:another")},
        "its account": {"aws:SourceAccount": ACCOUNT_ID},
    }[trusts]
    role_arn = account.role("of-machine", "states", "sqs:SendMessage", resource=arn, **conditions)
    machine_arn = account.stepfunctions.create_state_machine(
        name=machine, definition=send_to(url), roleArn=role_arn
    )["stateMachineArn"]
    execution = account.stepfunctions.start_execution(stateMachineArn=machine_arn, input='{"id": 1}')

    def ended():
        answer = account.stepfunctions.describe_execution(executionArn=execution["executionArn"])
        return answer["status"] if answer["status"] != "RUNNING" else None

    status = Wait("the execution's end", TIMEOUT_S, interval_s=0.2).until(ended)
    assert status == ("FAILED" if trusts == "another machine" else "SUCCEEDED")
    if status == "SUCCEEDED":
        assert json.loads(account.received(url)["Body"]) == {"id": 1}


@pytest.mark.parametrize("trusts", ["this function", "another function", "its account"])
def test_lambda_assumes_a_role_for_the_function(account, trusts):
    url, _ = account.queue("calls")
    name = f"function-{account.id}"
    conditions = {
        "this function": {"aws:SourceArn": account.arn("lambda", f"function:{name}")},
        "another function": {"aws:SourceArn": account.arn("lambda", "function:another")},
        "its account": {"aws:SourceAccount": ACCOUNT_ID},
    }[trusts]
    role_arn = account.role("of-function", "lambda", "sqs:*", "logs:*", **conditions)
    if trusts == "another function":
        with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
            account.function("function", url, role_arn=role_arn)
        return
    account.function("function", url, role_arn=role_arn)
    account.lambda_.invoke(FunctionName=name, Payload=b'{"id": 1}')
    assert json.loads(account.received(url)["Body"]) == {"id": 1}
    source_url, source_arn = account.queue("source")
    account.lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=source_arn)
    account.sqs.send_message(QueueUrl=source_url, MessageBody="an order")
    [record] = json.loads(account.received(url)["Body"])["Records"]
    assert record["body"] == "an order"


def test_lambdas_destinations_and_dead_letters_are_sent_as_the_functions_role(account):
    """What the role lacks is refused when it is set, or lost; what it has arrives."""
    url, arn = account.queue("failed")
    other_url, other_arn = account.queue("other")
    role_arn = account.role("failing", "lambda", "sqs:SendMessage", resource=arn)
    code = "def handler(event, context): raise ValueError(event)\n"
    function_arn = account.function("failing", url, role_arn=role_arn, code=code)
    for destination in (arn, other_arn):
        account.lambda_.put_function_event_invoke_config(
            FunctionName=function_arn,
            MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": destination}},
        )
        account.lambda_.invoke(FunctionName=function_arn, InvocationType="Event", Payload=b'{"id": 1}')
        if destination == arn:
            assert json.loads(account.received(url)["Body"])["requestPayload"] == {"id": 1}
    assert account.stays_empty(other_url)


def test_secrets_manager_invokes_rotation_functions_that_permit_it(account):
    url, _ = account.queue("rotations")
    secret_arn = account.secretsmanager.create_secret(Name=f"secret-{account.id}", SecretString="x")["ARN"]
    function_arn = account.function("rotate", url)
    rotation = {"SecretId": secret_arn, "RotationLambdaARN": function_arn}
    with pytest.raises(ClientError, match="access to the principal secretsmanager") as refusal:
        account.secretsmanager.rotate_secret(**rotation)
    assert refusal.value.response["Error"]["Code"] == "AccessDeniedException"
    account.lambda_.add_permission(
        FunctionName=function_arn,
        StatementId="secrets",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceArn=secret_arn,
        SourceAccount=ACCOUNT_ID,
    )
    account.secretsmanager.rotate_secret(**rotation)
    assert json.loads(account.received(url)["Body"])["Step"] == "createSecret"


def test_logs_invoke_functions_that_permit_them(account):
    url, _ = account.queue("lines")
    group = f"shop-{account.id}"
    account.logs.create_log_group(logGroupName=group)
    function_arn = account.function("of-logs", url)
    subscription = {
        "logGroupName": group,
        "filterName": "errors",
        "filterPattern": "ERROR",
        "destinationArn": function_arn,
    }
    with pytest.raises(ClientError) as refusal:
        account.logs.put_subscription_filter(**subscription)
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterException"
    account.lambda_.add_permission(
        FunctionName=function_arn,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal=f"logs.{account.region}.amazonaws.com",
        SourceArn=account.arn("logs", f"log-group:{group}:*"),
        SourceAccount=ACCOUNT_ID,
    )
    account.logs.put_subscription_filter(**subscription)
    account.logs.create_log_stream(logGroupName=group, logStreamName="s")
    account.logs.put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "ERROR 1"}],
    )
    assert "awslogs" in account.received(url)["Body"]


def test_firehose_writes_to_s3_as_its_role_for_its_stream(account):
    bucket = f"delivered-{account.id}"
    account.s3.create_bucket(Bucket=bucket)
    stream = f"stream-{account.id}"
    stream_arn = account.arn("firehose", f"deliverystream/{stream}")
    for name, source_arn in ((stream, stream_arn), (f"{stream}-2", stream_arn)):
        role_arn = account.role(name, "firehose", "s3:PutObject", **{"aws:SourceArn": source_arn})
        account.firehose.create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={"RoleARN": role_arn, "BucketARN": f"arn:aws:s3:::{bucket}"},
        )

        def is_active(name=name):
            answer = account.firehose.describe_delivery_stream(DeliveryStreamName=name)
            return answer["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"

        Wait(f"{name} to be active", TIMEOUT_S, interval_s=0.2).until(is_active)
    account.firehose.put_record(DeliveryStreamName=stream, Record={"Data": b"a line"})
    with pytest.raises(ClientError):
        account.firehose.put_record(DeliveryStreamName=f"{stream}-2", Record={"Data": b"a line"})
    assert account.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
