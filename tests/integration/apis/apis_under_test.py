"""Functions and REST APIs made for a test, and requests to them."""

import hashlib
import io
import json
import textwrap
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from serverless_harness.targets import LocalTarget

SETTINGS = {
    "LAMBDA_KEEPALIVE_MS": "60000",
    "PRELOAD_SERVICES": "sts,iam,logs,lambda,sqs,apigateway",
}
ON_A_STACK_OF_THEIR_OWN = pytest.mark.xdist_group("the stack of apis")
"""Marks the tests here: they follow one another, beside those of other stacks."""
ACCOUNT_ID = "000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
ECHO = "def handler(event, context): return {'statusCode': 200, 'body': __import__('json').dumps(event)}\n"
"""A function that answers with its event."""


def allowing(*actions, resource="*"):
    """A policy document that allows actions."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
        }
    )


def zipped(code):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("function.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, textwrap.dedent(code))
    return data.getvalue()


class Functions:
    """Makes functions, each once, and roles."""

    def __init__(self, target: LocalTarget) -> None:
        self.target = target
        self.client = target.client("lambda")
        self._arns: dict[str, str] = {}
        self.role_arn = self.role("functions-of-apis", "logs:*")

    def role(self, name, *actions, resource="*"):
        iam = self.target.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        if actions:
            iam.put_role_policy(
                RoleName=name, PolicyName="own", PolicyDocument=allowing(*actions, resource=resource)
            )
        return arn

    def arn(self, code, *, for_api_gateway=True, role_arn=None, timeout_s=20):
        """Have a function of this code, which API Gateway may invoke; returns its ARN."""
        digest = hashlib.sha256(f"{code}{for_api_gateway}{role_arn}{timeout_s}".encode()).hexdigest()[:12]
        name = f"function-{digest}"
        if name in self._arns:
            return self._arns[name]
        arn = self.client.create_function(
            FunctionName=name,
            Role=role_arn or self.role_arn,
            Runtime="python3.13",
            Handler="function.handler",
            Timeout=timeout_s,
            Code={"ZipFile": zipped(code)},
        )["FunctionArn"]
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
        if for_api_gateway:
            self.client.add_permission(
                FunctionName=name,
                StatementId="api-gateway",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
            )
        self._arns[name] = arn
        return arn


@dataclass
class RestApi:
    """A REST API, built up method by method, then deployed."""

    target: LocalTarget
    api_id: str
    client: object = field(repr=False)
    resources: dict[str, str] = field(default_factory=dict)
    stage: str = "test"

    @classmethod
    @contextmanager
    def made(cls, target, **settings) -> Iterator["RestApi"]:
        client = target.client("apigateway")
        api_id = client.create_rest_api(name="api under test", **settings)["id"]
        [root] = client.get_resources(restApiId=api_id)["items"]
        try:
            yield cls(target, api_id, client, {"/": root["id"]})
        finally:
            client.delete_rest_api(restApiId=api_id)

    def resource_id(self, path):
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            self.resources[path] = self.client.create_resource(
                restApiId=self.api_id, parentId=self.resource_id(parent or "/"), pathPart=part
            )["id"]
        return self.resources[path]

    def method(self, path, function_arn, http_method="ANY", timeout_ms=29_000, **settings):
        """Add a method with a Lambda proxy integration, which may take so long."""
        place = {
            "restApiId": self.api_id,
            "resourceId": self.resource_id(path),
            "httpMethod": http_method,
        }
        self.client.put_method(**{"authorizationType": "NONE", **place, **settings})
        self.client.put_integration(
            **place,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=self.uri(function_arn),
            timeoutInMillis=timeout_ms,
        )

    def uri(self, function_arn):
        region = self.target.region
        return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"

    def authorizer(self, function_arn, **settings):
        return self.client.create_authorizer(
            restApiId=self.api_id, name="authorizer", authorizerUri=self.uri(function_arn), **settings
        )["id"]

    def deploy(self):
        self.client.create_deployment(restApiId=self.api_id, stageName=self.stage)

    def url(self, path):
        return f"{self.target.endpoint_url}/_aws/execute-api/{self.api_id}/{self.stage}{path}"

    def arn(self, rest):
        return f"arn:aws:execute-api:{self.target.region}:{ACCOUNT_ID}:{self.api_id}/{self.stage}/{rest}"

    def request(self, path="/", method="GET", **options):
        return httpx.request(method, self.url(path), timeout=240, trust_env=False, **options)

    def signed(self, path="/", method="GET", *, keys, service="execute-api"):
        return signed_request(self.url(path), method, keys=keys, service=service, region=self.target.region)


def signed_request(url, method="GET", *, keys, region, service, data=b""):
    """Send a request signed with credentials: an access key, a secret and, of a session, its token."""
    request = AWSRequest(method=method, url=url, data=data)
    SigV4Auth(Credentials(*keys), service, region).add_auth(request)
    return httpx.request(
        method, url, headers=dict(request.headers), content=data, timeout=240, trust_env=False
    )


def user_with(target, name, policy=None):
    """Create an IAM user with a policy document; returns its access key and secret."""
    iam = target.client("iam")
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def session_of(target, role_arn, name="session"):
    """Assume a role; returns its session's access key, secret and token."""
    sts = boto3.client(
        "sts",
        endpoint_url=target.endpoint_url,
        region_name=target.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    keys = sts.assume_role(RoleArn=role_arn, RoleSessionName=name)["Credentials"]
    return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
