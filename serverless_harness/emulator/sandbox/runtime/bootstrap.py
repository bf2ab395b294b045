"""Runs in the function's process, from /var/runtime as in AWS's images: awslambdaric with AWS's log framing.

The runtime's log records go through file descriptor 3 in the frames of awslambdaric's FramedTelemetryLogSink,
as in AWS, so that a record of several lines is one event with its own time. The descriptor is the very pipe
that stdout is, which keeps records and prints in order. Before each poll for the next invocation a frame
of type BOUNDARY, with the poll's number in the place of the time, follows whatever the last one wrote: the
executor then knows that it has it all. The frame also says when the poll came (CLOCK_MONOTONIC) and for how
long the sending of the last result was blocked, both in nanoseconds: an executor that is busy itself sees
either too late, and would take that for the function's time.

As AWS's does, it puts the function, layers and the runtime's packages on the search path of its own process
alone. `_LAMBDA_SEARCH_PATH` (from `sandbox.filesystem`) says where they are; `_LAMBDA_PRELUDE` (from
`RuntimeProcess`) is Python to run before the rest. Both are gone for the function.
"""

# mypy: ignore-errors
# ruff: noqa: ANN201, ANN202, PTH112, PTH120 - pathlib would take a millisecond of every cold start
import contextlib
import os
import sys
import time

BOUNDARY = bytes.fromhex("a55a00ff") + (16).to_bytes(4, "big")


def main():
    """Set up what AWS's own start does, and run the runtime client."""
    # Python itself put this file's folder first, which is on PYTHONPATH as well.
    if not getattr(sys.flags, "safe_path", False):  # Not before Python 3.11.
        del sys.path[0]
    extend_search_path()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    exec(os.environ.pop("_LAMBDA_PRELUDE", ""), {})
    os.dup2(1, 3, inheritable=False)
    os.environ["_LAMBDA_TELEMETRY_LOG_FD"] = "3"
    run_runtime()


def extend_search_path():
    """Search the layers first, as AWS does, and the runtime's own packages last."""
    layers, _, site_packages = os.environ.pop("_LAMBDA_SEARCH_PATH", "").partition(os.pathsep)
    # As in AWS: a PYTHONPATH of the function's own replaces the layers.
    if not layers or os.environ.get("PYTHONPATH") != os.path.dirname(__file__):
        return
    python = f"{layers}/python"
    folders = [f"{python}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", python]
    sys.path[:0] = [*folders, site_packages]
    for folder in folders:
        if os.path.isdir(folder):
            import site

            site.addsitedir(folder)


def run_runtime():
    """Run awslambdaric until the process is ended."""
    from awslambdaric import __main__, lambda_runtime_client

    class RuntimeClient(lambda_runtime_client.LambdaRuntimeClient):
        polls = 0
        blocked_ns = 0

        def wait_next_invocation(self):
            self.polls += 1
            came_ns, blocked_ns, self.blocked_ns = time.monotonic_ns(), self.blocked_ns, 0
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            with contextlib.suppress(OSError):
                os.write(
                    3, BOUNDARY + b"".join(n.to_bytes(8, "big") for n in (self.polls, came_ns, blocked_ns))
                )
            return super().wait_next_invocation()

        def post_invocation_result(self, *arguments, **options):  # noqa: ANN002, ANN003
            began_ns = time.monotonic_ns() - time.thread_time_ns()
            try:
                return super().post_invocation_result(*arguments, **options)
            finally:
                self.blocked_ns = time.monotonic_ns() - time.thread_time_ns() - began_ns

    __main__.LambdaRuntimeClient = RuntimeClient
    __main__.main([__file__, os.environ["_HANDLER"]])


# A child of multiprocessing that isn't forked imports this file again, under another name.
if __name__ == "__main__":
    main()
