"""What several test files share: homes, archives and clients over a few invented lines, made in a moment.

The encoder is `models.hashing`: texts are similar as far as they share words, so expectations can be worked out.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pytest
from flask.testing import FlaskClient

from indexer.archive import Archive
from indexer.articles.article import validate
from indexer.articles.prepared import PreparedArticle
from indexer.articles.store import StoredArticle
from indexer.building.build import BuildOptions, BuildReport, build
from indexer.files.layout import WORD_INDEX
from indexer.index.lexical import TantivyIndex, TantivyWriter
from indexer.index.vectors import RAW_FILE, write_vectors
from indexer.language import knowledge
from indexer.language.knowledge import Knowledge, KnowledgeWriter
from indexer.snapshot import projection
from indexer.snapshot.home import Home
from indexer.snapshot.segment import Segment, SegmentWriter, empty_rows
from indexer.snapshot.snapshot import Snapshot
from models.encoder import Encoder
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.options import Options
from service.settings import Settings
from tests import durations

Line = dict[str, Any]

NOW = datetime(2023, 11, 15, tzinfo=UTC)
"""When the segments of `segment_of` are written."""

projection.LANDMARKS = 100  # t-SNE, from 120 on, takes seconds; what is drawn has tests of its own

for setting in ("COST_BUDGET", "KEY_BUDGET"):
    os.environ.setdefault(f"LIENQUAN_{setting}", "off")  # one client makes all the requests of a test file

hypothesis.settings.register_profile("lienquan", deadline=None)  # the machine is shared; a slow example is no failure
hypothesis.settings.load_profile("lienquan")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: begun last, one would leave the other processes idle."""
    seconds = durations.read()
    items.sort(key=lambda item: -seconds.get(item.path.relative_to(durations.ROOT).as_posix(), 0.0))


@pytest.fixture(scope="session")
def publish(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., BuildReport]:
    """Return a function that indexes archive lines into a home."""

    def run(
        home: Path, lines: Iterable[Line], add: bool = False, encoder: Callable[[], Encoder] = HashingEncoder
    ) -> BuildReport:
        source = tmp_path_factory.mktemp("source") / "articles.jsonl"
        source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return build(Home(home), [str(source)], encoder, BuildOptions(whole=not add, allow_shrink=True))

    return run


class Part(NamedTuple):
    """What one segment of an archive is made of: lines, the vector of each, all vectors, deleted rows."""

    lines: Sequence[Line]
    owned: Sequence[int]
    vectors: Any
    dead: Sequence[int] = ()


@pytest.fixture(scope="module")
def archive_over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Archive]]:
    """Return a function that writes and opens an archive of `Part`s, each added to those before it."""
    opened: list[Archive] = []

    def make(*parts: Part, now: datetime = NOW, manifest: Any = None, background: Any = None) -> Archive:
        directory = tmp_path_factory.mktemp("archive")
        dim = np.asarray(parts[0].vectors).shape[1]
        manifest = manifest or SimpleNamespace(encoder=SimpleNamespace(dim=dim), segments=[])
        held = SimpleNamespace(id="x", manifest=manifest, background=background, segments=[], close=lambda: None)
        for part in parts:
            segment = _write(directory, part, now, Archive(held) if held.segments else None)
            held.segments.append(segment)
            held.words = TantivyIndex(directory / WORD_INDEX)
            held.knowledge = Knowledge(directory / knowledge.DIRECTORY)
        held.close = lambda: [segment.close() for segment in held.segments]
        opened.append(Archive(held))
        return opened[-1]

    yield make
    for archive in opened:
        archive.close()


def _write(directory: Path, part: Part, now: datetime, earlier: Archive | None) -> Segment:
    target = directory / f"segment-{len(earlier.segments) if earlier else 0}"
    target.mkdir()
    rows = np.asarray(part.vectors, dtype=np.float32)
    write_vectors(target / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
    first = earlier.count if earlier else 0
    lines = [{"id": f"a{row}", "title": f"Tin {row}", **line} for row, line in enumerate(part.lines, first)]
    articles = [validate(line) for line in lines]
    prepared = [PreparedArticle.of(article) for article in articles if not isinstance(article, list)]
    stored = [StoredArticle.of(article, "source") for article in prepared]
    assert len(stored) == len(part.lines) == len(part.owned)
    text = earlier.text_count if earlier else 0
    keys = [(b"%08d%08d" % (text + row, 0), row) for row in range(len(rows))]
    words = TantivyWriter(directory / WORD_INDEX)
    learnt = None if earlier else KnowledgeWriter(now)
    SegmentWriter(target, now, words, learnt, earlier).write(zip(stored, prepared, part.owned, strict=True), keys)
    words.close()
    if learnt is not None:
        learnt.write(directory / knowledge.DIRECTORY, target)
    return Segment(target, empty_rows(part.dead))


@pytest.fixture(scope="module")
def segment_of(archive_over: Callable[..., Archive]) -> Callable[..., Segment]:
    """Return a function that writes and opens the one segment of an archive (`Part`)."""
    return lambda *part, now=NOW, **rest: archive_over(Part(*part, **rest), now=now).segments[0]


@pytest.fixture(scope="module")
def archive_of(
    publish: Callable[..., BuildReport], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Iterable[Line]], Archive]]:
    """Return a function that opens the archive of some lines."""
    opened: list[Archive] = []

    def make(lines: Iterable[Line]) -> Archive:
        home = tmp_path_factory.mktemp("home")
        name = publish(home, lines).snapshot
        assert name is not None
        opened.append(Archive(Snapshot(Home(home).directory(name))))
        return opened[-1]

    yield make
    for archive in opened:
        archive.close()


@pytest.fixture(scope="module")
def client_of(
    publish: Callable[..., BuildReport], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., FlaskClient]]:
    """Return a function that makes a client of a service over some lines; without any, over an empty home.

    Its newsroom is open until it has a key, unless a setting says otherwise.
    """
    started: list[Live] = []

    def make(lines: Iterable[Line] = (), **settings: Any) -> FlaskClient:
        home = tmp_path_factory.mktemp("home")
        lines = list(lines)
        if lines:
            publish(home, lines)
        settings.setdefault("open_newsroom", not settings.get("trusted_hops"))
        made = Settings(home=home, model="hashing", **settings)
        live = Live(home, HashingEncoder, made.poll_seconds, Options.of(made)).start()
        started.append(live)
        wait_for(lambda: live.not_ready() is None or not lines)
        return create_app(made, live).test_client()

    yield make
    for live in started:
        live.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds; fail where it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"still not so after {seconds} s"
        time.sleep(0.01)
