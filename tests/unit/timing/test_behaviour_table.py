"""docs/lambda-behaviour.md: every behaviour names a test, and every named test exists."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
TABLE = PROJECT / "docs" / "lambda-behaviour.md"
NAMED = re.compile(r"`(test_\w+\.py)::([\w:]+)`")
ROWS = [
    line
    for line in TABLE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| behaviour ")
]


def names_in(file):
    """The names of a file's tests: `function`, or `Class::method`."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}::{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)
            )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_a_behaviour_is_compared_and_names_tests_that_exist(row):
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 5
    assert all(cells)
    named = NAMED.findall(cells[4])
    assert ", ".join(f"`{file}::{name}`" for file, name in named) == cells[4]
    for file_name, name in named:
        [file] = PROJECT.glob(f"tests/**/{file_name}")
        assert name in names_in(file), f"{file_name} has no test {name}"


def test_all_tables_are_read():
    assert len(ROWS) > 40
