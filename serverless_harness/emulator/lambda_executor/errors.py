"""What a caller of Invoke gets when the runtime didn't answer: AWS's own error types and messages.

Errors that the runtime itself reports (`Runtime.ImportModuleError`, the handler's exceptions, …) come from
awslambdaric and pass through unchanged.
"""

import json
import signal
from dataclasses import dataclass

from serverless_harness.emulator.sandbox.base import Exit

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""The largest response of a synchronous invoke, in bytes (AWS Lambda quotas, error text)."""


@dataclass(frozen=True)
class FunctionError:
    """An invoke's or an init's failure: `error_type` for the REPORT line, `payload` for the caller."""

    error_type: str
    payload: bytes


def _function_error(error_type: str, message: str) -> FunctionError:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return FunctionError(error_type, payload.encode())


def describe_exit(process_exit: Exit) -> str:
    """Return AWS's words for how the runtime process ended."""
    code = process_exit.returncode
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = signal.strsignal(-code)
    return f"Runtime exited with error: signal: {name.lower() if name else -code}"


def runtime_exited(request_id: str, process_exit: Exit) -> FunctionError:
    """The runtime process ended without an answer: `sys.exit`, a crash, or out of memory."""
    return _function_error(
        "Runtime.ExitError", f"RequestId: {request_id} Error: {describe_exit(process_exit)}"
    )


def timed_out(request_id: str, timeout_s: int) -> FunctionError:
    """The function didn't answer within its timeout."""
    return _function_error(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds"
    )


def response_too_large(size_bytes: int) -> FunctionError:
    """The response of the function exceeds the limit of a synchronous invoke."""
    return _function_error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
        f"({MAX_RESPONSE_BYTES} bytes).",
    )
