"""The console script `lienquan`: every command parses, calls, and prints.

Results go to stdout, progress and logs to stderr. Exit status 0, 1 (failed), 2 (wrong use). What a command needs is
imported when it runs: numpy and the model libraries take seconds, and `serve` must share out cores before them.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from indexer.build import Progress
    from indexer.inspection import Inspection
    from indexer.sources import SourceOptions
    from models.catalogue import ModelCard
    from models.encoder import Encoder
    from service.comparison import Comparison
    from service.searcher import Answer, Searcher

Command = TypeVar("Command", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)


def _options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


_home = click.option("--home", type=_PATH, envvar="LIENQUAN_HOME", required=True, help="Where snapshots live.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")
_which_model = _options(
    click.option("--model", envvar="LIENQUAN_MODEL", default="bundled", help="Known name, directory or hub id."),
    click.option("--query-prompt", envvar="LIENQUAN_QUERY_PROMPT", help="Instead of the model's own."),
    click.option("--document-prompt", envvar="LIENQUAN_DOCUMENT_PROMPT", help="Instead of the model's own."),
    click.option("--max-tokens", envvar="LIENQUAN_MAX_TOKENS", type=int, help="Instead of the model's own limit."),
)
_model = _options(
    _which_model,
    click.option(
        "--backend",
        envvar="LIENQUAN_BACKEND",
        type=click.Choice(["auto", "onnx-int8", "torch"]),
        default="auto",
        help="What the model runs in; auto is int8 where it can be trusted, else torch.",
    ),
)
_filters = _options(
    click.option("--section", multiple=True, help="Only of this section; repeatable, like all filters."),
    click.option("--source", multiple=True, help="Only of this source."),
    click.option("--author", multiple=True, help="Only of this author."),
    click.option("--tag", multiple=True, help="Only with this tag."),
    click.option("--published-from", help="Not before this date or time."),
    click.option("--published-to", help="Not after this date or time."),
)
_said_of_sources = _options(
    click.option("--map", "columns", multiple=True, metavar="FIELD=COLUMN", help="Which column of a table FIELD is."),
    click.option("--encoding", help="Of tables and pages, where it is not found out; windows-1258, say."),
)
_ranking = click.option(
    "--ranking",
    type=click.Choice(["relevance", "similarity"]),
    default="relevance",
    show_default=True,
    help="Similarity ranks by measured likeness alone.",
)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the floors below refuse into one line on stderr and exit status 1, or 2 where the call was wrong."""
    from indexer.errors import IndexerError
    from models.errors import ModelError
    from service.errors import BadRequest, ServiceError

    try:
        yield
    except BadRequest as error:
        raise click.UsageError(error.detail) from error
    except (IndexerError, ModelError, ServiceError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lienquan", prog_name="lienquan")
@click.option("-v", "--verbose", is_flag=True, help="Log more, to stderr.")
def main(verbose: bool) -> None:
    """Semantic search and related news for Vietnamese newspapers."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    for floor in ("models", "indexer", "service"):
        logging.getLogger(floor).setLevel(logging.DEBUG if verbose else logging.INFO)


def _card(model: str, query_prompt: str | None, document_prompt: str | None, max_tokens: int | None) -> ModelCard:
    from models import catalogue

    return catalogue.find(model, query_prompt, document_prompt, max_tokens)


def _encoder(backend: str, threads: int | None = None, **model: Any) -> Encoder:
    from models import sentence_transformer

    return sentence_transformer.load(_card(**model), backend, threads)


@main.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_home
@click.option("--add", is_flag=True, help="Add to the current archive instead of replacing it.")
@click.option("--strict", is_flag=True, help="Stop at the first bad line, publishing nothing.")
@click.option("--allow-shrink", is_flag=True, help="Let the archive lose more than 20 % of its articles.")
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@_said_of_sources
@_model
@_json
def index(
    sources: tuple[str, ...],
    home: Path,
    add: bool,
    strict: bool,
    allow_shrink: bool,
    keep: int,
    columns: tuple[str, ...],
    encoding: str | None,
    as_json: bool,
    **model: Any,
) -> None:
    """Index the articles of SOURCE... and publish them as a snapshot.

    A source is JSON Lines (.jsonl, .ndjson), a table (.csv, .tsv), each also packed (.gz, .zst), a page (.html, .htm,
    or as text .txt), a folder of these, or - for JSON Lines on standard input.

    The sources are the whole archive: what an earlier index brought and is gone is removed. Unchanged texts are not
    encoded again, and where nothing changed nothing is published.
    """
    with _plain_errors():
        from indexer.build import BuildOptions, build
        from indexer.snapshot import Home

        said = _source_options(columns, encoding)
        options = BuildOptions(whole=not add, strict=strict, allow_shrink=allow_shrink, keep=keep, source=said)
        with _progress() as progress:
            report = build(Home(home), sources, lambda: _encoder(**model), options, progress)
        for problem in report.problems:
            click.echo(str(problem), err=True)
        hidden = sum(report.problems_by_field.values()) - len(report.problems)
        if hidden > 0:
            click.echo(f"... and {hidden} more", err=True)
    counts = {
        name: getattr(report, name)
        for name in (
            *("lines", "rejected", "repeated", "added", "updated", "removed", "unchanged", "articles"),
            *("encoded", "reused", "snapshot"),
        )
    }
    rejects = str(report.rejects) if report.rejects else None
    if as_json:
        click.echo(json.dumps(counts | {"rejects": rejects, "pruned": report.pruned}))
        return
    click.echo(
        f"{report.lines} lines read, {report.rejected} rejected, {report.repeated} repeated ids; "
        f"{report.added} articles added, {report.updated} updated, {report.removed} removed, "
        f"{report.unchanged} unchanged; {report.encoded} texts encoded, {report.reused} reused"
    )
    if rejects:
        click.echo(f"rejected lines: {rejects}")
    click.echo(
        f"published snapshot {report.snapshot}: {report.articles} articles"
        if report.snapshot
        else f"nothing changed, nothing published: {report.articles} articles"
    )


def _source_options(columns: tuple[str, ...], encoding: str | None) -> SourceOptions:
    from indexer.sources import SourceOptions

    mapped: dict[str, str] = {}
    for pair in columns:
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not (name and equals and column):
            raise click.UsageError(f"--map: {pair!r}: expected FIELD=COLUMN")
        if name in mapped:
            raise click.UsageError(f"--map: {name!r} stands twice: expected one column")
        mapped[name] = column
    try:
        SourceOptions(encoding=encoding)
    except ValueError as error:
        raise click.UsageError(f"--encoding: {error}") from error
    try:
        return SourceOptions(mapped, encoding)
    except ValueError as error:
        raise click.UsageError(f"--map: {error}") from error


@contextmanager
def _progress() -> Iterator[Progress]:
    """Yield a progress callback: bars on a terminal, a line at a time elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_progress()
        return
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def _plain_progress() -> Progress:
    shown: dict[str, int] = {}

    def show(stage: str, done: int, total: int | None) -> None:
        tenths = done // 10_000 if total is None else (10 * done // total if total else 10)
        if shown.get(stage) != tenths:
            shown[stage] = tenths
            click.echo(f"{stage}: {done}" + (f" of {total}" if total is not None else ""), err=True)

    return show


@main.command()
@_home
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
def serve(home: Path, host: str, port: int, workers: int) -> None:
    """Serve the current snapshot, and every later one as it is published.

    An empty home is fine: the service is ready once something is indexed. Its other settings are environment
    variables, LIENQUAN_MODEL and so on; the README lists them.
    """
    from service.serve import serve as run

    click.echo(f"http://{host}:{port} serves {home}", err=True)
    run(home, host, port, workers)


def _searcher(home: Path, encoder: Callable[[], Encoder]) -> Searcher:
    from indexer.archive import Archive
    from indexer.errors import SnapshotError
    from indexer.snapshot import Home, Snapshot
    from service.searcher import Searcher

    place = Home(home)
    name = place.current()
    if name is None:
        raise SnapshotError(f"{home}: no snapshot is published yet: run `lienquan index`")
    archive = Archive(Snapshot(place.directory(name)))

    def checked() -> Encoder:
        loaded = encoder()
        if not archive.manifest.encoder.compatible(loaded.identity):
            raise SnapshotError(f"snapshot {name}: made with {archive.manifest.encoder}, not with {loaded.identity}")
        return loaded

    return Searcher(archive, checked)


@main.command()
@click.argument("query")
@_home
@click.option("--limit", type=int, default=10, show_default=True, help="Hits to show.")
@click.option("--offset", type=int, default=0, show_default=True, help="Hits to pass over.")
@click.option("--sort", type=click.Choice(["relevance", "newest"]), default="relevance", show_default=True)
@_ranking
@_filters
@_model
@_json
def search(
    query: str,
    home: Path,
    limit: int,
    offset: int,
    sort: str,
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
    with _plain_errors():
        from service.schemas import SearchParams, parse_params

        given = {"q": [query], "limit": [str(limit)], "offset": [str(offset)], "sort": [sort], "ranking": [ranking]}
        given |= _given_filters(section, source, author, tag, published_from, published_to)
        params = parse_params(SearchParams, given)
        _show(_searcher(home, lambda: _encoder(**model)).search(params), as_json)


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


@main.command()
@click.argument("article_id", metavar="ID")
@_home
@click.option("--limit", type=int, default=6, show_default=True, help="Articles to show.")
@_ranking
@_filters
@_json
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
    with _plain_errors():
        from service.errors import NotReady
        from service.schemas import FilterFields, RelatedBody, RelatedParams, Seed, parse_params

        def never() -> Encoder:
            raise NotReady("a stored article needs no encoder")

        given = {"limit": [str(limit)], "ranking": [ranking]}
        given |= _given_filters(section, source, author, tag, published_from, published_to)
        params = parse_params(RelatedParams, given)
        filters = FilterFields(**{name: getattr(params, name) for name in FilterFields.model_fields})
        body = RelatedBody(seed=Seed(ids=[article_id]), limit=params.limit, filters=filters, ranking=params.ranking)
        _show(_searcher(home, never).related(body), as_json)


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
        click.echo(json.dumps({"total": answer.total, "hits": hits}, ensure_ascii=False))
        return
    for hit in answer.hits:
        day = f"{hit.article.published_at:%d/%m/%Y}" if hit.article.published_at else "-"
        click.echo(f"{hit.score:.3f}  {day:>10}  {hit.article.id}  {hit.article.title}")


@main.command()
@click.argument("what", type=click.Choice(["search", "related"]))
@_home
@click.option("--qrels", type=_PATH, required=True, help="Judgements: query-id, corpus-id, score, tab-separated.")
@click.option("--queries", type=_PATH, help="JSON Lines of id and text; search needs them.")
@click.option("--run-out", type=_PATH, help="Write the lists here, in TREC's run format.")
@click.option("--ranking", type=click.Choice(["similarity", "relevance"]), default="similarity", show_default=True)
@_model
@_json
def evaluate(
    what: str,
    home: Path,
    qrels: Path,
    queries: Path | None,
    run_out: Path | None,
    ranking: str,
    as_json: bool,
    **model: Any,
) -> None:
    """Measure search or related articles against judgements."""
    if what == "search" and queries is None:
        raise click.UsageError("evaluate search needs --queries")
    with _plain_errors():
        from functools import cache

        from indexer import metrics
        from service import evaluation

        searcher = _searcher(home, cache(lambda: _encoder(**model)))
        judged = metrics.read_qrels(qrels)
        if queries is not None and what == "search":
            result = evaluation.evaluate_search(searcher, metrics.read_queries(queries), judged, ranking)
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


@main.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The HTML file to write.")
@click.option("--home", type=_PATH, envvar="LIENQUAN_HOME", help="Compare the current snapshot here; without SOURCE.")
@click.option("--articles", type=click.IntRange(1, 1000), default=30, show_default=True, help="Articles to compare.")
@click.option("--links", type=click.IntRange(1, 50), default=6, show_default=True, help="Links under each.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed chooses other articles.")
@click.option("--lang", type=click.Choice(["vi", "en"]), default="vi", show_default=True, help="Language of the page.")
@_said_of_sources
@_model
def compare(
    sources: tuple[str, ...],
    out: Path,
    home: Path | None,
    articles: int,
    links: int,
    seed: int,
    lang: str,
    columns: tuple[str, ...],
    encoding: str | None,
    **model: Any,
) -> None:
    """Set the newest of the section beside what Lienquan would show, in one HTML file.

    For articles of the archive of SOURCE..., indexed for the moment only, or of the current snapshot of a home. The
    file needs nothing else: it can be opened from disk, printed and sent by mail.
    """
    given = click.get_current_context().get_parameter_source("home")
    if sources and given is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("compare takes SOURCE... or --home, not both")
    if not sources and home is None:
        raise click.UsageError("compare needs SOURCE... or --home")
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: {str(out)!r}: expected a file in a directory that exists")
    said = _source_options(columns, encoding)
    with _plain_errors(), _archive_of(sources, said, home, **model) as searcher:
        from service import comparison, comparison_page

        found = comparison.compare(searcher, articles, links, seed)
        comparison_page.write(out, comparison_page.render(found, lang))
    click.echo(f"{out}: {len(found.pairs)} articles of {found.eligible} that qualify")
    for name, figures in (("newest of the section", found.newest), ("Lienquan", found.related)):
        click.echo(f"{name}: {figures.same_event} of {figures.links} links to the same event, {_how_known(found)}")


def _how_known(found: Comparison) -> str:
    if not found.judged:
        return "estimated by relevance"
    return "by the archive" if found.judged == len(found.pairs) else "by the archive or estimated by relevance"


@contextmanager
def _archive_of(sources: tuple[str, ...], said: SourceOptions, home: Path | None, **model: Any) -> Iterator[Searcher]:
    """Yield a searcher over the sources, indexed into a home that is gone afterwards, else over a home's snapshot."""
    from indexer.build import BuildOptions, build
    from indexer.snapshot import Home
    from service.errors import NotReady

    def never() -> Encoder:
        raise NotReady("a stored article needs no encoder")

    with tempfile.TemporaryDirectory(prefix="lienquan-compare-") as made:
        place = Path(made) if sources or home is None else home
        if sources:
            with _progress() as progress:
                report = build(Home(place), sources, lambda: _encoder(**model), BuildOptions(source=said), progress)
            if report.rejected:
                click.echo(f"{report.rejected} of {report.lines} lines rejected: {report.problems[0]}", err=True)
        searcher = _searcher(place, never)
        with closing(searcher.archive):
            yield searcher


@main.group()
def sources() -> None:
    """Look at sources before they are indexed."""


@sources.command("check")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--show", type=click.IntRange(0, 1000), default=5, show_default=True, help="Articles to show.")
@_said_of_sources
@_json
def check_sources(
    sources: tuple[str, ...], show: int, columns: tuple[str, ...], encoding: str | None, as_json: bool
) -> None:
    """Show what `index` would make of SOURCE..., and what looks wrong. Nothing is written.

    Exit status 1 if there is no article, or a source cannot be read.
    """
    with _plain_errors():
        from datetime import UTC, datetime

        from indexer.inspection import inspect

        said = _source_options(columns, encoding)
        with _progress() as progress:
            report = inspect(sources, said, datetime.now(UTC), show, lambda lines: progress("reading", lines, None))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _show_inspection(report)
    if not report.ok:
        sys.exit(1)


def _show_inspection(report: Inspection) -> None:
    for article in report.first:
        head = (article["section"], article["published_at"], article["author"], article["url"])
        click.echo(f"{article['title']}\n    id {article['id']}, {article['place']}")
        click.echo(f"    {' · '.join(filter(None, head)) or 'no section, date, author or url'}")
        for name in ("lead", "body"):
            click.echo(f"    {name}: {article[name] or '-'}")
    click.echo(f"{report.lines} lines read: {report.articles} articles, {report.rejected} rejected lines")
    lacking = ", ".join(f"{name} {count}" for name, count in report.missing.items() if count)
    if report.articles:
        click.echo(f"articles without: {lacking or 'nothing is missing'}")
    for finding in report.findings:
        click.echo(f"{finding.severity.upper()} {finding.kind}: {finding.count} {finding.text}")
        for example in finding.examples:
            click.echo(f"    {example}")


@main.group()
def snapshots() -> None:
    """List, verify, prune and roll back snapshots."""


@snapshots.command("list")
@_home
@_json
def list_snapshots(home: Path, as_json: bool) -> None:
    """List the snapshots, oldest first; an asterisk marks the current one."""
    with _plain_errors():
        from indexer.build import describe
        from indexer.snapshot import Home, read_manifest

        place = Home(home)
        current = place.current()
        rows = [
            {"id": name, "current": name == current, **describe(read_manifest(place.directory(name)))}
            for name in place.ids()
        ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        mark = "*" if row["current"] else " "
        size = row["bytes"] / 2**20
        click.echo(f"{mark} {row['id']}  {row['articles']} articles  {size:.1f} MiB  {row['encoder']}")


@snapshots.command("verify")
@click.argument("snapshot_id", required=False, metavar="[ID]")
@_home
def verify_snapshot(snapshot_id: str | None, home: Path) -> None:
    """Hash every file of a snapshot, the current one by default, against its manifest."""
    with _plain_errors():
        from indexer.errors import SnapshotError
        from indexer.snapshot import Home, verify

        place = Home(home)
        name = snapshot_id or place.current()
        if name is None:
            raise SnapshotError(f"{home}: no snapshot is published yet")
        verify(place.directory(name))
    click.echo(f"{name}: every file is as it was published")


@snapshots.command()
@click.option("--keep", type=click.IntRange(1), default=5, show_default=True, help="Snapshots to keep.")
@_home
def prune(keep: int, home: Path) -> None:
    """Delete all but the newest snapshots and the current one."""
    with _plain_errors():
        from indexer.snapshot import Home

        place = Home(home)
        with place.lock():
            doomed = place.prune(keep)
    click.echo(f"deleted {len(doomed)}: {', '.join(doomed)}" if doomed else "nothing to delete")


@snapshots.command()
@click.argument("snapshot_id", required=False, metavar="[ID]")
@_home
def rollback(snapshot_id: str | None, home: Path) -> None:
    """Make an earlier snapshot current again: ID, or the parent of the current one."""
    with _plain_errors():
        from indexer.snapshot import Home

        name = Home(home).rollback(snapshot_id)
    click.echo(f"current snapshot: {name}")


@main.group()
def models() -> None:
    """List, fetch and check models."""


@models.command("list")
@_json
def list_models(as_json: bool) -> None:
    """List the models that are known by name; any sentence-transformers directory or hub id does as well."""
    from models import catalogue

    rows = [
        {
            "name": card.key,
            "source": card.source or "installed with Lienquan",
            "max_tokens": card.max_tokens,
            "query_prompt": card.query_prompt,
            "document_prompt": card.document_prompt,
            "licence": card.licence,
        }
        for card in catalogue.KNOWN.values()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['name']:<32} {row['licence']:<8} {row['max_tokens'] or 'no limit'} tokens")


@models.command()
@_model
def fetch(backend: str, **model: Any) -> None:
    """Make or download the model now instead of at first use."""
    with _plain_errors():
        identity = _encoder(backend=backend, **model).identity
    click.echo(f"{identity.name}@{identity.revision}: {identity.precision}, {identity.dim} dimensions")


@models.command("check")
@_which_model
@_json
def check_model(as_json: bool, **model: Any) -> None:
    """Measure the model against its references; exit status 1 if one check fails."""
    with _plain_errors():
        from models import sentence_transformer

        checks = sentence_transformer.check(_card(**model))
    if as_json:
        click.echo(json.dumps([check.as_json() for check in checks]))
    else:
        for check in checks:
            click.echo(
                f"{'ok  ' if check.passed else 'FAIL'} {check.name}: {check.value:.6g} (expected {check.expected})"
            )
    if not all(check.passed for check in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
