"""What isn't emulated says so in one line, with the page that lists it, over HTTP and in CloudFormation."""

import json
import secrets

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from serverless_harness.emulator.coverage.rules import RULES
from serverless_harness.waiting import Wait

pytestmark = pytest.mark.needs("local")

PAGE = "docs/services.md"
TIMEOUT_S = 240
JSON = {"OutputFormat": "json"}
NOT_IMPLEMENTED = 501
STORED = [(rule.service, name) for rule in RULES if not rule.refused for name in rule.names]


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("kinesis", "list_streams", {}),
        (
            "scheduler",
            "create_schedule",
            {
                "Name": "s",
                "ScheduleExpression": "rate(1 minute)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::0:role/r"},
            },
        ),
        ("pipes", "list_pipes", {}),
        ("cognito-idp", "list_user_pools", {"MaxResults": 1}),
        ("apigatewayv2", "get_apis", {}),
        ("events", "list_partner_event_sources", {"NamePrefix": "x"}),
        ("cloudformation", "detect_stack_drift", {"StackName": "x"}),
        ("cloudwatch", "put_metric_stream", {"Name": "x", "RoleArn": "r", "FirehoseArn": "f"} | JSON),
        ("kms", "create_custom_key_store", {"CustomKeyStoreName": "x"}),
        ("lambda", "invoke_with_response_stream", {"FunctionName": "x"}),
        # What moto lacks says so in our words too.
        ("apigateway", "flush_stage_cache", {"restApiId": "x", "stageName": "y"}),
        ("logs", "put_query_definition", {"name": "x", "queryString": "fields @message"}),
        ("ssm", "create_association", {"Name": "x"}),
    ],
)
def test_a_call_that_is_not_emulated_names_the_page(deployment, service, operation, parameters):
    with pytest.raises(ClientError) as caught:
        getattr(deployment.client(service), operation)(**parameters)
    message = caught.value.response["Error"]["Message"]
    assert PAGE in message
    assert "license" not in message


@pytest.mark.parametrize(("service", "operation"), STORED)
def test_what_is_said_to_be_stored_is_taken(deployment, service, operation):
    """Whatever the service says of a request that says nothing, it has the operation."""
    target = deployment.target
    client = boto3.client(
        service,
        endpoint_url=target.endpoint_url,
        region_name=target.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    shape = client.meta.service_model.operation_model(operation).input_shape
    parameters = {name: value_of(shape.members[name]) for name in shape.required_members}
    try:
        getattr(client, xform_name(operation))(**parameters)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] != NOT_IMPLEMENTED, error


def value_of(shape):
    """A value of a required parameter's type."""
    if shape.type_name == "string":
        return (shape.enum or ["unemulated"])[0]
    return {"list": [], "structure": {}, "map": {}, "boolean": False, "blob": b""}.get(shape.type_name, 1)


def test_a_stack_with_a_resource_that_is_not_emulated_fails(deployment):
    cloudformation = deployment.client("cloudformation")
    name = f"unemulated-{secrets.token_hex(4)}"
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Pool": {"Type": "AWS::Cognito::UserPool"},
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))

    def reasons():
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason") or "" for event in events)

    said = Wait("the stack to fail", TIMEOUT_S).until(reasons)
    assert f"AWS::Cognito::UserPool is not emulated ({PAGE})" in said
    assert "AWS::SQS::Queue" not in said
    cloudformation.delete_stack(StackName=name)
