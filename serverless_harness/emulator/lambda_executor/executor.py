"""LocalStack's RuntimeExecutor over an `Environment`: a process per execution environment, no containers."""

import functools
import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from localstack.aws.api.lambda_ import LoggingConfig, PackageType, TracingMode
from localstack.services.lambda_.invocation.lambda_models import (
    FunctionVersion,
    InitializationType,
    InvocationResult,
)
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from serverless_harness.emulator import settings
from serverless_harness.emulator.debugger.registry import DEBUGGER
from serverless_harness.emulator.debugger.sessions import MEMORY_MB, Link
from serverless_harness.emulator.faults import functions as function_faults
from serverless_harness.emulator.gateway.wsgi_environ import FunctionCaller
from serverless_harness.emulator.lambda_executor import invocation_times, network, package, variables
from serverless_harness.emulator.lambda_executor.environment import Environment, Function
from serverless_harness.emulator.lambda_executor.environment_log import EnvironmentLog
from serverless_harness.emulator.lambda_executor.invoke import Invoke
from serverless_harness.emulator.lambda_executor.log_writer import log_group_name, open_log_sink
from serverless_harness.emulator.lambda_executor.network import OwnNetwork
from serverless_harness.emulator.lambda_executor.report import (
    JsonLog,
    PlatformLog,
    RuntimeIdentity,
    SystemLogLevel,
    TextLog,
)
from serverless_harness.emulator.lambda_executor.runtime_process import RuntimeProcess
from serverless_harness.emulator.lambda_service.variable_encryption import variables_of
from serverless_harness.emulator.sandbox import create_sandbox, interpreters
from serverless_harness.emulator.sandbox.base import SandboxSpec
from serverless_harness.emulator.tracing.environments import ENVIRONMENTS, Activity

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


class ProcessRuntimeExecutor(RuntimeExecutor):
    """Runs the execution environment `id` of a function version; see `environment.Environment`.

    `invoke` takes an `Invoke` where LocalStack's own executors take a dict (`patches.lambda_client_context`).
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._lock = threading.Lock()
        self._environment: Environment | None = None
        self._stopped = False

    def start(self, env_vars: dict[str, str]) -> None:
        """Build the environment and run its init; see `Environment.start` for what is raised."""
        environment = self._build(env_vars)
        with self._lock:
            stopped, self._environment = self._stopped, environment
        if stopped:
            self.stop()
        environment.start()

    def stop(self) -> None:
        """End the environment, whatever it does; idempotent."""
        with self._lock:
            self._stopped = True
            environment = self._environment
        if environment:
            environment.stop()
        DEBUGGER.forget(self.id)

    def invoke(self, payload: Invoke) -> InvocationResult:  # type: ignore[override]
        """Run one invoke; the result's `logs` are for LogType=Tail only, CloudWatch has its own way."""
        if self._environment is None:
            raise LambdaRuntimeException(f"the execution environment {self.id} was not started")
        answer = self._environment.invoke(payload)
        return InvocationResult(
            request_id=payload.request_id,
            payload=answer.payload,
            is_error=answer.is_error,
            logs=answer.log_tail,
        )

    def get_address(self) -> str:
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Return nothing: the runtime speaks to its own Runtime API, not to LocalStack."""
        return ""

    def get_logs(self) -> str:
        """Return nothing: every line has gone to CloudWatch Logs when it was written."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Make a version's files ready; an error becomes the function's `StateReason`.

        Raises:
            LambdaRuntimeException: The package type isn't Zip, or the runtime isn't Python.
            InterpreterNotFoundError: There is no interpreter for the runtime; the message names those there
                are.
        """
        config = function_version.config
        if config.package_type != PackageType.Zip or config.code is None:
            raise LambdaRuntimeException("the process executor runs .zip packages only, not container images")
        if not str(config.runtime).startswith("python"):
            raise LambdaRuntimeException(f"the process executor runs Python only, not {config.runtime}")
        interpreters.find(str(config.runtime))
        package.prepare(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        package.clean_up(function_version)

    @classmethod
    def validate_environment(cls) -> bool:
        """Say that it can run here: `patches.lambda_assignment` has checked the settings."""
        return True

    def _build(self, env_vars: Mapping[str, str]) -> Environment:
        version = self.function_version
        config = version.config
        own = variables_of(config.environment)
        initialization_type = str(env_vars["AWS_LAMBDA_INITIALIZATION_TYPE"])
        is_provisioned = initialization_type == InitializationType.provisioned_concurrency
        debugger = None if is_provisioned else DEBUGGER.link(self.id, version.id.function_name)
        ports = network.ports(own)
        caller = FunctionCaller(version.id.function_name, str(config.role), environment_id=self.id)
        own_network = OwnNetwork.of(ports, caller, debugger.port if debugger else None)
        sandbox = create_sandbox(self._sandbox_spec(ports, own_network, debugger))
        if not getattr(sandbox, "own_network", False):
            own_network = None
        environ = variables.build(version, own, env_vars, sandbox.task_root, log_group_name(version))
        log = EnvironmentLog(open_log_sink(version, env_vars["AWS_LAMBDA_LOG_STREAM_NAME"]))
        identity = RuntimeIdentity(
            runtime_version=_runtime_version(version),
            runtime_version_arn=_runtime_version_arn(version),
            function_name=version.id.function_name,
            function_version=version.id.qualifier,
            initialization_type=initialization_type,
            environment_id=self.id,
            memory_size_mb=config.memory_size,
        )
        watched = package.hot_reloading_dirs(version)
        activity = Activity()
        for key in (self.id, env_vars.get("AWS_ACCESS_KEY_ID", self.id)):
            ENVIRONMENTS[key] = activity
        return Environment(
            Function(
                name=version.id.function_name,
                timeout_s=config.timeout,
                memory_mb=config.memory_size,
                provisioned=is_provisioned,
                traced=config.tracing_config_mode == TracingMode.Active,
                is_debugged=debugger.session.is_open if debugger else None,
            ),
            sandbox,
            lambda prelude: RuntimeProcess(
                sandbox,
                environ,
                log.write,
                (debugger.prelude(sandbox.debugger_dir) if debugger else "") + prelude,
                own_network,
                debugger,
            ),
            log,
            _platform_log(identity, config.logging_config),
            code_version=lambda: package.contents(watched),
            take_fault=functools.partial(function_faults.take, version.id.function_name),
            counts_own_time=settings.counts_own_time(),
            note=functools.partial(invocation_times.LATEST.add, version.id.function_name),
            activity=activity,
        )

    def _sandbox_spec(
        self, ports: tuple[int, ...] | None, own_network: OwnNetwork | None, debugger: Link | None
    ) -> SandboxSpec:
        version = self.function_version
        config = version.config
        return SandboxSpec(
            environment_id=self.id,
            state_dir=settings.state_dir() / "environments" / self.id,
            runtime=str(config.runtime),
            code_dir=package.code_dir(version),
            layers_dir=package.layers_dir(version),
            memory_mb=config.memory_size + (MEMORY_MB if debugger else 0),
            ephemeral_storage_mb=config.ephemeral_storage.size,
            cpu=settings.cpu(),
            ports=(*ports, debugger.port) if debugger and ports is not None else ports,
            listen=own_network.ports if own_network else (),
            debugger_dir=debugger.session.packages if debugger else None,
            hidden=settings.state_folder(),
        )


def _runtime_version(function_version: FunctionVersion) -> str:
    """Return `python:3.13.v7` in the form of AWS's versions; the number is the interpreter's patch level."""
    interpreter = interpreters.find(str(function_version.config.runtime))
    return f"{interpreter.runtime.replace('python', 'python:')}.v{_patch_level(interpreter.executable)}"


@functools.cache
def _patch_level(executable: Path) -> str:
    """Return the 7 of 3.13.7, from the virtual environment's own description."""
    description = (executable.parent.parent / "pyvenv.cfg").read_text()
    match = re.search(r"^version(?:_info)? *= *\d+\.\d+\.(\d+)", description, re.MULTILINE)
    return match.group(1) if match else "0"


def _runtime_version_arn(function_version: FunctionVersion) -> str:
    configured = function_version.config.runtime_version_config
    return str(configured["RuntimeVersionArn"]) if configured else ""


def _platform_log(identity: RuntimeIdentity, logging_config: LoggingConfig) -> PlatformLog:
    if logging_config.get("LogFormat") == "JSON":
        return JsonLog(identity, SystemLogLevel[logging_config.get("SystemLogLevel") or "INFO"])
    return TextLog(identity)
