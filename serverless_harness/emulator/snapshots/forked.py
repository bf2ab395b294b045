"""Work on a copy of this process: the process itself goes on meanwhile, with nothing held up.

`fork` copies the calling thread alone, so a lock that another thread holds at that moment is never released
in the copy. The work may therefore call nothing that other threads call, too: no logging, no requests, no
files or sockets of theirs. What hangs all the same is ended after a while, and the next copy may do better.
"""

import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

MAX_WORDS = 1000
READ_BYTES = 65_536
NICENESS = 10
"""What waits for answers goes before what is done for later."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class CopyError(Exception):
    """The work in the copy failed; the message says how, in one line."""


@dataclass(frozen=True)
class Copy:
    """A copy of this process at its work."""

    pid: int
    _answers: int

    def result(self, timeout_s: float) -> str:
        """Wait for the end of the work, once, and return what it returned.

        Raises CopyError where it failed, or hasn't ended by then; nothing of the copy is left in any case.
        """
        said, deadline, poll = b"", time.monotonic() + timeout_s, select.poll()
        poll.register(self._answers, select.POLLIN)
        try:
            while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                if not (chunk := os.read(self._answers, READ_BYTES)):
                    break
                said += chunk
            else:
                os.kill(self.pid, signal.SIGKILL)
                raise CopyError(f"it took more than {timeout_s:g} s")
        finally:
            os.close(self._answers)
            _, status = os.waitpid(self.pid, 0)
        if status:
            code = os.waitstatus_to_exitcode(status)
            raise CopyError(said.decode(errors="replace") or f"its process ended with {code}")
        return said.decode()


def start(work: Callable[[], str]) -> Copy:
    """Copy this process, and have the copy do the work and end; raises OSError where it can't be copied."""
    answers, answer = os.pipe()
    try:
        pid = os.fork()
    except BaseException:
        os.close(answers)
        os.close(answer)
        raise
    if pid == 0:
        _work(work, answer)
    os.close(answer)
    return Copy(pid, answers)


def _work(work: Callable[[], str], answer: int) -> NoReturn:
    """Do the work, and end without anything that ends with the process: all of that is the original's."""
    status = 1
    try:
        gc.disable()  # It would touch, and so copy, every page.
        logging.disable()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # Above all the sockets: the port would stay taken, and connections open, until the copy ends.
        os.closerange(0, answer)
        os.closerange(answer + 1, os.sysconf("SC_OPEN_MAX"))
        os.nice(NICENESS)
        os.write(answer, work().encode())
        status = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process ends here
        with suppress(BaseException):
            os.write(answer, f"{type(error).__name__}: {error}".replace("\n", " ")[:MAX_WORDS].encode())
    finally:
        os._exit(status)
