"""Services act for the resource that AWS names as the source, with the role that they were given for it.

LocalStack sends SNS's dead letters in the subscription's name, drops the session token of the role with which
API Gateway calls SQS, and assumes roles without the source that their trust policies may ask for.
(docs/identities.md; what is patched with a service's first call is in `service_principals`.)
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.connect import ClientFactory
from localstack.services.apigateway.next_gen.execute_api.integrations import aws
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.sns import publisher
from localstack.utils.aws import dead_letter_queue

from serverless_harness.emulator.delivery import sns_dead_letters
from serverless_harness.emulator.gateway import integration_calls
from serverless_harness.emulator.gateway.internal_calls import acting
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    ClientFactory.with_assumed_role,
    aws.get_internal_mocked_headers,
    dead_letter_queue.sns_error_to_dead_letter_queue,
    LambdaProvider.create_function,
    ExecutionEnvironment.get_credentials,
    EsmWorkerFactory.get_esm_worker,
]


def apply() -> None:
    """Name the sources, and send dead letters in the topic's name."""
    wrap(ClientFactory.with_assumed_role, _assume_role)
    replace(aws, "get_internal_mocked_headers", integration_calls.headers)
    replace(publisher, "sns_error_to_dead_letter_queue", sns_dead_letters.send)
    wrap(LambdaProvider.create_function, _create_function)
    wrap(ExecutionEnvironment.get_credentials, _get_credentials)
    wrap(EsmWorkerFactory.get_esm_worker, _get_esm_worker)


def _assume_role(fn: Callable[..., object], self: object, *, role_arn: str, **settings: object) -> object:
    source_arn = getattr(role_arn, "source_arn", None)
    with acting(source_arn=source_arn) if source_arn else nullcontext():
        return fn(self, role_arn=str(role_arn), **settings)


def _create_function(
    fn: Callable[..., object], self: object, context: RequestContext, request: dict[str, object]
) -> object:
    name = str(request.get("FunctionName")).rpartition(":")[2]
    arn = f"arn:{context.partition}:lambda:{context.region}:{context.account_id}:function:{name}"
    with acting(source_arn=arn):
        return fn(self, context, request)


def _get_credentials(fn: Callable[..., object], self: Any) -> object:  # noqa: ANN401
    with acting(source_arn=self.function_version.id.unqualified_arn()):
        return fn(self)


def _get_esm_worker(fn: Callable[..., object], self: Any) -> object:  # noqa: ANN401
    with acting(source_arn=self.esm_config["FunctionArn"]):
        return fn(self)
