"""The requests, as pydantic models from which the OpenAPI document is made (answers: `service.answers.shapes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, ValidationError, model_validator

from indexer.articles.article import MAX_ID, Article, ArticleId, OptionalTime, parse_day, parse_time, shown
from indexer.articles.columns import Filters
from indexer.text.folding import SEEN, clean
from service.errors import BadRequest, FieldError
from service.ranking.presets import ClassName, DuplicateRule, FallbackName, FreshnessName, PresetName

MAX_WINDOW = 1000
MAX_QUERY = 512
MAX_LINES = 100_000
_MAX_VALUES = 100
_MAX_FAULTS = 20
"""The most faults reported for one request, since a fault may be longer than its cause."""


def _bound(value: object) -> object:
    if isinstance(value, date):  # parsed already; a datetime is a date too
        return value
    if not isinstance(value, str):
        raise ValueError("expected a date such as 2023-11-07 or a time such as 2023-11-07T17:04:00+07:00")
    value = value.strip()
    return parse_day(value) if len(value) == 10 else parse_time(value)


def _query(value: object) -> object:
    if isinstance(value, str):
        if len(value) > MAX_QUERY:
            raise ValueError(f"expected at most {MAX_QUERY} characters, found {len(value)}")
        value = clean(value)
        if not value:
            raise ValueError(f"expected 1 to {MAX_QUERY} characters, blanks aside")
    return value


Bound = Annotated[
    date | datetime | None,
    BeforeValidator(lambda v: v if v is None else _bound(v), json_schema_input_type=date | datetime | None),
    Field(
        description="ISO 8601; the bound itself is included. A date alone stands for the whole day in Vietnam. A "
        "time without an offset is Vietnam's",
        examples=["2023-11-07"],
    ),
]
QueryText = Annotated[
    str, BeforeValidator(_query, json_schema_input_type=Annotated[str, Field(max_length=MAX_QUERY, pattern=SEEN)])
]
Values = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=_MAX_VALUES)]
Ranking = Annotated[
    Literal["relevance", "similarity"],
    Field(description="`similarity` ranks by measured similarity alone: no hit is collapsed, left out or moved"),
]


ExcludedIds = Annotated[
    list[str],
    Field(max_length=1000, description="Articles that other blocks of the page show already; unknown ids do no harm"),
]


def _whole(value: object) -> object:
    """Return a number without a fraction as an integer; in JSON, 1.0 is an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Upto50 = Annotated[int, Field(ge=1, le=50), BeforeValidator(_whole)]


class RequestModel(BaseModel):
    """What is asked: no field is taken that is not known."""

    # pydantic would cache short strings for the whole process; texts hardly come twice
    model_config = ConfigDict(frozen=True, extra="forbid", cache_strings="keys")


class FilterFields(RequestModel):
    """The same filters everywhere: one of the values of each field, and the time within the bounds."""

    section: Annotated[
        Values, Field(description="Articles of any of these sections; case does not matter", examples=[["Đời sống"]])
    ] = []
    source: Annotated[
        Values,
        Field(description="Articles of any of these sources; case does not matter", examples=[["Tạp chí Nhịp Ca"]]),
    ] = []
    author: Annotated[
        Values, Field(description="Articles by any of these authors; case does not matter", examples=[["Kim Sa Rin"]])
    ] = []
    tag: Annotated[
        Values, Field(description="Articles with any of these tags; case does not matter", examples=[["tín dụng đen"]])
    ] = []
    published_from: Bound = None
    published_to: Bound = None

    def fields(self) -> FilterFields:
        """Return the filters by themselves."""
        return FilterFields(**{name: getattr(self, name) for name in FilterFields.model_fields})

    def filters(self) -> Filters:
        """Return them as the index takes them."""
        return Filters(
            section=tuple(self.section),
            source=tuple(self.source),
            author=tuple(self.author),
            tag=tuple(self.tag),
            published_from=self.published_from,
            published_to=self.published_to,
        )


class SearchParams(FilterFields):
    """Parameters of a search."""

    q: Annotated[
        QueryText | None,
        Field(
            description="What the reader typed: 1 to 512 characters, not all blank. It may be left out if there is a "
            "filter, or with sort=newest",
            examples=["luong cham"],
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=100, description="The most hits to return")] = 10
    offset: Annotated[
        int,
        Field(ge=0, le=MAX_WINDOW, description=f"The number of hits to skip; offset + limit is at most {MAX_WINDOW}"),
    ] = 0
    sort: Annotated[
        Literal["relevance", "newest"], Field(description="The order of the hits: the best first, or the newest first")
    ] = "relevance"
    mode: Annotated[
        Literal["hybrid", "dense", "lexical"],
        Field(description="Search by meaning and words together, by meaning alone, or by words alone"),
    ] = "hybrid"
    literal: Annotated[
        bool,
        Field(description="Search for exactly what was typed: no restored diacritics, no corrections, no expansion"),
    ] = False
    min_relevance: Annotated[
        float, Field(ge=0, le=1, description="Leave out hits of lower relevance; by default none is left out")
    ] = 0.0
    ranking: Ranking = "relevance"

    @model_validator(mode="after")
    def _something(self) -> SearchParams:
        if self.q is None and self.sort != "newest" and not self.filters():
            raise ValueError("q: expected a query, a filter, or sort=newest")
        return self

    def filters_without(self, field: str) -> Filters:
        """Return the filters as the index takes them, but for those of one field."""
        return self.model_copy(update={field: []}).filters()

    @model_validator(mode="after")
    def _window(self) -> SearchParams:
        if self.offset + self.limit > MAX_WINDOW:
            raise ValueError(f"offset: expected offset + limit of at most {MAX_WINDOW}")
        return self


class SuggestParams(RequestModel):
    """Parameters of suggestions."""

    q: Annotated[
        QueryText,
        Field(description="What was typed so far: 1 to 512 characters, not all blank", examples=["luong ch"]),
    ]
    limit: Annotated[int, Field(ge=1, le=20, description="The most suggestions to return")] = 8


class RelatedOptions(RequestModel):
    """What kind of list is wanted; null is left to the preset, or to how the service is set."""

    limit: Annotated[
        _Upto50 | None,
        Field(description="The most articles to return; by default the preset's: 6, inline-teasers 3, headlines 5"),
    ] = None
    ranking: Ranking = "relevance"
    preset: Annotated[PresetName, Field(description="The block of a page that the list is for")] = "standard"
    freshness: Annotated[
        FreshnessName | None, Field(description="How fast an article loses score with age; by default the preset's")
    ] = None
    reference: Annotated[
        Literal["now", "seed"],
        Field(description="The time that age is measured from: now, or the seed's publication, before or after it"),
    ] = "now"
    now: Annotated[
        datetime | None,
        BeforeValidator(lambda v: v if v is None else parse_time(v), json_schema_input_type=datetime | date | None),
        Field(description="ISO 8601; it replaces now for freshness alone. Embargoes follow the server's clock"),
    ] = None
    diversity: Annotated[
        float | None, Field(ge=0, le=1, description="Lambda of maximal marginal relevance; 1 is pure relevance")
    ] = None
    max_per_section: Annotated[_Upto50 | None, Field(description="The most articles of one section")] = None
    max_per_source: Annotated[_Upto50 | None, Field(description="The most articles of one source")] = None
    max_per_author: Annotated[_Upto50 | None, Field(description="The most articles of one author")] = None
    max_per_event: Annotated[
        _Upto50, Field(description="The most articles of one event; the seed's own event has no limit")
    ] = 2
    duplicates: Annotated[
        DuplicateRule | None, Field(description="Which of several near-duplicates the list shows")
    ] = None
    include_classes: Annotated[
        list[ClassName],
        Field(max_length=3, description="Classes of content that are left out unless they are named here"),
    ] = []
    min_relevance: Annotated[
        float | None,
        Field(ge=0, le=1, description="Articles of lower relevance are not related; by default the preset's"),
    ] = None
    fallbacks: Annotated[
        list[FallbackName] | None,
        Field(
            max_length=2,
            description="What fills a list that is too short, one after the other; by default the preset's",
        ),
    ] = None
    explain: Annotated[bool, Field(description="Give the numbers behind every hit")] = False
    explain_id: Annotated[
        str | None, Field(max_length=MAX_ID, description="Tell at which step this article left the list")
    ] = None

    def options(self) -> dict[str, Any]:
        """Return the options by name."""
        return {name: getattr(self, name) for name in RelatedOptions.model_fields}


class BatchParams(FilterFields, RelatedOptions):
    """Parameters of a batch."""


class RelatedParams(BatchParams):
    """Parameters of the related articles of a published one."""

    exclude_ids: ExcludedIds = []


class RelatedByUrlParams(RelatedParams):
    """Parameters of the related articles of the one that answers to a URL."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="The article's address; scheme, `www.`, AMP, mobile variants and tracking do not matter",
            examples=["https://tapchi.example/doi-song/muoi-mot-thang-khong-cam-the-luong.html?utm_source=fb"],
        ),
    ]


class NoParams(RequestModel):
    """An endpoint that takes no parameters."""


def _one_of(*named: dict[str, Any]) -> ConfigDict:
    """Return the configuration of a model of which one field must have a certain form, for JSON Schema only."""
    return ConfigDict(json_schema_extra={"anyOf": [{"required": list(one), "properties": one} for one in named]})


_TEXT = {"type": "string", "pattern": SEEN}


class Draft(RequestModel):
    """An article that is not published, perhaps not even saved. It is neither logged nor kept."""

    model_config = _one_of(
        {"title": _TEXT}, {"lead": _TEXT}, {"body": _TEXT}, {"body_html": _TEXT | {"format": "html"}}
    )

    title: Annotated[str, Field(max_length=2000)] = ""
    lead: Annotated[str | None, Field(max_length=20_000)] = None
    body: str | None = None
    body_html: str | None = None
    section: Annotated[str | None, Field(max_length=512)] = None

    @model_validator(mode="after")
    def _something(self) -> Draft:
        if not self.as_article_text():
            raise ValueError("title: expected a title, a lead or a body")
        return self

    def as_article_text(self) -> Article | None:
        """Return the draft as an article without an id of its own, None if it is empty."""
        parts = [clean(part) for part in (self.title, self.lead or "", self.body or "") if part]
        article = Article.model_construct(
            id="draft",
            title=clean(self.title),
            lead=clean(self.lead or "") or None,
            body=clean(self.body or "") or None,
            body_html=clean(self.body_html or "") or None,
            section=clean(self.section or "") or None,
        )
        return article if any(parts) or article.plain_body else None


class Seed(RequestModel):
    """What related articles are wanted for; several seeds count together, and one is needed."""

    model_config = _one_of({"ids": {"minItems": 1}}, {"urls": {"minItems": 1}}, {"article": {"type": "object"}})

    ids: Annotated[list[str], Field(max_length=50)] = []
    negative_ids: Annotated[
        list[str], Field(max_length=50, description="Articles that the hits should be less like")
    ] = []
    urls: Annotated[list[Annotated[str, Field(max_length=2048)]], Field(max_length=50)] = []
    article: Draft | None = None

    @model_validator(mode="after")
    def _something(self) -> Seed:
        if not self.ids and not self.urls and self.article is None:
            raise ValueError("seed: expected at least one of ids, urls, article")
        return self


class RelatedBody(RelatedOptions):
    """A related request in full."""

    seed: Seed
    exclude_ids: ExcludedIds = []
    filters: FilterFields = FilterFields()


Model = TypeVar("Model", bound=BaseModel)


class BatchLine(RequestModel):
    """One line of a batch."""

    id: Annotated[str, Field(min_length=1, max_length=MAX_ID)]
    exclude_ids: ExcludedIds = []


class ArchiveLine(Article):
    """An article as it is written; fields beside these are kept in `extra` and not searched."""

    model_config = ConfigDict(extra="allow")


class BulkPut(RequestModel):
    """One line of a bulk that writes an article."""

    op: Literal["put"]
    article: ArchiveLine


class BulkDelete(RequestModel):
    """One line of a bulk that deletes an article."""

    op: Literal["delete"]
    id: ArticleId
    updated_at: Annotated[OptionalTime, Field(description="If absent, the time of receipt counts")] = None


class BulkLine(RootModel[Annotated[BulkPut | BulkDelete, Field(discriminator="op")]]):
    """One line of a bulk, told apart by `op`; `writing` reads them, the document is made of this."""


def parse_lines(body: bytes) -> list[BatchLine]:
    """Return the lines of a batch without blank ones.

    :raises BadRequest: naming line and field of each fault, a hundred faults at most.
    """
    found: list[BatchLine] = []
    errors: list[FieldError] = []
    body = body.removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(body.split(b"\n"), 1):
        if len(found) == MAX_LINES:
            raise BadRequest([FieldError(f"line {number}", shown(line[:60]), f"expected at most {MAX_LINES:,} lines")])
        if line.strip():
            try:
                found.append(BatchLine.model_validate_json(line, strict=True))
            except ValidationError as error:
                errors += [replace(fault, field=f"line {number}: {fault.field}") for fault in _faults(error)]
                if len(errors) >= _MAX_VALUES:
                    break
    if errors:
        raise BadRequest(errors[:_MAX_VALUES])
    return found


def parse_params(model: type[Model], given: Mapping[str, Sequence[str]], ignore_unknown: bool = False) -> Model:
    """Return the query string's parameters as a model.

    :param given: Every value of every parameter.
    :param ignore_unknown: Whether to ignore parameters that the model does not have.
    :raises BadRequest: naming each parameter that is unknown, repeated, missing or invalid.
    """
    fields: dict[str, Any] = {}
    errors = []
    for name, values in given.items():
        known = model.model_fields.get(name)
        if known is None:
            if not ignore_unknown:
                errors.append(FieldError(_plain(name), shown(values[0]), f"unknown: {_names(model)}"))
        elif _is_list(known.annotation):
            fields[name] = list(values)
        elif len(values) > 1:
            errors.append(FieldError(name, shown(list(values)), "expected one value"))
        else:
            fields[name] = values[0]
    try:
        parsed = model.model_validate(fields)
    except ValidationError as error:
        told = {fault.field for fault in errors}  # a repeated parameter is not a missing one as well
        faults = errors + [fault for fault in _faults(error) if fault.field not in told]
        raise BadRequest(faults[:_MAX_FAULTS]) from None
    if errors:
        raise BadRequest(errors[:_MAX_FAULTS])
    return parsed


def parse_body(model: type[Model], body: bytes) -> Model:
    """Return a JSON body as a model.

    :raises BadRequest: naming each field that is unknown, missing or invalid, or `body` if it is not JSON.
    """
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise BadRequest(_faults(error)) from None


def _plain(name: str) -> str:
    """Return the name of a parameter for a message, quoted if it is not printable."""
    return name if name.isprintable() and 0 < len(name) <= 64 else shown(name)


def _is_list(annotation: object) -> bool:
    return annotation is list or get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def _names(model: type[BaseModel]) -> str:
    return "expected " + (" or ".join(sorted(model.model_fields)) or "no parameters")


def _faults(error: ValidationError) -> list[FieldError]:
    faults = []
    for e in error.errors(include_url=False, include_context=False)[:_MAX_FAULTS]:
        where = ".".join(str(part) for part in e["loc"])
        message = e["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
        value = shown(e["input"])
        if e["type"] == "missing":
            message, value = "required", "nothing"
        elif e["type"] == "extra_forbidden":
            message = "unknown field"
        elif e["type"] == "json_invalid":
            where, value = "body", shown(e["input"])
        elif e["type"] == "value_error" and ": " in message and message.split(": ")[0].isidentifier():
            name, message = message.split(": ", 1)
            where = where if where.endswith(name) else f"{where}.{name}".lstrip(".")
        faults.append(FieldError(where or "body", value, message))
    return faults
