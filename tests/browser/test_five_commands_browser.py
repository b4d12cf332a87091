"""From a fresh clone to a related block in a page: the commands of README.md as they stand there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from tests import web_server
from tests.browser.test_pages_browser import browser
from tests.conftest import wait_for
from tests.databases import closed_port

pytestmark = pytest.mark.browser
__all__ = ["browser"]

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "data" / "sources"
FEED = "https://dendau.example/rss"
ARTICLE = "https://dendau.example/ca-lang/"


def commands():
    """Return the commands of the section, which must be five."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## From your site to a block in a page\n")[2]
    found = re.match(r"\n```\n(.*?)\n```\n", section, re.DOTALL)[1].splitlines()
    assert len(found) == 5
    assert found[0] == "make setup"
    return found[1:]


def item(at):
    words = f"Bến đò Trà họp chợ từ bốn giờ sáng, cá lăng đầy khoang, phiên thứ {at}. " * 12
    return (
        f"<item><title>Chợ bến Trà, phiên thứ {at}</title><link>https://songque.example/{at}/</link>"
        f"<pubDate>Tue, 24 Nov 2026 0{at}:10:00 +0000</pubDate><description>{words} {at * 'x'}</description></item>"
    )


@pytest.fixture
def feed():
    with web_server.serve() as site:
        items = "".join(map(item, range(1, 6)))
        site.pages["/rss"] = (
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>Báo</title>{items}</channel></rss>'
        )
        yield f"{site.url}/rss --allow-private"  # a machine of a private network


@pytest.fixture(params=["rss", "export"])
def source(request):
    """Return a source and the address of one of its articles."""
    if request.param == "rss":
        return request.getfixturevalue("feed"), "https://songque.example/3/"
    return str(SOURCES / "export.xml"), "https://songque.example/ca-lang/"


def test_the_commands_as_written(browser, tmp_path, source):
    ports = {"8000": str(closed_port()), "9000": str(closed_port())}
    named, article = source
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIENQUAN_")}
    around = kept | {"LIENQUAN_MODEL": "hashing", "LIENQUAN_MIN_RELATED": "0", "PYTHONPATH": str(ROOT)}
    running = []

    def run(command):
        assert command.count(FEED) <= 1
        command = re.sub(r"\b(8000|9000)\b", lambda found: ports[found[0]], command)
        command = command.replace(".venv/bin/lienquan", f"{sys.executable} -m service.cli")
        command = command.replace("python3 ", f"{sys.executable} ").replace(FEED, named).replace(ARTICLE, article)
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=tmp_path, env=around, stdout=log, stderr=log, start_new_session=True
            )
        running.append(process)
        return process

    index, serve, page, pages = commands()
    try:
        assert run(index).wait(120) == 0, (tmp_path / "log").read_text()
        run(serve)
        assert run(page).wait(20) == 0
        run(pages)
        wait_for(lambda: answers(f"http://127.0.0.1:{ports['8000']}/readyz"), 90)
        wait_for(lambda: answers(f"http://127.0.0.1:{ports['9000']}/page.html"), 30)
        opened = browser.new_page()
        opened.goto(f"http://127.0.0.1:{ports['9000']}/page.html")
        links = opened.get_by_role("region", name="Bài liên quan").get_by_role("link")
        expect(links.first).to_be_visible()
        addresses = links.evaluate_all("all => all.map(one => one.href)")
        assert {address.startswith("https://songque.example/") for address in addresses} == {True}
        assert article not in addresses
        opened.close()
    finally:
        for process in running:
            end(process)


def answers(address):
    try:
        with urlopen(address) as answer:
            return answer.status == 200
    except OSError:
        return False


def end(process):
    """End a command with all that it has started in the background."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)
