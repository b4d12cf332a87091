"""The shipped knowledge of words: abbreviations, renamings, common phrases, a glossary, a thesaurus.

Owns the shipped files, and reads them and the editors' files with the same columns. Knows nothing of archives or
queries, nor how a search uses an abbreviation or a renaming.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from indexer.errors import SourceError
from indexer.text.folding import clean, normalised
from indexer.text.syllables import spaced

NameKind = Literal["place", "body"]
Grade = Literal["same", "kind", "related"]
"""How two terms relate: the other means the same, is a kind of it, or is mentioned along with it."""
Row = TypeVar("Row", bound=Hashable)

ABBREVIATION_COLUMNS = ("abbreviation", "full form", "context")
SUBJECTS = (
    *("labour", "wages", "insurance", "crime", "courts", "disasters", "traffic", "health"),
    *("school", "housing", "prices", "farming", "sport", "administration", "technology"),
)
RENAMING_COLUMNS = ("old name", "new name", "date")

_HERE = Path(__file__).parent
_WIDER = 3
"""The number of general terms that may replace a narrower one."""
_SHORT = re.compile(r"[^\W_][^\s_]{0,18}[^\W_]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Abbreviation:
    """One reading of an abbreviation: `BHXH`, `bảo hiểm xã hội`.

    The full form is syllables in the spelling of `indexer.text.syllables`. If the abbreviation has several readings,
    each context, one or more syllables, supports this one.
    """

    abbreviation: str
    full: str
    context: tuple[str, ...] = ()


@dataclass(frozen=True)
class Renaming:
    """A place or body that became another, or part of another, on a day. Names are in ordinary spelling."""

    old: str
    new: str
    since: date
    kind: NameKind


@dataclass(frozen=True)
class ParsedLines(Generic[Row]):
    """The content of a file: the valid rows, and a sentence for each invalid line."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[Row, ...]:
        """Return the rows, under the name that all files of editors use."""
        return self.rows


def abbreviations(path: Path | None = None) -> list[Abbreviation]:
    """Return the shipped abbreviations, or those of an editor's file.

    :raises SourceError: If the file cannot be read or a line is invalid; `read_abbreviations` keeps the valid lines.
    """
    return _all_or_none(read_abbreviations(path))


def renamings() -> list[Renaming]:
    """Return the shipped renamings, places first."""
    return [
        *_all_or_none(read_renamings(_HERE / "places.tsv", "place")),
        *_all_or_none(read_renamings(_HERE / "bodies.tsv", "body")),
    ]


def phrases() -> list[str]:
    """Return the shipped words and phrases of two or more syllables, joined by blanks, in the file's order."""
    lines = (line.strip() for line in _text(_HERE / "words.txt").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class Rendering(NamedTuple):
    """An English word or term as written, and its Vietnamese translations, the usual one first."""

    english: str
    vietnamese: tuple[str, ...]


def english() -> list[Rendering]:
    """Return the shipped glossary, in the file's order, then the terms that `public_life` adds; each once."""
    glossary = {word: tuple(renderings.split("|")) for word, renderings in _pairs("english.tsv")}
    known = {spaced(word) for word in glossary}
    for concept in public_life():
        for term in concept.english:
            if spaced(term) not in known and spaced(term) not in concept.same:
                known.add(spaced(term))
                glossary[term] = concept.same[:_WIDER]
    return [Rendering(word, renderings) for word, renderings in glossary.items()]


def english_forms() -> dict[str, str]:
    """Return the base form of irregular English words: go for went."""
    return dict(_pairs("english_forms.tsv"))


class Synonym(NamedTuple):
    """A word or phrase that readers type, and what an article may have instead, the commonest first.

    All are syllables in the spelling of `indexer.text.syllables`, joined by blanks.
    """

    term: str
    also: tuple[str, ...]


class Concept(NamedTuple):
    """A concept of public life, with the terms of newspapers and readers.

    All Vietnamese terms are syllables in the spelling of `indexer.text.syllables`, joined by blanks.

    :param subject: One of `SUBJECTS`.
    :param same: Terms that mean the same, the plainest first.
    :param narrower: Terms for kinds of it.
    :param related: Terms mentioned along with it.
    :param english: The terms that English readers type.
    """

    subject: str
    same: tuple[str, ...]
    narrower: tuple[str, ...]
    related: tuple[str, ...]
    english: tuple[str, ...]


def public_life() -> list[Concept]:
    """Return the shipped concepts of public life, in the file's order."""
    _, *lines = _text(_HERE / "public_life.tsv").splitlines()
    found = []
    for line in lines:
        subject, *columns = line.split("\t")
        same, narrower, related, english = (() if one == "-" else tuple(one.split("|")) for one in columns)
        found.append(Concept(subject, same, narrower, related, english))
    return found


def synonyms() -> list[Synonym]:
    """Return the shipped thesaurus: `synonyms.tsv`, then the additions of `public_life.tsv`; each term once.

    `unsure` grades the additions.
    """
    merged = {term: dict.fromkeys(also.split("|")) for term, also in _pairs("synonyms.tsv")}
    for term, other, _ in _spoken():
        merged.setdefault(term, {}).setdefault(other)
    return [Synonym(term, tuple(also)) for term, also in merged.items()]


def unsure() -> dict[tuple[str, str], Grade]:
    """Return the grade of each pair (term, replacement) that does not mean the same."""
    sure = {(term, other) for term, also in _pairs("synonyms.tsv") for other in also.split("|")}
    grades: dict[tuple[str, str], Grade] = {}
    for term, other, grade in _spoken():
        if grade == "same":
            sure.add((term, other))
        elif grades.get((term, other)) != "kind":
            grades[term, other] = grade
    return {pair: grade for pair, grade in grades.items() if pair not in sure}


def _spoken() -> Iterator[tuple[str, str, Grade]]:
    """Yield (term, replacement, grade) of the concepts of public life.

    A term of one syllable is left out, since it has too many meanings. So is a replacement that contains the term.
    """
    for _, same, narrower, related, _ in public_life():
        for term in same:
            yield from _graded(term, same, "same")
            yield from _graded(term, narrower, "kind")
            yield from _graded(term, related, "related")
        for term in narrower:
            yield from _graded(term, same[:_WIDER], "kind")


def _graded(term: str, others: Iterable[str], grade: Grade) -> Iterator[tuple[str, str, Grade]]:
    if " " in term:
        for other in others:
            if f" {term} " not in f" {other} ":
                yield term, other, grade


def _pairs(name: str) -> list[tuple[str, str]]:
    _, *lines = _text(_HERE / name).splitlines()
    return [(first, second) for first, second in (line.split("\t") for line in lines)]


def read_abbreviations(path: Path | None = None) -> ParsedLines[Abbreviation]:
    """Return the abbreviations of a file with the columns abbreviation, full form and, optional, context.

    :param path: A tab-separated file in UTF-8 with a header line; the shipped one if None. Blank lines and lines that
        start with # are ignored, and so are a spreadsheet's quotation marks around a field.
    :raises SourceError: If the file cannot be read at all.
    """
    path = path or _HERE / "abbreviations.tsv"
    return _abbreviations(_text(path), path.name)


def parse_abbreviations(content: bytes, name: str) -> ParsedLines[Abbreviation]:
    """Return the abbreviations in a file's bytes, like `read_abbreviations`.

    :param name: The file's name in problems.
    """
    return _decoded(content, name, _abbreviations)


def read_renamings(path: Path, kind: NameKind) -> ParsedLines[Renaming]:
    """Return the renamings of a file with the columns old name, new name and date.

    :raises SourceError: If the file cannot be read at all.
    """
    return _renamings(_text(path), path.name, kind)


def parse_renamings(content: bytes, name: str) -> ParsedLines[Renaming]:
    """Return the renamings of places in a file's bytes, like `read_renamings`.

    :param name: The file's name in problems.
    """
    return _decoded(content, name, lambda text, name: _renamings(text, name, "place"))


def _decoded(content: bytes, name: str, parse: Callable[[str, str], ParsedLines[Row]]) -> ParsedLines[Row]:
    try:
        return parse(_composed(content.decode("utf-8-sig")), name)
    except UnicodeDecodeError as error:
        return ParsedLines((), (f"{name}: {error}: expected a text file in UTF-8",))


def _abbreviations(text: str, name: str) -> ParsedLines[Abbreviation]:
    return _table(text, name, ABBREVIATION_COLUMNS, 2, _abbreviation)


def _renamings(text: str, name: str, kind: NameKind) -> ParsedLines[Renaming]:
    return _table(text, name, RENAMING_COLUMNS, 3, lambda fields: _renaming(fields, kind))


def _abbreviation(fields: Sequence[str]) -> Abbreviation:
    short, full, context = fields
    if not _SHORT.fullmatch(short) or short == short.lower():
        raise ValueError(f"abbreviation: {short!r}: expected 2 to 20 characters without a blank, one a capital")
    words = spaced(full)
    if " " not in words:
        raise ValueError(f"full form: {full!r}: expected two syllables or more")
    return Abbreviation(short, words, tuple(filter(None, map(spaced, context.split(",")))))


def _renaming(fields: Sequence[str], kind: NameKind) -> Renaming:
    old, new, day = fields
    for column, name in (("old name", old), ("new name", new)):
        if not spaced(name):
            raise ValueError(f"{column}: {name!r}: expected a name")
    if spaced(old) == spaced(new):
        raise ValueError(f"new name: {new!r}: expected another than the old name")
    try:
        since = date.fromisoformat(day if _DAY.fullmatch(day) else "")
    except ValueError:
        raise ValueError(f"date: {day!r}: expected a day as YYYY-MM-DD") from None
    return Renaming(old, new, since, kind)


def _table(
    text: str, name: str, columns: tuple[str, ...], needed: int, parse: Callable[[Sequence[str]], Row]
) -> ParsedLines[Row]:
    """Read the rows under a header, which may lack optional columns. A missing field is empty."""
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if _counts(line)]
    if not numbered:
        return ParsedLines((), (f"{name}:1: header: '': expected {_listed(columns)}",))
    (number, header), *lines = numbered
    named = tuple(field.lower() for field in _fields(header))
    if named not in (columns, columns[:needed]):
        return ParsedLines((), (f"{name}:{number}: header: {header!r}: expected {_listed(columns)}",))
    rows: dict[Row, int] = {}
    problems = []
    for number, line in lines:
        fields = _fields(line)
        try:
            if len(fields) > len(columns):
                raise ValueError(f"fields: {len(fields)}: expected {_listed(columns)}")
            row = parse(fields + [""] * (len(columns) - len(fields)))
        except ValueError as error:
            problems.append(f"{name}:{number}: {error}")
            continue
        first = rows.setdefault(row, number)
        if first != number:
            problems.append(f"{name}:{number}: row: {line!r}: expected once, it is line {first} again")
    return ParsedLines(tuple(rows), tuple(problems))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _fields(line: str) -> list[str]:
    """Return the fields of a line, without the empty ones that a spreadsheet leaves at its end."""
    fields = [_unquoted(clean(field)) for field in line.split("\t")]
    while len(fields) > 1 and not fields[-1]:
        fields.pop()
    return fields


def _unquoted(field: str) -> str:
    quoted = len(field) > 1 and field[0] == field[-1] == '"'
    return field[1:-1].replace('""', '"').strip() if quoted else field


def _listed(columns: Sequence[str]) -> str:
    return f"the columns {', '.join(columns)}, a tab between"


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}: expected a text file in UTF-8") from error
    return _composed(text)


def _composed(text: str) -> str:
    return normalised("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _all_or_none(read: ParsedLines[Row]) -> list[Row]:
    if read.problems:
        more = f" (and {len(read.problems) - 1} more)" if len(read.problems) > 1 else ""
        raise SourceError(read.problems[0] + more)
    return list(read.rows)
