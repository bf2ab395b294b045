"""`./scripts/test`: the unit tests, then the integration tests on a stack that is started for them."""

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

from serverless_harness import paths
from serverless_harness.console import say, step
from serverless_harness.deploy.deployment import Deployment, deploy, terraform_variables
from serverless_harness.deploy.terraform import Terraform, install_providers
from serverless_harness.errors import UserError
from serverless_harness.functions.iam_report import problems_of, report_roles
from serverless_harness.stack.compose import TEST_PROJECT, ComposeStack, ComposeTarget, require_engine
from serverless_harness.stack.embedded import EmbeddedStack, free_port
from serverless_harness.stack.endpoint import parse_endpoint
from serverless_harness.targets import AwsTarget, LocalTarget, Target
from serverless_harness.testing.under_test import (
    COMPOSE_VARIABLE,
    ENDPOINT_VARIABLE,
    INTEGRATION,
    STATE_VARIABLE,
)
from shop import shops

UNIT = "tests/unit"
OTHERS: Mapping[str, str] = {UNIT: INTEGRATION, INTEGRATION: UNIT}
"""The folder whose tests a phase leaves to the other phase."""
AWS_VARIABLES: Mapping[str, str] = {"name_prefix": "shop-test", "key_prefix": "shop-test-"}
"""What the tests deploy to AWS has names of its own, and is removed after them."""

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
    if target == "aws" and not confirm_aws_costs:
        raise UserError(
            "--target aws deploys to the AWS account that is configured, which costs money: "
            "add --confirm-aws-costs if you mean it"
        )
    if target == "compose":
        require_engine()
    elif target not in ("aws", "embedded"):
        parse_endpoint(target)
    folders = [folder for folder in (UNIT, INTEGRATION) if _selects(folder, arguments)]
    if not folders:
        raise UserError(f"no test is selected by: {' '.join(arguments)}")
    codes = []
    if UNIT in folders:
        codes.append(_run_pytest(UNIT, [*_in_parallel(arguments), *arguments], None))
    if INTEGRATION in folders:
        with _deployed(target) as deployment:
            codes.append(_run_pytest(INTEGRATION, [*_side_by_side(arguments), *arguments], deployment.target))
            if not arguments and codes[-1] == 0:
                codes.append(_check_policies(deployment))
    return max(codes)


def _check_policies(deployment: Deployment) -> int:
    """Tell whether all integration tests together used every permission and met no denial; an exit code."""
    if not isinstance(deployment.target, LocalTarget):
        return 0
    with step("IAM policies") as current:
        problems = problems_of(deployment, report_roles(deployment.target))
        current.result = (
            f"{len(problems)} permissions unused or denied" if problems else "all used, none missing"
        )
    for problem in problems:
        say(f"  {problem}")
    return 1 if problems else 0


def _selects(folder: str, arguments: Sequence[str]) -> bool:
    """Tell whether pytest's arguments select a test in `folder`; raises UserError where it refuses them."""
    if not (paths.PROJECT / folder).is_dir():
        return False
    if not arguments:
        return any((paths.PROJECT / folder).rglob("test_*.py"))
    result = subprocess.run(
        [*_pytest(folder, arguments), "--collect-only", "-q"],
        cwd=paths.PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == USAGE_ERROR:
        reasons = re.findall(r"error: (.*)", result.stderr, re.IGNORECASE)
        reason = reasons[-1] if reasons else result.stderr.strip()
        raise UserError(f"pytest does not take this: {reason}")
    return result.returncode != NO_TESTS


def _pytest(folder: str, arguments: Sequence[str]) -> list[str]:
    """Give pytest's command line: of what `arguments` select, however they name it, the tests in `folder`."""
    left_out = (f"--ignore={OTHERS[folder]}", f"--deselect={OTHERS[folder]}/")
    return [sys.executable, "-I", "-m", "pytest", *left_out, *arguments]


def _run_pytest(folder: str, arguments: Sequence[str], target: Target | None) -> int:
    """Run pytest on the shop of `target`, its output on the screen."""
    say(f"\n{folder}")
    started = time.monotonic()
    process = subprocess.Popen(_pytest(folder, arguments), cwd=paths.PROJECT, env=_environ(target))
    try:
        code = process.wait()
    except BaseException:
        # ctrl-C went to pytest too: it tears its fixtures down before the stack goes.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        raise
    say(f"{folder}: {'passed' if code == 0 else 'failed'} ({time.monotonic() - started:.1f} s)")
    return code


def _in_parallel(arguments: Sequence[str]) -> list[str]:
    """Spread the unit tests over the processors, unless the caller selects some, which then run in order."""
    return [] if arguments else ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]


def _side_by_side(arguments: Sequence[str]) -> list[str]:
    """Run tests with stacks of their own beside those on the shop, unless the caller selects some."""
    selected = [argument for argument in arguments if argument not in (INTEGRATION, f"{INTEGRATION}/")]
    return [] if selected else ["-n", "2", "--dist", "loadgroup"]


def _environ(target: Target | None) -> dict[str, str]:
    """Give the tests' environment: the caller's, and where their shop is, if there is one."""
    ours = (STATE_VARIABLE, ENDPOINT_VARIABLE, COMPOSE_VARIABLE)
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    environ[STATE_VARIABLE] = str(target.state_dir) if target else ""
    if isinstance(target, LocalTarget):
        environ[ENDPOINT_VARIABLE] = target.endpoint_url
    if isinstance(target, ComposeTarget):
        environ[COMPOSE_VARIABLE] = target.stack.project
    return environ


@contextmanager
def _deployed(target: str) -> Iterator[Deployment]:
    """Have the shop on the target while the block runs."""
    if target == "embedded":
        with _own_stack() as stack_target:
            yield _deploy(stack_target, {})
    elif target == "compose":
        with _own_containers() as deployment:
            yield deployment
    elif target == "aws":
        aws = AwsTarget.from_configuration()
        try:
            yield _deploy(aws, AWS_VARIABLES)
        finally:
            with step("Destroy"):
                Terraform(aws, install_providers(), terraform_variables(aws, AWS_VARIABLES)).destroy()
    else:
        endpoint = parse_endpoint(target)
        endpoint.ensure_running()
        yield _deploy(endpoint.target, {})


@contextmanager
def _own_stack() -> Iterator[LocalTarget]:
    """Have an embedded stack on a free port while the block runs; it never outlives this process."""
    stack = EmbeddedStack(free_port(), TEST_SETTINGS)
    try:
        with step("Stack") as current:
            stack.start()
            current.result = f"{stack.endpoint_url}, log {paths.shown(stack.log_file)}"
        yield stack.target
    finally:
        with step("Stop") as current:
            stack.stop()
            current.result = f"the stack on port {stack.port}"


@contextmanager
def _own_containers() -> Iterator[Deployment]:
    """Have the stack of docker-compose.yml on a free port while the block runs."""
    port = free_port()
    stack = ComposeStack(port, f"{TEST_PROJECT}-{port}", settings=TEST_SETTINGS)
    with step("Images") as current:
        current.result = stack.build()
    try:
        with step("Stack") as current:
            stack.ensure_running()
            current.result = f"healthy and deployed, {stack.endpoint_url}"
        yield stack.deployment()
    finally:
        with step("Stop") as current:
            stack.stop()
            current.result = f"the containers and volumes of {stack.project}"


def _deploy(target: Target, variables: Mapping[str, str]) -> Deployment:
    with step("Deploy") as current:
        deployment, result = deploy(target, current.progress, variables=variables)
        current.result = str(result)
    shops.seed(deployment)
    return deployment
