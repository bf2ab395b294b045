"""Waits for what comes about by itself, and says what was seen last where it doesn't."""

from collections.abc import Callable
from typing import Any

from serverless_harness.waiting import Wait


def eventually[T](
    look: Callable[[], T | None], what: str = "", *, timeout_s: float = 30, interval_s: float = 0.1
) -> T:
    """Call `look` until it gives something true, and return that.

    A look that raises AssertionError counts as one that found nothing. Raises WaitTimeoutError after
    `timeout_s` seconds; the error names `what` was waited for and what was seen last.
    """
    last: list[str] = ["nothing yet"]

    def look_again() -> tuple[T | None] | None:
        try:
            found = look()
        except AssertionError as error:
            last[:] = [f"an assertion that failed: {error}"]
            return None
        last[:] = [repr(found)]
        return (found,) if found else None

    def described() -> str:
        return last[0]

    name = what or getattr(look, "__name__", "what is looked for")
    [found] = Wait(name, timeout_s, interval_s, described).until(look_again)
    result: Any = found
    return result  # type: ignore[no-any-return]
