"""The report's page: all that it shows is in it."""

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from timing_results import results

from shop.timing.run import render_page, write_reports

LOADING = ("src", "srcset", "data", "poster", "background", "action")


class References(HTMLParser):
    """Collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.loaded = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            is_link = name in ("href", "xlink:href") and not (value or "").startswith("#")
            if name in LOADING or is_link:
                self.loaded.append((tag, name, value))


@pytest.fixture(scope="module")
def page():
    return render_page(results())


def test_the_page_loads_nothing(page):
    references = References()
    references.feed(page)
    assert references.loaded == []
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & set(references.tags)
    assert "@import" not in page
    assert re.findall(r"url\((?!['\"]?#)", page) == []


def test_the_page_has_the_three_figures_and_the_tables(page):
    references = References()
    references.feed(page)
    assert references.tags.count("svg") == 3
    assert references.tags.count("table") == 2
    assert references.tags.count("tr") == 2 * (1 + 8)
    for text in ("cold order: booked after 900 ms", "warm order: booked after 82 ms", "memory size, MB"):
        assert text in page


def test_the_figures_are_well_formed_and_their_ids_dont_clash(page):
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    ids = [set(re.findall(r' id="([^"]+)"', figure)) for figure in figures]
    referenced = [set(re.findall(r"(?:url\(|href=\")#([^\")]+)", figure)) for figure in figures]
    for figure, own, used in zip(figures, ids, referenced, strict=True):
        ElementTree.fromstring(figure)
        assert used <= own
    definitions = {}
    for number, figure in enumerate(figures):
        for identifier in referenced[number]:
            element = re.search(rf'<(\w+) id="{re.escape(identifier)}".*?(?:/>|</\1>)', figure, re.DOTALL)
            assert definitions.setdefault(identifier, element.group()) == element.group(), identifier


def test_what_comes_from_the_machine_is_escaped(page):
    assert "&lt;Processor &amp; Sons&gt;" in page
    assert "<Processor" not in page


def test_equal_results_give_an_equal_page(page):
    assert render_page(results()) == page


def test_both_reports_are_written(tmp_path):
    write_reports(results(), tmp_path)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "report.json").stat().st_size > 1000
