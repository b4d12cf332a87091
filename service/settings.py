"""The settings of the service: one frozen object, from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from limits import parse_many
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from models import catalogue
from service import cors
from service.presets import DuplicateRule, FallbackName


def _rates(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise ValueError("expected rates such as 60/minute;2000/hour") from None
    return value


def _storage(value: str) -> str:
    try:
        storage_from_string(value)  # none of them connects before it is used
    except ConfigurationError as error:
        hint = "; redis:// needs lienquan[redis] installed" if value.startswith("redis") else ""
        raise ValueError(f"expected memory:// or redis://HOST:PORT/NUMBER, found {value!r}: {error}{hint}") from None
    return value


class Settings(BaseSettings):
    """Every setting is an environment variable of the same name in capitals behind LIENQUAN_.

    :param home: Where snapshots live.
    :param model: A model of the catalogue, a directory, or a hub id.
    :param query_prompt: Stands instead of the model's own prompt for queries.
    :param document_prompt: Stands instead of the model's own prompt for articles.
    :param max_tokens: Stands instead of the model's own token limit.
    :param backend: What the model runs in; `auto` is int8 where it can be trusted, else torch.
    :param threads: Cores for the encoder of one process; all by default, `serve` shares them out.
    :param poll_seconds: How often a process looks whether another snapshot has been published.
    :param expose_body: Whether pages and answers give articles in full, or title and lead only.
    :param min_relevance: Least relevance of the best hit of a search, for every article is somehow near to every
        query; where there is none, the answer is empty, else the hits go down to a tenth of it.
    :param newest_min_relevance: Least relevance of any hit when search sorts by date, where a weak one may come first.
    :param synonyms: A file of editors' synonyms, in the format of Solr; read again when it changes.
    :param abbreviations: A file of editors' abbreviations, with the columns of indexer/lexicon/abbreviations.tsv.
    :param renamings: A file of places that were renamed or merged, with the columns of indexer/lexicon/places.tsv.
    :param rules: The file of the editors' rules for related lists (`lienquan rules`); read again when it changes.
    :param classes: A file that says which sections and tags are sponsored, obituaries or cases of minors: field, value
        and class, a tab between.
    :param min_related: Least relevance in a related list.
    :param fallbacks: What fills a related list that is too short, in turn, as JSON.
    :param duplicates: Which of several near-duplicates is shown.
    :param cache_seconds: For how long caches may keep a related list without asking again.
    :param newsroom: Whether there are pages for the newsroom at all.
    :param session_hours: For how long somebody stays signed in to them.
    :param session_secret: What signs their sessions; a file of the home by default, made when it is first needed.
    :param trusted_hops: How many proxies stand before the service, each of which says for whom it asks
        (X-Forwarded-For, -Proto and -Host).
    :param cors_origins: Sites whose pages may read public answers in a browser, as JSON.
    :param rate_limit: How many requests one address may make, as `60/minute;2000/hour`; any number by default.
    :param rate_limit_storage: Where they are counted: in each worker, or shared, as `redis://127.0.0.1:6379/0`.
    :param request_seconds: For how long a request may take, its wait included; looked at between its stages.
    :param max_waiting: How many requests of one process may wait while as many as it has cores are worked on; the
        others are answered by 503 at once.
    :param max_wait_seconds: For how long one may wait before it is answered by 503.
    """

    model_config = SettingsConfigDict(env_prefix="LIENQUAN_", frozen=True, extra="ignore")

    home: Path = Path("var/home")
    model: str = catalogue.DEFAULT
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    backend: Literal["auto", "onnx-int8", "torch"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    poll_seconds: float = Field(default=0.5, gt=0, le=2)
    expose_body: bool = True
    min_relevance: float = Field(default=0.12, ge=0, le=1)
    newest_min_relevance: float = Field(default=0.1, ge=0, le=1)
    synonyms: Path | None = None
    abbreviations: Path | None = None
    renamings: Path | None = None
    rules: Path | None = None
    classes: Path | None = None
    min_related: float = Field(default=0.05, ge=0, le=1)
    fallbacks: tuple[FallbackName, ...] = ("same_section_newest",)
    duplicates: DuplicateRule = "newest"
    cache_seconds: int = Field(default=60, ge=0)
    newsroom: bool = True
    session_hours: float = Field(default=12, ge=0.1, le=24 * 30)
    session_secret: SecretStr | None = Field(default=None, min_length=32)
    trusted_hops: int = Field(default=0, ge=0, le=10)
    cors_origins: tuple[Annotated[str, AfterValidator(cors.origin)], ...] = ()
    rate_limit: Annotated[str, AfterValidator(_rates)] | None = None
    rate_limit_storage: Annotated[str, AfterValidator(_storage)] = "memory://"
    request_seconds: float = Field(default=10.0, gt=0, le=600)
    max_waiting: int = Field(default=32, ge=0, le=256)
    max_wait_seconds: float = Field(default=1.5, gt=0, le=60)
