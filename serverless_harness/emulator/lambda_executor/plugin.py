"""The entry point `process` of `localstack.lambda.runtime_executor`."""

from typing import TYPE_CHECKING

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin

if TYPE_CHECKING:
    from serverless_harness.emulator.lambda_executor.executor import ProcessRuntimeExecutor


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *args: object, **kwargs: object) -> "type[ProcessRuntimeExecutor]":
        """Return the executor's class; imported late, since LocalStack loads plugins early."""
        from serverless_harness.emulator.lambda_executor.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor
