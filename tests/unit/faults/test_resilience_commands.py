"""What ./scripts/fault and ./scripts/dead-letters refuse: one line, exit code 2."""

import pytest

from serverless_harness.cli.app import app
from serverless_harness.cli.running import run
from serverless_harness.stack.embedded import free_port


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fault", "add", "explode"], "'explode' is not one of"),
        (["fault", "add", "throttle", "--first", "many"], "'many' is not a valid int"),
        (["fault", "add", "throttle", "--service", "kms"], "no stack runs on port"),
        (["fault", "list"], "no stack runs on port"),
        (["dead-letters", "list"], "no stack runs on port"),
        (["dead-letters", "redrive"], "choose the dead letters"),
        (["dead-letters", "redrive", "--all", "--reason", "X"], "choose the dead letters"),
        (["dead-letters", "purge", "--all"], "add --yes to confirm"),
        (["soak", "--orders", "0"], "0 is not in the range"),
    ],
)
def test_bad_command_is_one_line(arguments, message, capsys):
    port = [] if arguments[0] == "soak" else ["--port", str(free_port())]

    assert run(app, [*arguments, *port]) == 2

    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert message in shown
    assert shown.count("\n") == 1
