"""The newsroom's page of synonyms, abbreviations and renamed places: its form, its lists, and the trial of a change.

Turns a form's fields into a line of the file and back. Knows nothing of Flask or of the page's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from indexer.language import lexicon
from indexer.text.folding import fold
from service.errors import FieldError, Forbidden, ServiceError
from service.hits import Answer, Hit
from service.query.alternatives import is_taken
from service.schemas import MAX_QUERY, SearchParams, parse_params
from service.searcher import Searcher
from service.security.gate import Visitor
from service.settings import Settings
from service.vocabulary.word_files import LineChange, VocabularyKind, VocabularyLine, WordFile

FIELDS: Mapping[VocabularyKind, tuple[str, ...]] = {
    "synonyms": ("left", "right"),
    "abbreviations": ("short", "full", "context"),
    "renamings": ("old", "new", "since"),
}
"""The fields that make a line of each file, in the order of its columns."""

SHOWN = 100
"""The most lines of a list that are shown; the others are found by searching."""

_HITS = 10
_DEPTH = 50
_PIECE = re.compile(r"\\.|=>|,|[^\\,=]+|.", re.DOTALL)

_FormText = Annotated[str, Field(max_length=2000)]


class VocabularyForm(BaseModel):
    """The fields of the page's form.

    :param at: The line to change, None for a new line.
    :param was: The text of that line when the page was made.
    :param way: Whether synonyms replace each other, or only the left is also searched for as the right.
    :param q: A query to try the change with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: VocabularyKind = "synonyms"
    at: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    was: _FormText = ""
    left: _FormText = ""
    right: _FormText = ""
    way: Literal["both", "one"] = "both"
    short: _FormText = ""
    full: _FormText = ""
    context: _FormText = ""
    old: _FormText = ""
    new: _FormText = ""
    since: _FormText = ""
    q: Annotated[str, Field(max_length=MAX_QUERY)] = ""
    do: Literal["try", "save", "remove"] = "try"

    def change(self) -> LineChange:
        """Return the form's change."""
        return LineChange(self.at, self.was, None if self.do == "remove" else self._line())

    def _line(self) -> str:
        values = [" ".join(getattr(self, name).split()) for name in FIELDS[self.what]]
        if self.what == "synonyms":
            return (" => " if self.way == "one" else ", ").join(values)
        return "\t".join(values).rstrip("\t")


def parse(given: Mapping[str, Sequence[str]]) -> VocabularyForm:
    """Parse a form's fields.

    :param given: Every value of every field.
    :raises BadRequest: naming the invalid fields.
    """
    return parse_params(VocabularyForm, {name: values for name, values in given.items() if values != [""]})


def fields(kind: VocabularyKind, line: str) -> dict[str, str]:
    """Return the form's fields for a line of a file."""
    if kind != "synonyms":
        columns = [column.strip() for column in line.split("\t")]
        return dict(zip(FIELDS[kind], columns, strict=False))
    pieces = _PIECE.findall(line)
    for mark, way in (("=>", "one"), (",", "both")):
        if mark in pieces:
            at = pieces.index(mark)
            left, right = "".join(pieces[:at]), "".join(pieces[at + 1 :])
            return {"left": left.strip(), "right": right.strip(), "way": way}
    return {"left": line}


@dataclass(frozen=True)
class VocabularyRow:
    """A line of one of the newsroom's files.

    :param cells: The content of its fields.
    """

    line: VocabularyLine
    cells: Mapping[str, str]


@dataclass(frozen=True)
class KnownMapping:
    """A mapping that is not the newsroom's: shipped, or learnt from the archive.

    :param count: How often the archive spells it out, None for a shipped one.
    :param used: Whether searches use it.
    """

    fields: Mapping[str, str]
    count: int | None = None
    used: bool = True


@dataclass(frozen=True)
class VocabularyListing:
    """The lists of the page.

    :param own: The newsroom's matching lines that are shown; `own_total` counts all.
    :param learnt: Matching mappings learnt from the archive, likewise.
    :param shipped: Matching shipped mappings, likewise.
    """

    own: Sequence[VocabularyRow]
    own_total: int
    learnt: Sequence[KnownMapping]
    learnt_total: int
    shipped: Sequence[KnownMapping]
    shipped_total: int


def listed(searcher: Searcher, file: WordFile, find: str) -> VocabularyListing:
    """Return the lists of lines that match a search text, with diacritics or without.

    :raises CannotWrite: if the file cannot be read.
    """
    own = [VocabularyRow(line, fields(file.kind, line.text)) for line in file.lines() if _has(find, line.text)]
    learnt, shipped = _known(searcher, file.kind)
    learnt, shipped = _found(find, learnt), _found(find, shipped)
    return VocabularyListing(
        *(own[:SHOWN], len(own)),
        *(learnt[:SHOWN], len(learnt)),
        *(shipped[:SHOWN], len(shipped)),
    )


def _found(find: str, known: Sequence[KnownMapping]) -> list[KnownMapping]:
    """Return the mappings that contain the search text, as a whole word first: heo before theo."""
    words = f" {fold(find)} "
    found = [one for one in known if _has(find, *one.fields.values())]
    return sorted(found, key=lambda one: words not in f" {_folded(' '.join(one.fields.values()))} ") if find else found


def _has(find: str, *texts: str) -> bool:
    return not find or fold(find) in _folded(" ".join(texts))


_folded = lru_cache(maxsize=1 << 14)(fold)
"""Of lists that are the same at every search."""


def _known(searcher: Searcher, kind: VocabularyKind) -> tuple[list[KnownMapping], list[KnownMapping]]:
    if kind == "abbreviations":
        mined = sorted(searcher.archive.knowledge.abbreviations, key=lambda one: -one.count)
        learnt = [
            KnownMapping({"short": one.abbreviation, "full": one.full}, one.count, is_taken(one)) for one in mined
        ]
        shipped = [
            KnownMapping({"short": row.abbreviation, "full": row.full, "context": ", ".join(row.context)})
            for row in lexicon.abbreviations()
        ]
        return learnt, shipped
    if kind == "renamings":
        rows = lexicon.renamings()
        return [], [KnownMapping({"old": row.old, "new": row.new, "since": row.since.isoformat()}) for row in rows]
    return [], _synonyms()


@cache
def _synonyms() -> list[KnownMapping]:
    return [KnownMapping({"left": row.term, "right": ", ".join(row.also), "way": "one"}) for row in lexicon.synonyms()]


class Shift(NamedTuple):
    """A hit of the list after a change.

    :param before: Its position before, None if it was not among the first.
    """

    hit: Hit
    before: int | None


@dataclass(frozen=True)
class QueryPreview:
    """One query before and after a change.

    :param gone: Ids of hits that the change removes.
    """

    query: str
    before: Answer
    after: Answer
    shifts: Sequence[Shift]
    gone: frozenset[str]

    @property
    def same(self) -> bool:
        """Return whether the change leaves the shown hits unchanged."""
        return not self.gone and all(shift.before == at for at, shift in enumerate(self.shifts, 1))


def trial(searcher: Searcher, file: WordFile, form: VocabularyForm) -> QueryPreview | None:
    """Return the effect of a change on a query, None if there is no query to try.

    :raises BadRequest: if the change is invalid.
    :raises Changed: if the line was changed meanwhile.
    """
    said = file.changed(form.change())
    if not form.q.strip():
        return None
    params = parse_params(SearchParams, {"q": [form.q], "limit": [str(_DEPTH)]})
    before = searcher.search(params)
    after = searcher.with_words(file.kind, said).search(params)
    ranks = {hit.article.id: rank for rank, hit in enumerate(before.hits, 1)}
    shown = [Shift(hit, ranks.get(hit.article.id)) for hit in after.hits[:_HITS]]
    kept = {hit.article.id for hit in after.hits[:_HITS]}
    gone = frozenset(hit.article.id for hit in before.hits[:_HITS] if hit.article.id not in kept)
    return QueryPreview(form.q, before, after, shown, gone)


def save(settings: Settings, form: VocabularyForm, visitor: Visitor, by: str) -> None:
    """Make a form's change.

    :param by: The author, for the file's history.
    :raises Forbidden: if the visitor may not make it.
    :raises BadRequest: if it is invalid.
    :raises Changed: if the line was changed meanwhile.
    :raises CannotWrite: if it cannot be written.
    """
    if not visitor.may("rules"):
        raise Forbidden(
            [FieldError("key", "without the scope rules", "expected a key of scopes newsroom and rules, or a chief")]
        )
    WordFile.of(settings, form.what).change(form.change(), by)


@dataclass(frozen=True)
class VocabularyView:
    """The content of the page.

    :param filled: The text of each field of the form, valid or not, so that nothing typed is lost.
    :param error: Why the request failed.
    """

    kind: VocabularyKind
    filled: Mapping[str, str]
    find: str
    file: WordFile
    listed: VocabularyListing
    trial: QueryPreview | None
    error: ServiceError | None


def filled_in(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the text of each field of the form."""
    defaults = {
        name: "" if field.default is None else str(field.default) for name, field in VocabularyForm.model_fields.items()
    }
    return defaults | {name: values[0] for name, values in given.items() if name in defaults and values}


def view(
    searcher: Searcher,
    settings: Settings,
    given: Mapping[str, Sequence[str]],
    form: VocabularyForm | None = None,
    error: ServiceError | None = None,
) -> VocabularyView:
    """Return the content of the page.

    :param given: Every value of every field or parameter.
    :param form: The form to try out, if there is one.
    :raises CannotWrite: if the file cannot be read.
    """
    removing = given.get("do") == ["remove"]  # the list requests this, not the form
    filled = filled_in({"what": given["what"]} if removing and "what" in given else given)
    kind = parse({"what": [filled["what"]]}).what
    file = WordFile.of(settings, kind)
    tried = None
    if form is not None and error is None:
        try:
            tried = trial(searcher, file, form)
        except ServiceError as fault:
            error = fault
    at = given.get("edit", [""])[0]
    line = next((line for line in file.lines() if str(line.number) == at), None)
    if line is not None and form is None and error is None:
        filled |= {"at": str(line.number), "was": line.text, **fields(kind, line.text)}
    find = given.get("find", [""])[0]
    return VocabularyView(kind, filled, find, file, listed(searcher, file, find), tried, error)
