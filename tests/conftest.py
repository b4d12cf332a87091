"""What several test files share: homes, archives and clients over a few invented lines, made in a moment.

The encoder is `models.hashing`: texts are similar as far as they share words, so expectations can be worked out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from flask.testing import FlaskClient

from indexer.archive import Archive
from indexer.article import validate
from indexer.build import BuildOptions, BuildReport, build
from indexer.segment import OWNERS_FILE, Segment, empty_rows, write_segment
from indexer.snapshot import Home, Snapshot
from indexer.store import Stored
from indexer.vectors import RAW_FILE, write_vectors
from models.encoder import Encoder
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.options import Options
from service.settings import Settings

Line = dict[str, Any]

NOW = datetime(2023, 11, 15, tzinfo=UTC)
"""When the segments of `segment_of` are written."""

hypothesis.settings.register_profile("lienquan", deadline=None)  # the machine is shared; a slow example is no failure
hypothesis.settings.load_profile("lienquan")


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


@pytest.fixture(scope="session")
def segment_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Segment]]:
    """Return a function that writes and opens a segment of archive lines, each owning one of some literal vectors."""
    opened: list[Segment] = []

    def make(
        lines: Sequence[Line],
        owned: Sequence[int],
        vectors: Sequence[Sequence[float]],
        dead: Sequence[int] = (),
        pairs: Sequence[tuple[int, int]] | None = None,
        now: datetime = NOW,
    ) -> Segment:
        directory = tmp_path_factory.mktemp("segment")
        rows = np.asarray(vectors, dtype=np.float32)
        write_vectors(directory / RAW_FILE, *rows.shape, [(np.arange(len(rows)), rows)])
        articles = [validate({"id": f"a{row}", "title": f"Tin {row}", **line}) for row, line in enumerate(lines)]
        stored = [Stored.of(article, "source") for article in articles if not isinstance(article, list)]
        assert len(stored) == len(lines) == len(owned)
        keys = [(b"%016d" % row, row) for row in range(len(rows))]
        write_segment(directory, zip(stored, owned, strict=True), keys, now)
        if pairs is not None:  # (vector, article) instead, where an article owns several
            np.save(directory / OWNERS_FILE, np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2))
        opened.append(Segment(directory, empty_rows(dead)))
        return opened[-1]

    yield make
    for segment in opened:
        segment.close()


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def client_of(
    publish: Callable[..., BuildReport], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., FlaskClient]]:
    """Return a function that makes a client of a service over some lines; without any, over an empty home."""
    started: list[Live] = []

    def make(lines: Iterable[Line] = (), **settings: Any) -> FlaskClient:
        home = tmp_path_factory.mktemp("home")
        lines = list(lines)
        if lines:
            publish(home, lines)
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
