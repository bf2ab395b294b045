"""Asynchronous invokes: a poller takes from its queue only what it can invoke now, and loses none of it."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.services.lambda_.invocation.internal_sqs_queue import get_fake_sqs_client
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from serverless_harness.emulator.lambda_service.assignment import shared_service

LOG = logging.getLogger(__name__)

MAX_MESSAGES = 10
LONG_POLL_S = 0.5
"""Short, so that a poller stops soon; the queue is in memory, and a poll costs next to nothing."""
VISIBILITY_TIMEOUT_S = 100 * 365 * 24 * 60 * 60
"""For ever, however far the clock is set forward: an event is deleted when it was handled, and given back
when the poller stops."""


class BoundedPoller(Poller):
    """Receives an event only when one of its threads is free for it."""

    def __init__(self, version_manager: LambdaVersionManager, event_queue_url: str) -> None:
        super().__init__(version_manager, event_queue_url)
        # More threads than environments would only wait.
        workers = shared_service().limits.max_per_function
        function_id = version_manager.function_version.id
        self.invoker_pool = ThreadPoolExecutor(
            workers, thread_name_prefix=f"lambda-invoker-{function_id.function_name}:{function_id.qualifier}"
        )
        self._free_workers = threading.Semaphore(workers)
        self._in_hand: dict[str, str] = {}
        """The bodies of the messages that were received and aren't handled yet, by receipt handle."""

    def in_hand(self) -> list[str]:
        """Return the bodies of the messages that were received and aren't handled yet, the oldest first."""
        return list(self._in_hand.values())

    def run(self, *args: object) -> None:
        """Poll until `stop`."""
        while not self._shutdown_event.is_set():
            reserved = self._reserve_workers()
            messages: list[dict[str, Any]] = []
            try:
                messages = self._receive(reserved) if reserved else []
            except Exception:
                if not self._shutdown_event.is_set():
                    LOG.exception("Error while polling the events of %s", self.event_queue_url)
                    self._shutdown_event.wait(1)
            for _ in range(reserved - len(messages)):
                self._free_workers.release()
            for message in messages:
                self._submit(message)

    def stop(self) -> None:
        """Receive no more; what was received is handled to its end."""
        self._shutdown_event.set()
        self.invoker_pool.shutdown(wait=False)

    def _reserve_workers(self) -> int:
        """Wait for a free thread, and take those free up to SQS's batch size; 0 after a second."""
        if not self._free_workers.acquire(timeout=1):
            return 0
        reserved = 1
        while reserved < MAX_MESSAGES and self._free_workers.acquire(blocking=False):
            reserved += 1
        return reserved

    def _receive(self, max_messages: int) -> list[dict[str, Any]]:
        response = get_fake_sqs_client().receive_message(
            QueueUrl=self.event_queue_url,
            WaitTimeSeconds=LONG_POLL_S,
            MaxNumberOfMessages=max_messages,
            VisibilityTimeout=VISIBILITY_TIMEOUT_S,
        )
        return response.get("Messages") or []

    def _submit(self, message: dict[str, Any]) -> None:
        self._in_hand[message["ReceiptHandle"]] = message["Body"]
        try:
            self.invoker_pool.submit(self._handle, message)
        except RuntimeError:
            # Stopped since it was received: the next version's poller takes it.
            self._free_workers.release()
            queue = get_fake_sqs_client().queue_manager.get_queue(self.event_queue_url)
            queue.update_visibility_timeout(message["ReceiptHandle"], 0)
            del self._in_hand[message["ReceiptHandle"]]

    def _handle(self, message: dict[str, Any]) -> None:
        try:
            self.handle_message(message)
        finally:
            del self._in_hand[message["ReceiptHandle"]]
            self._free_workers.release()
