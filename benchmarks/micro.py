"""The small parts that every order goes through, by pyperf: `.venv/bin/python -m benchmarks.micro`.

Options are pyperf's: `--fast`, `-o micro.json`, and `python -m pyperf compare_to` for two such files.
"""

import functools
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pyperf  # type: ignore[import-untyped]
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from cryptography.hazmat.primitives.serialization import load_der_public_key
from localstack.services.kms.models import KmsCryptoKey, KmsKey
from rolo import Response
from rolo.gateway import Gateway

from serverless_harness.emulator.gateway import in_memory
from serverless_harness.emulator.iam.evaluation import PolicySet, Request, evaluate
from serverless_harness.emulator.iam.policy import PolicyType, parse_policy
from serverless_harness.emulator.iam.principals import Principal, PrincipalKind
from serverless_harness.emulator.kms import asymmetric
from serverless_harness.emulator.lambda_executor.log_events import take_batch, to_events
from serverless_harness.emulator.lambda_executor.log_lines import LogLine

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/process"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/shop-shops"
STATEMENTS = (
    {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:*",
    },
    {"Effect": "Allow", "Action": ["dynamodb:UpdateItem", "dynamodb:PutItem"], "Resource": TABLE},
)
LINES_AN_INVOKE = 6


def policy_evaluation() -> Callable[[], object]:
    """A function's role writes to its table."""
    document = json.dumps({"Version": "2012-10-17", "Statement": STATEMENTS})
    policies = PolicySet(identity=(parse_policy(document, PolicyType.IDENTITY),))
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/process/process"
    principal = Principal(PrincipalKind.ROLE_SESSION, session, ACCOUNT, ROLE)
    request = Request(principal, "dynamodb:UpdateItem", TABLE, ACCOUNT)
    return lambda: evaluate(request, policies)


def in_memory_request() -> Callable[[], object]:
    """LocalStack calls itself, and nothing is done there."""

    def handle(chain: object, context: object, response: Response) -> None:
        response.data = b"{}"

    gateway = Gateway(request_handlers=[handle])
    headers: Any = HeadersDict({"Content-Type": "application/x-amz-json-1.0", "Content-Length": "2"})
    request = AWSPreparedRequest("POST", "http://127.0.0.1:4566/", headers, b"{}", stream_output=False)
    return lambda: in_memory.answer(gateway, request)


def log_event_batching() -> Callable[[], object]:
    """The lines of one invoke become a batch."""
    lines = [LogLine(1_700_000_000_000 + number, f"a line {'x' * 200}") for number in range(LINES_AN_INVOKE)]
    return lambda: take_batch(deque(event for line in lines for event in to_events(line)))


def rsa_decryption() -> Callable[[], object]:
    """KMS decrypts an order."""

    @functools.cache
    def key_and_ciphertext() -> tuple[KmsCryptoKey, bytes, str]:
        spec: Any = {"KeySpec": "RSA_4096", "KeyUsage": "ENCRYPT_DECRYPT"}
        key = KmsKey(spec, ACCOUNT, "us-east-1")
        public_key: Any = load_der_public_key(key.crypto_key.public_key or b"")
        algorithm = "RSAES_OAEP_SHA_256"
        return key.crypto_key, public_key.encrypt(b"sales", asymmetric.PADDINGS[algorithm]), algorithm

    # The key takes a second to make: only the worker that measures this makes one.
    return lambda: asymmetric.decrypt(*key_and_ciphertext())


PARTS = (policy_evaluation, in_memory_request, log_event_batching, rsa_decryption)


def main() -> None:
    """Measure each part."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.micro"))
    for part in PARTS:
        runner.bench_func(part.__name__, part())


if __name__ == "__main__":
    main()
