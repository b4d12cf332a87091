"""Indexing against what a reader of the documentation would write: the same model and texts, fp32, in torch.

The product's side is the whole of `lienquan index`, from JSON Lines to a published snapshot; the other side only
encodes, in sentence-transformers' default batches of 32 and one text at a time. Rounds are interleaved.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import torch
from sentence_transformers import SentenceTransformer

from benchmarks import common
from benchmarks.quality import encoder
from indexer.build import build
from indexer.snapshot import Home
from models import bundled, catalogue
from models.cpu import available_threads

ARTICLES, ROUNDS = 200, 3


def main() -> None:
    """Run and save."""
    given = common.articles("vims", ARTICLES)
    texts = [text for article in given for text in article.views]
    torch.set_num_threads(available_threads())
    directory = bundled.ensure(catalogue.models_home() / f"multilingual-e5-small-{bundled.REVISION}")
    peer = SentenceTransformer(str(directory), device="cpu")
    encoder().encode_documents(texts[:8])
    peer.encode(texts[:8], prompt="passage: ")
    seconds: dict[str, list[float]] = {"index": [], "batch 32": [], "batch 1": []}
    for at in range(ROUNDS):
        with common.scratch() as scratch:
            source = common.write_archive(scratch / "archive.jsonl", given)
            started = perf_counter()
            build(Home(scratch / f"home-{at}"), [str(source)], encoder)
            seconds["index"].append(perf_counter() - started)
        for batch in (32, 1):
            started = perf_counter()
            peer.encode(texts, prompt="passage: ", batch_size=batch, show_progress_bar=False)
            seconds[f"batch {batch}"].append(perf_counter() - started)
    rates = {name: len(given) / median(times) for name, times in seconds.items()}
    common.save(
        "rate",
        {
            "articles": len(given),
            "rounds": ROUNDS,
            "precision": encoder().identity.precision,
            "articles_per_second": rates,
            "against_batch_32": rates["index"] / rates["batch 32"],
            "against_batch_1": rates["index"] / rates["batch 1"],
        },
    )


if __name__ == "__main__":
    main()
