"""What SNS, S3 and EventBridge deliver in the background is counted (`delivery.in_hand`).

Their threads give no way to ask whether all that was accepted has been delivered, and a snapshot taken before
that would lose the rest.
"""

from collections.abc import Callable
from typing import Any

from localstack.services.s3 import notifications
from localstack.services.s3.notifications import NotificationDispatcher
from localstack.services.sns import publisher
from localstack.services.sns.executor import TopicPartitionedThreadPoolExecutor
from localstack.services.sns.publisher import PublishDispatcher
from localstack.utils import threads
from localstack.utils.threads import FuncThread, start_worker_thread

from serverless_harness.emulator.delivery.in_hand import IN_HAND, CountedPool, CountedTopicPool
from serverless_harness.emulator.patches import replace, wrap

PATCHED: list[object] = [
    FuncThread.run,
    NotificationDispatcher.__init__,
    PublishDispatcher.__init__,
    TopicPartitionedThreadPoolExecutor,
    start_worker_thread,
]
EVENTS = "events-process-rules"
"""The name of EventBridge's threads; its provider takes this function when it is loaded, later."""


def apply() -> None:
    """Put counted pools in the place of those that SNS and S3 make, and count EventBridge's threads."""
    replace(notifications, "ThreadPoolExecutor", CountedPool)
    replace(publisher, "ThreadPoolExecutor", CountedPool)
    replace(publisher, "TopicPartitionedThreadPoolExecutor", CountedTopicPool)
    wrap(threads.start_worker_thread, _start)


def _start(
    start: Callable[..., FuncThread],
    method: Callable[..., Any],
    params: Any = None,  # noqa: ANN401 - as LocalStack has it
    name: str | None = None,
) -> FuncThread:
    return start(IN_HAND.counted(method) if name == EVENTS else method, params, name)
