"""Runs in a function's process, before its bootstrap: takes memory until the sandbox ends the process."""

# mypy: ignore-errors
# ruff: noqa: ANN002, ANN201


def exhaust_memory(*_):
    """Take memory up to half more than the function may have, page by page; then hang: nobody stopped it."""
    import os
    import time

    megabytes = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    hoard = [b"\x01" * 1024 * 1024 for _ in range(megabytes + megabytes // 2)]
    while hoard:
        time.sleep(1)


def exhaust_memory_at_invoke():
    """Have awslambdaric do so in the place of calling the handler."""
    from awslambdaric import bootstrap

    bootstrap.handle_event_request = exhaust_memory
