"""Draws the plots of README.md and benchmarks/README.md from the results: SVG that is the same for the same figures.

Runs in the environment of benchmarks/requirements.txt, so it imports nothing of the product. Backgrounds are
transparent, and greys and colours are of middle lightness, so that they can be read on white and on black alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

RESULTS = Path(__file__).parent / "results"
GREY = "#78797c"
"""As far from white as from GitHub's dark background: 4.3 : 1 by the contrast formula of WCAG 2."""
BLUE, ORANGE, GREEN, VIOLET = "#3584e4", "#e06c1f", "#2f9e5b", "#a259c4"
NAMES = {
    "lienquan": "Lienquan",
    "lienquan-served": "Lienquan,\nas served",
    "txtai": "txtai",
    "txtai-bb25": "txtai, bb25",
    "lancedb": "LanceDB",
    "card": "the 15 lines",
    "bm25s": "bm25s, words alone",
}

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.hashsalt": "lienquan",
        "font.size": 10,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        **dict.fromkeys(("text.color", "xtick.color", "ytick.color", "grid.color"), GREY),
    }
)


def bars(axes: Axes, names: list[str], parts: dict[str, list[float]], notes: list[str]) -> None:
    """Draw a bar a name from top to bottom, of parts end to end, a note behind each.

    :param parts: By label.
    """
    left = [0.0] * len(names)
    for (label, values), colour in zip(parts.items(), (BLUE, ORANGE), strict=False):
        axes.barh(names, values, left=left, color=colour, label=label, height=0.6)
        left = [start + value for start, value in zip(left, values, strict=True)]
    for at, (end, note) in enumerate(zip(left, notes, strict=True)):
        axes.annotate(note, (end, at), xytext=(5, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, max(left) * 1.45)


def search(result: dict[str, Any]) -> Figure:
    """Draw search beside the peers: the median time in its two parts, and nDCG@10."""
    found = result["search"]
    sides = found["sides"]
    rest = [side["without_encoding_p50_ms"] for side in sides.values()]
    encoding = [max(side["p50_ms"] - other, 0.0) for side, other in zip(sides.values(), rest, strict=True)]
    figure = Figure(figsize=(8, 0.5 * len(sides) + 1.3), layout="constrained")
    axes = figure.subplots()
    notes = [f"{side['p50_ms']:.1f} ms, nDCG@10 {side['ndcg']['plain']:.3f}" for side in sides.values()]
    names = [NAMES[name] for name in sides]
    bars(axes, names, {"encoding the query": encoding, "search": rest}, notes)
    axes.set_title(f"A search among {found['articles']:,} articles, median of new queries")
    axes.set_xlabel("milliseconds")
    figure.legend(loc="outside lower right", ncols=2)
    return figure


def indexing(result: dict[str, Any]) -> Figure:
    """Draw indexing beside the peers: tokens a second, and nDCG@10."""
    sides = result["indexing"]["sides"]
    figure = Figure(figsize=(8, 0.5 * len(sides) + 1.3), layout="constrained")
    axes = figure.subplots()
    rates = [side["tokens_per_second"] for side in sides.values()]
    notes = [f"{rate:,.0f}, nDCG@10 {side['ndcg']:.3f}" for rate, side in zip(rates, sides.values(), strict=True)]
    bars(axes, [NAMES[name] for name in sides], {"": rates}, notes)
    axes.set_title("Indexing, from articles to an index on disk")
    axes.set_xlabel("tokens a second")
    return figure


def scale(result: dict[str, Any]) -> Figure:
    """Draw how the vector stage grows with the archive."""

    def line(value: Callable[[dict[str, Any]], float]) -> list[tuple[int, float]]:
        return [(row["vectors"], value(row)) for row in result["rows"]]

    stages = {
        "flat, p50": line(lambda row: row["stage"]["flat_p50_ms"]),
        "ten hits, p50": line(lambda row: row["stage"]["articles"]["10"]["p50_ms"]),
        "a thousand, p50": line(lambda row: row["stage"]["articles"]["1000"]["p50_ms"]),
        "a thousand, p95": line(lambda row: row["stage"]["articles"]["1000"]["p95_ms"]),
    }
    memory = {
        "private": line(lambda row: max(row["worker"]["private_mib"], 0.1)),
        "mapped, shared": line(lambda row: max(row["worker"]["mapped_mib"], 0.1)),
    }
    return growth(
        [
            ("One search, one thread", "milliseconds", stages),
            ("Building the index", "seconds", {"": line(lambda row: row["build"]["seconds"])}),
            ("On disk, raw vectors included", "MB", {"": line(lambda row: sum(row["disk"].values()) / 1e6)}),
            ("Memory of a worker", "MiB", memory),
        ]
    )


def grown(result: dict[str, Any]) -> Figure:
    """Draw how the whole product grows with the archive."""

    def line(value: Callable[[dict[str, Any]], float]) -> list[tuple[int, float]]:
        return [(row["articles"], value(row)) for row in result["rows"]]

    requests = {
        "search, p50": line(lambda row: row["served"]["search"]["p50_ms"]),
        "search, p95": line(lambda row: row["served"]["search"]["p95_ms"]),
        "related by id, p50": line(lambda row: row["served"]["related"]["p50_ms"]),
        "related by id, p95": line(lambda row: row["served"]["related"]["p95_ms"]),
    }
    starts = {
        "related by id": line(lambda row: row["started"]["related"]),
        "search": line(lambda row: row["started"]["search"]),
        "1,000 articles added": line(lambda row: row["add_s"]),
    }
    memory = {
        "each of three workers, private": line(lambda row: max(row["workers"]["3"])),
        "a build, at most": line(lambda row: row["build_peak_mb"]),
    }
    disk = {"": line(lambda row: row["articles"] * row["bytes_per_article"] / 1e6)}
    return growth(
        [
            ("A request less encoding, one thread", "milliseconds", requests),
            ("Start to the first answer; an addition", "seconds", starts),
            ("A build less encoding", "seconds", {"": line(lambda row: row["build_s"])}),
            ("On disk", "MB", disk),
            ("Memory", "MB", memory),
        ]
    )


Panel = tuple[str, str, dict[str, list[tuple[int, float]]]]
"""Title, unit, and points (articles, value) by label; a single line needs no label."""


def growth(panels: list[Panel]) -> Figure:
    """Draw how measures grow with the archive, two panels a row, both axes logarithmic."""
    rows = (len(panels) + 1) // 2
    figure = Figure(figsize=(9, 3 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, (title, unit, lines) in zip(grid, panels, strict=False):
        for (label, points), colour in zip(lines.items(), (BLUE, ORANGE, GREEN, VIOLET), strict=False):
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=label)
        axes.set(xscale="log", yscale="log", title=title, xlabel="articles", ylabel=unit)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,g}")
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.set_ylim(low, high * (high / low) ** 0.5)  # room for the legend
            axes.legend(loc="upper left", fontsize="small")
    for axes in grid[len(panels) :]:
        axes.remove()
    return figure


# A plot by the name of its file: up to the first dash that of the result it is drawn from.
PLOTS: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "peers-search": search,
    "peers-indexing": indexing,
    "scale-growth": scale,
    "grown-growth": grown,
}


def main() -> None:
    """Draw every plot whose result is there."""
    for name, draw in PLOTS.items():
        source = RESULTS / f"{name.partition('-')[0]}.json"
        if source.is_file():
            figure = draw(json.loads(source.read_text(encoding="utf-8")))
            figure.savefig(RESULTS / f"{name}.svg", transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
