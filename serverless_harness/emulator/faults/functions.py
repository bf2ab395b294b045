"""Strikes functions: the executor asks here before each init and each invoke."""

import contextlib
import logging
import math
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from serverless_harness.emulator.faults.model import FaultEffect
from serverless_harness.emulator.faults.registry import REGISTRY, Fault, FaultRegistry
from serverless_harness.emulator.tracing import spans

LOG = logging.getLogger(__name__)

Phase = Literal["init", "invoke"]

_SIGNALS = {FaultEffect.KILL: signal.SIGKILL, FaultEffect.HANG: signal.SIGSTOP}


@dataclass(frozen=True)
class FunctionFault:
    """How one init or invoke is struck."""

    signal_number: int | None = None
    after_s: float = 0.0
    prelude: str = ""
    """Python that a process started for this init or invoke runs first."""
    fault: Fault | None = None
    registry: FaultRegistry = REGISTRY

    @contextlib.contextmanager
    def striking(self, send_signal: Callable[[int], None]) -> Iterator[None]:
        """Send the signal, if any, in `after_s` seconds, unless the block or the fault ends before."""
        if self.signal_number is None or self.fault is None:
            yield
            return
        over = threading.Event()
        arguments = (self.fault, self.signal_number, send_signal, over.is_set)
        thread = threading.Thread(target=self._strike, args=arguments, name=self.fault.id, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            self.fault.wake()
            thread.join()

    def _strike(
        self,
        fault: Fault,
        signal_number: int,
        send_signal: Callable[[int], None],
        is_over: Callable[[], bool],
    ) -> None:
        """Send the signal, or withdraw its count; what hangs goes on if the fault ends in time."""
        if not fault.lasts(self.after_s, is_over):
            self.registry.withdraw(fault)
            return
        send_signal(signal_number)
        if signal_number == signal.SIGSTOP:
            fault.lasts(math.inf, is_over)
            if not is_over():
                send_signal(signal.SIGCONT)


NO_FAULT = FunctionFault()


def take(
    function_name: str, phase: Phase, payload: bytes = b"", registry: FaultRegistry = REGISTRY
) -> FunctionFault:
    """Return how an init or invoke is struck, `NO_FAULT` where it isn't.

    `payload` is that of the invoke, also where an init is repeated inside it; the first init has none.
    """
    for fault in registry.functions:
        spec = fault.spec
        if spec.phase != phase or not fnmatchcase(function_name, spec.function or ""):
            continue
        if spec.containing is not None and spec.containing.encode() not in payload:
            continue
        if registry.strike(fault):
            LOG.info("%s: %s of %s in its %s", fault.id, spec.effect, function_name, phase)
            spans.mark("fault", "lambda", spec.effect, fault.id)
            prelude = _memory_prelude(phase) if spec.effect is FaultEffect.EXHAUST_MEMORY else ""
            return FunctionFault(_SIGNALS.get(spec.effect), spec.delay_ms / 1000, prelude, fault, registry)
    return NO_FAULT


def _memory_prelude(phase: Phase) -> str:
    code = Path(__file__).with_name("memory_prelude.py").read_text()
    return f"{code}\n{'exhaust_memory()' if phase == 'init' else 'exhaust_memory_at_invoke()'}\n"
