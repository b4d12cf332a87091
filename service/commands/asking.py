"""Commands that ask a snapshot: `search`, `related`, `evaluate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from service.commands.common import (
    PATH,
    load_encoder,
    open_searcher,
    options,
    plain_errors,
    show_progress,
    whole_file,
    with_filters,
    with_home,
    with_json,
    with_model,
    with_ranking,
)

if TYPE_CHECKING:
    from models.encoder import Encoder
    from service.evaluation import DraftKind
    from service.hits import Answer, Hit
    from service.query.understanding import Query
    from service.schemas import RelatedParams
    from service.searcher import Searcher

_MODEL = ("model", "query_prompt", "document_prompt", "max_tokens", "backend")

with_mode = click.option(
    "--mode",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="Search by meaning and words, by meaning, or by words alone.",
)
with_list = options(
    click.option("--limit", type=int, help="Articles to show; 6 unless the preset says otherwise."),
    click.option(
        "--preset",
        type=click.Choice(["standard", "same-section-newest", "inline-teasers", "headlines"]),
        help="Which block of a page the list is for.",
    ),
    click.option(
        "--freshness", type=click.Choice(["breaking", "standard", "evergreen", "none"]), help="How age counts."
    ),
    click.option("--reference", type=click.Choice(["now", "seed"]), help="What age is counted to."),
    click.option("--now", help="Count age to this time; embargoes follow the clock."),
    click.option("--diversity", type=float, help="0 to 1; 1 is pure relevance."),
    click.option("--min-relevance", type=float, help="0 to 1; below this nothing is related."),
    click.option("--exclude-id", "exclude_ids", multiple=True, help="Never show this article; repeatable."),
)


@click.command()
@click.argument("query")
@with_home
@click.option("--limit", type=int, default=10, show_default=True, help="Hits to show.")
@click.option("--offset", type=int, default=0, show_default=True, help="Hits to pass over.")
@click.option("--sort", type=click.Choice(["relevance", "newest"]), default="relevance", show_default=True)
@with_mode
@click.option("--literal", is_flag=True, help="Take the query letter by letter.")
@click.option("--min-relevance", type=float, help="Leave out what is less relevant, 0 to 1.")
@with_ranking
@with_filters
@with_model
@with_json
def search(query: str, home: Path, as_json: bool, **given: Any) -> None:
    """Search the current snapshot for QUERY."""
    model = {name: given.pop(name) for name in _MODEL}
    with plain_errors():
        from service.schemas import SearchParams, parse_params

        params = parse_params(SearchParams, {"q": [query], **_params(given)})
        _show_found(open_searcher(home, lambda: load_encoder(**model)).search(params), as_json)


def _params(given: dict[str, Any]) -> dict[str, list[str]]:
    """Return options in the form of a query string, without those that were not given."""
    listed = {name: value if isinstance(value, tuple) else (value,) for name, value in given.items()}
    written = {name: [_param(value) for value in values if value is not None] for name, values in listed.items()}
    return {name: values for name, values in written.items() if values}


def _param(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(query: Query, relaxed: tuple[str, ...]) -> dict[str, Any]:
    """Return how a query was understood."""
    return {
        "restored": query.restored,
        "corrected": query.corrected,
        "did_you_mean": query.did_you_mean,
        "relaxed": relaxed,
    }


def _show_found(answer: Answer, as_json: bool) -> None:
    query = answer.query
    if as_json:
        shown = [_found(hit) for hit in answer.hits]
        read = {} if query is None else _read(query, answer.relaxed)
        click.echo(json.dumps({"total": answer.total, "hits": shown, **read}, ensure_ascii=False))
        return
    if query is not None and query.restored is not None:
        click.echo(f"understood as: {query.restored}", err=True)
    if query is not None and query.corrected is not None:
        click.echo(f"also searched for: {query.corrected}", err=True)
    if query is not None and query.did_you_mean is not None:
        click.echo(f"did you mean: {query.did_you_mean}", err=True)
    for hit in answer.hits:
        click.echo(_line(hit))


def _found(hit: Hit) -> dict[str, Any]:
    numbers = {name: getattr(hit, name) for name in ("score", "relevance", "similarity")}
    reasons = [reason.code for reason in hit.reasons]
    return {"id": hit.article.id, "title": hit.article.title, **numbers, "reasons": reasons}


def _line(hit: Hit) -> str:
    day = f"{hit.article.published_at:%d/%m/%Y}" if hit.article.published_at else "-"
    return f"{hit.score:.3f}  {day:>10}  {hit.article.id}  {hit.article.title}"


@click.command()
@click.argument("article_id", metavar="[ID]", required=False)
@with_home
@click.option("--all", "every", is_flag=True, help="Instead of ID: a line of JSON for every public article.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --all: write the lines here, in one step once all are there.",
)
@with_list
@with_ranking
@with_filters
@click.option("--explain", is_flag=True, help="Show every number.")
@click.option("--explain-id", help="Say at which step this article fell out.")
@with_json
def related(
    article_id: str | None, home: Path, every: bool, out: Path | None, as_json: bool, explain: bool, **given: Any
) -> None:
    """Show the related articles of article ID, or with --all those of every public article.

    No model is loaded: the vectors are in the snapshot.
    """
    if every == (article_id is not None):
        raise click.UsageError("expected either ID or --all")
    if every and (explain or given["explain_id"] is not None):
        raise click.UsageError("--all: expected neither --explain nor --explain-id, which are of one list")
    if out is not None and not every:
        raise click.UsageError("--out: expected --all beside it")
    if article_id is None:
        from models.cpu import available_threads
        from service.serve import share_cores

        share_cores(available_threads())  # a list's products are small, so more threads would only wait for each other
    with plain_errors():
        from service.errors import NotReady
        from service.schemas import RelatedParams, parse_params

        def never() -> Encoder:
            raise NotReady("a stored article needs no encoder")

        params = parse_params(RelatedParams, _params({**given, "explain": explain}))
        searcher = open_searcher(home, never)
        if article_id is None:
            _write_all(searcher, params, out)
        else:
            _show_related(searcher, article_id, params, as_json)


def _show_related(searcher: Searcher, article_id: str, params: RelatedParams, as_json: bool) -> None:
    from service.answers import written
    from service.schemas import RelatedBody, Seed

    seed = Seed(ids=[article_id])
    body = RelatedBody(seed=seed, exclude_ids=params.exclude_ids, filters=params.fields(), **params.options())
    answer = searcher.related(body)
    listed = written.related_list(searcher, answer, perf_counter()).model_dump(mode="json", exclude={"took_ms"})
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False))
        return
    for hit, shown in zip(answer.hits, listed["hits"], strict=True):
        click.echo(f"{_line(hit)}  ({'; '.join(shown['reasons'])})")
        if shown["explanation"] is not None:
            click.echo(f"{'':>17}  {_told(shown['explanation'])}")
    for pin in answer.missing:
        click.echo(f"pin {pin.rule}: {pin.article}: {pin.reason}", err=True)
    fate = listed["explained"]
    if fate is not None:
        numbers = "" if fate["explanation"] is None else f"  {_told(fate['explanation'])}"
        click.echo(f"{params.explain_id}: {' '.join([fate['step'], fate['detail']]).strip()}{numbers}")


def _told(explanation: dict[str, Any]) -> str:
    """Return the numbers behind a hit on one line."""
    numbers = [f"{name} {value:.3f}" for name, value in explanation.items() if name != "rules"]
    return "  ".join([*numbers, *(f"rule {rule}" for rule in explanation["rules"])])


def _write_all(searcher: Searcher, params: RelatedParams, out: Path | None) -> None:
    """Write the lists of all public articles, with all ages relative to one moment."""
    from service import exporting
    from service.answers import written

    lists, count = exporting.all_lists(searcher, params)
    with _opened(out) as file, show_progress() as show:
        show("related", 0, count)
        for done, listed in enumerate(lists, 1):
            file.write(written.batch_line(listed))
            show("related", done, count)


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """Yield standard output, or a file that is put in place only when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        return
    with whole_file(path) as file:
        yield file


@click.command()
@click.argument("what", type=click.Choice(["search", "related"]))
@with_home
@click.option("--qrels", type=PATH, required=True, help="Judgements: query-id, corpus-id, score, tab-separated.")
@click.option("--queries", type=PATH, help="JSON Lines of id and text; search needs them.")
@click.option("--run-out", type=PATH, help="Write the lists here, in TREC's run format.")
@click.option("--ranking", type=click.Choice(["similarity", "relevance"]), default="relevance", show_default=True)
@click.option(
    "--draft",
    type=click.Choice(["title", "start"]),
    help="Related only: ask with the title alone, or with the first 60 % of the body under it, as with a draft.",
)
@with_mode
@with_model
@with_json
def evaluate(
    what: str,
    home: Path,
    qrels: Path,
    queries: Path | None,
    run_out: Path | None,
    ranking: str,
    draft: DraftKind | None,
    mode: str,
    as_json: bool,
    **model: Any,
) -> None:
    """Measure search or related articles against judgements."""
    if what == "search" and queries is None:
        raise click.UsageError("evaluate search needs --queries")
    if what == "search" and draft is not None:
        raise click.UsageError("--draft: expected related")
    with plain_errors():
        from functools import cache

        from indexer import metrics
        from service import evaluation

        searcher = open_searcher(home, cache(lambda: load_encoder(**model)))
        judged = metrics.read_qrels(qrels)
        if queries is not None and what == "search":
            result = evaluation.evaluate_search(searcher, metrics.read_queries(queries), judged, ranking, mode)
        else:
            result = evaluation.evaluate_related(searcher, judged, ranking, draft)
        if run_out is not None:
            metrics.write_run(run_out, result.run, f"lienquan-{what}-{ranking}" + (f"-{draft}" if draft else ""))
    if as_json:
        asked = {"what": what, "ranking": ranking} | ({"draft": draft} if draft else {})
        click.echo(json.dumps({**asked, **result.measures, "unknown": len(result.unknown)}))
        return
    for name, value in result.measures.items():
        click.echo(f"{name:>10}  {value:.4f}" if name != "queries" else f"{name:>10}  {value:.0f}")
    if result.unknown:
        click.echo(f"not in the archive, counted as 0: {len(result.unknown)}, such as {result.unknown[0]}", err=True)
