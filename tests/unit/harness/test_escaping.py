"""What functions and clients wrote, on a terminal and in pipes."""

import pytest
import typer

from serverless_harness.cli import running
from serverless_harness.console import say, step
from serverless_harness.errors import UserError
from serverless_harness.escaping import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("real\rforged", "real\\rforged"),
        ("a\x08\x08b\x7f", "a\\x08\\x08b\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe\u2066x\u2069\u200f\u061c", "\\u202egnp.exe\\u2066x\\u2069\\u200f\\u061c"),
        ("line\u2028line\u2029\x85", "line\\u2028line\\u2029\\x85"),
        ("\ufeff\u200b\u00ad\U000e0041", "\\ufeff\\u200b\\xad\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\0", "\\x00"),
    ],
)
def test_what_a_terminal_would_act_on(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize(
    "text", ["plain", "a\tb\nc", "grüße, 日本語, \u00a0", "👩\u200d🔬", "C:\\x1b [red] ", ""]
)
def test_text_stays(text):
    assert escaped(text) == text


def test_say_escapes_but_for_raw_text(capfd):
    say("a\x1b[1mb\rc")
    say("a\x1b[1mb\rc", raw=True)
    assert capfd.readouterr().out == "a\\x1b[1mb\\rc\na\x1b[1mb\rc\n"


def test_errors_and_results_of_steps_are_escaped(capfd):
    commands = typer.Typer()

    @commands.command()
    def fail() -> None:
        with step("Deploy") as current:
            current.result = "\x1b[31mred\u202e"
        raise UserError("the stack says \x1b]0;owned\x07 and \u202e")

    assert running.run(commands, []) == 2
    shown = capfd.readouterr()
    assert "\x1b]" not in shown.err
    assert "\u202e" not in shown.out + shown.err
    assert "the stack says \\x1b]0;owned\\x07 and \\u202e" in shown.err
    assert "\\x1b[31mred\\u202e" in shown.out
