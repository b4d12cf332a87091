"""A source that hangs, crashes or swallows memory, followed beside a good one: the good one's articles are published.

The hostile documents are those that once hung a reader. So that the test does not depend on one being slow, readers are
also made to hang on purpose, in the child that reads: `sitecustomize` is imported by every interpreter that begins.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexer.sources import following
from service.cli import main
from tests import web_server
from tests.conftest import wait_for
from tests.indexer.sources.test_following import ids
from tests.indexer.sources.test_web import page, rss
from tests.wordpress_site import WordPress

ROOT = Path(__file__).parent.parent
SECONDS = 10
"""What a source may take here; its reader a fifth of that of the processor for one step."""

ITEM = "<item><title>{}</title><link>{}/{}.html</link><description>mẩu</description></item>"


def feed(items, end="</channel></rss>"):
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}{end}'


def hostile(site):
    """Return hostile documents by the name of the path where they are served."""
    item = ITEM.format("Tin", site.url, "x")
    attributes = json.dumps({f"a{n}": n for n in range(120_000)})
    title = json.dumps("Tin" + " - báo x" * 3000)
    return {
        "comments": feed(item, "</channel></rss>" + "<!---->" * 40 + "x"),
        "links": "<html><head>" + "<link " * 100_000,
        "attributes": '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "Tin", '
        f'"content_html": {json.dumps("<p " + " ".join(f"a{n}=1" for n in range(120_000)) + ">chữ</p>")}, '
        f'"_more": {attributes}}}]}}',
        "title": f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{{"id": "2", "title": {title}}}]}}',
        "page": feed(ITEM.format("Trang", site.url, "long")),
    }


@pytest.fixture
def site():
    with web_server.serve() as served:
        served.pages["/good"] = rss(served, 1, 2, 3)
        yield served


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def run(command, listed, home, *more, seconds=SECONDS):
    """Run `index` or `sync --once`; return exit status, what was said, and for how long it took."""
    once = ["--once"] if command == "sync" else []
    words = [command, str(listed), "--home", str(home), "--allow-private", "--source-seconds", str(seconds)]
    began = time.monotonic()
    result = CliRunner().invoke(main, [*words, *once, *more], env={"LIENQUAN_MODEL": "hashing"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout + result.stderr, time.monotonic() - began


def listing(tmp_path, *entries):
    path = tmp_path / "sources.toml"
    path.write_text("".join(f'[[source]]\ntype = "{kind}"\nurl = "{url}"\ndelay = 0\n' for kind, url in entries))
    return path


@pytest.fixture
def patched(tmp_path, monkeypatch):
    """Return a function that has every child that reads run some code at its start."""

    def patch(code):
        folder = tmp_path / "patched"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")

    return patch


ENDED = (
    rf"(took longer than|did not get on for) {SECONDS} s and was ended"
    "|took more than 2 s of the processor for one step and was ended"
)
"""On a busy machine either limit may come first."""

FAULTS = {
    "hangs": ("re.match('(a+)+$', 'a' * 60 + 'b')", ENDED),
    "waits": ("time.sleep(600)", ENDED),
    "swallows": ("held = [bytearray(2**20) for _ in range(4096)]", "took more than 128 MB of memory and was ended"),
    "crashes": ("ctypes.string_at(0)", "crashed: SIGSEGV"),
    "recurses": ("f = lambda: f(); f()", "failed: RecursionError: maximum recursion depth exceeded"),
    "ends": ("os._exit(0)", "crashed: exit status 0"),
    "raises": ("raise KeyError('x')", "failed: KeyError: 'x'"),
}
"""What a reader does -> what is said of its source, as a regular expression."""

PATCH = """
import ctypes, os, re, time
from indexer.sources import feed
parse = feed.parse
def hostile(data, content_type="", url=""):
    if url.endswith("/bad"):
        {}
    return parse(data, content_type, url)
feed.parse = hostile
"""


@pytest.mark.parametrize(
    ("command", "fault"), [*(("sync", fault) for fault in FAULTS), ("index", "hangs"), ("index", "crashes")]
)
def test_whatever_a_reader_does_the_others_go_on(site, home, tmp_path, patched, command, fault):
    code, said = FAULTS[fault]
    patched(PATCH.format(code))
    site.pages["/bad"] = rss(site, 9)
    listed = listing(tmp_path, ("rss", f"{site.url}/bad"), ("rss", f"{site.url}/good"))
    status, output, took = run(command, listed, home, "--source-mb", "128")
    assert len(ids(home)) == 3
    assert re.search(f"({said}).*; what it had given is kept", output), output
    assert status == (1 if command == "sync" else 0)
    assert took < 60
    if command == "sync":
        bad, good = following.read_state(home).sources
        assert re.match(said, bad.problem)
        assert (good.problem, good.articles) == ("", 3)


def test_what_was_read_before_it_was_ended_stays_and_the_next_round_goes_on(site, home, tmp_path, monkeypatch):
    """Teasers whose pages are read one by one; the third page kills its reader until it is mended."""
    site.pages["/feed"] = rss(site, 1, 2, 3, full=False)
    site.pages |= {f"/{n}.html": page(f"Tin {n}") for n in (2, 3)}
    (tmp_path / "patched").mkdir()
    code = "import os\nfrom indexer.sources import html_page\nread = html_page.read_bytes\n"
    code += "def hostile(data, options):\n    b'Tin 1' in data and os.abort()\n    return read(data, options)\n"
    (tmp_path / "patched" / "sitecustomize.py").write_text(f"{code}html_page.read_bytes = hostile\n")
    site.pages["/1.html"] = page("Tin 1")
    listed = listing(tmp_path, ("rss", f"{site.url}/feed"))
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{tmp_path / 'patched'}{os.pathsep}{ROOT}")
        status, output, _ = run("sync", listed, home)
    assert (status, "crashed: SIGABRT" in output) == (1, True)
    assert following.read_state(home).sources[0].articles == 2
    status, _, _ = run("sync", listed, home)
    assert (status, len(ids(home))) == (0, 3)
    assert [site.asked.count(f"/{n}.html") for n in (1, 2, 3)] == [2, 1, 1]


@pytest.mark.parametrize("command", ["sync", "index"])
def test_documents_that_once_hung_a_reader(site, home, tmp_path, command):
    documents = hostile(site)
    site.pages |= {f"/{name}": body for name, body in documents.items()}
    site.pages["/long.html"] = page("Tin dài" + " - báo x" * 3000)
    with web_server.serve() as blog:
        WordPress(blog).add(7, content={"rendered": "[a " + "a" * 40_000 + "]", "protected": False})
        bad = [("rss", f"{site.url}/{name}") for name in documents]
        listed = listing(tmp_path, *bad, ("wordpress", blog.url), ("rss", f"{site.url}/good"))
        _, output, took = run(command, listed, home)
    assert took < 6 * SECONDS + 60
    assert len(ids(home)) >= 3, output
    if command == "sync":
        good = following.read_state(home).sources[-1]
        assert (good.problem, good.articles) == ("", 3)


@pytest.mark.parametrize("fault", ["hangs", "crashes"])
def test_a_file_of_a_folder_that_hurts_its_reader_leaves_the_others(home, tmp_path, patched, fault):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.html").write_text(page(f"Tin {name}"))
    code, said = FAULTS[fault]
    patched(
        "import ctypes, re\nfrom indexer.sources import html_page\nread = html_page.read\n"
        f"def hostile(path, options):\n    if path.name == 'b.html':\n        {code}\n"
        "    yield from read(path, options)\nhtml_page.read = hostile\n"
    )
    status, output, took = run("index", folder, home)
    assert (status, len(ids(home))) == (0, 2)
    assert re.search(said, output), output
    assert took < 60


def test_a_site_that_gets_on_slowly_goes_on_in_the_next_round(site, home, tmp_path):
    """Polite pauses are no fault: what was read is published, and no problem is told."""

    def slowly(request):
        time.sleep(1.5)
        request.give(page(f"Tin {request.route[1:-5]}"))

    site.pages |= {f"/{n}.html": slowly for n in range(1, 9)}
    site.pages["/map"] = "<urlset>" + "".join(f"<url><loc>{site.url}/{n}.html</loc></url>" for n in range(1, 9))
    site.pages["/map"] += "</urlset>"
    listed = listing(tmp_path, ("sitemap", f"{site.url}/map"), ("rss", f"{site.url}/good"))
    status, output, _ = run("sync", listed, home, seconds=16)
    assert status == 0, output
    assert output.count("published snapshot") > 1
    assert len(ids(home)) >= 8


def test_a_feed_is_looked_at_within_the_same_limits(site, patched):
    patched(PATCH.format(FAULTS["hangs"][0]))
    site.pages["/bad"] = rss(site, 9)
    words = ["sources", "check", f"{site.url}/bad", f"{site.url}/good", "--allow-private", "--source-seconds", "10"]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["articles"] == 3
    (problem,) = found["problems"]
    assert re.match(ENDED, problem["reason"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_reader_that_hangs_ends_with_sync(site, home, tmp_path, patched, how):
    note = tmp_path / "pid"
    patched(PATCH.format(f"open({str(note)!r}, 'w').write(str(os.getpid())); {FAULTS['hangs'][0]}"))
    site.pages["/bad"] = rss(site, 9)
    listed = listing(tmp_path, ("rss", f"{site.url}/bad"))
    words = ["sync", str(listed), "--home", str(home), "--allow-private"]
    with subprocess.Popen([sys.executable, "-m", "service.cli", *words], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: note.exists() and note.read_text(), 60)
            process.send_signal(how)
            process.wait(30)
        finally:
            process.kill()  # or leaving the block would wait for ever
    wait_for(lambda: not _lives(int(note.read_text())))


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
