"""One runtime process from its spawn to its end, with the Runtime API that it talks to."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from serverless_harness.emulator.debugger.sessions import Link
from serverless_harness.emulator.gateway import function_processes
from serverless_harness.emulator.lambda_executor import level_filter
from serverless_harness.emulator.lambda_executor.environment_log import now_ms
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.log_lines import LogLine
from serverless_harness.emulator.lambda_executor.network import OwnNetwork
from serverless_harness.emulator.lambda_executor.output import Boundary, OutputSplitter
from serverless_harness.emulator.lambda_executor.own_time import Deadline
from serverless_harness.emulator.lambda_executor.runtime_api import (
    InvalidStateError,
    RuntimeApi,
    RuntimeResponse,
    RuntimeState,
)
from serverless_harness.emulator.sandbox.base import Exit, Sandbox

LOG = logging.getLogger(__name__)

BOUNDARY_TIMEOUT_S = 0.5
"""How long the end of an invoke's output is waited for; a function may have closed its descriptors, and then
there is no waiting until an end is seen again."""
INIT_ERROR_EXIT_TIMEOUT_S = 0.5
"""awslambdaric exits right after it reported an init error."""

SPAWN_TIMEOUT_S = 30.0
LAST_OUTPUT_TIMEOUT_S = 5.0
PRELUDE_VARIABLE = "_LAMBDA_PRELUDE"


class EnvironmentStoppedError(Exception):
    """The environment was stopped while a runtime was waited for."""


@dataclass(frozen=True)
class Outcome:
    """How an init or an invoke of the process went: one of the fields, or neither after a timeout.

    An init that succeeds has neither, and `ready` is set; an answered invoke after which the process can take
    another has `ready`, too.
    """

    ready: bool
    response: RuntimeResponse | None = None
    process_exit: Exit | None = None
    ready_at: float | None = None
    """When it was ready, by `time.monotonic`: before the emulator's own threads had noticed."""

    @property
    def timed_out(self) -> bool:
        return not self.ready and self.response is None and self.process_exit is None


class RuntimeProcess:
    """A process of the runtime: `wait_initialised` first, then `invoke` any number of times, then `kill`."""

    def __init__(
        self,
        sandbox: Sandbox,
        environ: Mapping[str, str],
        on_lines: Callable[[Iterable[LogLine]], None],
        prelude: str = "",
        own_network: OwnNetwork | None = None,
        debugger: Link | None = None,
    ) -> None:
        """Spawn the process; `on_lines` gets what it writes, from another thread.

        `environ` names the handler (`_HANDLER`). `prelude` is Python that it runs before its bootstrap.
        `own_network` is what the sandbox was asked to listen on, where it has a network of its own.
        `debugger` takes the connection that `prelude` makes to the debugger.
        """
        self._on_lines = on_lines
        self._debugger = debugger
        self._splitter = OutputSplitter(level_filter.threshold(environ))
        self._output_changed = threading.Condition()
        self._boundary = Boundary(0)
        """The last that has come."""
        self._boundary_missed = False
        """The last wait was in vain, and none has come since."""
        self._exit: Exit | None = None
        self._exited = threading.Event()
        self._spawned = threading.Event()
        self._api = RuntimeApi(own_network.runtime_api_address) if own_network else RuntimeApi("", self._owns)
        self._leave_gateway: Callable[[], None] = lambda: None
        self._gateway_waited_s = own_network.caller.waits.waited_s if own_network else lambda: 0.0
        try:
            self._process = sandbox.spawn(
                [f"{sandbox.runtime_dir}/bootstrap.py"],
                {
                    **environ,
                    "AWS_LAMBDA_RUNTIME_API": self._api.address,
                    **({PRELUDE_VARIABLE: prelude} if prelude else {}),
                },
                self._take_output,
                self._take_exit,
            )
        except BaseException:
            self._api.close()
            raise
        self._spawned.set()
        if own_network is None:
            self._leave_gateway = function_processes.enter(self._process.pid)
            if self._exited.is_set():
                self._leave_gateway()
        of_debugger: socket.socket | None = None
        if own_network:
            gateways = self._process.listeners[: len(own_network.gateway_ports)]
            runtime_api, *others = self._process.listeners[len(gateways) :]
            of_debugger = next(iter(others), None)
            self._api.listen(runtime_api)
            self._leave_gateway = own_network.open_gateway(gateways)
            if self._exited.is_set():
                self._leave_gateway()
        if debugger:
            debugger.listen(of_debugger, self._owns if own_network is None else lambda _: True)
            if self._exited.is_set():
                debugger.hang_up()

    def wait_initialised(self, deadline: Deadline) -> Outcome:
        """Wait until the runtime is ready, has failed, or `deadline` has come.

        Raises:
            EnvironmentStoppedError: `close` was called meanwhile.
        """
        state = self._wait_for((RuntimeState.READY, RuntimeState.INIT_ERROR), deadline)
        if state is RuntimeState.READY:
            return Outcome(ready=True, ready_at=self._api.ready_at)
        if state is RuntimeState.INIT_ERROR:
            self._exited.wait(INIT_ERROR_EXIT_TIMEOUT_S)
        return Outcome(ready=False, response=self._api.init_error, process_exit=self._exit)

    def invoke(self, invoke: Invoke, deadline_ms: int, deadline: Deadline) -> Outcome:
        """Deliver an invoke and wait for the answer and for the runtime's readiness for the next one.

        Raises:
            EnvironmentStoppedError: `close` was called meanwhile.
        """
        if self._wait_for((RuntimeState.READY,), deadline) is not RuntimeState.READY:
            return Outcome(ready=False, process_exit=self._exit)
        # The process may end, or the environment be stopped, just now: the wait tells.
        with contextlib.suppress(InvalidStateError):
            self._api.deliver(invoke, deadline_ms, deadline)
        state = self._wait_for((RuntimeState.READY,), deadline)
        if state is not RuntimeState.READY:
            return Outcome(ready=False, response=self._api.response, process_exit=self._exit)
        return Outcome(True, self._api.response, self._exit, self._api.ready_at)

    def await_output(self) -> Boundary | None:
        """Wait until what the process wrote before it asked for the next invocation has been passed on.

        Return the boundary after it, None where there is none to be seen.
        """
        with self._output_changed:
            if self._boundary_missed:
                return None
            arrived = self._output_changed.wait_for(
                lambda: self._boundary.number >= self._api.polls or self._exited.is_set(), BOUNDARY_TIMEOUT_S
            )
            self._boundary_missed = not arrived
            return self._boundary if self._boundary.number == self._api.polls else None

    def waited_for_cpu_s(self, until: float | None = None) -> float:
        """Return the seconds in which it, or the gateway for it, was kept waiting for a CPU by others."""
        return self._process.waited_for_cpu_s(until) + self._gateway_waited_s()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process itself; nothing happens if it has ended."""
        if self._exited.is_set():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End the process and its descendants; all of its output has then been passed on. Idempotent."""
        self._process.kill()
        if not self._exited.wait(LAST_OUTPUT_TIMEOUT_S):
            LOG.warning(
                "The output of process %d did not end in time: lines may be missing", self._process.pid
            )
        self._api.close()

    def end(self) -> Outcome:
        """Kill the process, whatever it has answered, and return its exit."""
        self.kill()
        return Outcome(ready=False, process_exit=self._exit)

    def close(self) -> None:
        """Wake whoever waits for the process, with `EnvironmentStoppedError`, and kill it. Idempotent."""
        self._api.abandon()
        self.kill()

    def _wait_for(self, states: tuple[RuntimeState, ...], deadline: Deadline) -> RuntimeState | None:
        state = self._api.wait_for((*states, RuntimeState.EXITED, RuntimeState.CLOSED), deadline)
        if state is RuntimeState.CLOSED:
            raise EnvironmentStoppedError("the execution environment was stopped")
        return state

    def _owns(self, address: tuple[str, int]) -> bool:
        """Return whether a connection from `address` is of this process or a descendant.

        Where the system doesn't say so of the process itself, Landlock alone keeps others off.
        """
        self._spawned.wait(SPAWN_TIMEOUT_S)
        return function_processes.has(self._process.pid, address) is not False

    def _take_output(self, chunk: bytes) -> None:
        lines: list[LogLine] = []
        boundary: Boundary | None = None
        for item in self._splitter.feed(chunk, now_ms()):
            if isinstance(item, Boundary):
                boundary = item
            else:
                lines.append(item)
        if lines:
            self._on_lines(lines)
        if boundary:
            with self._output_changed:
                self._boundary, self._boundary_missed = boundary, False
                self._output_changed.notify_all()

    def _take_exit(self, process_exit: Exit) -> None:
        self._on_lines(list(self._splitter.close(now_ms())))
        if process_exit.out_of_memory:
            LOG.info("Process %d was killed: it used more memory than its function has", self._process.pid)
        self._exit = process_exit
        self._exited.set()
        self._leave_gateway()
        if self._debugger:
            self._debugger.hang_up()
        with self._output_changed:
            self._output_changed.notify_all()
        self._api.close()
