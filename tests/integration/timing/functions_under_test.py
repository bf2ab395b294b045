"""Functions made for a test, on a stack whose settings the tests of Lambda's behaviour need."""

import base64
import io
import json
import secrets
import textwrap
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config

from serverless_harness.functions.reports import parse_report
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.testing.suite import TEST_SETTINGS
from serverless_harness.waiting import Wait

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
FULL_CPU_MB = 1769
"""Where a function has a whole vCPU: what isn't about CPU is tested there."""
KEEPALIVE_MS = 6000
SETTINGS = {
    "LAMBDA_HOT_RELOAD_FOLDERS": TEST_SETTINGS["LAMBDA_HOT_RELOAD_FOLDERS"],
    "LAMBDA_KEEPALIVE_MS": str(KEEPALIVE_MS),
    "LAMBDA_PROCESS_CPU": "aws",
    "LAMBDA_PROCESS_MAX_ENVIRONMENTS_PER_FUNCTION": "11",
    "LAMBDA_PROCESS_MAX_ENVIRONMENTS_TOTAL": "24",
    "LAMBDA_ASYNC_DELAY_SCALE": "0.01",
    "PRELOAD_SERVICES": "sts,iam,s3,logs,lambda,sqs",
}
DEADLINE_S = 240


def zipped(files):
    """A package of files: text by name, or (text, mode)."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            text, mode = content if isinstance(content, tuple) else (content, 0o644)
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, textwrap.dedent(text))
    return data.getvalue()


@dataclass(frozen=True)
class Answer:
    """What a caller of Invoke got, and how long it waited."""

    status: int
    payload: bytes
    error: str | None
    version: str
    log: str
    round_trip_ms: float
    request_id: str

    @property
    def value(self):
        return json.loads(self.payload)

    @property
    def report(self):
        [report] = filter(None, map(parse_report, self.log_events))
        return report

    @property
    def log_events(self):
        """The log tail's lines; an X-Ray line belongs to its REPORT line."""
        return self.log.replace("\nXRAY", "\tXRAY").splitlines()


@dataclass
class FunctionUnderTest:
    """A function on the stack."""

    stack: EmbeddedStack
    name: str
    client: object = field(repr=False)

    def invoke(self, event=None, **request):
        """Invoke it synchronously, with the log's tail, unless `request` says otherwise."""
        began = time.perf_counter()
        answer = self.client.invoke(
            **{
                "FunctionName": self.name,
                "Payload": json.dumps(event).encode(),
                "LogType": "Tail",
                **request,
            }
        )
        payload = answer["Payload"].read()
        return Answer(
            status=answer["StatusCode"],
            payload=payload,
            error=answer.get("FunctionError"),
            version=answer.get("ExecutedVersion", ""),
            log=base64.b64decode(answer.get("LogResult", "")).decode(),
            round_trip_ms=(time.perf_counter() - began) * 1000,
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def update_code(self, code):
        self.client.update_function_code(FunctionName=self.name, ZipFile=zipped({"function.py": code}))
        self.await_updated()

    def configure(self, **settings):
        self.client.update_function_configuration(FunctionName=self.name, **settings)
        self.await_updated()

    def publish(self):
        version = self.client.publish_version(FunctionName=self.name)["Version"]
        self.client.get_waiter("published_version_active").wait(
            FunctionName=self.name, Qualifier=version, WaiterConfig={"Delay": 0.05}
        )
        return version

    def await_updated(self):
        self.client.get_waiter("function_updated_v2").wait(
            FunctionName=self.name, WaiterConfig={"Delay": 0.05}
        )

    def await_ended(self, log_stream):
        """Wait until the environment of a log stream has gone, as the stack's state folder shows it."""
        folder = self.environment_folder(log_stream)
        Wait(f"{folder.name} to end", DEADLINE_S, interval_s=0.05).until(lambda: not folder.exists())

    def environment_folder(self, log_stream) -> Path:
        """Where the stack keeps what an environment has; raises ValueError where it doesn't live."""
        [folder] = self.stack.state_dir.rglob(f"lambda/environments/{log_stream.rpartition(']')[2]}")
        return folder


@dataclass
class FunctionMaker:
    """Makes functions on a stack, and removes them."""

    stack: EmbeddedStack

    def __post_init__(self):
        # Without the SDK's retries: a refusal is what a test may wait for.
        target = self.stack.target
        self.client = boto3.client(
            "lambda",
            endpoint_url=target.endpoint_url,
            region_name=target.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=DEADLINE_S,
                max_pool_connections=20,
                proxies={},
            ),
        )
        self.role_arn = self._create_role()

    def _create_role(self):
        iam, name = self.stack.target.client("iam"), "functions-under-test"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(MAY_LOG))
        return role["Role"]["Arn"]

    @contextmanager
    def made(self, code, *, files=None, **settings) -> Iterator[FunctionUnderTest]:
        """Have a function with the module `function`; `settings` are CreateFunction's."""
        name = f"test-{secrets.token_hex(5)}"
        package = {"function.py": code, **(files or {})}
        self.client.create_function(
            **{
                "FunctionName": name,
                "Role": self.role_arn,
                "Runtime": "python3.13",
                "Handler": "function.handler",
                "MemorySize": FULL_CPU_MB,
                "Timeout": 20,
                "Code": {"ZipFile": zipped(package)},
                **settings,
            }
        )
        try:
            self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
            yield FunctionUnderTest(self.stack, name, self.client)
        finally:
            self.client.delete_function(FunctionName=name)
