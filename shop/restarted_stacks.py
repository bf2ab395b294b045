"""The stacks that a soak ends and starts again: an embedded one, and the one in containers."""

import time
from typing import Protocol

import psutil

from serverless_harness.errors import HarnessError
from serverless_harness.stack.compose import TEST_PROJECT, ComposeStack
from serverless_harness.stack.deploying import start_installing_providers
from serverless_harness.stack.down import stop_stacks
from serverless_harness.stack.embedded import EmbeddedStack
from serverless_harness.stack.snapshot import Snapshot
from serverless_harness.stack.states import SavedState
from serverless_harness.terminal_output import say
from serverless_harness.waiting import Wait
from shop.deployment import ShopDeployment
from shop.soak import RETRY_DELAY_SCALE

SETTINGS = {"LAMBDA_ASYNC_DELAY_SCALE": RETRY_DELAY_SCALE}
TIMEOUT_S = 600
ATTEMPTS = 10
"""How often `down` is tried with a stack that doesn't come to rest, and `up` with one that is too slow."""


class RestartedStack(Protocol):
    """A stack of the soak's own."""

    saved_at: float
    """When the state was saved with which it went on, in seconds since 1970."""

    def start(self) -> None:
        """Bring it up as `up` does, with less to read."""

    def deployment(self) -> ShopDeployment:
        """Give the shop on it."""

    def is_running(self) -> bool:
        """Tell whether it runs."""

    def down(self) -> int:
        """Stop it as `down` does; gives how often it was too busy for that."""

    def kill(self) -> None:
        """End the emulator as the system does that is out of memory."""

    def remove(self) -> None:
        """Remove all of it."""


class RestartedEmbedded:
    """A stack without Docker, each time as a new process would find it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.saved_at = 0.0

    @property
    def _stack(self) -> EmbeddedStack:
        return EmbeddedStack(self._port, SETTINGS)

    def start(self) -> None:
        stack = self._stack
        stack.prepare()
        providers = start_installing_providers(stack.project)
        was_started = stack.ensure_running()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                stack.bring_project(was_started, providers)
                break
            except HarnessError as error:
                if attempt == ATTEMPTS or not stack.is_running():
                    raise
                say(str(error))
                was_started = False
        stack.detach()
        kept = SavedState.kept(stack)
        self.saved_at = kept.about().saved_at if kept.exists() else 0.0

    def deployment(self) -> ShopDeployment:
        return ShopDeployment.require(self._stack.target)

    def is_running(self) -> bool:
        return self._stack.is_running()

    def down(self) -> int:
        for refused in range(ATTEMPTS):
            try:
                stop_stacks(self._port, delete=False)
            except HarnessError as error:
                say(str(error))
            else:
                return refused
        raise HarnessError(f"'down' was refused {ATTEMPTS} times")

    def kill(self) -> None:
        process_id = self._stack.process_id()
        assert process_id
        psutil.Process(process_id.pid).children()[0].kill()
        Wait("the stack's processes to end", TIMEOUT_S).until(lambda: not self.is_running())

    def remove(self) -> None:
        stack = self._stack
        stack.stop()
        SavedState.kept(stack).delete()
        Snapshot.of(stack).discard()


class RestartedContainers:
    """The stack of docker-compose.yml, under a name of its own."""

    def __init__(self, port: int) -> None:
        self._stack = ComposeStack(port, f"{TEST_PROJECT}-{port}", settings=SETTINGS)
        self.saved_at = 0.0
        self._stack.prepare()

    def start(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._stack.ensure_running()
                break
            except HarnessError as error:
                if attempt == ATTEMPTS:
                    raise
                say(str(error))
        if continued := self._stack.continued_with():
            say(continued)

    def deployment(self) -> ShopDeployment:
        return ShopDeployment.of(self._stack.deployment())

    def is_running(self) -> bool:
        return self._stack.is_running()

    def down(self) -> int:
        self._stack.stop(delete=False)
        self.saved_at = time.time()
        return 0

    def kill(self) -> None:
        self._stack.kill()
        self.saved_at = self._stack.saved_at()

    def remove(self) -> None:
        self._stack.stop(delete=True)
