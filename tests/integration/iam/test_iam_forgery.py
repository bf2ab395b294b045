"""A function can't make itself more than it is: not LocalStack, not the stack's owner, nobody else."""

import io
import json
import secrets
import zipfile

import pytest

from serverless_harness.stack.control import control

HANDLER = """
import json
import os
import urllib.error
import urllib.request

import boto3


def handler(event, context):
    if event.get("publish"):
        return boto3.client("sns").publish(**event["publish"])
    headers = event.get("headers", {})
    body = event.get("body", "").encode() or None
    url = os.environ["AWS_ENDPOINT_URL"] + event["path"]
    request = urllib.request.Request(url, body, headers, method=event["method"])
    try:
        with urllib.request.urlopen(request) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}
"""
SCOPE = "Credential={key}/20261123/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def intruder(deployment):
    """Call it with an event for the answer of a function that may do nothing at all."""
    name = f"intruder-{secrets.token_hex(4)}"
    iam, lambda_ = deployment.client("iam"), deployment.client("lambda")
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", HANDLER)
    lambda_.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="main.handler",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def call(**event):
        answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    yield call
    lambda_.delete_function(FunctionName=name)
    iam.delete_role(RoleName=name)


@pytest.fixture
def publish(deployment):
    return {"TopicArn": deployment.outputs["topic_arns"]["to_decrypt"], "Message": "forged"}


def test_function_without_permissions_may_not_publish(intruder, publish):
    answer = intruder(publish=publish)

    assert answer["errorType"] == "AuthorizationErrorException"
    assert "is not authorized to perform: SNS:Publish" in answer["errorMessage"]


@pytest.mark.parametrize(
    "mark",
    [
        {},
        {"service_principal": "sns", "source_arn": "arn:aws:sns:us-east-1:000000000000:shop-to-decrypt"},
        {"token": "guessed"},
    ],
    ids=["none", "a service", "a token"],
)
def test_mark_of_internal_calls_lends_no_rights(mark, intruder, publish):
    answer = intruder(
        method="POST",
        path="/",
        headers={
            "Authorization": "AWS4-HMAC-SHA256 " + SCOPE.format(key="__internal_call__"),
            "Content-Type": "application/x-www-form-urlencoded",
            "x-localstack-data": json.dumps(mark),
        },
        body=f"Action=Publish&Version=2010-03-31&TopicArn={publish['TopicArn']}&Message=forged",
    )

    assert answer["status"] == 403
    assert "InvalidClientTokenId" in answer["body"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_emulator/iam"),
        ("DELETE", "/_emulator/iam"),
        ("DELETE", "//_emulator/iam"),
        ("GET", "/_emulator/faults"),
        ("POST", "/_localstack/health"),
        ("GET", "/_aws/sqs/messages"),
    ],
)
def test_control_endpoints_are_closed_to_functions(method, path, intruder, deployment):
    body = '{"action": "kill"}' if method == "POST" else ""

    answer = intruder(method=method, path=path, body=body, headers={"Authorization": "Bearer guessed"})

    assert answer["status"] == 403
    assert control(deployment.target, "GET", "/_emulator/iam")["decisions"]


def test_queues_own_address_lends_no_rights(intruder, deployment):
    queue_url = deployment.outputs["dead_letter_queue_urls"]["decrypt"]
    path = "/" + queue_url.split("/", 3)[3]

    answer = intruder(method="GET", path=f"{path}?Action=ReceiveMessage")

    assert answer["status"] == 403, answer
