"""What isn't emulated says so in one line, with the page that lists it, over HTTP and in CloudFormation."""

import json
import secrets

import pytest
from botocore.exceptions import ClientError

from serverless_harness.waiting import Wait

pytestmark = pytest.mark.needs("local")

PAGE = "docs/services.md"
TIMEOUT_S = 240


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
    ],
)
def test_a_call_that_is_not_emulated_names_the_page(deployment, service, operation, parameters):
    with pytest.raises(ClientError) as caught:
        getattr(deployment.client(service), operation)(**parameters)
    message = caught.value.response["Error"]["Message"]
    assert PAGE in message
    assert "license" not in message


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
