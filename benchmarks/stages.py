"""Where the processor time of a search, and of a related list over HTTP, goes.

Every millisecond of processor time the stack is looked at, and the time goes to the innermost function that stands in
`SEARCH` or `RELATED`; so what C libraries do counts for whoever called them. Queries are whole titles and halves of
titles of `rss`, encoded ahead, each asked once. Lists are asked for as gunicorn asks for them, without its sockets. All
in one thread; times are of the processor, so that other work on the machine counts only for what it does to caches.
"""

from __future__ import annotations

import io
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from benchmarks import common, quality, serving
from benchmarks.search import Remembering
from indexer.archive import Archive
from models.remembering import QueryVectors
from service.app import create_app
from service.live import Live
from service.options import Options
from service.schemas import SearchParams
from service.searcher import Searcher
from service.settings import Settings

WARM, TIMED, SAMPLED = 200, 2000, 4000
_REST = "the rest"


class Part(NamedTuple):
    """What the time in functions of a module is for; in all of them where none is named."""

    label: str
    module: str
    functions: tuple[str, ...] = ()


SEARCH = (
    Part("nearest vectors, byte by byte (FAISS)", "indexer/index/vectors.py", ("_one_after_another",)),
    Part("best articles by words (tantivy)", "indexer/index/lexical.py", ("search",)),
    Part("how common the words are (tantivy)", "indexer/index/lexical.py", ("chance",)),
    Part("articles of that very title (tantivy)", "indexer/index/lexical.py", ("titled",)),
    Part("cosines of the candidates' raw vectors (numpy)", "indexer/index/vectors.py", ("cosines",)),
    Part("the query beside its background (numpy)", "indexer/index/calibration.py", ("moments",)),
    Part("diacritics and slips", "service/query/restoration.py", ("restore",)),
    Part("the rest of understanding", "service/query/understanding.py", ("understand", "words")),
    Part("ten articles out of SQLite", "indexer/articles/store.py", ("_fetch",)),
    Part("their lines parsed", "indexer/articles/store.py", ("load_article",)),
    Part("facets", "indexer/archive.py", ("facets",)),
    Part("fusing, calibrating (numpy)", "service/search/retrieval.py", ("_scored",)),
    Part("ranking, one of each text (numpy)", "service/search/ranked_hits.py"),
)

RELATED = (
    Part("the list: the seed", "service/related/seeds.py", ("resolve",)),
    Part("the list: candidates, and what is measured of them", "service/related/relating.py", ("_candidates",)),
    Part("the list: reprints, series, floor, freshness", "service/related/relating.py", ("_worthy",)),
    Part("the list: diversity", "service/related/relating.py", ("_diverse",)),
    Part("the list: fallbacks", "service/related/relating.py", ("_fallen_back",)),
    Part("the list: summaries and reasons", "service/related/relating.py", ("_hits",)),
    Part("the list: the rest of it", "service/searcher.py", ("related",)),
    Part("written as JSON", "service/answers/written.py"),
    Part("ETag, and how long the list holds", "service/answers/validity.py"),
    Part("whether anything was withdrawn (SQLite)", "service/live.py", ("searcher",)),
    Part("the view: parameters, response", "service/api.py"),
    Part("headers, metrics, log", "service/app.py", ("process_response",)),
    Part("Flask and Werkzeug around the view", "service/app.py", ("wsgi_app",)),
    Part("admission", "service/serving/admission.py"),
)


@contextmanager
def sampled(parts: Sequence[Part]) -> Iterator[Counter[str]]:
    """Count where the process is, every millisecond of processor time or as often as the system can."""
    found: Counter[str] = Counter()
    places = {(str(common.ROOT / part.module), name): part.label for part in parts for name in part.functions}
    modules = {str(common.ROOT / part.module): part.label for part in parts if not part.functions}

    def look(_: int, frame: FrameType | None) -> None:
        label = None
        while frame is not None and label is None:
            file = frame.f_code.co_filename
            label = places.get((file, frame.f_code.co_name), modules.get(file))
            frame = frame.f_back
        found[label or _REST] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        yield found
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def measured(ask: Callable[[Any], object], given: Sequence[Any], parts: Sequence[Part]) -> dict[str, Any]:
    """Ask each once, and return p50 and p95 in milliseconds of processor time, and the share of each part.

    :param given: WARM + TIMED + SAMPLED of them.
    """
    times = []
    for one in given[: WARM + TIMED]:
        started = time.thread_time()
        ask(one)
        times.append((time.thread_time() - started) * 1000)
    with sampled(parts) as found:
        for one in given[WARM + TIMED :]:
            ask(one)
    p50, p95 = np.percentile(times[WARM:], [50, 95])
    shares = {part.label: found[part.label] / found.total() for part in (*parts, Part(_REST, ""))}
    return {"p50_ms": float(p50), "p95_ms": float(p95), "shares": shares}


def titles(archive: Archive, count: int) -> list[str]:
    """Return so many whole titles and halves of titles, all different."""
    chance, found = random.Random(common.SEED), dict[str, None]()
    for article in archive.articles(np.random.default_rng(common.SEED).permutation(archive.count)):
        words = article.title.split()
        half = len(words) // 2
        start = chance.randint(0, len(words) - half) if half > 1 and chance.random() < 0.5 else None
        found[" ".join(words if start is None else words[start : start + half])[:500]] = None
    return list(found)[:count]


def search(archive: Archive, given: Sequence[str]) -> dict[str, Any]:
    """Measure searches less their encoding."""
    remembering, vectors = Remembering(), QueryVectors()
    found = Searcher(archive, lambda: remembering, Options.of(Settings()))
    for typed in given:
        query = found.understanding.understand(typed)
        vectors.encode(remembering, query.text, query.gloss)
    fresh = Searcher(archive, lambda: remembering, Options.of(Settings()))
    return measured(lambda typed: fresh.search(SearchParams(q=typed)), given, SEARCH)


def asking(application: Any) -> Callable[[str], bytes]:
    """Return what asks a WSGI application for a path and returns the body."""
    given = {
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "QUERY_STRING": "",
        "wsgi.url_scheme": "http",
    }

    def ask(path: str) -> bytes:
        statuses: list[str] = []
        body = application(
            {**given, "PATH_INFO": path, "wsgi.input": io.BytesIO()}, lambda status, headers: statuses.append(status)
        )
        content = b"".join(body)
        if hasattr(body, "close"):
            body.close()
        if statuses != ["200 OK"]:
            raise ValueError(f"{path}: {statuses[0]}: expected 200 OK")
        return content

    return ask


def related(home: Path, ids: Sequence[str]) -> dict[str, Any]:
    """Measure related lists through the application, and an empty view in the same way."""
    from flask import Flask, Response

    settings = Settings(home=home, cost_budget=common.AMPLE)
    live = Live(home, quality.encoder, 3600.0, Options.of(settings)).start()
    ask = asking(create_app(settings, live).wsgi_app)
    empty = Flask(__name__)
    empty.add_url_rule("/empty/<string:any_id>", "empty", lambda any_id: Response("{}", mimetype="application/json"))
    nothing = measured(asking(empty.wsgi_app), [f"/empty/{at}" for at in range(len(ids))], ())
    paths = [f"/api/v1/articles/{quote(one, safe='')}/related" for one in ids]
    return measured(ask, paths, RELATED) | {"empty_p50_ms": nothing["p50_ms"]}


def main() -> None:
    """Run and save."""
    common.one_thread()
    with common.homes() as homes:
        home, busy = serving.built(homes), os.getloadavg()[0]
        archive, count = serving.opened(home), WARM + TIMED + SAMPLED
        ids = [article.id for article in archive.articles(np.arange(archive.count))]
        random.Random(common.SEED).shuffle(ids)
        result = {
            "articles": archive.count,
            "load_before": busy,
            "search": search(archive, titles(archive, count)),
            "related": related(home, ids[:count]),
        }
    common.save("stages", result)


if __name__ == "__main__":
    os.environ.setdefault("LIENQUAN_MODEL", "bundled")
    main()
