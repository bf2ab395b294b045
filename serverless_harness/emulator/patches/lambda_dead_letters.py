"""What a failed event's destination and dead-letter queue get arrives, in AWS's shape.

LocalStack raises, and so loses both, where the function was never run (an event that grew too old while
it was throttled); its dead letters carry a random request id, and the event written anew, not as it came. It
sends both once; `lambda_service.failed_events` sends them until they arrive, or are refused.
"""

from localstack.services.lambda_.invocation.event_manager import Poller
from localstack.utils.aws.message_forwarding import send_event_to_target

from serverless_harness.emulator.lambda_service import failed_events
from serverless_harness.emulator.patches import replace

PATCHED: list[object] = [
    Poller.process_failure_destination,
    Poller.process_dead_letter_queue,
    send_event_to_target,
]


def apply() -> None:
    """Replace what sends them."""
    replace(Poller, "process_failure_destination", failed_events.send_record)
    replace(Poller, "process_dead_letter_queue", failed_events.send_dead_letter)
