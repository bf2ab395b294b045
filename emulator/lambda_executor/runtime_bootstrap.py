"""Runs in the function's process, as `python -c <this text> <handler>`: awslambdaric with AWS's log framing.

The runtime's log records go through file descriptor 3 in the frames of awslambdaric's FramedTelemetryLogSink,
as in AWS, so that a record of several lines is one event with its own time. The descriptor is the very pipe
that stdout is, which keeps records and prints in order. Before each poll for the next invocation an empty
frame of type BOUNDARY follows whatever the last one wrote: the executor then knows that it has it all.
"""

# mypy: ignore-errors
# ruff: noqa: ANN201
import contextlib
import os
import sys

os.dup2(1, 3, inheritable=False)
os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = "3"
sys.path[:] = [os.environ["LAMBDA_TASK_ROOT"], *filter(None, sys.path)]

from awslambdaric import __main__, lambda_runtime_client  # noqa: E402

BOUNDARY = bytes.fromhex("a55a00ff") + bytes(12)


class RuntimeClient(lambda_runtime_client.LambdaRuntimeClient):
    def wait_next_invocation(self):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        with contextlib.suppress(OSError):
            os.write(3, BOUNDARY)
        return super().wait_next_invocation()


__main__.LambdaRuntimeClient = RuntimeClient
__main__.main(sys.argv)
