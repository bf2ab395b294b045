"""Asynchronous invokes: as many events at a time as there may be environments."""

import logging
from concurrent.futures import ThreadPoolExecutor

from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_service.assignment import shared_service
from serverless_harness.emulator.lambda_service.event_queues import EVENT_QUEUES, Consumer

LOG = logging.getLogger(__name__)


class BoundedPoller(Poller):
    """Takes an event from its queue only when one of its threads is free for it."""

    def __init__(self, version_manager: LambdaVersionManager, event_queue_url: str) -> None:
        super().__init__(version_manager, event_queue_url)
        # More threads than environments would only wait.
        workers = shared_service().limits.max_per_function
        function_id = version_manager.function_version.id
        self.invoker_pool = ThreadPoolExecutor(
            workers, thread_name_prefix=f"lambda-invoker-{function_id.function_name}:{function_id.qualifier}"
        )
        self._queue = EVENT_QUEUES.get(event_queue_url)
        self._consumer = Consumer(lambda: self.invoker_pool.submit(self._handle_events), workers)

    def run(self, *args: object) -> None:
        """Begin; LocalStack calls this in a thread, which isn't needed."""
        self._queue.consume(self._consumer)

    def stop(self) -> None:
        """Take no more events; those that were taken are handled to their end."""
        self._queue.leave(self._consumer)
        self.invoker_pool.shutdown(wait=False)

    def _handle_events(self) -> None:
        while taken := self._queue.take(self._consumer):
            handle, body = taken
            try:
                self.handle_message({"Body": body, "ReceiptHandle": ""})
            except Exception:
                LOG.exception("An event of %s could not be handled", self.event_queue_url)
            finally:
                self._queue.done(handle)
