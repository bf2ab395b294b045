"""A user's test that fails shows what the functions did meanwhile."""

import subprocess
import sys

FAILS = """
def test_of_an_order(stack):
    stack.invoke("process", {"Records": []})
    assert stack.region == "elsewhere"
"""


def test_a_failed_test_shows_the_functions_logs(tmp_path, deployment):
    test = tmp_path / "test_of_user.py"
    test.write_text(FAILS)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:xdist", "--rootdir", tmp_path, test],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 1, run.stdout + run.stderr
    _, _, logs = run.stdout.partition("functions' logs since the test began")
    assert f"{deployment.function_name('process')} REPORT RequestId: " in " ".join(logs.split(" "))
