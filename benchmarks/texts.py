"""How much of an article the encoder should see: tokens a second beside nDCG, the model and the rest the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks import common
from benchmarks.quality import encoder
from indexer.articles.article import Article
from indexer.building.embedding import HEAD_WEIGHT
from models.encoder import Vectors
from models.sentence_transformer import SentenceTransformerEncoder

CROWD = 3000
TIMED, ROUNDS = 120, 3


def start(chars: int | None) -> Callable[[Article], str]:
    """Return a function that joins title, lead and the first characters of the body, all of it for None."""

    def text(article: Article) -> str:
        body = (article.plain_body or "")[:chars]
        return "\n".join(part for part in (article.title, article.lead, body) if part)

    return text


WAYS = {
    "title + lead": start(0),
    "title + lead + body to 600 characters": start(600),
    "title + lead + body to 1,100 characters": start(1100),
    "title + lead + whole body (cut at 512 tokens)": start(None),
}
HEAD = "title + lead"
BOTH = {way: f"{way}, averaged with {HEAD}" for way in WAYS if way != HEAD}


def average(vectors: Vectors, heads: Vectors) -> Vectors:
    """Return the unit vectors of both views' weighted means."""
    mixed = (1 - HEAD_WEIGHT) * vectors + HEAD_WEIGHT * heads
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def rates(given: Sequence[Article]) -> dict[str, tuple[float, float]]:
    """Return tokens and seconds an article of each way, the median of interleaved rounds over the same articles."""
    model = encoder()
    assert isinstance(model, SentenceTransformerEncoder)
    texts = {way: [text(article) for article in given] for way, text in WAYS.items()}
    model.encode_documents(texts[HEAD])
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            started = perf_counter()
            model.encode_documents(texts[way])
            seconds[way].append(perf_counter() - started)
    limit = model.identity.max_tokens
    tokens = {way: sum(min(model.count_tokens(text), limit) for text in texts[way]) for way in WAYS}
    return {way: (tokens[way] / len(given), median(seconds[way]) / len(given)) for way in WAYS}


def quality() -> dict[str, dict[str, float]]:
    """Return nDCG@10 of each way on each set, alone and with the crowd mixed in."""
    crowd = common.articles("vietnews", CROWD)
    sets = {name: common.articles(name) for name in ("vims", "loose")}
    given = {**sets, "crowd": crowd}
    vectors = {
        way: {name: encoder().encode_documents([text(a) for a in found]) for name, found in given.items()}
        for way, text in WAYS.items()
    }
    for way, both in BOTH.items():
        vectors[both] = {name: average(vectors[way][name], vectors[HEAD][name]) for name in given}
    measured: dict[str, dict[str, float]] = {}
    for way, of in vectors.items():
        measured[way] = {}
        for name, found in sets.items():
            ids, qrels = [article.id for article in found], common.related_qrels(name)
            mixed = np.concatenate([of[name], of["crowd"]])
            measured[way][name] = common.related_ndcg(of[name], ids, qrels)
            measured[way][f"{name}_mixed"] = common.related_ndcg(mixed, ids + [article.id for article in crowd], qrels)
    return measured


def main() -> None:
    """Run and save."""
    costs = rates(common.articles("vims", TIMED))
    for way, both in BOTH.items():
        tokens, seconds = (a + b for a, b in zip(costs[way], costs[HEAD], strict=True))
        costs[both] = (tokens, seconds)
    rows = [
        {
            "way": way,
            "tokens_per_article": costs[way][0],
            "tokens_per_second": costs[way][0] / costs[way][1],
            "articles_per_second": 1 / costs[way][1],
            **figures,
        }
        for way, figures in quality().items()
    ]
    common.save("texts", {"rows": rows, "crowd": CROWD, "timed": TIMED, "rounds": ROUNDS})


if __name__ == "__main__":
    main()
