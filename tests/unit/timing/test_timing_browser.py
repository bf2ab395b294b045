"""The report's page in a real browser, where one is installed."""

import functools
import os
import re
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from timing_results import results

from shop.timing.run import write_reports

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1200,1900",
    "--enable-logging=stderr",
]
TIMEOUT_S = 120
PNG_START = b"\x89PNG\r\n\x1a\n"
MEASURE = """
<script>
  for (const element of document.querySelectorAll("svg, table")) {
    const box = element.getBoundingClientRect();
    element.setAttribute("data-box", [box.width, box.height].map(Math.round).join("x"));
  }
  document.body.setAttribute("data-scroll", document.documentElement.scrollWidth > innerWidth);
</script>
"""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


class Site:
    """Serves a folder on loopback and notes what was asked for."""

    def __init__(self, folder):
        self.requested = requested = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_):
                requested.append(self.path)

        handler = functools.partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/report.html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_reports(results(), folder)
    page = folder / "report.html"
    (folder / "measured.html").write_text(page.read_text() + MEASURE)
    site = Site(folder)
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def browse(browser, tmp_path):
    """Call it with arguments for what Chromium printed: the output and the messages."""

    def browse(*arguments):
        done = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )
        return done.stdout, done.stderr

    return browse


def test_the_page_shows_its_figures_and_table_without_an_error(browse, site):
    dom, messages = browse("--dump-dom", site.url.replace("report.html", "measured.html"))

    boxes = re.findall(r'<(svg|table)[^>]*data-box="(\d+)x(\d+)"', dom)
    assert [tag for tag, _, _ in boxes] == ["table", "table", "svg", "svg", "svg"]
    for _, width_px, height_px in boxes:
        assert int(width_px) > 600
        assert int(height_px) > 150
    assert 'data-scroll="false"' in dom, "the page is wider than the window"
    assert "cold/warm" in dom
    assert not [line for line in messages.splitlines() if "CONSOLE" in line]


def test_the_page_asks_for_nothing_else(browse, site):
    site.requested.clear()
    browse("--dump-dom", site.url)
    paths = [path for path in site.requested if path != "/favicon.ico"]
    assert paths == ["/report.html"]


def test_a_screenshot_can_be_taken(browse, site, tmp_path):
    image = tmp_path / "report.png"
    browse(f"--screenshot={image}", site.url)
    content = image.read_bytes()
    assert content.startswith(PNG_START)
    # An empty page compresses to a few kilobytes.
    assert len(content) > 30_000
