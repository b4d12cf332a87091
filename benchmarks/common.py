"""What the benchmarks share: the data, the machine's facts, and where results go."""

from __future__ import annotations

import gzip
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer import metrics
from indexer.articles.article import Article, validate
from indexer.metrics import Qrels
from models.cpu import available_threads
from models.encoder import Vectors

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SEED, _RESAMPLES = 7, 2000
DATA = Path(os.environ.get("LIENQUAN_DATA", ROOT.parent / "shared" / "data"))
AMPLE = "1000000000/minute"
"""A budget that is never spent, but counted."""
BENCH_PYTHON = Path(os.environ.get("LIENQUAN_BENCH_PYTHON", ROOT / ".venv-bench" / "bin" / "python"))
"""The interpreter that has the packages of benchmarks/requirements.txt."""


def environment(budget: str = AMPLE) -> dict[str, str]:
    """Return the environment for a service: without what only benchmarks know, which it would refuse.

    :param budget: What one address may ask for; a benchmark's client asks for more than readers do.
    """
    own = ("LIENQUAN_DATA", "LIENQUAN_BENCH_PYTHON", "LIENQUAN_BENCH_HOMES")
    return {name: value for name, value in os.environ.items() if name not in own} | {"LIENQUAN_COST_BUDGET": budget}


def articles(name: str, count: int | None = None) -> list[Article]:
    """Return the articles of a set of the data, the first `count` of them."""
    found: list[Article] = []
    with gzip.open(DATA / name / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            if count is not None and len(found) == count:
                break
            article = validate(json.loads(line))
            assert isinstance(article, Article), article
            found.append(article)
    return found


def related_qrels(name: str) -> Qrels:
    """Return the related judgements of a set of the data."""
    return metrics.read_qrels(DATA / name / "related.qrels.tsv")


def related_ndcg(vectors: Vectors, ids: Sequence[str], qrels: Qrels) -> float:
    """Return nDCG@10 of nearest neighbours by brute force over (n, dim) float32 unit vectors."""
    at = {article_id: row for row, article_id in enumerate(ids)}
    run = {}
    for query in qrels:
        scores = vectors @ vectors[at[query]]
        scores[at[query]] = -np.inf
        run[query] = [ids[row] for row in np.argsort(-scores)[:10]]
    return metrics.evaluate(run, qrels)["ndcg@10"]


def write_archive(path: Path, given: Sequence[Article]) -> Path:
    """Write articles as JSON Lines and return the path."""
    with path.open("w", encoding="utf-8") as out:
        for article in given:
            out.write(json.dumps(article.line(), ensure_ascii=False) + "\n")
    return path


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="lienquan-bench-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def homes() -> Iterator[Path]:
    """Yield where built archives are kept: LIENQUAN_BENCH_HOMES, else a directory that is gone afterwards."""
    kept = os.environ.get("LIENQUAN_BENCH_HOMES")
    if kept is None:
        with scratch() as directory:
            yield directory
    else:
        yield Path(kept)


def one_thread() -> None:
    """Have all that this process does be done by one thread, so that its time is all that there is to it."""
    import faiss

    from service.serving import beside

    faiss.omp_set_num_threads(1)
    beside.THREADS = 1


def interval(difference: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean difference by paired bootstrap over queries."""
    random = np.random.default_rng(SEED)
    means = difference[random.integers(0, len(difference), (_RESAMPLES, len(difference)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def machine() -> dict[str, Any]:
    """Return the facts of this machine that a figure depends on."""
    try:
        found = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = []
    packages = ("faiss-cpu", "numpy", "onnxruntime", "sentence-transformers", "torch")
    return {
        "cpu": found[0] if found else platform.processor(),
        "cores": available_threads(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "date": datetime.now(UTC).date().isoformat(),
    }


def save(name: str, result: dict[str, Any]) -> None:
    """Write a result with the machine's facts, for `benchmarks.report` to show."""
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(), **result}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
