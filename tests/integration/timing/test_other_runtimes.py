"""A function of another Python runs on that Python, once `runtime add` has made it."""

import boto3
import pytest
from functions_under_test import FunctionMaker

from serverless_harness.errors import UserError
from serverless_harness.project.locate import current
from serverless_harness.runtimes import provision
from serverless_harness.stack.embedded import EmbeddedStack, free_port

TELLS_ITS_PYTHON = """
    import sys
    import boto3

    def handler(event, context):
        print("said", event)
        return [sys.version_info[0], sys.version_info[1], boto3.__version__, context.function_name]
"""


@pytest.fixture(scope="module")
def runtimes_stack(lambda_stack, tmp_path_factory):
    """A stack whose folder of runtimes is empty at first."""
    folder = tmp_path_factory.mktemp("runtimes")
    settings = {"LAMBDA_PROCESS_RUNTIMES": str(folder), "PRELOAD_SERVICES": "sts,iam,s3,logs,lambda"}
    stack = EmbeddedStack(free_port(), settings)
    try:
        stack.start()
        yield stack, folder
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def maker(runtimes_stack):
    return FunctionMaker(runtimes_stack[0])


@pytest.mark.parametrize("runtime", ["python3.9", "python3.12"])
def test_a_function_runs_on_the_python_that_was_added_for_it(runtimes_stack, maker, runtime):
    _, folder = runtimes_stack
    version = runtime.removeprefix("python")
    with (
        pytest.raises(
            boto3.client("lambda", region_name="eu-central-1").exceptions.ClientError,
            match=f"serverless-harness runtime add {version}'",
        ),
        maker.made(TELLS_ITS_PYTHON, Runtime=runtime),
    ):
        pass
    try:
        assert provision.add(runtime, folder, current().make_state())
    except UserError as error:
        pytest.skip(str(error))
    with maker.made(TELLS_ITS_PYTHON, Runtime=runtime) as function:
        answer = function.invoke({"a": 1})
        assert answer.error is None, answer.value
        sdk = provision.there_are(folder)[-1].packages["boto3"]
        assert answer.value == [3, int(version.rpartition(".")[2]), sdk, function.name]
        assert "said {'a': 1}" in answer.log
