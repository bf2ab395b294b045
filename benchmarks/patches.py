"""What each patch that is there for speed gains: `.venv/bin/python -m benchmarks.patches [--rounds N]`.

A small request goes through LocalStack's whole gateway, and through it without one of the patches, in turn.
Parts that no such request has are measured alone. Times are the process's CPU time, so that other work on the
machine counts little; each figure is the median over the rounds.
"""

import argparse
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session
from localstack.aws import spec
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.protocol.op_router import RestServiceOperationRouter
from localstack.services.edge import ROUTER
from localstack.services.kms.models import KmsCryptoKey
from localstack.services.plugins import SERVICE_PLUGINS
from localstack.utils.aws.aws_stack import get_valid_regions_for_service
from localstack.utils.patch import Patch

from serverless_harness.emulator.gateway import in_memory
from serverless_harness.emulator.gateway.unsigned_calls import ScopeOnlyAuth
from serverless_harness.emulator.kms.asymmetric import private_key
from serverless_harness.emulator.lambda_service.metrics import MetricBuffer
from serverless_harness.emulator.patches import (
    edge_routes,
    header_values,
    request_log,
    route_builders,
    service_regions,
)

CREDENTIALS = ReadOnlyCredentials("LSIAQAAAAAAVNCBMPNSG", "secret", None)
SCOPE = "Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"

type Act = Callable[[], object]


def cpu_ms(act: Act, times: int) -> float:
    """Return the milliseconds of CPU time that `act` takes once, over so many times."""
    begin = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - begin) * 1000 / times


@contextmanager
def applied(apply: Act) -> Iterator[None]:
    """Have a patch in place while the block runs."""
    before = list(Patch.applied_patches)
    apply()
    try:
        yield
    finally:
        for patch in reversed([each for each in Patch.applied_patches if each not in before]):
            patch.undo()  # type: ignore[no-untyped-call]


def compare(
    without: Act, with_patch: Act, rounds: int, times: int, apply: Act | None = None
) -> tuple[float, float]:
    """Measure both in turn; return their medians in milliseconds."""
    figures: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        figures[0].append(cpu_ms(without, times))
        if apply is None:
            figures[1].append(cpu_ms(with_patch, times))
        else:
            with applied(apply):
                with_patch()  # What a patch remembers, it remembers from the first time on.
                figures[1].append(cpu_ms(with_patch, times))
    return statistics.median(figures[0]), statistics.median(figures[1])


def request_of(service: str, target: str) -> Act:
    """Return one small request through the whole gateway, as `gateway.in_memory` makes it."""
    gateway = LocalstackAwsGateway(SERVICE_PLUGINS)
    headers: Any = HeadersDict(
        {
            "Content-Type": "application/x-amz-json-1.1",
            "Content-Length": "2",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 {SCOPE.format(service=service)}",
        }
    )
    request = AWSPreparedRequest("POST", "http://127.0.0.1:4566/", headers, b"{}", stream_output=False)

    def act() -> None:
        answer = in_memory.answer(gateway, request)
        if answer.status_code != 200:
            raise RuntimeError(f"{target} ended in status {answer.status_code}: {answer.content!r}")

    act()
    return act


def register_routes() -> None:
    """Give the router what a stack with API Gateway and SQS gives it."""
    from localstack.services.apigateway.next_gen.execute_api.router import ApiGatewayRouter
    from localstack.services.sqs import query_api

    ApiGatewayRouter(ROUTER).register_routes()
    query_api.register(ROUTER)


def signature(auth: type[SigV4Auth] | type[ScopeOnlyAuth]) -> Act:
    """Sign a small request."""

    def act() -> None:
        request = AWSRequest(method="POST", url="http://127.0.0.1:4566/", data=b"x" * 500)
        request.context["timestamp"] = "20260101T000000Z"
        auth(CREDENTIALS, "sns", "us-east-1").add_auth(request)

    return act


def user_agent() -> Act:
    """Build botocore's user agent, as a client does twice a request."""
    from botocore.useragent import UserAgentString

    return lambda: UserAgentString.from_environment().to_string()


def rows(rounds: int) -> Iterator[tuple[str, str, float, float]]:
    """Yield the patch, what is measured, and both figures in milliseconds."""
    register_routes()
    small = request_of("sqs", "AmazonSQS.ListQueues")
    for patch in (edge_routes, header_values, request_log):
        name = patch.__name__.rpartition(".")[2]
        yield name, "a whole small request", *compare(small, small, rounds, 60, patch.apply)
    yield (
        "internal_client_overhead",
        "a signature",
        *compare(signature(SigV4Auth), signature(ScopeOnlyAuth), rounds, 100),
    )
    yield (
        "internal_client_overhead",
        "a user agent, of which a call has two",
        *compare(user_agent(), lambda: None, rounds, 100),
    )
    yield from _once(rounds)
    yield from _of_invokes(small, rounds)


def _once(rounds: int) -> Iterator[tuple[str, str, float, float]]:
    """Yield what happens once a stack, or once a service."""

    def anew() -> None:
        service_regions._session.cache_clear()
        service_regions.valid_regions_for_service.cache_clear()
        for service in ("sns", "kms", "lambda"):
            service_regions.valid_regions_for_service(service)

    def as_localstack() -> None:
        get_valid_regions_for_service.cache_clear()
        for service in ("sns", "kms", "lambda"):
            get_valid_regions_for_service(service)

    few = max(2, rounds // 5)
    yield "service_regions", "the regions of three services", *compare(as_localstack, anew, few, 1)
    model = spec.load_service("lambda")

    def bind() -> None:
        RestServiceOperationRouter(model)

    yield "route_builders", "the routes of Lambda's API", *compare(bind, bind, few, 1, route_builders.apply)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "catalog")
        spec.build_service_index_cache(file)
        yield (
            "service_catalog",
            "the index of services, once a stack",
            *compare(
                lambda: spec.build_service_index_cache(file),
                lambda: spec.load_service_index_cache(file),
                few,
                1,
            ),
        )


def _of_invokes(small: Act, rounds: int) -> Iterator[tuple[str, str, float, float]]:
    key = KmsCryptoKey("RSA_4096")
    original: Any = vars(KmsCryptoKey)["key"].fget
    yield (
        "kms_private_keys",
        "reading a key",
        *compare(lambda: original(key), lambda: private_key(key), max(2, rounds // 5), 1),
    )
    buffer = MetricBuffer(lambda _counts: None, lambda _delay_s, _act: None)
    yield (
        "lambda_metrics",
        "a thread with a small call, against a count",
        *compare(
            lambda: _in_thread(small),
            lambda: buffer.record("000000000000", "us-east-1", "accept", Invocations=1, Errors=0),
            rounds,
            20,
        ),
    )


def _in_thread(act: Act) -> None:
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def main() -> None:
    """Print a table for docs/performance.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    logging.disable(logging.CRITICAL)
    Session()  # botocore's own first-time work is nobody's.
    print("| patch | what | without, ms | with, ms | gain |")
    print("|---|---|---|---|---|")
    for name, what, without, with_patch in rows(rounds):
        gain = 1 - with_patch / without
        print(f"| `{name}` | {what} | {without:.3f} | {with_patch:.3f} | {gain:.0%} |", flush=True)


if __name__ == "__main__":
    main()
