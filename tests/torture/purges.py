"""Homes of random history, each with one article that is purged in the end; then nothing of it may be left.

Its words are made up, so that none of them is in any other article. Each version of it has words of its own beside
those that all have. A home sees builds, changes by the API, live snapshots, sources, rejected lines, interrupted
builds, backups, exports, queries, clicks and judgements, in any order. The article is named by its id, an alias or its
address; afterwards a source brings it again under another id.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.articles.article import VIETNAM, validate
from indexer.building.build import BuildOptions, build
from indexer.building.cache import VectorCache
from indexer.building.ingest import Ingester, live_home, newest
from indexer.building.staging import Staging
from indexer.changes.changes import Delete, Put
from indexer.changes.journal import Journal
from indexer.errors import IndexerError
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from indexer.sources.memory import open_memory
from indexer.text.views import ENCODED, text_key
from models.hashing import HashingEncoder
from service.cli import main
from service.clicks.log import ClickLog, ListPosition
from service.judging.judgements import JudgementStore
from service.observing.query_log import QueryLog
from tests.torture.generations import generation
from tests.torture.remains import remains

ID, ALIAS, URL = "an-khuat", "an-khuat-cu", "https://bao.example/tin/{word}-7.html"
OTHERS, STEPS = 12, (6, 16)
_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aáàảãạeéèẻẽẹoóòỏõọuúùủũụưứừửữựôốồổỗộ"


@dataclass
class Found:
    """What became of the homes of a run.

    :param held: In how many places the text was found before the purges.
    """

    homes: int = 0
    held: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        steps = ", ".join(f"{name} {n}" for name, n in sorted(self.steps.items()))
        return f"{self.homes} homes ({steps}); the text in {self.held} places before, in {len(self.wrong)} after"


class History:
    """One home, and all that was ever written of the article.

    :param directory: Where the home and its sources, backups and exports go.
    """

    def __init__(self, directory: Path, rng: random.Random) -> None:
        self.home, self.directory, self.rng = Home(directory / "home"), directory, rng
        self.shared = [self._word() for _ in range(3)]
        self.words = list(self.shared)
        self.url = URL.format(word=self.shared[0])
        self.vectors: set[bytes] = set()
        self.others = generation(1, OTHERS)
        self.number = 0
        self.line = self._version()
        self.home.path.mkdir()
        self.lines([*self.others, self.line], whole=True)

    def _word(self) -> str:
        return "".join(
            self.rng.choice(_CONSONANTS) + self.rng.choice(_CONSONANTS) + self.rng.choice(_VOWELS) for _ in "abc"
        )

    def _version(self) -> dict[str, Any]:
        """Return the article with words that no version before had."""
        own = [self._word() for _ in range(4)]
        self.words += own
        self.number += 1
        title, lead = f"{self.shared[0]} {self.shared[1]} {own[0]} trong đêm", f"Người {self.shared[2]} kể về {own[1]}"
        body = " ".join(["Đoạn", own[2], *["dài"] * self.rng.choice((3, 3000)), own[3], self.shared[2]])
        made = datetime(2023, 11, 15, tzinfo=VIETNAM) + timedelta(minutes=self.number)
        line = {"id": ID, "title": title, "lead": lead, "body": body, "url": self.url, "aliases": [ALIAS]}
        found = validate(line)
        assert not isinstance(found, list)
        for vector in HashingEncoder().encode_documents(list(found.views)):
            self.vectors.add(np.asarray(vector, dtype=np.float32).tobytes())
        return line | {"updated_at": made.isoformat()}

    def lines(self, lines: list[dict[str, Any]], whole: bool = False, **options: Any) -> None:
        """Build from some lines."""
        source = self.directory / f"source-{self.rng.randrange(10**9)}.jsonl"
        source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        said = BuildOptions(whole=whole, allow_shrink=True, added_to=self.rng.choice((0, 2000)), **options)
        build(self.home, [str(source)], HashingEncoder, said)

    def step(self) -> str:
        """Do something, and return what."""
        name = self.rng.choice([name for name in dir(self) if name.startswith("do_")])
        getattr(self, name)()
        return name.removeprefix("do_")

    def do_index(self) -> None:
        self.lines([*self.others, *([self.line] if self.rng.random() < 0.6 else [])], whole=True)

    def do_add(self) -> None:
        self.line = self._version()
        self.lines([self.line], whole=False)

    def do_put(self) -> None:
        self.line = self._version()
        self._write(Put(self._article()))

    def do_delete(self) -> None:
        self._write(Delete(ID))

    def do_merge(self) -> None:
        build(self.home, [], HashingEncoder, BuildOptions(whole=False, added_to=self.rng.choice((0, 2000))))

    def do_ingest(self) -> None:
        with live_home(self.home).lock():
            ingester = Ingester(self.home, HashingEncoder)
            while ingester.step():
                pass

    def do_sync(self) -> None:
        with open_memory(self.home.path, self.rng.choice(("feed", "sitemap"))) as memory:
            self.line = self._version()
            memory.begin()
            memory.put(self.rng.choice((self.url, "guid-7")), "1", self.line, derived=True)
            memory.put("https://bao.example/khac", "1", {"id": "khac", "title": "Bài khác"})
            memory.commit()

    def do_reject(self) -> None:
        raw = self.rng.choice(
            (self.line | {"tags": 7}, json.dumps(self.line)[:-40], json.dumps({"id": "k", "title": 5}))
        )
        path = self.home.path / f"rejects-{self.rng.randrange(10**9)}.jsonl"
        path.write_text(json.dumps({"source": "x", "line": 1, "problems": [], "raw": raw}) + "\n")

    def do_interrupted_build(self) -> None:
        """Leave what a killed build leaves: a directory with what was staged, and vectors."""
        place = self.rng.choice((self.home, live_home(self.home)))
        place.snapshots.mkdir(parents=True, exist_ok=True)
        left = place.snapshots / f".partial-{self.rng.randrange(10**8):08x}"
        left.mkdir()
        with closing(Staging(left / "staging.sqlite")) as staging:
            staging.add(self._article(), "source", derived=False)
        article, encoder = self._article(), HashingEncoder()
        with closing(VectorCache(self.home.path, encoder.identity, ENCODED)) as cache:
            cache.put([text_key(article.views)], encoder.encode_documents([article.views[0]]))

    def do_backup(self) -> None:
        self._command("backup", self.directory / f"backup-{self.rng.randrange(10**9)}")

    def do_export(self) -> None:
        out = self.home.path / f"ra-{self.rng.randrange(10**9)}.{self.rng.choice(('jsonl', 'csv', 'npy'))}"
        self._command("export", {".jsonl": "articles", ".csv": "related", ".npy": "vectors"}[out.suffix], "--out", out)

    def do_queries(self) -> None:
        log = QueryLog(self.home.path / "queries.sqlite", 30, 50, lambda n: None)
        for query in (*self.shared, f"tin {self.shared[1]} mới", "giá vàng"):
            for caller in range(5):  # so many have to type it before it is kept
                log.note(query, 1, str(caller))
        log.write()

    def do_clicks(self) -> None:
        log = ClickLog(self.home.path / "clicks.sqlite", 30, 50, lambda n: None)
        log.note(ListPosition(2_000_000_000, ID, 1, "khac", "r"), clicked=True)
        log.write()

    def do_judge(self) -> None:
        store = JudgementStore(self.home.path)
        store.give("search", f"{self.shared[0]} đêm", ID, "Lan", 2)
        store.give("search", "giá vàng", "khac", "Lan", 2)

    def _article(self) -> Any:
        return validate(self.line)

    def _write(self, change: Put | Delete) -> None:
        with closing(Journal(self.home.path)) as journal:
            journal.write([change])

    def _command(self, *arguments: object, status: int = 0) -> str:
        given = [*map(str, arguments), "--home", str(self.home.path)]
        done = CliRunner().invoke(main, given, env={"LIENQUAN_MODEL": "hashing"})
        assert done.exit_code == status, f"{arguments}: {done.output} {done.exception!r}"
        return done.output

    def left(self) -> list[str]:
        """Return what is found of the article."""
        return remains(self.home.path, self.words, self.vectors)

    def purge(self) -> None:
        """Purge the article, perhaps some time after it was taken down."""
        if self.rng.random() < 0.3:
            self._command("articles", "takedown", ID, "--why", "x")
            self.do_merge()
        name = self.rng.choice((ID, ALIAS, self.url))
        self._command("articles", "takedown", name, "--why", "x", "--purge")

    def bring_again(self) -> None:
        """Have it come again, under another id and as it was."""
        again = {
            "id": "u-77",
            "url": f"{self.url}?utm_source=x",
            "title": self.line["title"],
            "body": self.line["body"],
        }
        self.lines([*self.others, self.line, again, again | {"tags": 7}], whole=True)
        with open_memory(self.home.path, "feed") as memory:
            memory.put(self.url, "2", again, derived=True)
            memory.commit()

    def others_are_there(self) -> bool:
        """Return whether all other articles are served."""
        place = newest(self.home)
        assert place is not None
        name = place.current()
        assert name is not None
        with closing(Archive(Snapshot(place.directory(name)))) as archive:
            return all(archive.row_of(line["id"]) is not None for line in self.others)


def run(directory: Path, rounds: int, seed: int) -> Found:
    """Purge an article from so many homes, and say what was left of it.

    :param directory: An empty one, for the homes.
    """
    found = Found()
    for number in range(rounds):
        rng = random.Random(f"{seed}-{number}")
        place = directory / str(number)
        place.mkdir()
        history = History(place, rng)
        try:
            steps = [history.step() for _ in range(rng.randint(*STEPS))]
            found.steps.update(steps)
            found.held += len({one.split(":")[0] for one in history.left()})
            history.purge()
            left = history.left()
            history.bring_again()
            left += [f"{one}, after it came again" for one in history.left()]
            if not history.others_are_there():
                left.append("another article is gone")
        except (AssertionError, IndexerError, OSError) as error:
            left = [f"{error!r}"]
        found.wrong += [f"home {number} ({' '.join(steps)}): {one}" for one in left]
        found.homes += 1
    return found
