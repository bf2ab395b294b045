"""`test`: the tests that need no stack, then those that get one of their own."""

import contextlib
import getpass
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serverless_harness import paths
from serverless_harness.deploy.deployment import Deployment, deploy, terraform_variables
from serverless_harness.deploy.terraform import Terraform
from serverless_harness.deploy.terraform_installation import install_providers
from serverless_harness.errors import UserError
from serverless_harness.functions.iam_report import problems_of, report_roles
from serverless_harness.private_files import callers_umask
from serverless_harness.project import locate
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.stack.compose import TEST_PROJECT, ComposeStack, ComposeTarget, require_engine
from serverless_harness.stack.deploying import deploy_and_seed, seed
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.existing_endpoint import parse_endpoint
from serverless_harness.stack.resetting import remember
from serverless_harness.targets import AwsTarget, LocalTarget, Target
from serverless_harness.terminal_output import say, step
from serverless_harness.testing.under_test import COMPOSE_VARIABLE, ENDPOINT_VARIABLE, STATE_VARIABLE

TEST_SETTINGS: Mapping[str, str] = {
    "LAMBDA_ASYNC_DELAY_SCALE": "0.02",
    "SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL": "5",
    "LAMBDA_HOT_RELOAD_FOLDERS": f"{tempfile.gettempdir()}/pytest-of-{getpass.getuser()}",
}
"""Lambda's retries come after 1.2 and 2.4 s, not one and two minutes; queues tell their depth each 5 s;
functions may run from pytest's temporary folders."""

NO_TESTS = 5
USAGE_ERROR = 4
"""pytest's exit codes."""


def run_tests(target: str, confirm_aws_costs: bool, arguments: Sequence[str]) -> int:
    """Run what `arguments` select; gives an exit code: 0 where all that ran passed.

    They are pytest's; paths among them start at the project.
    """
    project = current()
    if target == "aws":
        _require_consent(project, confirm_aws_costs)
    if target == "compose":
        require_engine()
    elif target not in ("aws", "embedded"):
        parse_endpoint(target)
    unit, integration = Phase.unit(project), Phase.integration(project)
    phases = [phase for phase in (unit, integration) if phase and phase.is_selected_by(arguments)]
    if not phases:
        reason = f"no test is selected by: {' '.join(arguments)}" if arguments else "the project has no tests"
        raise UserError(reason)
    codes = []
    if unit in phases and unit:
        codes.append(_run_pytest(unit, [*_in_parallel(arguments), *arguments], None))
    if integration in phases and integration:
        options = [*_side_by_side(integration, arguments), *arguments]
        with _deployed(project, target) as deployment:
            codes.append(_run_pytest(integration, options, deployment.target))
            if not arguments and codes[-1] == 0:
                codes.append(_check_policies(deployment))
    return max(codes)


def _require_consent(project: Project, confirm_aws_costs: bool) -> None:
    """Raise UserError unless tests on AWS are wanted, and their resources have names of their own."""
    if not confirm_aws_costs:
        raise UserError(
            "--target aws deploys to the AWS account that is configured, which costs money: "
            "add --confirm-aws-costs to confirm"
        )
    if not project.settings.aws_test_variables:
        raise UserError(
            "--target aws makes resources under names of their own and destroys them afterwards: set "
            "'aws-test-variables' to the Terraform variables that name them"
        )


@dataclass(frozen=True)
class Phase:
    """The tests in one folder of the project's; those in `other` are another phase's."""

    project: Project
    folder: str
    other: str | None

    @classmethod
    def unit(cls, project: Project) -> "Phase | None":
        """Give the tests that need no stack, None where there is no folder of them."""
        return cls._in(project, project.unit_tests, project.tests)

    @classmethod
    def integration(cls, project: Project) -> "Phase | None":
        """Give the tests that get a stack of their own, None where there is no folder of them."""
        return cls._in(project, project.tests, project.unit_tests)

    @classmethod
    def _in(cls, project: Project, folder: Path | None, other: Path | None) -> "Phase | None":
        if folder is None:
            return None
        names = [str(each.relative_to(project.folder)) if each else None for each in (folder, other)]
        return cls(project, names[0] or ".", names[1])

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Give pytest's command line: this phase's tests among those that `arguments` select."""
        others = (f"--ignore={self.other}", f"--deselect={self.other}/") if self.other else ()
        everything = [] if arguments else [self.folder]
        return [sys.executable, "-I", "-m", "pytest", *others, *arguments, *everything]

    def is_selected_by(self, arguments: Sequence[str]) -> bool:
        """Tell whether pytest's arguments select a test here; raises UserError where it refuses them."""
        if not arguments:
            tests = (self.project.folder / self.folder).rglob("test_*.py")
            return any(tests)
        result = subprocess.run(
            [*self.command(arguments), "--collect-only", "-q"],
            cwd=self.project.folder,
            env=_environ(None),
            umask=callers_umask(),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode == USAGE_ERROR:
            reasons = re.findall(r"error: (.*)", result.stderr, re.IGNORECASE)
            reason = reasons[-1] if reasons else result.stderr.strip()
            raise UserError(f"pytest rejects these arguments: {reason}")
        return result.returncode != NO_TESTS


def _check_policies(deployment: Deployment) -> int:
    """Tell whether all integration tests together used every permission and met no denial.

    Gives an exit code, a bad one only where the project's settings want it.
    """
    if not isinstance(deployment.target, LocalTarget):
        return 0
    with step("IAM policies") as current_step:
        problems = problems_of(deployment, report_roles(deployment.target))
        current_step.result = (
            f"{len(problems)} permissions unused or denied" if problems else "all used, none missing"
        )
    for problem in problems:
        say(f"  {problem}")
    return 1 if problems and deployment.target.project.settings.least_privilege else 0


def _run_pytest(phase: Phase, arguments: Sequence[str], target: Target | None) -> int:
    """Run pytest on what is deployed to `target`, its output on the screen."""
    say(f"\n{phase.folder}")
    started = time.monotonic()
    process = subprocess.Popen(
        phase.command(arguments), cwd=phase.project.folder, env=_environ(target), umask=callers_umask()
    )
    try:
        code = process.wait()
    except BaseException:
        # ctrl-C went to pytest too: it tears its fixtures down before the stack goes.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        raise
    say(f"{phase.folder}: {'passed' if code == 0 else 'failed'} ({time.monotonic() - started:.1f} s)")
    return code


def _in_parallel(arguments: Sequence[str]) -> list[str]:
    """Spread the unit tests over the processors, unless the caller selects some, which then run in order."""
    return [] if arguments else ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]


def _side_by_side(phase: Phase, arguments: Sequence[str]) -> list[str]:
    """Run tests with stacks of their own beside those on the shared one, unless the caller selects some."""
    selected = [argument for argument in arguments if argument not in (phase.folder, f"{phase.folder}/")]
    return [] if selected else ["-n", "2", "--dist", "loadgroup"]


def _environ(target: Target | None) -> dict[str, str]:
    """Give the tests' environment: the caller's, and where what they test is deployed, if it is."""
    ours = (STATE_VARIABLE, ENDPOINT_VARIABLE, COMPOSE_VARIABLE)
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    environ[locate.VARIABLE] = str(current().folder)
    environ[STATE_VARIABLE] = str(target.state_dir) if target else ""
    if isinstance(target, LocalTarget):
        environ[ENDPOINT_VARIABLE] = target.endpoint_url
    if isinstance(target, ComposeTarget):
        environ[COMPOSE_VARIABLE] = target.stack.name
    return environ


@contextmanager
def _deployed(project: Project, target: str) -> Iterator[Deployment]:
    """Have the project on the target while the block runs."""
    if target == "embedded":
        with _own_stack() as stack_target:
            deployment = deploy_and_seed(stack_target)
            remember(stack_target)
            yield deployment
    elif target == "compose":
        with _own_containers() as deployment:
            yield deployment
    elif target == "aws":
        aws = AwsTarget.from_configuration()
        try:
            yield _deploy_to_aws(aws)
        finally:
            with step("Destroy"):
                variables = terraform_variables(aws, project.settings.aws_test_variables)
                Terraform(aws, install_providers(project), variables).destroy()
    else:
        endpoint = parse_endpoint(target)
        endpoint.ensure_running()
        yield deploy_and_seed(endpoint.target)


@contextmanager
def _own_stack() -> Iterator[LocalTarget]:
    """Have an embedded stack on a free port while the block runs; it never outlives this process."""
    stack = EmbeddedStack(free_port(), TEST_SETTINGS)
    try:
        with step("Stack") as current_step:
            stack.start()
            current_step.result = f"{stack.endpoint_url}, log {paths.shown(stack.log_file)}"
        yield stack.target
    finally:
        with step("Stop") as current_step:
            stack.stop()
            current_step.result = f"the stack on port {stack.port}"


@contextmanager
def _own_containers() -> Iterator[Deployment]:
    """Have the stack of docker-compose.yml on a free port while the block runs."""
    port = free_port()
    stack = ComposeStack(port, f"{TEST_PROJECT}-{port}", settings=TEST_SETTINGS)
    with step("Images") as current_step:
        current_step.result = stack.build()
    try:
        with step("Stack") as current_step:
            stack.ensure_running()
            current_step.result = f"healthy and deployed, {stack.endpoint_url}"
        remember(stack.target)
        yield stack.deployment()
    finally:
        with step("Stop") as current_step:
            stack.stop(delete=True)
            current_step.result = f"the containers and volumes of {stack.name}"


def _deploy_to_aws(target: AwsTarget) -> Deployment:
    with step("Deploy") as current_step:
        variables = target.project.settings.aws_test_variables
        deployment, result = deploy(target, current_step.progress, variables=variables)
        current_step.result = str(result)
    seed(deployment)
    return deployment
