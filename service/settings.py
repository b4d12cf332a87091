"""The settings of the service: one frozen object, from environment and settings file, checked as a whole.

Owns the settings, their sources and their faults. Imports nothing heavy: `serve` reads the settings before numpy is
loaded.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from limits import parse, parse_many
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from service.ranking.presets import DuplicateRule, FallbackName
from service.ranking.variants import TrialKind, Variant
from service.security import cors, local, oidc_settings
from service.security.audit_addresses import AddressDetail
from service.security.pictures import Host

PREFIX = "LIENQUAN_"
FILE_VARIABLE = "LIENQUAN_SETTINGS"
"""The environment variable that names the settings file."""
HIDDEN = "(hidden)"
"""Replaces the value of a secret in output."""

_INJECTED = re.compile(r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_\w+")
"""The variables that Kubernetes sets in every container near a service with the name `lienquan`."""


class SettingsError(ValueError):
    """Settings are invalid; `faults` holds a line for each fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def _rates(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise ValueError("expected rates such as 60/minute;2000/hour") from None
    return value


def _budget(value: str) -> str:
    try:
        if value != "off":
            parse(value)
    except ValueError:
        raise ValueError("expected units for a time such as 120000/minute, or off") from None
    return value


def _storage(value: str) -> str:
    try:
        storage_from_string(value)  # no storage connects before it is used
    except ConfigurationError as error:
        hint = "; redis:// needs lienquan[redis] installed" if value.startswith("redis") else ""
        raise ValueError(f"expected memory:// or redis://HOST:PORT/NUMBER, found {value!r}: {error}{hint}") from None
    return value


class Settings(BaseSettings):
    """Every setting is a name of the settings file, and an environment variable in capitals behind LIENQUAN_.

    The variable wins over the file. Paths in the file are counted from where it lies. What is said of a parameter here
    is what `lienquan settings` and docs/settings.md say of it.

    :param home: Where snapshots live.
    :param host: The address that `serve` listens on.
    :param port: The port that `serve` listens on; 0 takes any free one.
    :param workers: How many processes `serve` runs.
    :param model: A model of the catalogue, a directory, or a hub id with its commit, `OWNER/NAME@COMMIT`; weights are
        read as safetensors only.
    :param models: Where models are kept; `~/.cache/lienquan/models` by default.
    :param query_prompt: Replaces the model's own prompt for queries.
    :param document_prompt: Replaces the model's own prompt for articles.
    :param max_tokens: Replaces the model's own token limit.
    :param backend: What the model runs in; `auto` is int8 where it can be trusted, else torch.
    :param reranker: A cross-encoder that scores the first 30 hits of a search again and reorders them: a directory, or
        `OWNER/NAME@COMMIT`; none by default. It may take a quarter of `request_seconds`, else it is passed over.
    :param threads: Cores for the encoder of one process; all by default, `serve` shares them out.
    :param poll_seconds: How often a process looks whether another snapshot has been published.
    :param expose_body: Whether pages and answers give whole articles; if not, they give title and lead only.
    :param picture_hosts: The hosts from which pages may load the articles' pictures, over https; none by default.
    :param public_url: The address at which readers reach the pages. Without it, links that pages give of themselves are
        relative, or left out where only a whole address is allowed.
    :param robots: Whether search engines may list the pages of articles.
    :param synonyms: A file of editors' synonyms, in the format of Solr; read again when it changes.
    :param abbreviations: A file of editors' abbreviations, with the columns of
        indexer/language/lexicon/abbreviations.tsv; read again when it changes.
    :param renamings: A file of places that were renamed or merged, with the columns of
        indexer/language/lexicon/places.tsv; read again when it changes.
    :param rules: The file of the editors' rules for related lists (`lienquan rules`); read again when it changes.
    :param classes: A file that says which sections and tags are sponsored, obituaries or cases of minors: field, value
        and class, a tab between.
    :param min_related: The least relevance of an article in a related list.
    :param fallbacks: What fills a related list that is too short, one after the other; as JSON in an environment
        variable.
    :param duplicates: Which of several near-duplicates a related list shows.
    :param deleted_days: The days for which the text of deleted articles may stay in files that nothing is served from:
        older snapshots, copies of sources, rejected lines.
    :param cache_seconds: The seconds for which caches may keep a related list without asking again.
    :param newsroom: Whether the service has the newsroom's pages.
    :param open_newsroom: Whether the newsroom's pages open without a key until the first key is made, for a browser on
        this machine. It is for trying things out, and allowed only if `host` is a loopback address and no proxy is
        trusted.
    :param session_hours: The hours after which somebody must sign in to the newsroom again.
    :param session_secret: The secret that signs sessions; by default a file of the home, made when it is first needed.
    :param audit_addresses: How much of an address the audit log keeps: nothing, its network (/24, or /64 of IPv6), or
        all of it.
    :param audit_days: The days for which the audit log is kept (`lienquan audit prune`).
    :param audit_secret: The secret that seals the audit log's entries; by default a file of the home, made when it is
        first needed.
    :param oidc_issuer: A provider of OpenID Connect through which people sign in to the newsroom's pages; none by
        default. It needs `public_url`, and at the provider that address with `/newsroom/sign-in/callback` behind it.
    :param oidc_client_id: The name of this service at the provider.
    :param oidc_client_secret: The secret by which this service proves that name.
    :param oidc_client_secret_file: A file of mode 0600 that holds the secret instead.
    :param oidc_name: The provider's name on the page to sign in; its host by default.
    :param oidc_scopes: The scopes that the provider is asked for. This and the next lists are written as JSON in an
        environment variable.
    :param oidc_claim: The claim that holds a person's groups; `a.b` is `b` within `a`.
    :param oidc_editors: The groups or verified e-mail addresses of editors.
    :param oidc_chiefs: The groups or verified e-mail addresses of chiefs. Whoever is neither editor nor chief is
        refused.
    :param oidc_acr: The ways of signing in at the provider that are accepted, compared with the token's `acr` and
        `amr`, such as `mfa`; every way by default.
    :param trusted_hops: The number of proxies in front of the service. Each of them must say for whom it asks
        (X-Forwarded-For, -Proto and -Host).
    :param cors_origins: Sites whose pages may read public answers in a browser, as JSON.
    :param rate_limit: The most requests from one address, such as `60/minute;2000/hour`; no limit by default.
    :param rate_limit_storage: Where requests are counted: in each worker, or shared, such as
        `redis://127.0.0.1:6379/0`.
    :param cost_budget: How much work one address may ask for without a key: units of about a millisecond of a core,
        for a time, counted as `rate_limit_storage` says; `off` for no limit. The default is two cores: 2,000 related
        lists, 250 searches or 35 drafts of 5 kB a second.
    :param key_budget: The same for each key, wherever it is used; the default is ten cores.
    :param request_seconds: The most seconds that a request may take, waiting included; checked between its stages.
    :param max_waiting: The most requests of one process that may wait while it works on as many as it has cores;
        further ones are answered by 503 at once.
    :param max_wait_seconds: The most seconds that a request may wait before it is answered by 503.
    :param metrics: Who may read `/metrics`: nobody, programs on this machine that come through no proxy, or everyone
        who reaches the port; then keep it from readers at the proxy.
    :param log_format: How `serve` writes its log: an object of JSON a line, or text for people; `auto` is text on a
        terminal, else JSON.
    :param access_log: Whether the log has a line for every request: id, path template, status, milliseconds.
    :param query_log: Whether the service keeps what readers search for and how many hits they get (`lienquan report
        queries`). A query is kept only once five callers typed it or it was typed on five days (docs/privacy.md).
    :param query_log_days: The days for which queries are kept.
    :param query_log_mb: The most megabytes that kept queries may take; the oldest go first.
    :param clicks: Whether pages may tell, without anything personal, which articles of related lists were shown and
        clicked (`POST /api/v1/clicks`, `lienquan report clicks`).
    :param clicks_days: The days for which clicks are kept.
    :param clicks_mb: The most megabytes that clicks may take; the oldest go first.
    :param source_seconds: The most seconds that reading a source may take in one round of `sync`, and that it may make
        no progress in `index`. One step of it may take a fifth of that in processor time. A source over the limit is
        ended and reported.
    :param sync_stall_seconds: The seconds without progress, of sources and building alike, after which a round of
        `sync` is ended, reported and begun again; more than source_seconds.
    :param source_mb: The most megabytes of memory that reading a source may take.
    :param trial: Whether two rankings of related lists are shown in turn, for clicks to tell which is better: each
        under half of the articles, or both in every list (team draft).
    :param trial_against: How the second ranking differs from the first, in the parameters of a related request, such as
        `{diversity = 0.5}`; as JSON in an environment variable.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Path("var/home")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    model: str = "bundled"
    models: Path | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    backend: Literal["auto", "onnx-int8", "torch"] = "auto"
    reranker: Annotated[str, Field(min_length=1)] | None = None
    threads: int | None = Field(default=None, ge=1)
    poll_seconds: float = Field(default=0.5, gt=0, le=2)
    expose_body: bool = True
    picture_hosts: tuple[Host, ...] = ()
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s?#@]+/?$")] | None = None
    robots: Literal["index", "noindex"] = "index"
    synonyms: Path | None = None
    abbreviations: Path | None = None
    renamings: Path | None = None
    rules: Path | None = None
    classes: Path | None = None
    min_related: float = Field(default=0.05, ge=0, le=1)
    fallbacks: tuple[FallbackName, ...] = ("same_section_newest",)
    duplicates: DuplicateRule = "newest"
    deleted_days: int = Field(default=30, ge=1, le=3650)
    cache_seconds: int = Field(default=60, ge=0)
    newsroom: bool = True
    open_newsroom: bool = False
    session_hours: float = Field(default=12, ge=0.1, le=24 * 30)
    session_secret: SecretStr | None = Field(default=None, min_length=32)
    audit_addresses: AddressDetail = "network"
    audit_days: int = Field(default=365, ge=1, le=3660)
    audit_secret: SecretStr | None = Field(default=None, min_length=32)
    oidc_issuer: Annotated[str, AfterValidator(oidc_settings.issuer)] | None = None
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    oidc_client_secret: SecretStr | None = Field(default=None, min_length=1, max_length=4096)
    oidc_client_secret_file: Path | None = None
    oidc_name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    oidc_scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")], ...] = ("openid", "profile", "email")
    oidc_claim: str = Field(default="groups", min_length=1, max_length=200)
    oidc_editors: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    oidc_chiefs: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    oidc_acr: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    trusted_hops: int = Field(default=0, ge=0, le=10)
    cors_origins: tuple[Annotated[str, AfterValidator(cors.origin)], ...] = ()
    rate_limit: Annotated[str, AfterValidator(_rates)] | None = None
    rate_limit_storage: Annotated[str, AfterValidator(_storage)] = "memory://"
    cost_budget: Annotated[str, AfterValidator(_budget)] = "120000/minute"
    key_budget: Annotated[str, AfterValidator(_budget)] = "600000/minute"
    request_seconds: float = Field(default=10.0, gt=0, le=600)
    max_waiting: int = Field(default=32, ge=0, le=256)
    max_wait_seconds: float = Field(default=1.5, gt=0, le=60)
    metrics: Literal["off", "loopback", "on"] = "loopback"
    log_format: Literal["auto", "json", "text"] = "auto"
    access_log: bool = True
    query_log: bool = False
    query_log_days: int = Field(default=30, ge=1, le=366)
    query_log_mb: int = Field(default=50, ge=1, le=10_000)
    clicks: bool = False
    clicks_days: int = Field(default=90, ge=3, le=366)
    clicks_mb: int = Field(default=200, ge=1, le=10_000)
    source_seconds: float = Field(default=600.0, ge=1, le=86_400)
    sync_stall_seconds: float = Field(default=3600.0, gt=1, le=604_800)
    source_mb: int = Field(default=1024, ge=128, le=1_048_576)
    trial: TrialKind = "off"
    trial_against: Variant | None = None

    @model_validator(mode="after")
    def _trial_is_whole(self) -> Settings:
        if self.trial != "off" and not (self.clicks and self.trial_against):
            raise ValueError(f"trial = {self.trial!r}: expected clicks = true and trial_against beside it")
        return self

    @model_validator(mode="after")
    def _open_to_this_machine_alone(self) -> Settings:
        fault = local.why_not_open(self.host, self.trusted_hops) if self.open_newsroom else None
        if fault is not None:
            raise ValueError(f"open_newsroom is true: {fault}")
        return self

    @model_validator(mode="after")
    def _sign_on_is_whole(self) -> Settings:
        if (fault := oidc_settings.fault(self.__dict__)) is not None:
            raise ValueError(fault)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of values; the first wins: arguments, environment, file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=read_file())


def load() -> Settings:
    """Return the settings.

    :raises SettingsError: naming all unknown settings and invalid values.
    """
    faults = unknown()
    try:
        loaded = Settings()
    except ValidationError as error:
        faults += [_fault(one) for one in error.errors() if one["type"] != "extra_forbidden" or one["loc"][1:]]
    except UnreadableSetting as error:
        name = next(iter(re.findall(r'field "(\w+)"', str(error))), "")
        given = in_environment().get(name, variable(name))
        faults.append(f"{given}: {_received(name, os.environ.get(given))}: expected JSON")
    if faults:
        raise SettingsError(faults)
    return loaded


def oidc_secret(loaded: Settings) -> str:
    """Return the client secret for the sign-in provider, empty if there is no provider.

    :raises SettingsError: if it cannot be read.
    """
    if loaded.oidc_client_secret is not None:
        return loaded.oidc_client_secret.get_secret_value()
    if loaded.oidc_client_secret_file is None:
        return ""
    try:
        return oidc_settings.read_secret(loaded.oidc_client_secret_file)
    except ValueError as error:
        raise SettingsError([f"oidc_client_secret_file: {error}"]) from None


def file() -> Path | None:
    """Return the path of the settings file, None if there is none."""
    given = os.environ.get(FILE_VARIABLE)
    return Path(given).absolute() if given else None


def read_file() -> dict[str, Any]:
    """Return the values of the settings file with absolute paths; an empty dict if there is no file.

    :raises SettingsError: if it cannot be read.
    """
    path = file()
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}: expected a settings file"]) from None
    except ValueError as error:
        raise SettingsError([f"{path}: {error}: expected TOML"]) from None
    places = {name for name in found if name in Settings.model_fields and _is_path(name)}
    return {
        name: str(path.parent / Path(value).expanduser()) if name in places and isinstance(value, str) else value
        for name, value in found.items()
    }


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def in_environment() -> dict[str, str]:
    """Return the settings in the environment: name -> variable.

    Variables that Kubernetes sets for a service of this name are not settings.
    """
    named = {name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() != FILE_VARIABLE}
    short = {name: name[len(PREFIX) :] for name in sorted(named)}
    return {part.lower(): name for name, part in short.items() if not _INJECTED.fullmatch(part.upper())}


def unknown() -> list[str]:
    """Return a line for each unknown name in the settings file and the environment.

    Values are left out, since a mistyped name may belong to a secret.
    """
    known = Settings.model_fields
    faults = [f"{file()}: {name}: no such setting{_suggestion(name)}" for name in read_file() if name not in known]
    faults += [
        f"{given}: no such setting{_suggestion(name, PREFIX)}"
        for name, given in in_environment().items()
        if name not in known
    ]
    return faults


def is_secret(name: str) -> bool:
    """Return whether a setting's value must not be shown."""
    annotation = Settings.model_fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _is_path(name: str) -> bool:
    annotation = Settings.model_fields[name].annotation
    return Path in (annotation, *get_args(annotation))


def _suggestion(name: str, prefix: str = "") -> str:
    near = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1)
    if not near:
        return ": `lienquan settings` lists them"
    return f": did you mean {prefix}{near[0].upper() if prefix else near[0]}?"


def _fault(error: Any) -> str:
    """Return a value's source, the value, and what was expected."""
    if not error["loc"]:  # a fault of several settings; the input holds all of them, with secrets
        return f"settings: {error['msg']}"
    name = str(error["loc"][0])
    within = "".join(f"{part}: " for part in error["loc"][1:] if isinstance(part, str))
    given = in_environment().get(name)
    origin = given or (f"{file()}: {name}" if name in read_file() else name)
    told = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
    return f"{origin}: {within}{_received(name, error['input'])}: {told}"


def _received(name: str, value: Any) -> str:
    return HIDDEN if name in Settings.model_fields and is_secret(name) else repr(value)
