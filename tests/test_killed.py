"""Remote sources read by processes that are killed somewhere on their way: no article is lost, none comes twice.

LIENQUAN_KILLS says how often each is killed, twice by default.
"""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from indexer.sources import Reading, SourceOptions, read_source
from indexer.sources.memory import FILE
from tests import web_server
from tests.conftest import wait_for
from tests.indexer.sources.test_sql import Newsroom
from tests.indexer.sources.test_web import page, rss, urlset
from tests.wordpress_site import WordPress

KILLS = int(os.environ.get("LIENQUAN_KILLS", "2"))
PAGES = range(30 * KILLS)
POSTS = range(1, 750 * KILLS + 1)
ROWS = range(1, 2000 * KILLS + 1)
READ = """
import sys
from pathlib import Path
from indexer.sources import SourceOptions, read_source
for _ in read_source(sys.argv[1], SourceOptions(memory=Path(sys.argv[2]), allow_private=True)):
    pass
"""


def remembered(home):
    """Return how many places of all sources are remembered."""
    with contextlib.suppress(sqlite3.OperationalError):
        database = sqlite3.connect(f"file:{home / FILE}?mode=ro", uri=True)
        try:
            return database.execute("SELECT count(*) FROM rows").fetchone()[0]
        finally:
            database.close()
    return 0


def slowed(body):
    def answer(request):
        time.sleep(0.02)
        request.give(body)

    return answer


def feed_of_teasers(site, folder):
    site.pages["/feed"] = rss(site, *PAGES, full=False)
    site.pages |= {f"/{n}.html": slowed(page(f"Tin {n}")) for n in PAGES}
    return f'type = "rss"\nurl = "{site.url}/feed"', {f"Tin {n}" for n in PAGES}


def sitemap(site, folder):
    names = [f"t{n}" for n in PAGES]
    site.pages["/map"] = urlset(site, **dict.fromkeys(names, "1"))
    site.pages |= {f"/{name}.html": slowed(page(f"Tin {name}")) for name in names}
    return f'type = "sitemap"\nurl = "{site.url}/map"', {f"Tin {name}" for name in names}


def wordpress(site, folder):
    made = WordPress(site)
    made.add(*POSTS)
    made.before_page = lambda number: time.sleep(0.05)
    return f'type = "wordpress"\nurl = "{site.url}"', {f"Chuyện bến “{n}”" for n in POSTS}


def database(site, folder):
    made = Newsroom(f"sqlite:///{folder}/news.db")
    made.add(*ROWS)
    made.close()
    query = "SELECT ma, tieu_de FROM bai"
    said = (
        f'type = "sql"\nurl = "{made.url}"\nquery = "{query}"\nkey = "ma"\ncolumns = {{title = "tieu_de"}}\npage = 20'
    )
    return said, {f"Bến {n}" for n in ROWS}


@pytest.mark.parametrize("kind", [feed_of_teasers, sitemap, wordpress, database])
def test_nothing_is_lost_and_nothing_comes_twice(kind, tmp_path):
    chance = random.Random(kind.__name__)
    with web_server.serve() as site:
        said, expected = kind(site, tmp_path)
        listed = tmp_path / "sources.toml"
        listed.write_text(f"[[source]]\n{said}\n" + ("delay = 0\n" if "sql" not in said else ""))
        home = tmp_path / "home"
        home.mkdir()
        for share in sorted(chance.random() for _ in range(KILLS)):
            process = subprocess.Popen([sys.executable, "-c", READ, str(listed), str(home)])
            wait_for(lambda share=share: remembered(home) >= share * len(expected), 60)
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            process.wait()
        found = list(read_source(str(listed), SourceOptions(memory=home, allow_private=True)))
    titles = [reading.fields["title"] for reading in found if isinstance(reading, Reading)]
    assert len(found) == len(titles) == len(expected)
    assert set(titles) == expected
    assert len({reading.fields["id"] for reading in found}) == len(expected)
