"""Events are polled by `lambda_service.async_event_poller.BoundedPoller`: LocalStack's poller has no bound.

It takes ten events every time into the queue of a thread pool: there they stay longer than their visibility
timeout, and are run twice; and an update of the code cancels them, so that they wait for that timeout, the
function's own and 60 s more.
"""

from localstack.services.lambda_.invocation import event_manager
from localstack.services.lambda_.invocation.event_manager import LambdaEventManager, Poller

from serverless_harness.emulator.lambda_service.async_event_poller import BoundedPoller
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [Poller, LambdaEventManager]


def apply() -> None:
    """Install the poller."""
    replace(event_manager, "Poller", BoundedPoller)
