"""How much of an article the encoder should see: tokens a second beside nDCG, the model and the rest the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.quality import encoder
from indexer.article import Article
from indexer.embedding import HEAD_WEIGHT
from models.encoder import Vectors
from models.sentence_transformer import SentenceTransformerEncoder

CROWD = 3000


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


def average(vectors: Vectors, heads: Vectors) -> Vectors:
    """Return the unit vectors of both views' weighted means."""
    mixed = (1 - HEAD_WEIGHT) * vectors + HEAD_WEIGHT * heads
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def encode(given: Sequence[Article], way: Callable[[Article], str]) -> tuple[Vectors, int, float]:
    """Return the vectors, how many tokens were read, and the seconds that it took."""
    model = encoder()
    assert isinstance(model, SentenceTransformerEncoder)
    texts = [way(article) for article in given]
    tokens = sum(min(model.count_tokens(text), model.identity.max_tokens) for text in texts)
    started = perf_counter()
    vectors = model.encode_documents(texts)
    return vectors, tokens, perf_counter() - started


def main() -> None:
    """Run and save."""
    crowd = common.articles("vietnews", CROWD)
    sets = {name: common.articles(name) for name in ("vims", "loose")}
    vectors: dict[str, dict[str, Vectors]] = {}
    costs: dict[str, tuple[int, float]] = {}
    for way, text in WAYS.items():
        vectors[way], costs[way] = {}, (0, 0.0)
        for name, given in {**sets, "crowd": crowd}.items():
            vectors[way][name], tokens, seconds = encode(given, text)
            costs[way] = (costs[way][0] + tokens, costs[way][1] + seconds)
    for way in list(WAYS):
        if way != HEAD:
            both = f"{way}, averaged with {HEAD}"
            vectors[both] = {name: average(vectors[way][name], vectors[HEAD][name]) for name in vectors[way]}
            costs[both] = (costs[way][0] + costs[HEAD][0], costs[way][1] + costs[HEAD][1])
    rows = [row(way, vectors[way], costs[way], sets, crowd) for way in vectors]
    common.save("texts", {"rows": rows, "crowd": CROWD})


def row(
    way: str,
    vectors: dict[str, Vectors],
    cost: tuple[int, float],
    sets: dict[str, list[Article]],
    crowd: list[Article],
) -> dict[str, Any]:
    """Return the figures of one way."""
    tokens, seconds = cost
    count = sum(map(len, vectors.values()))
    figures: dict[str, Any] = {
        "way": way,
        "tokens_per_article": tokens / count,
        "tokens_per_second": tokens / seconds,
        "articles_per_second": count / seconds,
    }
    for name, given in sets.items():
        ids = [article.id for article in given]
        qrels = common.related_qrels(name)
        mixed = np.concatenate([vectors[name], vectors["crowd"]])
        figures[name] = common.related_ndcg(vectors[name], ids, qrels)
        figures[f"{name}_mixed"] = common.related_ndcg(mixed, ids + [article.id for article in crowd], qrels)
    return figures


if __name__ == "__main__":
    main()
