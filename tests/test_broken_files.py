"""Every broken input is reported with place and reason, and costs nothing that was good."""

import json
import logging
import re
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.snapshot.verification import verify
from service.cli import main
from tests.broken_files import CASES

STORED = [{"id": f"cu-{n}", "title": f"Tin cũ số {n}", "body": f"Ông Vừ A Sáu kể chuyện thứ {n}."} for n in range(5)]


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Put back what the console script does to logging: it owns its process, here it does not."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("models", "indexer", "service"))]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def call(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args], env={"LIENQUAN_MODEL": "hashing"})


@pytest.fixture(scope="module")
def good_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("good") / "home"
    source = home.with_name("good.jsonl")
    source.write_text("".join(json.dumps(line) + "\n" for line in STORED), encoding="utf-8")
    assert call("index", source, "--home", home).exit_code == 0
    return home


@pytest.fixture
def home(good_home, tmp_path):
    return shutil.copytree(good_home, tmp_path / "home")


@pytest.fixture(scope="module")
def stored(good_home):
    return archived(good_home)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def archived(home):
    """Return the articles of the current snapshot by id, after every byte of it has been verified."""
    directory = Home(home).directory(Home(home).current())
    verify(directory)
    archive = Archive(Snapshot(directory))
    try:
        return {article.id: article for article in archive.articles(range(archive.count))}
    finally:
        archive.close()


def check_plain(result, status):
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == status, (result.stdout, result.stderr)
    assert "Traceback" not in result.output
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", result.output), "control characters reach the terminal"
    assert max(map(len, result.stderr.splitlines()), default=0) < 1000


def check_report(case, source, stderr):
    for pattern in case.report:
        pattern = pattern.replace("'@'", re.escape(repr(str(source)))).replace("@", re.escape(str(source)))
        assert re.search(pattern, stderr), stderr


def test_there_are_enough():
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_indexing(case, home, place, stored, monkeypatch):
    before = Home(home).current()
    with monkeypatch.context() as patch:
        source = case.make(place, patch)
        how = () if case.whole else ("--add",)
        result = call("index", source, "--home", home, *how, *case.options)
    check_plain(result, case.status)
    check_report(case, source, result.stderr)
    if not case.report:
        assert " 0 rejected" in result.stdout, result.stderr
    kept = archived(home)
    assert {article_id: kept.get(article_id) for article_id in stored} == stored
    assert len(kept) == len(stored) + case.good
    assert (Home(home).current() == before) == (case.good == 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_checking(case, place, monkeypatch):
    with monkeypatch.context() as patch:
        source = case.make(place, patch)
        result = call("sources", "check", source, *case.options)
    found = case.good if case.found is None else case.found
    check_plain(result, 0 if found and "ERROR unreadable" not in result.stdout else 1)
    assert f" read: {found} articles," in result.stdout
    for pattern in case.report:
        if pattern.startswith(("@:", "@/")):
            check_report(replace(case, report=(pattern,)), source, result.stdout)
