"""What these functions use of the context object that Lambda hands to a handler."""

from typing import Protocol


class LambdaContext(Protocol):
    """Attributes as AWS documents them for Python."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int: ...
