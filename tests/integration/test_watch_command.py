"""`./scripts/up --watch` as people run it: an edit is in effect at once, and ctrl-C ends the watch alone."""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from serverless_harness.deploy.deployment import deploy
from serverless_harness.functions.invoke import invoke, load_event
from serverless_harness.project.locate import current
from serverless_harness.waiting import Wait

pytestmark = pytest.mark.needs("embedded")

# The stack under test belongs to the test run, which has claimed its port.
WATCH_A_COPY = """
import contextlib, functools, sys
from pathlib import Path
from serverless_harness.cli import app, running
from serverless_harness.deploy import watch_loop as watch
from serverless_harness.project.locate import current
from serverless_harness.project.project import Project
from serverless_harness.stack import embedded
embedded.EmbeddedStack._claimed_port = lambda _: contextlib.nullcontext()
copy = Project(Path(sys.argv.pop(1)), current().settings)
watch.HandlerWatch = functools.partial(watch.HandlerWatch, project=copy)
running.main(app.app)
"""
START_TIMEOUT_S = 300
EFFECT_TIMEOUT_S = 60
"""Of what takes a second on an idle machine; a busy one may need many."""


@pytest.fixture
def handlers(tmp_path):
    return shutil.copytree(current().folder / "handlers", tmp_path / "handlers")


@pytest.fixture
def watch(deployment, handlers, tmp_path):
    """The running command, which watches a copy of the handlers, and the file that it prints to."""
    port = urlsplit(deployment.target.endpoint_url).port
    command = [
        sys.executable,
        "-I",
        "-c",
        WATCH_A_COPY,
        str(handlers.parent),
        "up",
        "--port",
        str(port),
        "--watch",
    ]
    printed = tmp_path / "printed"
    with printed.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process, printed
        finally:
            process.kill()


def test_an_edit_is_in_effect_at_once_and_reconciled_later(deployment, watch, handlers):
    process, printed = watch
    variables = json.loads((deployment.target.state_dir / "terraform/harness.auto.tfvars.json").read_text())
    mark = f"edited {secrets.token_hex(8)}"
    Wait("the watch", START_TIMEOUT_S, describe=printed.read_text).until(
        lambda: "Watching the sources" in printed.read_text() or process.poll() is not None
    )
    assert process.poll() is None, printed.read_text()
    try:
        with (handlers / "accept" / "accept.py").open("a") as source:
            source.write(f"\nprint({mark!r})\n")
        begin = time.monotonic()
        Wait("the edit to run", EFFECT_TIMEOUT_S, describe=printed.read_text).until(
            lambda: mark in log_of_accept(deployment)
        )
        print(f"in effect after {time.monotonic() - begin:.2f} s")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=START_TIMEOUT_S) == 0, printed.read_text()
    finally:
        _, result = deploy(deployment.target, lambda _: None, variables=variables)
    assert "accept runs its changed code" in printed.read_text()
    assert "Run ./scripts/deploy" in printed.read_text()
    assert result.reconciled == ["accept"]
    assert mark not in log_of_accept(deployment)


def log_of_accept(deployment):
    return invoke(deployment, "accept", load_event(current(), "accept", "rubbish")).log_tail
