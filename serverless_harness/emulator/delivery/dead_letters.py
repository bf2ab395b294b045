"""Sends dead letters until they arrive: such a letter is all that is left of a message.

Where the service that takes it throttles, fails or can't be reached, it is sent again after a delay, scaled
by `LAMBDA_ASYNC_DELAY_SCALE`. What is refused, and what AWS would give up, is lost, and logged as an error.
"""

import functools
import logging
from collections.abc import Callable
from typing import Literal

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.delivery.delayed_calls import scaled_s, shared_delayed_calls
from serverless_harness.emulator.delivery.in_hand import CountedPool
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

SERVER_ERROR_STATUS = 500
THROTTLING_CODES = frozenset(
    {
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Their statuses are 400, 403 (SQS), 429 and 503."""
THREADS = 4
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})
"""For clients of what is tried again after a delay: botocore's own retries hold it for up to 15 s."""


def send(
    letter: Callable[[], object],
    of: str,
    target_arn: str,
    delay_s: Callable[[int], float | None],
    kind: Literal["dead letter", "record", "log events"] = "dead letter",
    tries: int = 1,
) -> None:
    """Call `letter`, which sends it; again later if the service fails. Raises nothing.

    `of` says in the log what is lost. `delay_s` gives the delay before a retry (from 1), None for no more.
    """
    name = f"The {kind} of {of} to {target_arn}"
    service, resource = "".join(target_arn.split(":")[2:3]), target_arn.rpartition(":")[2]
    span = spans.current() if tries > 1 else spans.begin("delivery", service, kind, resource)
    with spans.within(span):
        try:
            letter()
        except Exception as error:  # noqa: BLE001 (every error is either tried again or reported)
            pause_s = delay_s(tries) if is_transient(error) else None
            if pause_s is None:
                LOG.error("%s can't be sent and is lost: %s", name, error)
                spans.end(span, "failed", str(error))
                return
            LOG.warning("%s can't be sent yet (attempt %d): %s", name, tries, error)
            again = functools.partial(send, letter, of, target_arn, delay_s, kind, tries + 1)
            shared_delayed_calls().call_later(
                scaled_s(pause_s), functools.partial(_submit, again), is_kept=True
            )
        else:
            spans.end(span, "delivered")


def is_transient(error: Exception) -> bool:
    """Whether the service throttles, fails, or can't be reached."""
    if not isinstance(error, ClientError):
        return isinstance(error, OSError | HTTPClientError | BotocoreConnectionError)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = error.response.get("Error", {}).get("Code", "").rpartition(".")[2]
    return status >= SERVER_ERROR_STATUS or code in THROTTLING_CODES


def _submit(again: Callable[[], None]) -> None:
    _pool().submit(again)


@singleton_factory
def _pool() -> CountedPool:
    return CountedPool(THREADS, thread_name_prefix="letters")
