"""Writes the tables of README.md and benchmarks/README.md from the results, between their markers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from benchmarks import common

FILES = ("README.md", "benchmarks/README.md")


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *rows])


def quality(result: dict[str, Any]) -> str:
    """Return the table of measured quality."""
    names = ("ndcg@10", "recall@10", "mrr@10")
    rows = [[r["set"], *(f"{r[name]:.3f}" for name in names), f"{r['queries']:,.0f}"] for r in result["rows"]]
    return table(["", "nDCG@10", "recall@10", "MRR@10", "queries"], rows)


def readers(result: dict[str, Any]) -> str:
    """Return the tables of readers' queries as served: by kind, and those without an answer."""

    def pair(row: dict[str, Any], name: str) -> str:
        return ", ".join(f"{row[half][name]:.2f}" for half in ("look", "report"))

    def counts(row: dict[str, Any], name: str) -> str:
        return ", ".join(f"{row[half][name]:.0f}" for half in ("look", "report"))

    shares = ("success@3", "answers@3", "precision", "recall")
    rows = [
        [row["set"], *(pair(row, name) for name in shares), counts(row, "empty"), counts(row, "queries")]
        for row in result["rows"]
    ]
    told = result["nothing"]
    header = ["look, report", "right among 3", "answer among 3", "`strong`: precision", "recall", "empty", "queries"]
    none = [["no answer in the archive: `strong` is 0", pair(told, "none_strong"), counts(told, "queries")]]
    return table(header, rows) + "\n\n" + table(["", "share", "queries"], none)


def slips(result: dict[str, Any]) -> str:
    """Return the tables of slips of spelling, and of what is right and taken for one."""
    rows = [
        [name, f"{r['kept']:.2f}", f"{r['best kept']:.2f}", f"{r['queries']:,.0f}"]
        for name, r in result["rows"].items()
    ]
    right = [
        [name, f"{r['corrected']:,.0f}", f"{r['asked after']:,.0f}", f"{r['queries']:,.0f}"]
        for name, r in result["right"].items()
    ]
    header = ["one slip in two to six words", "first three kept", "first one kept among three", "queries"]
    return table(header, rows) + "\n\n" + table(["spelt right", "corrected", "asked after", "queries"], right)


NAMES = {
    "lienquan": "Lienquan",
    "lienquan-served": "Lienquan as served",
    "txtai": "txtai, hybrid",
    "txtai-bb25": "txtai, hybrid, words scaled by `bb25`",
    "lancedb": "LanceDB, hybrid, given our vectors",
    "card": "the 15 lines: sentence-transformers, FAISS Flat",
    "bm25s": "bm25s, words alone",
}


def against(value: float, own: float) -> str:
    """Return how many times as good the first of two figures is."""
    return f"{value / own:.2f}×"


def indexing(result: dict[str, Any]) -> str:
    """Return the table of indexing beside the peers."""
    sides = result["indexing"]["sides"]
    own = sides["lienquan"]["tokens_per_second"]
    rows = [
        [
            NAMES[name],
            f"{r['tokens_per_second']:,.0f}",
            f"{r['encoded_per_second']:,.0f}",
            f"{r['articles_per_second']:.1f}",
            against(own, r["tokens_per_second"]),
            f"{r['ndcg']:.3f}",
        ]
        for name, r in sides.items()
    ]
    header = ["", "tokens indexed a second", "of them encoded", "articles a second", "Lienquan against it"]
    return table([*header, "nDCG@10 of related"], rows)


def peers(result: dict[str, Any], short: bool = False) -> str:
    """Return the tables of search beside the peers; unless short, p95, other ways of typing and cost as well."""
    sides = result["search"]["sides"]
    own = sides["lienquan"]["p50_ms"]
    header = [f"{result['search']['articles']:,} articles", "p50", "p95", "Lienquan against it (p50)", "nDCG@10"]
    rows = [
        [
            NAMES[name],
            f"{r['p50_ms']:.1f} ms",
            f"{r['p95_ms']:.1f} ms",
            against(r["p50_ms"], own),
            f"{r['ndcg']['plain']:.3f}",
        ]
        for name, r in sides.items()
    ]
    if short:
        return table(header, rows)
    more = [
        [
            NAMES[name],
            f"{r['without_encoding_p50_ms']:.1f} ms",
            f"{r['without_encoding_p95_ms']:.1f} ms",
            f"{r['first_p50_ms']:.1f} ms",
            *(f"{score:.3f}" for kind, score in r["ndcg"].items() if kind != "plain"),
            f"{r['memory_mb']:,.0f} MB",
            f"{r['disk_mb']:,.0f} MB",
        ]
        for name, r in sides.items()
    ]
    typed = [f"nDCG@10, {kind}" for kind in sides["lienquan"]["ndcg"] if kind != "plain"]
    headed = ["", "p50 less encoding", "p95 less encoding", "p50, first of a block", *typed, "memory", "disk"]
    return table(header, rows) + "\n\n" + table(headed, more)


def run(result: dict[str, Any]) -> str:
    """Return the table of how long the benchmarks took."""
    seconds, default = result["seconds"], result["default"]
    rows = [
        [f"`{name}`", f"{took / 60:.1f}", "`make bench`" if name in default else "`make bench-scale`"]
        for name, took in seconds.items()
    ]
    rows.append(["all of `make bench`", f"{sum(seconds[name] for name in default) / 60:.1f}", ""])
    return table(["benchmark", "minutes", "part of"], rows)


def texts(result: dict[str, Any]) -> str:
    """Return the table of ways to treat a text."""
    crowd = f"{result['crowd']:,}"
    header = ["what is encoded", "tokens an article", "tokens a second", "articles a second"]
    header += ["`vims`", f"`vims` + {crowd}", "`loose`", f"`loose` + {crowd}"]
    rows = [
        [
            r["way"],
            f"{r['tokens_per_article']:.0f}",
            f"{r['tokens_per_second']:,.0f}",
            f"{r['articles_per_second']:.0f}",
            *(f"{r[name]:.4f}" for name in ("vims", "vims_mixed", "loose", "loose_mixed")),
        ]
        for r in result["rows"]
    ]
    return table(header, rows)


def calibrate(result: dict[str, Any]) -> str:
    """Return the table of fitted curves, and how relevance compares with what was judged."""
    curves = {name: result[name] for name in ("related", "brief", "queries")}
    rows = [
        [name, *(f"{c[key]:.2f}" for key in ("middle", "growth", "width")), f"{c['hits']:,}"]
        for name, c in curves.items()
    ]
    fitted = table(["curve", "middle", "growth", "width", "hits judged"], rows)
    reliability = [
        [name, f"{relevance:.2f}", f"{judged:.2f}", f"{hits:,}"]
        for name, c in curves.items()
        for relevance, judged, hits in c["reliability"]
    ]
    return fitted + "\n\n" + table(["", "mean relevance", "share judged related", "hits"], reliability)


def reading(result: dict[str, Any]) -> str:
    """Return the table of reading a large archive."""
    named = {
        "lines a second, read, validated and stored": f"{result['lines_per_second']:,.0f}",
        "peak memory of the process": f"{result['peak_mb']:,.0f} MB",
    }
    header = ["", f"{result['articles']:,} lines of {result['bytes_per_line'] / 1000:.1f} kB"]
    return table(header, [list(row) for row in named.items()])


def search(result: dict[str, Any], short: bool = False) -> str:
    """Return the tables of search: by set; unless short, with parts taken out, restoration, time as well."""
    header = [
        "nDCG@10",
        "as served",
        *("meaning", "words", "both", "both, even and odd"),
        "gain over the better",
        "queries",
    ]
    rows = [
        [
            r["set"],
            *(f"{r[name]:.3f}" for name in ("served", "dense", "lexical", "hybrid")),
            ", ".join(f"{half:.3f}" for half in r["halves"]),
            f"{r['gain']:+.3f} ({r['interval'][0]:+.3f} to {r['interval'][1]:+.3f})",
            f"{r['queries']:,}",
        ]
        for r in result["rows"]
    ]
    if short:
        return table(header, rows)
    taken = [[a["part"], *(f"{score:.3f}" for score in a["scores"])] for a in result["ablations"]]
    read = [
        [f"{r['articles']:,}", "held back" if r["own"] else "not among them", f"{r['right']:.3f}"]
        for r in result["restored"]
    ]
    facts = [
        [
            f"a search less its encoding, p50, {result['articles']:,} articles, one thread",
            f"{result['time']['p50_ms']:.1f} ms",
        ],
        ["the same, p95", f"{result['time']['p95_ms']:.1f} ms"],
        ["indexing words and language, of the time to encode", f"{result['time']['index_share']:.1%}"],
        *([f"empty answers: {name}", f"{share:.0%}"] for name, share in result["empty"].items()),
    ]
    return "\n\n".join(
        [
            table(header, rows),
            table(["every third query", *result["columns"]], taken),
            table(["tables from articles", "the titles' own articles, titles", "syllables restored right"], read),
            table(["", ""], facts),
        ]
    )


def related(result: dict[str, Any], short: bool = False) -> str:
    """Return the tables of related articles: by set; unless short, drafts, time and news as well."""
    header = ["nDCG@10", "meaning", "shared words", "both", "both, weights held out", "gain over meaning", "queries"]
    rows = [
        [
            r["set"],
            *(f"{r[name]:.3f}" for name in ("dense", "terms", "both", "held_out")),
            f"{r['gain']:+.3f} ({r['interval'][0]:+.3f} to {r['interval'][1]:+.3f})",
            f"{r['queries']:,}",
        ]
        for r in result["rows"]
    ]
    if short:
        return table(header, rows)
    time, drafted = result["time"], result["drafts"]
    facts = [
        ["`vims`, the title alone as a draft, nDCG@10", f"{drafted['title_ndcg']:.3f}"],
        ["the first 60 % of a body under another title: share of the article's own five", f"{drafted['overlap']:.2f}"],
        [f"one list by id, p50, {time['articles']:,} articles, one thread", f"{time['p50_ms']:.2f} ms"],
        ["the same, p95", f"{time['p95_ms']:.2f} ms"],
        ["all their lists", f"{time['all_s']:.0f} s"],
    ]
    news = [
        [
            n["freshness"],
            f"{n['same_event_in_first_three']:.0%}",
            f"{n['mean_age_days']:.1f}",
            f"{n['filled']:.0%}",
        ]
        for n in result["news"]
    ]
    headed = ["freshness", "same event in the first three", "mean age in days", "filled by a fallback"]
    return "\n\n".join([table(header, rows), table(["", ""], facts), table(headed, news)])


def near_duplicates(result: dict[str, Any]) -> str:
    """Return the table of near-duplicates."""
    named = {
        "reprints made of `rss` items, reported half": result["generated"]["rss, odd pairs"],
        "reprints made of `vietnews` articles, reported half": result["generated"]["vietnews, odd pairs"],
        "both": result["generated"]["both, odd pairs"],
        "real pairs of `rss`, judged": result["judged"],
        "the same, sources and times unknown": result["judged, sources and times unknown"],
    }
    rows = [
        [name, f"{r['precision']:.3f}", f"{r['recall']:.3f}", f"{r['duplicates']:,} of {r['pairs']:,}"]
        for name, r in named.items()
    ]
    return table(["", "precision", "recall", "duplicates"], rows)


def series(result: dict[str, Any]) -> str:
    """Return the table of daily series."""
    rows = [
        ["items of `rss`", f"{result['articles']:,}"],
        ["of them instalments of series", f"{result['found']:,} ({result['share']:.1%})"],
        ["series; subjects", f"{result['series']}; {result['kinds']}"],
        [f"precision on {result['judged']} judged", f"{result['precision']:.2f}"],
    ]
    return table(["", ""], rows)


# A table by the name of its marker: up to the first dash that of the result it is made from.
def encoding(result: dict[str, Any]) -> str:
    """Return the tables of encoding: rates, and where the time goes."""
    rates = result["tokens_per_second"]
    rows = [
        [f"Lienquan ({result['precision']}), tokens a second", f"{rates['lienquan']:,.0f}"],
        ["sentence-transformers, torch fp32, batches of 32", f"{rates['torch']:,.0f}"],
        ["Lienquan against it", f"{result['against_torch']:.2f}×"],
        ["bare int8 products of the model's shapes", f"{result['machine_operations_per_second'] / 1e12:.2f} TOPS"],
        ["share of that which encoding reaches", f"{result['share']:.0%}"],
    ]
    parts = [[part, f"{share:.1%}"] for part, share in result["profile"].items()]
    return "\n\n".join(
        [
            table(["", f"{result['articles']} articles, {result['tokens']:,} tokens"], rows),
            table([f"one thread's time, texts of {result['profiled_tokens']:.0f} tokens", "share"], parts),
        ]
    )


def serving(result: dict[str, Any]) -> str:
    """Return the tables of the serving process: over HTTP beside an empty Flask view, and in process."""
    named = {"related": "related by id", "search": "search, ten hits"}
    rows = [
        [
            label,
            f"{r['per_second']:,.0f}",
            f"{r['empty_per_second']:,.0f}",
            f"{r['share']:.1%}",
            f"{r['p50_ms']:.1f}, {r['p95_ms']:.1f} ms",
            f"{r['cpu_ms']:.2f}, {r['empty_cpu_ms']:.2f} ms",
        ]
        for key, label in named.items()
        for r in [result[key]]
    ]
    header = [f"{result['workers']} workers, {result['connections']} connections", "requests a second"]
    header += ["empty Flask view", "share", "p50, p95", "workers' CPU a request, empty view's"]
    time = result["in_process"]
    facts = [
        [f"related by id in process, p50, {time['articles']:,} articles, one thread", f"{time['p50_ms']:.2f} ms"],
        ["the same, p95", f"{time['p95_ms']:.2f} ms"],
    ]
    return table(header, rows) + "\n\n" + table(["", ""], facts)


def whole_articles(result: dict[str, Any]) -> str:
    """Return the table of a served search of whole articles: its parts in process, and what a client sees of it."""
    parts, one, several = result["in_process"], result["one"], result["several"]
    rows = [
        ["in process: encoding the query, p50", f"{parts['encoding_ms']:.1f} ms"],
        ["in process: search beside encoding, p50", f"{parts['beside_encoding_ms']:.1f} ms"],
        ["in process: titles and passages of ten hits, p50", f"{parts['passages_ms']:.1f} ms"],
        ["over HTTP, one worker, one connection, p50, p95", f"{one['p50_ms']:.1f}, {one['p95_ms']:.1f} ms"],
        [
            f"over HTTP, {result['workers']} workers, {result['connections']} connections, requests a second",
            f"{several['per_second']:,.0f}",
        ],
        ["the workers' processor time a request", f"{several['cpu_ms']:.1f} ms"],
        ["waiting for a core before it, by other work", f"{result['load_before']:.1f}"],
    ]
    return table([f"search, ten hits with passages, {result['articles']:,} whole articles", ""], rows)


def overload(result: dict[str, Any]) -> str:
    """Return the table of the service under more than it can answer."""
    kinds = {"search": result["search"], "related by id": result["related"]}

    def line(title: str, told: Callable[[dict[str, Any]], str]) -> list[str]:
        return [title, *(told(kind) for kind in kinds.values())]

    def times(found: list[float]) -> str:
        return ", ".join(f"{value:,.0f}" for value in found[:3:2]) + " ms" if found else "none"

    def by_cpu(told: dict[str, Any]) -> str:
        return f"{told['overload_accepted_per_cpu_s'] * told['capacity_cpu_ms'] / 1000:.0%}"

    def neither(told: dict[str, Any]) -> str:
        return f"{sum(n for status, n in told['overload']['statuses'].items() if status not in ('200', '503')):,}"

    rows = [
        line("capacity, requests a second", lambda r: f"{r['capacity_per_second']:,.0f}"),
        line("asked a second", lambda r: f"{r['overload']['asked_per_second']:,.0f}"),
        line("answered 200 a second", lambda r: f"{r['overload']['per_second']:,.0f}"),
        line("of the capacity", lambda r: f"{r['share_of_capacity']:.0%}"),
        line("the same by the workers' CPU", by_cpu),
        line("p50, p99 of 200", lambda r: times(r["overload"]["accepted_ms"])),
        line("p50, p99 of 503", lambda r: times(r["overload"]["refused_ms"])),
        line("neither 200 nor 503", neither),
        line("p50, p99 of `/healthz` meanwhile", lambda r: times(r["overload"]["health"]["accepted_ms"])),
        line("as usual after", lambda r: f"{r['well_after_s']:.0f} s"),
        line("workers' own memory, before and after", lambda r: ", ".join(f"{m:,.0f}" for m in r["megabytes"]) + " MB"),
    ]
    return table([f"{result['workers']} workers, 5 times the capacity for {result['seconds']:.0f} s", *kinds], rows)


def hostile(result: dict[str, Any]) -> str:
    """Return the table of what ordinary callers met beside hostile clients."""

    def answers(row: dict[str, Any]) -> str:
        told = [f"{count:,} × {status}" for status, count in sorted(row["hostile"].items()) if status != "0"]
        return ", ".join(told) or "none"

    rows = [
        [
            row["attack"],
            f"{row['asked']:,}",
            f"{row['refused']:,}",
            f"{row['p50_ms']:,.0f} ms",
            f"{row['p99_ms']:,.0f} ms",
            f"{row['longest_ms']:,.0f} ms",
            answers(row),
        ]
        for row in result["rows"]
    ]
    first = f"ten hostile clients, {result['workers']} workers, {result['seconds']:.0f} s each"
    rows.append(["waiting for a core before it, by other work", f"{result['load_before']:.1f}", *[""] * 5])
    return table([first, "others asked", "refused", "p50", "p99", "longest", "the hostile were answered"], rows)


def ingesting(result: dict[str, Any]) -> str:
    """Return the table of what ingestion takes and costs."""

    def seen(kind: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: "{p50_s:.2f}, {p95_s:.2f}, {most_s:.2f} s".format(**row["visible"][kind])

    def searches(phase: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: "{p50_ms:.0f}, {p95_ms:.0f} ms".format(**row["searches"][phase])

    def pairs(row: dict[str, Any]) -> str:
        return ", ".join(f"{growth:+.0%}" for growth in row["p95_growth_by_pair"])

    told: dict[str, Callable[[dict[str, Any]], str]] = {
        "waiting for a core before it, by other work": lambda row: f"{row['load_before']:.1f}",
        "articles put": lambda row: f"{row['puts']}",
        "p50, p95 of the PUT itself": lambda row: "{p50_ms:.0f}, {p95_ms:.0f} ms".format(**row["put_ms"]),
        "PUT to found by search, p50, p95, most": seen("search"),
        "PUT to its related list, p50, p95, most": seen("related"),
        "p50, p95 of searches without ingestion": searches("without"),
        "p50, p95 of searches with it": searches("with"),
        "growth of p95": lambda row: f"{row['p95_growth']:+.0%}",
        "the same of each pair of phases": pairs,
        "searches that failed": lambda row: f"{sum(phase['failed'] for phase in row['searches'].values()):.0f}",
        "workers' CPU for each PUT": lambda row: f"{row['cpu_ms_per_put']:.0f} ms",
    }
    rows = [[title, *(of(row) for row in result["rows"])] for title, of in told.items()]
    first = result["rows"][0]
    header = f"{first['workers']} workers, {first['rate']:.0f} searches a second"
    return table([header, *(f"{row['articles']:,} articles" for row in result["rows"])], rows)


def browsing(result: dict[str, Any]) -> str:
    """Return the tables of what a reader waits for in a browser, and of how pages load."""
    waited = [
        [f"last key to {label}", f"{result[name]['p50_ms']:.0f} ms", f"{result[name]['p95_ms']:.0f} ms"]
        for name, label in (("suggestions", "suggestions shown"), ("results", "results shown"))
    ]
    pages = [
        [
            f"{name}, the worst of {result['opened']}",
            f"{page['shift']:.3f}",
            f"{page['long_tasks']:.0f} ({page['longest_ms']:.0f} ms)" if page["long_tasks"] else "0",
            f"{page['bytes'] / 1000:.1f} kB",
        ]
        for name, page in result["pages"].items()
    ]
    typed = f'"{result["query"]}" typed {result["rounds"]} times, {result["articles"]:,} articles'
    headed = ["first visit, on a phone", "layout shift", "tasks over 50 ms (the longest)", "transferred"]
    return table([typed, "p50", "p95"], waited) + "\n\n" + table(headed, pages)


def grown(result: dict[str, Any]) -> str:
    """Return the table of the whole product by size of the archive."""
    header = ["", *(f"{row['articles']:,} articles" for row in result["rows"])]

    def line(label: str, value: Callable[[dict[str, Any]], str]) -> list[str]:
        return [label, *(value(row) for row in result["rows"])]

    def latency(kind: str, when: str = "served") -> Callable[[dict[str, Any]], str]:
        return lambda row: f"{row[when][kind]['p50_ms']:.2f}, {row[when][kind]['p95_ms']:.2f} ms"

    rows = [
        line("build less encoding", lambda row: f"{row['build_s']:.0f} s"),
        line("its peak memory", lambda row: f"{row['build_peak_mb']:,.0f} MB"),
        line("disk an article", lambda row: f"{row['bytes_per_article'] / 1000:.1f} kB"),
        line("search less encoding, p50, p95", latency("search")),
        line("related by id, p50, p95", latency("related")),
        line("start to the first related list", lambda row: f"{row['started']['related']:.2f} s"),
        line("start to the first search", lambda row: f"{row['started']['search']:.2f} s"),
        line("private memory of each of three workers", lambda row: f"{max(row['workers']['3']):.0f} MB"),
        line("a snapshot with 1,000 articles more, less encoding", lambda row: f"{row['add_s']:.1f} s"),
        line("search after that, p50, p95", latency("search", "served_after")),
        line("related after that, p50, p95", latency("related", "served_after")),
    ]
    return table(header, rows)


def scale(result: dict[str, Any]) -> str:
    """Return the tables of the vector stage by size, and of the generator beside real vectors."""
    header = ["", *(f"{row['vectors']:,} vectors" for row in result["rows"])]

    def line(label: str, value: Callable[[dict[str, Any]], str]) -> list[str]:
        return [label, *(value(row) for row in result["rows"])]

    def found(kind: str, k: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: f"{row['stage'][kind][k]['p50_ms']:.2f} ms, {row['stage'][kind][k]['recall@10']:.3f}"

    def passed(name: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: f"{row['filters'][name]['p95_ms']:.1f} ms, {row['filters'][name]['recall@10']:.3f}"

    def against_flat(row: dict[str, Any]) -> str:
        stage, flat = row["stage"], row["stage"]["flat_p50_ms"]
        alone, after = flat / stage["articles"]["10"]["p50_ms"], flat / stage["beside_flat_p50_ms"]
        return f"{flat:.1f} ms, {alone:.0f}×, {after:.0f}×"

    rows = [
        line("index", lambda row: f"{row['build']['kind']}"),
        line("recall@10 that the build measured", lambda row: f"{row['build']['recall']:.3f}"),
        line("build", lambda row: f"{row['build']['seconds']:.0f} s"),
        line("its peak memory", lambda row: f"{row['build']['peak_mib']:,.0f} MiB"),
        line("ten nearest of an article held back: p50, recall@10", found("articles", "10")),
        line("of a title", found("titles", "10")),
        line("of a question on other matters", found("questions", "10")),
        line("a thousand nearest of an article held back: p50, recall@10", found("articles", "1000")),
        line("Flat, p50, and how many times that of an article; of one asked right after Flat", against_flat),
        *(line(f"filter, {name}: p95, recall@10", passed(name)) for name in result["rows"][0]["filters"]),
        line("private memory of a worker", lambda row: f"{row['worker']['private_mib']:.1f} MiB"),
    ]
    kinds = result["generator"]
    ranks, breadths = kinds[0]["cosines"], kinds[0]["recall"]
    curves = [
        [kind["vectors"], *(f"{kind['cosines'][rank][1]:.3f}" for rank in ranks)]
        + [f"{kind['recall'][breadth]:.3f}" for breadth in breadths]
        for kind in kinds
    ]
    titled = [f"{kinds[0]['count']:,} vectors", *(f"cosine, rank {rank}" for rank in ranks)]
    titled += [f"recall@10, breadth {breadth}" for breadth in breadths]
    return table(header, rows) + "\n\n" + table(titled, curves)


def memory(result: dict[str, Any]) -> str:
    """Return the table of one worker's memory over many varied queries."""
    sizes = result["megabytes"]
    step = result["queries"] // (len(sizes) - 1)
    chosen = range(0, len(sizes), 2)
    header = ["queries after the warm-up", *(f"{at * step:,}" for at in chosen), "growth"]
    return table(
        header, [["memory of the worker", *(f"{sizes[at]:.1f} MB" for at in chosen), f"{result['growth']:.1%}"]]
    )


def stages(result: dict[str, Any], kind: str = "search") -> str:
    """Return where the processor time of a search goes, or of a related list over HTTP."""
    found = result[kind]
    name = "a search less its encoding" if kind == "search" else "a related list by id, without sockets"
    rows = [[f"{name}, p50, p95", f"{found['p50_ms']:.2f}, {found['p95_ms']:.2f} ms", ""]]
    if kind == "related":
        rows.append(["an empty Flask view in the same way, p50", f"{found['empty_p50_ms']:.2f} ms", ""])
    rows += [[label, f"{share * found['p50_ms']:.2f} ms", f"{share:.0%}"] for label, share in found["shares"].items()]
    rows.append(["waiting for a core before it, by other work", f"{result['load_before']:.1f}", ""])
    return table([f"processor time, {result['articles']:,} articles, one thread", "", "share"], rows)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "encoding": encoding,
    "serving": serving,
    "memory": memory,
    "whole_articles": whole_articles,
    "stages": stages,
    "stages-related": lambda result: stages(result, "related"),
    "overload": overload,
    "hostile": hostile,
    "ingesting": ingesting,
    "browsing": browsing,
    "grown": grown,
    "scale": scale,
    "run": run,
    "peers": peers,
    "peers-search": lambda result: peers(result, short=True),
    "peers-indexing": indexing,
    "sample": quality,
    "readers": readers,
    "slips": slips,
    "quality": quality,
    "search": search,
    "search-sets": lambda result: search(result, short=True),
    "related": related,
    "related-sets": lambda result: related(result, short=True),
    "near_duplicates": near_duplicates,
    "series": series,
    "texts": texts,
    "calibrate": calibrate,
    "reading": reading,
}


def shown(name: str) -> str:
    """Return a result's table and the machine that it was measured on."""
    result = json.loads((common.RESULTS / f"{name.partition('-')[0]}.json").read_text(encoding="utf-8"))
    facts = result["machine"]
    return f"{TABLES[name](result)}\n\nMeasured {facts['date']} on {facts['cores']} cores of {facts['cpu']}."


def main() -> None:
    """Rewrite every table whose result is there."""
    for file in FILES:
        path = common.ROOT / file
        text = path.read_text(encoding="utf-8")
        for name in TABLES:
            if (common.RESULTS / f"{name.partition('-')[0]}.json").is_file():
                marked = re.compile(rf"(<!-- results: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
                text = marked.sub(lambda found, name=name: f"{found[1]}{shown(name)}\n{found[2]}", text)  # type: ignore[misc]
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
