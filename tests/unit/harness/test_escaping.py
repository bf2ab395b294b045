"""What functions and clients wrote, on a terminal and in pipes."""

from types import SimpleNamespace

import pytest
import typer

from serverless_harness.cli import running
from serverless_harness.errors import UserError
from serverless_harness.escaping import escaped
from serverless_harness.terminal_output import say, step
from shop import overview


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


@pytest.mark.parametrize(
    "text", ["/home/[/red]/notes", "[link=https://example.com]here[/link]", "q[0] \\[bold]"]
)
def test_results_of_steps_are_no_markup(text, capfd):
    with step("Deploy") as current:
        current.progress(text)
        current.result = text
    assert text in capfd.readouterr().out


def test_what_functions_may_have_written_to_items_is_escaped(monkeypatch, capfd):
    item = SimpleNamespace(
        item_no=1,
        item_description="\x1b]0;owned\x07[/bold]",
        selling_price=1,
        stock=1,
        gross_number=0,
        gross_turnover=0,
    )
    shops = SimpleNamespace(shop_ids=lambda _: ["A"], count_orders=lambda *_: 0, read_items=lambda *_: [item])
    monkeypatch.setattr(overview, "shops", shops)
    overview.show_shops(SimpleNamespace(invoke_url="http://127.0.0.1:1"))
    out = capfd.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b]0;owned\\x07[/bold]" in out
