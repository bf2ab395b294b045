"""What users read is whole sentences of standard words: pages, help, messages and the console."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from serverless_harness.project.locate import current

ROOT = current().folder
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEMPLATES = sorted((ROOT / "serverless_harness").rglob("*.j2"))
MODULES = [
    file
    for folder in ("serverless_harness", "shop", "benchmarks", "scripts/lib")
    for file in sorted((ROOT / folder).rglob("*.py"))
    # AWS's own words are AWS's.
    if not {"dynamodb", "kms", "validation"} & set(file.parts)
]
RIDDLES = re.compile(
    r"\b((?<!there\s)(?:is|are) none|(?<!there\s)is no (?:valid|endpoint|project|stack|shop)"
    r"|all without it|of no use|gone for good|meant to be|once is enough|in vain|for ever"
    r"|on that account|ought|whilst|thereof|whereof|whereby|thereby|hence|upon|albeit|nought|shall|unto"
    r"|holds? no|takes? no|names? no|enforces? no|throttles? nothing"
    r"|in no (vpc|network)|those that there are|what there is|ended as it started|so many;)\b",
    re.IGNORECASE,
)
"""Clipped, archaic or riddling words that were found in texts of users and mended."""
SPEAKS = {
    *("say", "print", "warning", "error", "exception", "not_emulated", "Option", "Argument", "Typer"),
    *("UserError", "HarnessError", "UsageError"),
}
"""Calls whose texts users read."""


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


def messages(file: Path) -> Iterator[str]:
    """Give what a module says: in errors that it raises, calls that print, and the help of its commands."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Raise) and node.exc:
            yield from texts(node.exc)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SPEAKS:
            yield from texts(node)
        elif isinstance(node, ast.FunctionDef) and any(
            "command" in ast.unparse(each) for each in node.decorator_list
        ):
            yield ast.get_docstring(node) or ""


def riddles(text: str) -> list[str]:
    return [found[0] for found in RIDDLES.finditer(text)]


@pytest.mark.parametrize("file", [*PAGES, *TEMPLATES], ids=lambda file: file.name)
def test_pages_are_plain(file):
    markup = re.compile(r"```.*?```|`[^`]*`|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
    assert riddles(markup.sub(" ", file.read_text())) == []


def test_messages_are_plain():
    found = {file.relative_to(ROOT): [text for text in messages(file) if riddles(text)] for file in MODULES}
    assert {file: said for file, said in found.items() if said} == {}


@pytest.mark.parametrize(
    "text", ["a port that is none", "it holds no order", "it is of no use", "All without it"]
)
def test_riddles_are_found(text):
    assert riddles(text)
