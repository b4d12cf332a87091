"""A home is its owner's alone, whatever the umask, after all that writes to it; what was open is closed and told."""

import json
import logging
import os
import stat
from contextlib import closing

import pytest
from click.testing import CliRunner

from indexer.articles.article import validate
from indexer.building.build import BuildOptions, build
from indexer.building.cache import VectorCache
from indexer.building.ingest import Ingester, live_home
from indexer.changes.changes import Put
from indexer.changes.journal import Journal
from indexer.files import private
from indexer.snapshot.home import Home
from indexer.sources.memory import open_memory
from indexer.text.views import ENCODED
from models.hashing import HashingEncoder
from service.cli import main
from service.clicks.log import ClickLog, ListPosition
from service.judging.judgements import JudgementStore
from service.observing.query_log import QueryLog
from service.security.keys import KeyStore
from service.upkeep.home_checks import examine_home

LINES = [{"id": f"b{at}", "title": f"Bài số {at}"} for at in range(5)]


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(home):
    """Return what others than its owner may do with anything in a home, by path."""
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*"))}
    return {str(path.relative_to(home)): oct(mode) for path, mode in found.items() if mode & 0o077}


def run(*args, status=0):
    done = CliRunner().invoke(main, [str(arg) for arg in args], env={"LIENQUAN_MODEL": "hashing"})
    assert done.exit_code == status, done.output


def test_all_that_commands_write(tmp_path, umask):
    home, source = tmp_path / "a" / "home", tmp_path / "bai.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in [*LINES, {"id": 5}]), encoding="utf-8")
    run("index", source, "--home", home)
    run("keys", "create", "--scope", "ingest", "--name", "CMS", "--home", home)
    with closing(Journal(home)) as journal:
        journal.write([Put(validate({"id": "x", "title": "Bài mới"}))])
        with live_home(Home(home)).lock():
            ingester = Ingester(Home(home), HashingEncoder)
            while ingester.step():
                pass
        # where the commands' process does not set it, what holds text is closed all the same
        texts = {name: mode for name, mode in modes(home).items() if ".sqlite" in name or "snapshots/" in name}
        texts = {name: mode for name, mode in texts.items() if not name.endswith(".lock")}  # empty, tantivy's
        assert texts == {}
        for name in modes(home):
            (home / name).unlink()
    run("merge", "--home", home)
    run("sync", source, "--once", "--home", home)
    run("export", "articles", "--home", home, "--out", home / "ra.jsonl")
    run("articles", "takedown", "b1", "--why", "x", "--purge", "--certificate", home / "c.json", "--home", home)
    run("backup", tmp_path / "sao-luu", "--home", home)
    run("restore", tmp_path / "sao-luu", "--home", tmp_path / "lai")
    assert [modes(place) for place in (home, tmp_path / "sao-luu", tmp_path / "lai")] == [{}, {}, {}]
    assert os.umask(umask) == umask  # a command leaves the process that calls it as it was


def test_all_that_a_program_writes_without_the_commands(tmp_path, umask):
    home = tmp_path / "home"
    source = tmp_path / "bai.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in [*LINES, {"id": 5}]), encoding="utf-8")
    build(Home(home), [str(source)], HashingEncoder, BuildOptions())
    encoder = HashingEncoder()
    cache = VectorCache(home, encoder.identity, ENCODED)
    cache.put([b"k"], encoder.encode_documents(["x"]))
    with open_memory(home, "feed") as memory:
        memory.put("x", "1", {"id": "x"})
        memory.commit()
        log = QueryLog(home / "queries.sqlite", 30, 50, lambda n: None)
        log.note("giá vàng", 1, "127.0.0.1")
        log.write()
        clicks = ClickLog(home / "clicks.sqlite", 30, 50, lambda n: None)
        clicks.note(ListPosition(2_000_000_000, "b1", 1, "b2", "r"), clicked=True)
        clicks.write()
        JudgementStore(home).give("search", "giá vàng", "b1", "Lan", 1)
        KeyStore(home).create("CMS", ["ingest"])
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        held = [name for name in modes(home) if name not in {"lock", "CURRENT", "build.json", "build.lock"}]
        held = [name for name in held if not name.endswith(".lock")]
        assert held == []
    cache.close()


def test_a_home_that_others_could_read_is_closed_and_that_is_told(tmp_path, publish, caplog):
    home = tmp_path / "home"
    publish(home, LINES)
    (home / "của-người-khác").mkdir()
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (finding,) = (one for one in examine_home(home) if one.subject == "modes")
    assert finding.status == "problem"
    assert "chmod -R go=" in finding.advice
    with caplog.at_level(logging.WARNING):
        Journal(home).close()
    assert "others than its owner could read it" in caplog.text
    assert list(private.exposed(home)) == []
    assert modes(home) == {"của-người-khác": "0o755"}
    (finding,) = (one for one in examine_home(home) if one.subject == "modes")
    assert finding.status == "ok"
    (home / "lock").chmod(0o644)
    assert list(private.exposed(home)) == []  # nobody gets there


def test_a_directory_of_other_things_that_becomes_a_home_is_left_as_it_is(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (shared / "other.txt").write_text("x")
    (shared / "other.txt").chmod(0o644)
    Journal(shared).close()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "other.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE((shared / "changes.sqlite").stat().st_mode) == 0o600
