"""Delivers the functions' log lines to CloudWatch Logs: one thread for all streams, in batches.

As in AWS, the calls are made with the function's role: a role without `logs:CreateLogStream` and
`logs:PutLogEvents` leaves no log, and the function runs on.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion
from localstack.utils.objects import singleton_factory

from serverless_harness.emulator.lambda_executor.log_clients import RoleClients, RoleSession
from serverless_harness.emulator.lambda_executor.log_events import LogEvent, take_batch, to_events
from serverless_harness.emulator.lambda_executor.log_lines import LogLine, LogSink
from serverless_harness.emulator.lambda_service.role_sessions import session_name_of

LOG = logging.getLogger(__name__)

FLUSH_INTERVAL_S = 0.25
"""A fifth of that costs a warm order a third more of the emulator's CPU time (23 to 31 ms, measured)."""

REST = 9
"""How many times as long as a round took the writer rests after it: a tenth of the time at most is its own.

With many streams, or on a busy machine, lines then arrive later and in larger batches, instead of taking
the interpreter's lock from the functions' calls.
"""

MAX_REST_S = 2.0
RETRY_DELAYS_S = (0.1, 0.2, 0.4, 0.8, 1.6)
MAX_BUFFERED_BYTES = 64 * 1024 * 1024
EXPIRED_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
TRANSIENT_ERRORS = EXPIRED_CREDENTIALS | {
    "InternalError",
    "InternalFailure",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
}


def log_group_name(function_version: FunctionVersion) -> str:
    """Return the log group of the function's LoggingConfig, `/aws/lambda/<name>` where it names none."""
    configured: str | None = (function_version.config.logging_config or {}).get("LogGroup")
    return configured or f"/aws/lambda/{function_version.id.function_name}"


def open_log_sink(function_version: FunctionVersion, log_stream_name: str) -> LogSink:
    """Open a log stream of a function for writing; it is created in CloudWatch with its first line."""
    identifier = function_version.id
    session = RoleSession(
        role_arn=function_version.config.role,
        region=identifier.region,
        session_name=session_name_of(function_version),
    )
    return shared_writer().open_stream(session, log_group_name(function_version), log_stream_name)


@singleton_factory
def shared_writer() -> "LogWriter":
    """Return the writer of this LocalStack process."""
    return LogWriter(RoleClients().client_of)


class LogWriter:
    """A background thread that takes every stream's lines to CloudWatch Logs, soon after they were written.

    It takes a tenth of the time at most: the longer its calls take, the later and larger they are.

    What CloudWatch refuses for the moment is tried again, after `RETRY_DELAYS_S`; what it refuses for good,
    or too often, is dropped and counted in `dropped_events`.
    """

    def __init__(
        self, client_of: Callable[[RoleSession, bool], Any], flush_interval_s: float = FLUSH_INTERVAL_S
    ) -> None:
        self.delivered_events = 0
        self.dropped_events = 0
        self._client_of = client_of
        self._flush_interval_s = flush_interval_s
        self._changed = threading.Condition()
        self._waiting: dict[_Stream, float] = {}
        """The streams that have undelivered events, and when each is due (`time.monotonic`)."""
        self._buffered_bytes = 0
        self._flushing = 0
        self._epoch = 0
        self._rest_until = 0.0
        self._thread: threading.Thread | None = None

    def open_stream(self, session: RoleSession, log_group: str, log_stream: str) -> LogSink:
        """Open a stream; it exists in CloudWatch once its first line is delivered."""
        return _Stream(self, session, log_group, log_stream, self._epoch)

    def forget(self) -> None:
        """Drop what has not been delivered, and all that is still written to the streams opened so far."""
        with self._changed:
            self._epoch += 1
            self._waiting.clear()
            self._buffered_bytes = 0
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Deliver at once what has been written so far; False when `timeout_s` passed first."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._waiting, timeout_s)
            finally:
                self._flushing -= 1

    def accept(self, stream: "_Stream", lines: Sequence[LogLine]) -> None:
        """Queue the lines of a stream."""
        events = [event for line in lines for event in to_events(line)]
        size_bytes = sum(event.size_bytes for event in events)
        with self._changed:
            if stream.epoch != self._epoch:
                return
            if self._buffered_bytes + size_bytes > MAX_BUFFERED_BYTES:
                self._drop(stream, len(events), f"more than {MAX_BUFFERED_BYTES} bytes wait to be delivered")
                return
            self._buffered_bytes += size_bytes
            stream.pending.extend(events)
            if events and stream not in self._waiting:
                self._waiting[stream] = time.monotonic() + self._flush_interval_s
                self._start()
                self._changed.notify_all()

    def expedite(self, stream: "_Stream") -> None:
        """Deliver what a stream still has without waiting for the interval."""
        with self._changed:
            if stream in self._waiting and not stream.attempts:
                self._waiting[stream] = time.monotonic()
                self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lambda-log-writer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            due = self._await_due()
            begin = time.monotonic()
            for stream in due:
                self._deliver(stream)
            end = time.monotonic()
            self._rest_until = end + min(REST * (end - begin), MAX_REST_S)

    def _await_due(self) -> list["_Stream"]:
        with self._changed:
            while True:
                now = time.monotonic()
                due = [stream for stream, at in self._waiting.items() if self._is_due(stream, at, now)]
                if due:
                    return due
                next_at = min(self._waiting.values(), default=None)
                self._changed.wait(None if next_at is None else max(next_at, self._rest_until) - now)

    def _is_due(self, stream: "_Stream", at: float, now: float) -> bool:
        return self._is_hurried(stream) or now >= max(at, self._rest_until)

    def _is_hurried(self, stream: "_Stream") -> bool:
        return bool(self._flushing) and not stream.attempts

    def _deliver(self, stream: "_Stream") -> None:
        with self._changed:
            if stream.epoch != self._epoch:
                return
            batch = stream.batch = stream.batch or take_batch(stream.pending)
        error: Exception | None = None
        try:
            self._put(stream, batch)
        except Exception as exception:
            LOG.debug("Cannot write to log group %s", stream.log_group, exc_info=True)
            error = exception
        with self._changed:
            if stream.epoch == self._epoch:
                self._settle(stream, batch, error)
            self._changed.notify_all()

    def _put(self, stream: "_Stream", batch: Sequence[LogEvent]) -> None:
        client = self._client_of(stream.session, stream.credentials_refused)
        events = [{"timestamp": event.timestamp_ms, "message": event.message} for event in batch]
        if not stream.created:
            _create_stream(client, stream)
        try:
            client.put_log_events(
                logGroupName=stream.log_group, logStreamName=stream.log_stream, logEvents=events
            )
        except ClientError as error:
            if _error_code(error) != "ResourceNotFoundException":
                raise
            # The group was deleted while the environment lived.
            _create_stream(client, stream)
            client.put_log_events(
                logGroupName=stream.log_group, logStreamName=stream.log_stream, logEvents=events
            )

    def _settle(self, stream: "_Stream", batch: Sequence[LogEvent], error: Exception | None) -> None:
        stream.credentials_refused = _error_code(error) in EXPIRED_CREDENTIALS
        if error is not None and _is_transient(error) and stream.attempts < len(RETRY_DELAYS_S):
            self._waiting[stream] = time.monotonic() + RETRY_DELAYS_S[stream.attempts]
            stream.attempts += 1
            return
        if error is None:
            self.delivered_events += len(batch)
        else:
            self._drop(stream, len(batch), str(error))
        stream.batch, stream.attempts = [], 0
        self._buffered_bytes -= sum(event.size_bytes for event in batch)
        if stream.pending:
            self._waiting[stream] = time.monotonic()
        else:
            del self._waiting[stream]

    def _drop(self, stream: "_Stream", events: int, reason: str) -> None:
        self.dropped_events += events
        level = logging.DEBUG if stream.has_dropped else logging.WARNING
        stream.has_dropped = True
        LOG.log(
            level,
            "Dropped %d log events of %s, stream %s: %s (further ones of this stream at debug level)",
            events,
            stream.log_group,
            stream.log_stream,
            reason,
        )


class _Stream:
    """The sink of one log stream; its fields belong to the writer."""

    def __init__(
        self, writer: LogWriter, session: RoleSession, log_group: str, log_stream: str, epoch: int
    ) -> None:
        self.epoch = epoch
        self.session = session
        self.log_group = log_group
        self.log_stream = log_stream
        self.pending: deque[LogEvent] = deque()
        self.batch: list[LogEvent] = []
        self.attempts = 0
        self.created = False
        self.credentials_refused = False
        self.has_dropped = False
        self._writer = writer

    def write(self, lines: Sequence[LogLine]) -> None:
        """Queue `lines` for delivery."""
        self._writer.accept(self, lines)

    def close(self) -> None:
        """Deliver what is left, soon."""
        self._writer.expedite(self)


def _create_stream(client: Any, stream: _Stream) -> None:  # noqa: ANN401
    """Create the log stream, and the log group where there is none (which needs a permission of its own)."""
    try:
        _create_stream_in_group(client, stream)
    except client.exceptions.ResourceNotFoundException:
        try:
            client.create_log_group(logGroupName=stream.log_group)
        except client.exceptions.ResourceAlreadyExistsException:
            LOG.debug("Log group %s was created at the same moment", stream.log_group)
        _create_stream_in_group(client, stream)
    stream.created = True


def _create_stream_in_group(client: Any, stream: _Stream) -> None:  # noqa: ANN401
    try:
        client.create_log_stream(logGroupName=stream.log_group, logStreamName=stream.log_stream)
    except client.exceptions.ResourceAlreadyExistsException:
        LOG.debug("Log stream %s exists already", stream.log_stream)


def _error_code(error: Exception | None) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _is_transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError | OSError)
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or _error_code(error) in TRANSIENT_ERRORS
