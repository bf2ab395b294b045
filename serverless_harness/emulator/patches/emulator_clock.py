"""LocalStack's services go by the emulator's clock (`emulator.clock`), which can be set forward.

Their modules read the machine's clock, and wait by it; what stands there for `time`, `datetime` and
`threading` does the same by the emulator's. SQS keeps its messages for as long as their queue says: that
isn't for Lambda's own queues of events, which lose nothing. Services are patched with their first use.
"""

import importlib
from collections.abc import Callable
from functools import partial

from localstack import config
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.sqs.models import FifoQueue, SqsMessage, SqsQueue, StandardQueue
from localstack.services.sqs.provider import QueueUpdateWorker, SqsProvider

from serverless_harness.emulator.clock.stand_ins import stand_in_for
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    FifoQueue,
    LambdaService.invoke,
    QueueUpdateWorker,
    SqsMessage,
    SqsProvider._create_message_attributes,
    SqsProvider.purge_queue,
    SqsQueue,
    StandardQueue,
]

type Followers = dict[str, tuple[str, ...]]
"""Names in modules, by the modules' names."""

_AT_START: Followers = {
    "localstack.services.lambda_.invocation.lambda_service": ("datetime",),
    "localstack.services.sqs.models": ("now", "time"),
    "localstack.services.sqs.provider": ("now", "time"),
}
_ASL = "localstack.services.stepfunctions.asl"
_WITH_FIRST_USE: dict[str, Followers] = {
    "cloudwatch": {
        "localstack.services.cloudwatch.alarm_scheduler": ("datetime",),
        "localstack.services.cloudwatch.cloudwatch_database_helper": ("datetime",),
        "localstack.services.cloudwatch.provider_v2": ("datetime",),
    },
    "events": {
        "localstack.services.events.provider": ("timestamp",),
        "localstack.services.events.utils": ("datetime",),
    },
    "stepfunctions": {
        f"{_ASL}.component.common.retry.retrier_decl": ("time",),
        f"{_ASL}.component.program.program": ("threading",),
        f"{_ASL}.component.state.state_execution.execute_state": ("threading",),
        f"{_ASL}.component.state.state_wait.wait_function.timestamp": ("datetime",),
        f"{_ASL}.component.state.state_wait.wait_function.wait_function": ("time",),
        f"{_ASL}.eval.callback.callback": ("Event",),
        f"{_ASL}.eval.environment": ("threading",),
    },
}


def apply() -> None:
    """Patch what is loaded at start anyway."""
    _follow(_AT_START)
    wrap(StandardQueue.remove_expired_messages, _remove_expired_messages)


def _follow(followers: Followers) -> None:
    for module_name, names in followers.items():
        module = importlib.import_module(module_name)
        for name in names:
            replace(module, name, stand_in_for(getattr(module, name)))


def _remove_expired_messages(fn: Callable[[StandardQueue], None], self: StandardQueue) -> None:
    if self.account_id != config.INTERNAL_RESOURCE_ACCOUNT:
        fn(self)


FIRST_USES: dict[str, Callable[[], None]] = {
    service: partial(_follow, followers) for service, followers in _WITH_FIRST_USE.items()
}
"""What to call before a service is used for the first time."""
