"""Filters of log groups at work: searches, metrics with their alarms, and subscriptions."""

import io
import json
import secrets
import time
import zipfile
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from serverless_harness.waiting import Wait

TIMEOUT_S = 240
RECEIVER = """
import base64, gzip, json

def handler(event, context):
    print("GOT " + json.dumps(json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))))
"""
TALKER = """
def handler(event, context):
    for line in event["lines"]:
        print(line)
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
MAY_LOG = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}


@pytest.fixture
def logs(deployment):
    return deployment.client("logs")


@pytest.fixture
def cloudwatch(deployment):
    return deployment.client("cloudwatch")


@pytest.fixture
def group(logs):
    """A log group of the test's own with one stream, `s`."""
    name = f"filters-{secrets.token_hex(4)}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    yield name
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=name)


@pytest.fixture
def write(logs, group):
    def write(*messages, group=group, stream="s"):
        now_ms = int(time.time() * 1000)
        events = [{"timestamp": now_ms, "message": message} for message in messages]
        return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    return write


@pytest.fixture
def make_function(deployment, logs):
    """Call it with code for a function's name; function, role and log group are gone after the test."""
    functions, iam = deployment.client("lambda"), deployment.client("iam")
    made = []

    def make_function(code):
        name = f"filters-{secrets.token_hex(4)}"
        made.append(name)
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(MAY_LOG))
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("main.py", code)

        def create():
            # On AWS, a new role can't be assumed for some seconds.
            with suppress(functions.exceptions.InvalidParameterValueException):
                return functions.create_function(
                    FunctionName=name,
                    Runtime="python3.13",
                    Handler="main.handler",
                    Role=role,
                    Code={"ZipFile": package.getvalue()},
                )

        Wait("the function to be created", TIMEOUT_S, interval_s=2).until(create)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name

    yield make_function
    for name in made:
        with suppress(ClientError):
            functions.delete_function(FunctionName=name)
        iam.delete_role_policy(RoleName=name, PolicyName="logs")
        iam.delete_role(RoleName=name)
        with suppress(ClientError):
            logs.delete_log_group(logGroupName=f"/aws/lambda/{name}")


@pytest.fixture
def permit(deployment):
    """Lets CloudWatch Logs invoke a function, for one group; returns the function's ARN."""
    functions = deployment.client("lambda")

    def permit(function, group, principal):
        arn = functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
        region, account = arn.split(":")[3:5]
        functions.add_permission(
            FunctionName=function,
            StatementId="logs",
            Action="lambda:InvokeFunction",
            Principal=principal.format(region=region),
            SourceArn=f"arn:aws:logs:{region}:{account}:log-group:{group}:*",
            SourceAccount=account,
        )
        return arn

    return permit


def messages_of(logs, group, **request):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **request)
    return [event["message"] for page in pages for event in page["events"]]


def received(logs, function):
    """What the receiver was invoked with."""
    with suppress(logs.exceptions.ResourceNotFoundException):
        lines = messages_of(logs, f"/aws/lambda/{function}", filterPattern='"GOT "')
        return [json.loads(line.removeprefix("GOT ")) for line in lines]
    return []


def total(cloudwatch, namespace, name, dimensions=()):
    end = time.time() + 120
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
        StartTime=end - 3600,
        EndTime=end,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points) if points else None


def test_a_search_finds_what_matches_and_no_more(logs, group, write):
    write("ERROR one", "INFO two", '{"level": "ERROR", "n": 4}', "ERROR three")

    assert messages_of(logs, group, filterPattern="NOSUCHWORD") == []
    assert messages_of(logs, group, filterPattern="ERROR -three") == [
        "ERROR one",
        '{"level": "ERROR", "n": 4}',
    ]
    assert messages_of(logs, group, filterPattern='{ $.level = "ERROR" && $.n > 3 }') == [
        '{"level": "ERROR", "n": 4}'
    ]
    assert messages_of(logs, group, filterPattern="error") == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Invalid filter pattern"):
        logs.filter_log_events(logGroupName=group, filterPattern="{ $.a = 1")


def test_pages_of_a_search_hold_each_match_once(logs, group, write):
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    write(*(f"{'ERROR' if number % 3 else 'INFO'} {number}" for number in range(30)))
    write(*(f"ERROR {number}" for number in range(100, 110)), stream="t")

    first = logs.filter_log_events(logGroupName=group, filterPattern="ERROR", limit=7)
    write("ERROR 200")
    rest, token = first["events"], first.get("nextToken")
    while token:
        page = logs.filter_log_events(logGroupName=group, filterPattern="ERROR", limit=7, nextToken=token)
        assert len(page["events"]) <= 7
        rest, token = rest + page["events"], page.get("nextToken")

    found = [int(event["message"].split()[1]) for event in rest]
    assert len(first["events"]) == 7
    assert sorted(found) == [n for n in range(30) if n % 3] + [*range(100, 110), 200]
    assert len({event["eventId"] for event in rest}) == len(rest)


def test_a_metric_filter_counts_the_matches_of_its_group(logs, cloudwatch, group, write):
    namespace = f"Test/{group}"
    other = f"{group}-other"
    logs.create_log_group(logGroupName=other)
    logs.create_log_stream(logGroupName=other, logStreamName="s")
    transformations = {
        "errors": ("ERROR", {"metricValue": "1"}),
        "latency": ("{ $.latency = * }", {"metricValue": "$.latency", "unit": "Milliseconds"}),
        "bytes": (
            "[method, path, bytes]",
            {"metricValue": "$bytes", "dimensions": {"Path": "$path"}},
        ),
        "silent": ("NOSUCHWORD", {"metricValue": "1", "defaultValue": 0}),
        "nothing": ("NOSUCHWORD", {"metricValue": "1"}),
    }
    for name, (pattern, transformation) in transformations.items():
        logs.put_metric_filter(
            logGroupName=group,
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[{"metricNamespace": namespace, "metricName": name, **transformation}],
        )
    assert len(logs.describe_metric_filters(logGroupName=group)["metricFilters"]) == len(transformations)

    write("ERROR elsewhere", group=other)
    write("ERROR a", "INFO b", "ERROR c d e", '{"latency": 1.5}', '{"latency": "fast"}', '{"latency": 2}')
    write("GET /a 100", "GET /b 7", "GET /a 11")
    logs.delete_log_group(logGroupName=other)

    def totals():
        return {
            "bytes of /a": total(cloudwatch, namespace, "bytes", {("Path", "/a")}),
            "bytes of /b": total(cloudwatch, namespace, "bytes", {("Path", "/b")}),
            **{
                name: total(cloudwatch, namespace, name)
                for name in ("errors", "latency", "silent", "nothing")
            },
        }

    expected = {
        "bytes of /a": 111,
        "bytes of /b": 7,
        "errors": 2,
        "latency": 3.5,
        "silent": 0,
        "nothing": None,
    }
    Wait("the metrics", TIMEOUT_S, interval_s=0.5, describe=lambda: str(totals())).until(
        lambda: totals() == expected
    )


def test_an_alarm_on_a_metric_filter_goes_off_for_a_match_alone(
    logs, cloudwatch, make_function, deployment, request
):
    function = make_function(TALKER)
    group = f"/aws/lambda/{function}"
    logs.create_log_group(logGroupName=group)
    logs.put_metric_filter(
        logGroupName=group,
        filterName="failures",
        filterPattern='"FAILED order"',
        metricTransformations=[
            {"metricNamespace": f"Test/{function}", "metricName": "failures", "metricValue": "1"}
        ],
    )
    cloudwatch.put_metric_alarm(
        AlarmName=function,
        Namespace=f"Test/{function}",
        MetricName="failures",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    request.addfinalizer(lambda: cloudwatch.delete_alarms(AlarmNames=[function]))

    def state():
        return cloudwatch.describe_alarms(AlarmNames=[function])["MetricAlarms"][0]["StateValue"]

    def say(*lines):
        deployment.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"lines": lines}))

    say("order FAILED", "all is well")
    Wait("the alarm to be looked at", TIMEOUT_S, interval_s=0.5).until(lambda: state() == "OK")
    assert total(cloudwatch, f"Test/{function}", "failures") is None

    def goes_off():
        say("FAILED order 17")
        return state() == "ALARM"

    Wait("the alarm to go off", TIMEOUT_S, interval_s=2).until(goes_off)


def test_metric_filters_are_replaced_and_deleted(logs, group):
    def put(name="f", value="1", pattern="ERROR", **more):
        transformation = {"metricNamespace": "Test", "metricName": "m", "metricValue": value, **more}
        logs.put_metric_filter(
            logGroupName=group,
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[transformation],
        )

    put()
    put(value="2")
    [found] = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert found["metricTransformations"][0]["metricValue"] == "2"
    [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["metricFilterCount"] == 1

    invalid = logs.exceptions.InvalidParameterException
    with pytest.raises(invalid, match="Invalid metric filter pattern"):
        put(pattern="error:")
    with pytest.raises(invalid, match="does not support dimensions"):
        put(dimensions={"A": "$.a"})
    with pytest.raises(invalid, match="mutually exclusive"):
        put(pattern="{ $.a = * }", dimensions={"A": "$.a"}, defaultValue=0)
    with pytest.raises(invalid):
        put(value="$.latency")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.put_metric_filter(
            logGroupName=f"{group}-none",
            filterName="f",
            filterPattern="",
            metricTransformations=[
                {"metricNamespace": "Test", "metricName": "m", "metricValue": "1"},
            ],
        )

    logs.delete_metric_filter(logGroupName=group, filterName="f")
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName=group, filterName="f")


def test_test_metric_filter_extracts_the_fields(logs):
    line = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534'

    answer = logs.test_metric_filter(
        filterPattern="[ip, identity, user_id, timestamp, request, status_code, size]",
        logEventMessages=["something else", line],
    )

    [match] = answer["matches"]
    assert match["eventMessage"] == line
    assert match["extractedValues"] == {
        "$ip": "127.0.0.1",
        "$identity": "-",
        "$user_id": "frank",
        "$timestamp": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /apache_pb.gif HTTP/1.0",
        "$status_code": "200",
        "$size": "1534",
    }


@pytest.mark.parametrize("principal", ["logs.amazonaws.com", "logs.{region}.amazonaws.com"])
def test_a_subscription_gets_the_lines_that_match(logs, make_function, permit, deployment, principal):
    receiver, talker = make_function(RECEIVER), make_function(TALKER)
    group = f"/aws/lambda/{talker}"
    logs.create_log_group(logGroupName=group)
    logs.put_subscription_filter(
        logGroupName=group,
        filterName="orders",
        filterPattern="ORDER",
        destinationArn=permit(receiver, group, principal),
    )
    [described] = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert (described["distribution"], described.get("roleArn")) == ("ByLogStream", None)

    deployment.client("lambda").invoke(
        FunctionName=talker, Payload=json.dumps({"lines": ["ORDER 1", "nothing", "ORDER 2"]})
    )

    def delivered():
        entries = [entry for message in received(logs, receiver) for entry in message["logEvents"]]
        return entries if len(entries) >= 2 else None

    entries = Wait("the lines at the receiver", TIMEOUT_S, interval_s=0.5).until(delivered)
    assert [entry["message"] for entry in entries] == ["ORDER 1\n", "ORDER 2\n"]
    message = received(logs, receiver)[0]
    assert message["messageType"] == "DATA_MESSAGE"
    assert (message["logGroup"], message["subscriptionFilters"]) == (group, ["orders"])
    stored = logs.filter_log_events(logGroupName=group, filterPattern="ORDER")["events"]
    assert [event["eventId"] for event in stored] == [entry["id"] for entry in entries]
    assert {event["logStreamName"] for event in stored} == {message["logStream"]}


def test_a_destination_that_denies_takes_no_lines_from_the_function(logs, make_function, permit, deployment):
    functions = deployment.client("lambda")
    receiver, talker = make_function(RECEIVER), make_function(TALKER)
    group = f"/aws/lambda/{talker}"
    logs.create_log_group(logGroupName=group)
    logs.put_subscription_filter(
        logGroupName=group,
        filterName="all",
        filterPattern="",
        destinationArn=permit(receiver, group, "logs.amazonaws.com"),
    )
    functions.remove_permission(FunctionName=receiver, StatementId="logs")
    logs.create_log_stream(logGroupName=group, logStreamName="another")

    functions.invoke(FunctionName=talker, Payload=json.dumps({"lines": ["one", "two"]}))

    def lines():
        found = messages_of(logs, group)
        return found if any(line.startswith("REPORT") for line in found) else None

    found = Wait("the function's own lines", TIMEOUT_S, interval_s=0.5).until(lines)
    assert {"one\n", "two\n"} <= set(found)
    assert received(logs, receiver) == []


def test_what_put_subscription_filter_refuses(logs, make_function, permit, group, deployment):
    receiver = make_function(RECEIVER)
    arn = deployment.client("lambda").get_function(FunctionName=receiver)["Configuration"]["FunctionArn"]
    role = f"arn:aws:iam::{arn.split(':')[4]}:role/{receiver}"

    def refusal(name="f", pattern="", to=arn, **more):
        with pytest.raises(ClientError) as caught:
            logs.put_subscription_filter(
                logGroupName=more.pop("group", group),
                filterName=name,
                filterPattern=pattern,
                destinationArn=to,
                **more,
            )
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    cannot_execute = (
        "InvalidParameterException",
        "Could not execute the lambda function. "
        "Make sure you have given CloudWatch Logs permission to execute your function.",
    )
    assert refusal() == cannot_execute
    assert refusal(to=f"{arn}-missing") == cannot_execute
    permit(receiver, "another-group", "logs.amazonaws.com")
    assert refusal() == cannot_execute
    assert "cannot be used with roleArn" in refusal(roleArn=role)[1]
    assert "cannot be used without roleArn" in refusal(to=arn.replace("lambda", "kinesis", 1))[1]
    assert "for vendor sqs" in refusal(to=arn.replace("lambda", "sqs", 1))[1]
    assert refusal(pattern="{ $.a")[0] == "InvalidParameterException"
    assert refusal(group=f"{group}-none")[0] == "ResourceNotFoundException"
    logs.create_log_group(logGroupName=f"/aws/lambda/{receiver}")
    assert "reserved for the function logs" in refusal(group=f"/aws/lambda/{receiver}")[1]

    deployment.client("lambda").remove_permission(FunctionName=receiver, StatementId="logs")
    permit(receiver, group, "logs.amazonaws.com")
    for name in ("one", "two", "two"):
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern="", destinationArn=arn
        )
    assert refusal()[0] == "LimitExceededException"
    logs.delete_subscription_filter(logGroupName=group, filterName="one")
    assert len(logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]) == 1


def test_a_query_of_logs_insights_filters(logs, group, write):
    write("ERROR one", "INFO two", '{"level": "ERROR", "n": 4}')
    now_s = int(time.time())

    def start(query):
        span = {"startTime": now_s - 60, "endTime": now_s + 60}
        return logs.start_query(logGroupName=group, queryString=query, **span)["queryId"]

    def results(query_id):
        answer = logs.get_query_results(queryId=query_id)
        return answer["results"] if answer["status"] == "Complete" else None

    query_id = start("fields @message | filter @message like /ERROR/ and ispresent(n) | limit 20")

    # On AWS, events can be queried some time after they were written.
    [row] = Wait("the results", TIMEOUT_S, interval_s=1).until(lambda: results(query_id))
    assert {"field": "@message", "value": '{"level": "ERROR", "n": 4}'} in row
    with pytest.raises(logs.exceptions.ClientError, match="Malformed"):
        start("nonsense @message")
