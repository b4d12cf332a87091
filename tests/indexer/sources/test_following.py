"""Sources followed over time: what is published when, what an outage does, and what a killed process leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.errors import BuildRefused
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.sources import following
from service.cli import main
from tests import web_server
from tests.conftest import wait_for
from tests.wordpress_site import WordPress

ENVIRONMENT = {"LIENQUAN_MODEL": "hashing"}


@pytest.fixture
def site():
    with web_server.serve() as served:
        yield served


@pytest.fixture
def wordpress(site):
    return WordPress(site)


@pytest.fixture
def listed(site, tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text(
        f'[[source]]\ntype = "wordpress"\nurl = "{site.url}"\ndelay = 0\nseconds = 5\n'
        '[[source]]\ntype = "file"\npath = "archive.jsonl"\n'
    )
    (tmp_path / "archive.jsonl").write_text(json.dumps({"id": "cu", "title": "Bài cũ"}) + "\n")
    return path


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def sync(listed, home):
    """Return a function that asks once; it gives the exit status, what was printed, and what was said to be wrong."""

    def once(*more):
        words = ["sync", str(listed), "--home", str(home), "--once", "--allow-private", *more]
        result = CliRunner().invoke(main, words, env=ENVIRONMENT)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout, result.stderr

    return once


def ids(home):
    place = Home(home)
    name = place.current()
    if name is None:
        return []
    archive = Archive(Snapshot(place.directory(name)))
    found = [
        article.id
        for segment in archive.segments
        for article in segment.store.articles(np.flatnonzero(segment.alive).tolist())
    ]
    archive.close()
    return found


def numbers(home):
    return sorted(int(found.rsplit("-", 1)[1]) for found in ids(home) if found.startswith("wp-"))


def state(home):
    result = CliRunner().invoke(main, ["status", "--home", str(home), "--json"], env=ENVIRONMENT)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class TestOnce:
    def test_what_is_added_changed_and_gone_is_published(self, wordpress, sync, home):
        wordpress.add(*range(1, 11))
        status, printed, _ = sync()
        assert status == 0
        assert printed.endswith(": 11 articles, 11 added, 0 updated, 0 removed\n")
        wordpress.add(3, title={"rendered": "Sửa"}, modified_gmt="2026-11-21T00:00:00")
        wordpress.add(20, modified_gmt="2026-11-21T00:00:01")
        del wordpress.posts[5]
        assert sync()[1].endswith(": 11 articles, 1 added, 1 updated, 1 removed\n")
        assert numbers(home) == [1, 2, 3, 4, 6, 7, 8, 9, 10, 20]
        assert "cu" in ids(home)

    def test_nothing_new_publishes_nothing_and_builds_nothing(self, wordpress, sync, home):
        wordpress.add(1)
        sync()
        before = state(home)
        assert sync() == (0, "", "")
        after = state(home)
        assert before["snapshot"] == after["snapshot"]
        assert before["sync"]["built"] == after["sync"]["built"]
        assert before["sync"]["asked"] < after["sync"]["asked"]

    def test_a_file_that_changed(self, wordpress, sync, home, tmp_path):
        wordpress.add(1)
        sync()
        with (tmp_path / "archive.jsonl").open("a") as file:
            file.write(json.dumps({"id": "moi", "title": "Bài mới"}) + "\n")
        assert "1 added" in sync()[1]
        assert {"cu", "moi"} <= set(ids(home))

    @pytest.mark.parametrize("answer", [web_server.failing(500), "[]"])
    def test_an_outage_takes_nothing_away_and_the_rest_goes_on(self, site, wordpress, sync, home, tmp_path, answer):
        wordpress.add(1, 2)
        sync()
        working = site.pages["/wp-json/wp/v2/posts"]
        site.pages["/wp-json/wp/v2/posts"] = answer
        (tmp_path / "archive.jsonl").write_text(json.dumps({"id": "moi", "title": "Bài mới"}) + "\n")
        status, printed, said = sync("--every", "1s")
        assert (status, printed) == (1, "")
        assert f"{site.url}: expected " in said
        assert "the sources would remove 1 of 3 articles" in said  # the file's: more than a fifth of the archive
        (tmp_path / "archive.jsonl").write_text("".join(json.dumps({"id": i, "title": i}) + "\n" for i in ("cu", "m")))
        assert "1 added" in sync()[1]
        assert numbers(home) == [1, 2]
        failing, _ = state(home)["sync"]["sources"]
        assert (failing["articles"], failing["problems"]) == (2, 1)
        since, well = failing["since"], failing["succeeded"]
        assert well < since
        sync()
        failing = state(home)["sync"]["sources"][0]
        assert (failing["since"], failing["succeeded"]) == (since, well)
        site.pages["/wp-json/wp/v2/posts"] = working
        assert sync()[0] == 0
        source = state(home)["sync"]["sources"][0]
        assert source["since"] is None
        assert source["succeeded"] > since
        assert source["failures"] == 3

    def test_a_source_that_says_it_has_nothing_empties_nothing(self, wordpress, sync, home):
        wordpress.add(*range(1, 11))
        sync()
        wordpress.posts.clear()
        status, _, said = sync()
        assert (status, numbers(home)) == (1, list(range(1, 11)))
        assert "expected at least 80% of the 10 articles that it had, found 0: all are kept" in said

    def test_a_list_that_is_wrong_for_a_while(self, wordpress, sync, home, listed):
        wordpress.add(1)
        sync()
        written = listed.read_text()
        listed.write_text("[[source]")
        status, _, said = sync()
        assert status == 1
        assert "expected TOML: " in said
        assert numbers(home) == [1]
        listed.write_text(written)
        assert sync()[0] == 0

    @pytest.mark.parametrize("every", ["5", "0s", "m", "-1m", "5 m", "5x"])
    def test_odd_durations(self, sync, every):
        status, _, said = sync("--every", every)
        assert status == 2
        assert f"{every!r}: expected a number and s, m, h or d, such as 5m" in said

    def test_a_large_site_is_published_by_parts(self, site, home, tmp_path, monkeypatch):
        monkeypatch.setattr(following, "_PAGES", 2)
        words = "Bà con xuống chợ từ bốn giờ sáng khi sương còn phủ kín sườn đồi và đèn pin nối nhau. " * 4
        places = ""
        for name in "abcde":
            places += f"<url><loc>{site.url}/{name}.html</loc></url>"
            site.pages[f"/{name}.html"] = (
                f'<html><meta property="og:type" content="article"><h1>Tin {name * 3}</h1><p>{words}</p></html>'
            )
        site.pages["/map.xml"] = f"<urlset>{places}</urlset>"
        listed = tmp_path / "s.toml"
        listed.write_text(f'[[source]]\ntype = "sitemap"\nurl = "{site.url}/map.xml"\ndelay = 0\n')
        words = ["sync", str(listed), "--home", str(home), "--once", "--allow-private"]
        result = CliRunner().invoke(main, words, env=ENVIRONMENT)
        assert result.exit_code == 0, result.output
        assert [line.split(": ")[1].split(",")[0] for line in result.stdout.splitlines()] == [
            "2 articles",
            "4 articles",
            "5 articles",
        ]


class TestStatus:
    def test_of_a_home_that_is_not_followed(self, home):
        home.mkdir()
        result = CliRunner().invoke(main, ["status", "--home", str(home)])
        assert result.stdout == "no snapshot is published yet\nsync: not running, sources last asked never\n"

    def test_in_words(self, site, wordpress, sync, home, listed):
        wordpress.add(1)
        sync()
        site.pages["/wp-json/wp/v2/posts"] = web_server.failing(500)
        sync()
        result = CliRunner().invoke(main, ["status", "--home", str(home)])
        first, second, web, file = result.stdout.splitlines()
        assert first == f"snapshot {Home(home).current()}: 2 articles"
        assert second.startswith("sync: not running, sources last asked 20")
        assert web.startswith(f"{listed} [[source]] 1: 1 articles, since ")
        assert f"{site.url}: expected status 200, found 500, last well 20" in web
        assert file == f"{listed} [[source]] 2: as expected"

    def test_a_damaged_file_is_as_if_there_were_none(self, wordpress, sync, home):
        wordpress.add(1)
        sync()
        (home / following.FILE).write_text("{")
        assert state(home)["sync"]["asked"] is None
        assert sync()[0] == 0

    def test_one_process_follows_a_home(self, sync, home):
        with following.following(home):
            assert following.is_followed(home)
            status, _, said = sync()
            assert status == 1
            assert "another process follows its sources" in said
            with pytest.raises(BuildRefused), following.following(home):
                pass
        assert not following.is_followed(home)


class TestCondition:
    ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)

    @staticmethod
    def written(home, **values):
        home.mkdir(exist_ok=True)
        (home / following.FILE).write_text(following.SyncState(**values).model_dump_json())

    def test_of_a_home_that_is_not_followed(self, home):
        how = following.condition(home)
        assert how == following.Condition(following.SyncState(), running=False, late=False)
        assert (how.followed, how.well) == (False, True)

    def test_cron_starts_it_each_time_and_it_is_never_stopped(self, wordpress, sync, home):
        wordpress.add(1)
        sync()
        how = following.condition(home, datetime.now(UTC) + timedelta(days=365))
        assert (how.followed, how.stopped, how.late, how.well) == (True, False, False, True)

    def test_who_should_run_and_does_not(self, home):
        self.written(home, every=300, asked=self.ASKED)
        how = following.condition(home, self.ASKED)
        assert (how.stopped, how.late, how.well) == (True, False, False)
        with following.following(home):
            how = following.condition(home, self.ASKED)
            assert (how.running, how.stopped, how.well) == (True, False, True)

    @pytest.mark.parametrize(("minutes", "late"), [(75, False), (76, True)])
    def test_three_intervals_and_an_hour_are_long_enough(self, home, minutes, late):
        self.written(home, every=300, asked=self.ASKED)
        now = self.ASKED + timedelta(minutes=minutes)
        with following.following(home):
            how = following.condition(home, now)
        assert (how.late, how.well) == (late, not late)

    def test_what_is_wrong_is_not_well(self, home):
        good = following.SourceState(name="a", articles=3)
        bad = following.SourceState(name="b", problem="expected status 200, found 500", problems=1)
        self.written(home, asked=self.ASKED, sources=[good, bad])
        how = following.condition(home)
        assert (how.failing, how.well) == ((bad,), False)
        self.written(home, asked=self.ASKED, problem="the sources would remove 9 of 10 articles")
        assert not following.condition(home).well


class Process:
    """`lienquan sync` as a process."""

    def __init__(self, listed, home, every):
        words = ["sync", str(listed), "--home", str(home), "--every", every, "--allow-private"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *words],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self, how):
        self._process.send_signal(how)
        return self._process.wait(30)


def test_a_process_follows_until_it_is_told_to_stop(wordpress, listed, home):
    wordpress.add(1)
    process = Process(listed, home, "1s")
    try:
        wait_for(lambda: numbers(home) == [1], 60)
        wordpress.add(2)
        wait_for(lambda: numbers(home) == [1, 2], 60)
        assert state(home)["running"]
    finally:
        assert process.end(signal.SIGTERM) == 0
    assert not state(home)["running"]


def test_killed_at_random_it_loses_nothing_and_doubles_nothing(wordpress, listed, home):
    chance = random.Random(7)
    wordpress.add(*range(1, 301))
    wordpress.before_page = lambda page: time.sleep(0.05)
    for turn in range(int(os.environ.get("LIENQUAN_KILLS", "4"))):
        process = Process(listed, home, "1s")
        time.sleep(chance.uniform(0.3, 2.5))
        process.end(signal.SIGKILL)
        wordpress.add(300 + turn + 1)
        del wordpress.posts[turn + 1]
    wordpress.before_page = lambda page: None
    process = Process(listed, home, "1s")
    expected = sorted(wordpress.posts)
    wait_for(lambda: numbers(home) == expected, 60)
    process.end(signal.SIGTERM)
    assert len(ids(home)) == len(set(ids(home))) == len(expected) + 1
