"""Keeps requests away while the emulator's state is saved or loaded.

The gate stands at both ends of LocalStack's handler chain. Requests of the emulator to itself pass it: they
belong to one from outside that it counts, or to a worker whose service the snapshot's hooks have stopped.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.connect import INTERNAL_REQUEST_PARAMS_HEADER
from rolo.gateway import Gateway, HandlerChain
from werkzeug import Response

PATH_PREFIX = "/_emulator/snapshot"
QUIET_TIMEOUT_S = 10.0
"""How long to wait until the requests that are under way have been answered."""


class BusyError(Exception):
    """Requests were still under way after QUIET_TIMEOUT_S."""


class Gate:
    """Counts the requests from outside; closed, it lets none begin."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._under_way = 0

    def install(self, gateway: Gateway) -> None:
        """Stand at both ends of the gateway's chain of handlers."""
        gateway.request_handlers.insert(0, self.enter)
        gateway.finalizers.append(self.leave)

    def enter(self, chain: HandlerChain[Any], context: RequestContext, response: Response) -> None:
        """Let a request begin, as soon as the gate is open."""
        if not _is_counted(context):
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._under_way += 1
        context.passed_gate = True

    def leave(self, chain: HandlerChain[Any], context: RequestContext, response: Response) -> None:
        """Note that a request has been answered."""
        if getattr(context, "passed_gate", False):
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Have no request from outside under way while the block runs.

        Raises BusyError when those that are don't end.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            try:
                if not self._changed.wait_for(lambda: self._under_way == 0, QUIET_TIMEOUT_S):
                    raise BusyError(f"{self._under_way} requests were still under way")
            except BaseException:
                self._open()
                raise
        try:
            yield
        finally:
            with self._changed:
                self._open()

    def _open(self) -> None:
        self._closed = False
        self._changed.notify_all()


def _is_counted(context: RequestContext) -> bool:
    request = context.request
    return INTERNAL_REQUEST_PARAMS_HEADER not in request.headers and not request.path.startswith(PATH_PREFIX)
