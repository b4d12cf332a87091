"""How good the product is on judged articles: `index` and `evaluate` as an operator would run them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import common
from indexer.archive import Archive
from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models import catalogue, sentence_transformer
from models.encoder import Encoder
from service import evaluation
from service.searcher import Searcher


@cache
def encoder() -> Encoder:
    """Return the bundled model as it is used on this machine."""
    return sentence_transformer.load(catalogue.find(catalogue.DEFAULT))


def searcher(home: Path, *sources: Path) -> Searcher:
    """Add the sources to a home and return a searcher over it."""
    place = Home(home)
    build(place, [str(source) for source in sources], encoder, BuildOptions(whole=False))
    current = place.current()
    assert current is not None
    return Searcher(Archive(Snapshot(place.directory(current))), encoder)


def related(name: str, crowds: tuple[int, ...], directory: Path) -> list[dict[str, Any]]:
    """Measure related articles of a set alone, and with articles of `vietnews` mixed in."""
    qrels, rows = common.related_qrels(name), []
    for crowd in (0, *crowds):
        given = common.articles("vietnews", crowd) if crowd else common.articles(name)
        source = common.write_archive(directory / f"{name}-{crowd}.jsonl", given)
        found = evaluation.evaluate_related(searcher(directory / name, source), qrels, "similarity")
        label = f"`{name}` related" + (f", {crowd:,} others mixed in" if crowd else "")
        rows.append({"set": label, **found.measures})
    return rows


def main() -> None:
    """Run and save."""
    with common.scratch() as directory:
        rows = related("vims", (6000,), directory) + related("loose", (3000, 6000), directory)
    common.save("quality", {"rows": rows, "encoder": encoder().identity.precision})


if __name__ == "__main__":
    main()
