"""Shared by several commands: options, the encoder and the searcher, error messages, progress."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

if TYPE_CHECKING:
    from indexer.building.build import BuildOptions
    from indexer.files.progress import Progress
    from indexer.sources import SourceOptions
    from models.catalogue import ModelCard
    from models.encoder import Encoder
    from service.searcher import Searcher
    from service.security.audit import AuditLog
    from service.serving.held_reranker import HeldReranker
    from service.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)

ROUNDS = 36
"""For how many rounds of `sync` one source may be read at once: six hours by default, so that the first reading of a
large site is not broken off."""


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator for several, the first outermost."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def _take_settings(context: click.Context, _: click.Parameter, given: Path | None) -> None:
    """Check all settings first, and use the file's values as defaults of the command's options."""
    from service import settings

    if context.resilient_parsing:
        return
    if given is not None:
        os.environ[settings.FILE_VARIABLE] = str(given.absolute())
    try:
        loaded, filed = settings.load(), settings.read_file()
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from error
    if loaded.models is not None:
        os.environ[settings.variable("models")] = str(loaded.models)
    own = {param.name: (param.envvar or "") for param in context.command.params if isinstance(param.envvar, str)}
    said = {name: envvar.removeprefix(settings.PREFIX).lower() for name, envvar in own.items() if name is not None}
    context.default_map = {name: getattr(loaded, setting) for name, setting in said.items() if setting in filed}


with_settings = click.option(
    "--settings",
    type=PATH,
    envvar="LIENQUAN_SETTINGS",
    is_eager=True,
    expose_value=False,
    callback=_take_settings,
    help="The settings file; the environment wins over it, options over both.",
)
with_home = options(
    with_settings,
    click.option("--home", type=PATH, envvar="LIENQUAN_HOME", required=True, help="Where snapshots live."),
)
with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")
with_which_model = options(
    click.option(
        "--model",
        envvar="LIENQUAN_MODEL",
        default="bundled",
        help="Known name, directory or OWNER/NAME@COMMIT of the hub.",
    ),
    click.option("--query-prompt", envvar="LIENQUAN_QUERY_PROMPT", help="Instead of the model's own."),
    click.option("--document-prompt", envvar="LIENQUAN_DOCUMENT_PROMPT", help="Instead of the model's own."),
    click.option("--max-tokens", envvar="LIENQUAN_MAX_TOKENS", type=int, help="Instead of the model's own limit."),
)
with_model = options(
    with_which_model,
    click.option(
        "--backend",
        envvar="LIENQUAN_BACKEND",
        type=click.Choice(["auto", "onnx-int8", "torch"]),
        default="auto",
        help="What the model runs in; auto is int8 where it can be trusted, else torch.",
    ),
)
with_filters = options(
    click.option("--section", multiple=True, help="Only of this section; repeatable, like all filters."),
    click.option("--source", multiple=True, help="Only of this source."),
    click.option("--author", multiple=True, help="Only of this author."),
    click.option("--tag", multiple=True, help="Only with this tag."),
    click.option("--published-from", help="Not before this date or time."),
    click.option("--published-to", help="Not after this date or time."),
)
with_source_options = options(
    click.option("--map", "columns", multiple=True, metavar="FIELD=COLUMN", help="Which column of a table FIELD is."),
    click.option("--encoding", help="Of tables and pages, where it is not found out; windows-1258, say."),
    click.option("--allow-private", is_flag=True, help="Let sources be fetched from machines of private networks."),
    click.option(
        "--source-seconds",
        envvar="LIENQUAN_SOURCE_SECONDS",
        type=click.FloatRange(1, 86_400),
        default=600.0,
        show_default=True,
        help="How long one source may take in a round, or not get on, before its reading is ended.",
    ),
    click.option(
        "--source-mb",
        envvar="LIENQUAN_SOURCE_MB",
        type=click.IntRange(128, 1_048_576),
        default=1024,
        show_default=True,
        help="Megabytes of memory that reading one source may take.",
    ),
)
with_ranking = click.option(
    "--ranking",
    type=click.Choice(["relevance", "similarity"]),
    default="relevance",
    show_default=True,
    help="Similarity ranks by measured likeness alone.",
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn errors of the floors below into one line on stderr and exit status 1, or 2 for wrong use.

    :raises click.ClickException: for such an error.
    :raises click.UsageError: for wrong use.
    """
    from indexer.errors import IndexerError
    from models.errors import ModelError
    from service.errors import BadRequest, ServiceError

    try:
        yield
    except BadRequest as error:
        raise click.UsageError(error.detail) from error
    except (IndexerError, ModelError, ServiceError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def audit_log(home: Path) -> AuditLog:
    """Return the audit log of a home, with its settings."""
    from service import settings
    from service.security.audit import AuditLog

    loaded = settings.load()
    given = loaded.audit_secret
    return AuditLog(home, None if given is None else given.get_secret_value(), loaded.audit_addresses)


def find_card(model: str, query_prompt: str | None, document_prompt: str | None, max_tokens: int | None) -> ModelCard:
    """Return the card that the model options name."""
    from models import catalogue

    return catalogue.find(model, query_prompt, document_prompt, max_tokens)


def load_encoder(backend: str, threads: int | None = None, **model: Any) -> Encoder:
    """Return the encoder that the model options name."""
    from models import sentence_transformer

    return sentence_transformer.load(find_card(**model), backend, threads)


_TRIES, _AGAIN_SECONDS = 5, 0.1


def open_searcher(home: Path, encoder: Callable[[], Encoder]) -> Searcher:
    """Return a searcher over a home's served snapshot. The encoder is loaded and checked when it is first needed.

    :raises SnapshotError: if nothing is published, or the snapshot cannot be opened.
    """
    from indexer.archive import Archive
    from indexer.building.ingest import newest
    from indexer.changes.journal import Journal
    from indexer.errors import SnapshotError
    from indexer.snapshot.home import Home
    from indexer.snapshot.snapshot import Snapshot
    from service.options import Options
    from service.searcher import Searcher
    from service.settings import Settings

    for tries in range(1, _TRIES + 1):
        place = newest(Home(home))
        name = place.current() if place else None
        if place is None or name is None:
            raise SnapshotError(f"{home}: no snapshot is published yet: run `lienquan index`")
        try:
            archive = Archive(Snapshot(place.directory(name)))
            break
        except SnapshotError:
            if tries == _TRIES:
                raise
            time.sleep(_AGAIN_SECONDS)  # a service may have moved on, and be deleting this one

    def checked() -> Encoder:
        loaded = encoder()
        if not archive.manifest.encoder.compatible(loaded.identity):
            raise SnapshotError(f"snapshot {name}: made with {archive.manifest.encoder}, not with {loaded.identity}")
        return loaded

    settings = Settings()
    searcher = Searcher(archive, checked, Options.of(settings), reranker=_reranker(settings))
    journal = Journal.of(home)
    if journal is not None:
        with closing(journal):
            searcher.withdraw(journal)
    return searcher


def _reranker(settings: Settings) -> HeldReranker | None:
    """Return the reranker of the settings, loaded when it is first needed; None if none is set."""
    if settings.reranker is None:
        return None
    from models import cross_encoder
    from service.serving.held_reranker import HeldReranker

    card = cross_encoder.find(settings.reranker)
    return HeldReranker(lambda: cross_encoder.load(card, settings.backend, settings.threads), lazily=True)


@contextmanager
def retained(home: Path, options: BuildOptions) -> Iterator[BuildOptions]:
    """Yield the options of a build, which rewrites everything if that is due. Afterwards delete expired text."""
    from dataclasses import replace

    from indexer.errors import BuildRefused
    from indexer.snapshot.home import Home
    from indexer.takedown import retention
    from service.settings import Settings

    place, days = Home(home), Settings().deleted_days
    yield replace(options, rewrite=options.rewrite or retention.is_overdue(place, days))
    gone: list[str] = []
    with suppress(BuildRefused):  # another build has begun, and will do it
        gone = retention.expire(place, days)
    for name in gone:
        click.echo(f"snapshot {name} is deleted: it may hold what was deleted {days / 2:g} days ago", err=True)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that is put in place only when it is complete."""
    from service.files.whole import whole

    with whole(path) as partial, partial.open("xb") as file:
        yield file


def source_options(
    columns: tuple[str, ...], encoding: str | None, source_seconds: float, source_mb: int, rounds: int = 1, **more: Any
) -> SourceOptions:
    """Return the source options from those of `with_source_options` and others.

    :param rounds: The most rounds for reading a source that makes progress.
    :raises click.UsageError: if an option is invalid.
    """
    from indexer.limits.confined import Allowance
    from indexer.sources import SourceOptions

    more["allowance"] = Allowance(source_seconds, source_seconds / 5, source_mb, rounds * source_seconds)

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
        return SourceOptions(mapped, encoding, **more)
    except ValueError as error:
        raise click.UsageError(f"--map: {error}") from error


@contextmanager
def show_progress(silent: bool = False) -> Iterator[Progress]:
    """Yield a progress callback: bars on a terminal, lines elsewhere, nothing if silent."""
    if silent:
        yield lambda stage, done, total: None
        return
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
