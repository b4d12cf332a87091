"""Commands that ask a snapshot: `search`, `related`, `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.commands.common import (
    PATH,
    load_encoder,
    open_searcher,
    plain_errors,
    with_filters,
    with_home,
    with_json,
    with_model,
    with_ranking,
)

if TYPE_CHECKING:
    from models.encoder import Encoder
    from service.searcher import Answer


with_mode = click.option(
    "--mode",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="Search by meaning and words, by meaning, or by words alone.",
)


@click.command()
@click.argument("query")
@with_home
@click.option("--limit", type=int, default=10, show_default=True, help="Hits to show.")
@click.option("--offset", type=int, default=0, show_default=True, help="Hits to pass over.")
@click.option("--sort", type=click.Choice(["relevance", "newest"]), default="relevance", show_default=True)
@with_mode
@click.option("--literal", is_flag=True, help="Take the query letter by letter.")
@with_ranking
@with_filters
@with_model
@with_json
def search(
    query: str,
    home: Path,
    limit: int,
    offset: int,
    sort: str,
    mode: str,
    literal: bool,
    ranking: str,
    section: tuple[str, ...],
    source: tuple[str, ...],
    author: tuple[str, ...],
    tag: tuple[str, ...],
    published_from: str | None,
    published_to: str | None,
    as_json: bool,
    **model: Any,
) -> None:
    """Search the current snapshot for QUERY."""
    with plain_errors():
        from service.schemas import SearchParams, parse_params

        given = {"q": [query], "limit": [str(limit)], "offset": [str(offset)], "sort": [sort], "ranking": [ranking]}
        given |= {"mode": [mode], "literal": [str(literal).lower()]}
        given |= _given_filters(section, source, author, tag, published_from, published_to)
        params = parse_params(SearchParams, given)
        _show(open_searcher(home, lambda: load_encoder(**model)).search(params), as_json)


def _given_filters(
    section: tuple[str, ...],
    source: tuple[str, ...],
    author: tuple[str, ...],
    tag: tuple[str, ...],
    published_from: str | None,
    published_to: str | None,
) -> dict[str, list[str]]:
    given = {"section": [*section], "source": [*source], "author": [*author], "tag": [*tag]}
    bounds = {"published_from": published_from, "published_to": published_to}
    given |= {name: [value] for name, value in bounds.items() if value is not None}
    return {name: values for name, values in given.items() if values}


@click.command()
@click.argument("article_id", metavar="ID")
@with_home
@click.option("--limit", type=int, default=6, show_default=True, help="Articles to show.")
@with_ranking
@with_filters
@with_json
def related(
    article_id: str,
    home: Path,
    limit: int,
    ranking: str,
    section: tuple[str, ...],
    source: tuple[str, ...],
    author: tuple[str, ...],
    tag: tuple[str, ...],
    published_from: str | None,
    published_to: str | None,
    as_json: bool,
) -> None:
    """Show the related articles of article ID. No model is loaded: its vector is in the snapshot."""
    with plain_errors():
        from service.errors import NotReady
        from service.schemas import FilterFields, RelatedBody, RelatedParams, Seed, parse_params

        def never() -> Encoder:
            raise NotReady("a stored article needs no encoder")

        given = {"limit": [str(limit)], "ranking": [ranking]}
        given |= _given_filters(section, source, author, tag, published_from, published_to)
        params = parse_params(RelatedParams, given)
        filters = FilterFields(**{name: getattr(params, name) for name in FilterFields.model_fields})
        body = RelatedBody(seed=Seed(ids=[article_id]), limit=params.limit, filters=filters, ranking=params.ranking)
        _show(open_searcher(home, never).related(body), as_json)


def _show(answer: Answer, as_json: bool) -> None:
    if as_json:
        hits = [
            {
                "id": hit.article.id,
                "title": hit.article.title,
                "score": hit.score,
                "relevance": hit.relevance,
                "similarity": hit.similarity,
                "reasons": hit.reasons,
            }
            for hit in answer.hits
        ]
        shown: dict[str, Any] = {"total": answer.total, "hits": hits}
        if answer.query is not None:
            shown |= {"restored": answer.query.restored, "relaxed": answer.relaxed}
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    if answer.query is not None and answer.query.restored is not None:
        click.echo(f"understood as: {answer.query.restored}", err=True)
    for hit in answer.hits:
        day = f"{hit.article.published_at:%d/%m/%Y}" if hit.article.published_at else "-"
        click.echo(f"{hit.score:.3f}  {day:>10}  {hit.article.id}  {hit.article.title}")


@click.command()
@click.argument("what", type=click.Choice(["search", "related"]))
@with_home
@click.option("--qrels", type=PATH, required=True, help="Judgements: query-id, corpus-id, score, tab-separated.")
@click.option("--queries", type=PATH, help="JSON Lines of id and text; search needs them.")
@click.option("--run-out", type=PATH, help="Write the lists here, in TREC's run format.")
@click.option("--ranking", type=click.Choice(["similarity", "relevance"]), default="similarity", show_default=True)
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
    mode: str,
    as_json: bool,
    **model: Any,
) -> None:
    """Measure search or related articles against judgements."""
    if what == "search" and queries is None:
        raise click.UsageError("evaluate search needs --queries")
    with plain_errors():
        from functools import cache

        from indexer import metrics
        from service import evaluation

        searcher = open_searcher(home, cache(lambda: load_encoder(**model)))
        judged = metrics.read_qrels(qrels)
        if queries is not None and what == "search":
            result = evaluation.evaluate_search(searcher, metrics.read_queries(queries), judged, ranking, mode)
        else:
            result = evaluation.evaluate_related(searcher, judged, ranking)
        if run_out is not None:
            metrics.write_run(run_out, result.run, f"lienquan-{what}-{ranking}")
    if as_json:
        click.echo(json.dumps({"what": what, "ranking": ranking, **result.measures, "unknown": len(result.unknown)}))
        return
    for name, value in result.measures.items():
        click.echo(f"{name:>10}  {value:.4f}" if name != "queries" else f"{name:>10}  {value:.0f}")
    if result.unknown:
        click.echo(f"not in the archive, counted as 0: {len(result.unknown)}, such as {result.unknown[0]}", err=True)
