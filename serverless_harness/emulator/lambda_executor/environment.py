"""The life of one execution environment: init, invokes, resets, and its end.

What AWS does in each case is from "Understanding the Lambda execution environment lifecycle" in its developer
guide. A reset keeps the environment's id, log stream and /tmp; the runtime process is started again, and its
init repeated, inside the next invoke.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from serverless_harness.emulator.debugger.sessions import TIME_LIMIT_S
from serverless_harness.emulator.faults.functions import NO_FAULT, FunctionFault
from serverless_harness.emulator.faults.functions import Phase as FaultPhase
from serverless_harness.emulator.lambda_executor import errors
from serverless_harness.emulator.lambda_executor.environment_log import EnvironmentLog, now_ms
from serverless_harness.emulator.lambda_executor.errors import FunctionError
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.own_time import HeldLimit, Limit, Stopwatch, Taken
from serverless_harness.emulator.lambda_executor.report import (
    SUCCESS,
    InvokeReport,
    Phase,
    PlatformLog,
    Result,
    Status,
    TraceSegment,
)
from serverless_harness.emulator.lambda_executor.runtime_api import RuntimeResponse
from serverless_harness.emulator.lambda_executor.runtime_process import (
    EnvironmentStoppedError,
    Outcome,
    RuntimeProcess,
)
from serverless_harness.emulator.sandbox.base import Sandbox
from serverless_harness.emulator.tracing import spans
from serverless_harness.emulator.tracing.environments import Activity
from serverless_harness.emulator.tracing.span import Span

INIT_TIMEOUT_S = 10.0
PROVISIONED_INIT_TIMEOUT_S = 130
"""With provisioned concurrency; or the function's timeout, if that is longer."""


class State(Enum):
    """Where an environment is in its life."""

    NEW = auto()
    INITIALISING = auto()
    READY = auto()
    INVOKING = auto()
    RESET = auto()
    """There is no usable process: the next invoke starts one."""
    STOPPED = auto()


class InvalidTransitionError(Exception):
    """What was asked of the environment doesn't fit its state; the message names both."""


class ProvisioningError(Exception):
    """The init of an environment with provisioned concurrency failed."""


@dataclass(frozen=True)
class Function:
    """What an environment needs to know of its function."""

    timeout_s: int
    memory_mb: int
    provisioned: bool
    """Whether it is for provisioned concurrency: the init isn't limited to 10 s, and must succeed."""
    traced: bool
    """Whether X-Ray tracing is active."""
    name: str = ""
    is_debugged: Callable[[], bool] | None = None
    """Whether it still is, where it was started under the debugger: no limit of time ends it meanwhile."""

    @property
    def told_limit_s(self) -> float:
        """What an invoke is told that it has."""
        return TIME_LIMIT_S if self.is_debugged else self.timeout_s

    @property
    def init_limit_s(self) -> float:
        return max(PROVISIONED_INIT_TIMEOUT_S, self.timeout_s) if self.provisioned else INIT_TIMEOUT_S

    def limit(self, stopwatch: Stopwatch, limit_s: float) -> Limit:
        """Return the end of so many seconds on a stopwatch, or after debugging."""
        if self.is_debugged:
            return HeldLimit(stopwatch, limit_s, self.is_debugged)
        return Limit(stopwatch, limit_s)


@dataclass(frozen=True)
class Answer:
    """An invoke's result; `log_tail` is what LogType=Tail shows the end of."""

    payload: bytes
    is_error: bool
    log_tail: str


@dataclass(frozen=True)
class _Run:
    """How an invoke went, init repetition included."""

    payload: bytes
    is_error: bool
    result: Result
    taken: Taken


class Environment:
    """One execution environment; `start` once, `invoke` one at a time, `stop` from any thread at any time."""

    def __init__(
        self,
        function: Function,
        sandbox: Sandbox,
        spawn: Callable[[str], RuntimeProcess],
        log: EnvironmentLog,
        platform_log: PlatformLog,
        code_version: Callable[[], object] = lambda: None,
        take_fault: Callable[[FaultPhase, bytes], FunctionFault] = lambda _phase, _payload: NO_FAULT,
        counts_own_time: bool = True,
        note: Callable[[int, InvokeReport], None] = lambda _ended_ms, _report: None,
        activity: Activity | None = None,
    ) -> None:
        """`spawn` starts a runtime process, which first runs the Python that it is given.

        A process is replaced when `code_version`'s value has changed. `take_fault` is asked before each init
        and each invoke, with the invoke's payload; see `serverless_harness.emulator.faults.functions.take`.
        Without `counts_own_time` limits and figures are in wall time; see `own_time`. `note` is told of each
        invoke that has ended, and when, before its caller has the answer.
        """
        self._function = function
        self._sandbox = sandbox
        self._spawn = spawn
        self._log = log
        self._platform_log = platform_log
        self._code_version = code_version
        self._take_fault = take_fault
        self._counts_own_time = counts_own_time
        self._note = note
        self._activity = activity or Activity()
        self._running_version: object = None
        self._lock = threading.Lock()
        self._state = State.NEW
        self._process: RuntimeProcess | None = None
        self._init_taken: Taken | None = None
        """By the first init, until the first invoke has reported it."""

    @property
    def state(self) -> State:
        with self._lock:
            return self._state

    def start(self) -> None:
        """Run the first init; an error of the function's is kept for its first invoke, as in AWS.

        Raises:
            EnvironmentStoppedError: `stop` was called meanwhile.
            ProvisioningError: The init failed, and the environment is for provisioned concurrency.
            InvalidTransitionError: It was started before.
        """
        self._transition({State.NEW}, State.INITIALISING)
        self._log.write(self._platform_log.init_start(now_ms()), in_tail=False)
        outcome, taken, self._activity.init = self._initialise(
            Phase.INIT, None, self._take_fault("init", b"")
        )
        if outcome.ready:
            self._init_taken = taken
            self._transition({State.INITIALISING}, State.READY)
            if self._function.provisioned:
                self._log.take_tail()
            return
        self._discard_process()
        self._transition({State.INITIALISING}, State.RESET)
        if self._function.provisioned:
            raise ProvisioningError(f"The init failed:\n{self._log.take_tail()}")

    def invoke(self, invoke: Invoke) -> Answer:
        """Run one invoke within the function's timeout.

        Raises:
            EnvironmentStoppedError: `stop` was called before or meanwhile.
            InvalidTransitionError: The environment isn't started, or is busy.
        """
        stopwatch = Stopwatch()
        before = self._transition({State.READY, State.RESET}, State.INVOKING)
        span = spans.current()
        self._activity.take_up(span)
        try:
            with self._activity.doing(span):
                run = self._run(invoke, stopwatch, has_process=before is State.READY)
        except BaseException:
            # An error of the emulator's own: the next invoke starts a new process.
            self._discard_process()
            self._settle()
            raise
        self._finish(invoke, run)
        self._settle()
        return Answer(run.payload, run.is_error, self._log.take_tail())

    def stop(self) -> None:
        """End the process and remove the sandbox. Idempotent."""
        with self._lock:
            if self._state is State.STOPPED:
                return
            self._state = State.STOPPED
            process, self._process = self._process, None
        if process:
            process.close()
        self._sandbox.close()
        self._log.close()

    def _transition(self, sources: set[State], target: State) -> State:
        """Go to `target`, and return the state before."""
        with self._lock:
            if self._state is State.STOPPED:
                raise EnvironmentStoppedError("the execution environment was stopped")
            if self._state not in sources:
                raise InvalidTransitionError(
                    f"an environment that is {self._state.name} can't become {target.name}"
                )
            before, self._state = self._state, target
            return before

    def _follow(self, process: RuntimeProcess, *stopwatches: Stopwatch) -> None:
        """Leave what the process waits for a CPU out of the function's time, unless a setting counts it."""
        if self._counts_own_time:
            for stopwatch in stopwatches:
                stopwatch.follow(process.waited_for_cpu_s)

    def _initialise(
        self, phase: Phase, limit: Limit | None, fault: FunctionFault
    ) -> tuple[Outcome, Taken, Span | None]:
        """Start a process and run its init; return how it went, what it took from its start on, and its span.

        `limit` is the invoke's in which it is repeated; None: it has a limit of its own.
        """
        with spans.span("init", "lambda", self._function.name) as span, self._activity.doing(span):
            self._running_version = self._code_version()
            process = self._adopt(self._spawn(fault.prelude))
            stopwatch = Stopwatch()
            limit = limit or self._function.limit(stopwatch, self._function.init_limit_s)
            self._follow(process, *{stopwatch, limit.stopwatch})
            with fault.striking(process.send_signal):
                outcome = self._within_memory(process, process.wait_initialised(limit))
            taken = _taken(stopwatch, outcome, process)
            if not outcome.ready:
                process.kill()
            result = _init_result(outcome)
            _tell(span, taken, result)
        self._log.write(self._platform_log.init_report(now_ms(), phase, taken.duration_ms, result))
        return outcome, taken, span

    def _adopt(self, process: RuntimeProcess) -> RuntimeProcess:
        """Take charge of a new process, unless the environment was stopped while it started."""
        with self._lock:
            if self._state is not State.STOPPED:
                self._process = process
                return process
        process.close()
        raise EnvironmentStoppedError("the execution environment was stopped")

    def _run(self, invoke: Invoke, stopwatch: Stopwatch, has_process: bool) -> _Run:
        limit = self._function.limit(stopwatch, self._function.timeout_s)
        deadline_ms = now_ms() + round(self._function.told_limit_s * 1000)
        fault = self._take_fault("invoke", invoke.payload)
        needs_init = self._needs_init(has_process) or bool(fault.prelude)
        failed_init = self._repeat_init(limit, invoke, fault) if needs_init else None
        self._log.write(self._platform_log.start(now_ms(), invoke.request_id))
        if failed_init:
            return self._judge(invoke, failed_init, stopwatch.taken())
        process = self._running_process()
        if not needs_init:
            self._follow(process, stopwatch)
        self._sandbox.throttle_cpu()
        with fault.striking(process.send_signal):
            outcome = process.invoke(invoke, deadline_ms, limit)
        self._sandbox.rest_cpu()
        outcome = self._within_memory(process, outcome)
        return self._judge(invoke, outcome, _taken(stopwatch, outcome, process))

    def _within_memory(self, process: RuntimeProcess, outcome: Outcome) -> Outcome:
        """Return `outcome`, or the end of a process that went over the limit and came back unnoticed."""
        return process.end() if outcome.ready and self._sandbox.exceeded_memory() else outcome

    def _needs_init(self, has_process: bool) -> bool:
        return not has_process or self._code_version() != self._running_version

    def _repeat_init(self, limit: Limit, invoke: Invoke, fault: FunctionFault) -> Outcome | None:
        """Start a new process inside an invoke; return how its init failed, None if it didn't.

        `fault` is the invoke's: one that needs a process of its own has it made here.
        """
        self._discard_process()
        self._sandbox.unthrottle_cpu()
        of_init = fault if fault.prelude else self._take_fault("init", invoke.payload)
        outcome, _, init = self._initialise(Phase.INVOKE, limit, of_init)
        if init and self._activity.span:
            self._activity.span.cold = True
        return None if outcome.ready else outcome

    def _running_process(self) -> RuntimeProcess:
        with self._lock:
            if self._process is None:
                raise EnvironmentStoppedError("the execution environment was stopped")
            return self._process

    def _judge(self, invoke: Invoke, outcome: Outcome, taken: Taken) -> _Run:
        """Turn the outcome into what the caller gets; a process that can't go on is ended."""
        if not outcome.ready:
            self._discard_process()
        if outcome.timed_out:
            # AWS reports the timeout itself, however long the killing took. What the function waited for a
            # CPU before its end may be counted only afterwards, which would leave less than that.
            taken = replace(taken, duration_ms=self._function.timeout_s * 1000.0)
            error = errors.timed_out(invoke.request_id, self._function.timeout_s)
            return _Run(error.payload, True, Result(Status.TIMEOUT), taken)
        if outcome.response:
            return self._judge_response(outcome, outcome.response, taken)
        if outcome.process_exit is None:
            raise RuntimeError("an outcome without response, exit or timeout")
        error = errors.runtime_exited(invoke.request_id, outcome.process_exit)
        return _failed(error, taken)

    def _judge_response(self, outcome: Outcome, response: RuntimeResponse, taken: Taken) -> _Run:
        """An answer counts, whatever became of the process afterwards; the report tells of the latter."""
        result = SUCCESS
        if not outcome.ready:
            hangs = outcome.process_exit is None and not response.is_error
            error_type = response.error_type or "Runtime.ExitError"
            result = Result(Status.TIMEOUT) if hangs else Result(Status.ERROR, error_type)
        return _Run(response.payload, response.is_error, result, taken)

    def _finish(self, invoke: Invoke, run: _Run) -> None:
        """Write the lines that end an invoke."""
        at_ms = now_ms()
        init_taken, self._init_taken = self._init_taken, None
        report = InvokeReport(
            request_id=invoke.request_id,
            duration_ms=run.taken.duration_ms,
            memory_size_mb=self._function.memory_mb,
            max_memory_used_mb=self._sandbox.max_memory_used_mb(),
            result=run.result,
            init_duration_ms=init_taken.duration_ms if init_taken else None,
            waited_for_cpu_ms=run.taken.waited_for_cpu_ms,
            init_waited_for_cpu_ms=init_taken.waited_for_cpu_ms if init_taken else 0.0,
            init_billed=not self._function.provisioned,
            produced_bytes=len(run.payload),
            trace=_trace_segment(invoke.trace_id) if self._function.traced else None,
        )
        self._note(at_ms, report)
        _tell(spans.current(), run.taken, run.result)
        timed_out = run.result.status is Status.TIMEOUT
        timeout_lines = (
            self._platform_log.timed_out(at_ms, invoke.request_id, self._function.timeout_s)
            if timed_out
            else []
        )
        self._log.write(
            [
                *timeout_lines,
                *self._platform_log.end(at_ms, report),
                *self._platform_log.report(at_ms, report),
            ]
        )

    def _discard_process(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process:
            process.kill()

    def _settle(self) -> None:
        """Leave INVOKING, unless the environment was stopped meanwhile."""
        with self._lock:
            if self._state is State.INVOKING:
                self._state = State.READY if self._process else State.RESET


def _taken(stopwatch: Stopwatch, outcome: Outcome, process: RuntimeProcess) -> Taken:
    """Return what an init or invoke took until the runtime was ready again, all of its output passed on.

    The runtime's own word on when that was counts, where it makes sense: this process may see it late.
    """
    if not outcome.ready:
        return stopwatch.taken()
    boundary = process.await_output()
    if boundary is None or boundary.at is None:
        return stopwatch.taken(outcome.ready_at)
    stopwatch.leave_out(boundary.blocked_s)
    return stopwatch.taken(boundary.at)


def _tell(span: Span | None, taken: Taken, result: Result) -> None:
    """Have a span say how an init or invoke went."""
    if span is None:
        return
    span.own_ms = taken.duration_ms
    if result.status is not Status.SUCCESS:
        span.status = result.status.value
        span.error = result.error_type or result.status.value


def _failed(error: FunctionError, taken: Taken) -> _Run:
    return _Run(error.payload, True, Result(Status.ERROR, error.error_type), taken)


def _init_result(outcome: Outcome) -> Result:
    if outcome.ready:
        return SUCCESS
    if outcome.timed_out:
        return Result(Status.TIMEOUT)
    error_type = outcome.response.error_type if outcome.response else None
    return Result(Status.ERROR, error_type or "Runtime.ExitError")


def _trace_segment(trace_header: str | None) -> TraceSegment | None:
    """Parse an X-Ray header; None where there is none."""
    fields = dict(part.split("=", 1) for part in (trace_header or "").split(";") if "=" in part)
    if "Root" not in fields:
        return None
    return TraceSegment(fields["Root"], fields.get("Parent", ""), fields.get("Sampled") == "1")
