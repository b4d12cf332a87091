r"""Editors' synonyms: a text file in the format of Solr and Elasticsearch, and the object that follows it.

    # each of these also means the others; a comment has a line of its own
    covid, corona, sars cov 2
    # the left also means the right, not the other way about
    tp hcm => thành phố hồ chí minh

A comma, `=>` or backslash that belongs to a term has a backslash before it. Unlike there, `=>` does not take away what
was typed: a rule only adds alternatives. Rules do not chain.

Owns the file and its faults; knows nothing of queries, archives or settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from indexer.text.folding import clean
from indexer.text.syllables import syllables
from service.files.followed import FileFollower

SynonymTerm = tuple[str, ...]
"""Canonical syllables."""

LONGEST_TERM = 12
"""In syllables."""

LONGEST_LINE = 2000
"""In characters."""

_SHOWN = 60
_LINE_END = re.compile("\r\n?|\n")
_PIECE = re.compile(r"\\.|=>|,|[^\\,=]+|.", re.DOTALL)
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1f\ud800-\udfff]")
_LATE_COMMENT = re.compile(r"\S\s+#")


@dataclass(frozen=True)
class Synonyms:
    """What an editor's file says.

    :param rules: What each term may also be, in the order of the file; never the term itself.
    :param problems: A sentence for each line that is left out, and for a file that cannot be read.
    """

    rules: Mapping[SynonymTerm, tuple[SynonymTerm, ...]]
    problems: tuple[str, ...] = ()

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.rules), default=0)

    def alternatives(self, parts: Sequence[str]) -> list[tuple[int, int, SynonymTerm]]:
        """Return (start, end, alternative) for every rule about parts[start:end], longest first, then by start.

        :param parts: Canonical syllables. The places may overlap.
        """
        return [
            (start, start + length, alternative)
            for length in range(min(self._longest, len(parts)), 0, -1)
            for start in range(len(parts) - length + 1)
            for alternative in self.rules.get(tuple(parts[start : start + length]), ())
        ]


NO_SYNONYMS = Synonyms(MappingProxyType({}))


def parse(text: str, name: str) -> Synonyms:
    """Return the rules of a file's text; a line that is not as expected becomes a problem and the others count.

    :param text: Bytes that are not UTF-8 stand in it as lone surrogates (`surrogateescape`).
    :param name: What the problems call the file.
    """
    rules: dict[SynonymTerm, dict[SynonymTerm, None]] = {}
    problems = []
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        try:
            pairs = _pairs(line.strip())
        except ValueError as error:
            problems.append(f"{name}:{number}: '{_shown(line)}': {error}")
            continue
        for term, alternative in pairs:
            rules.setdefault(term, {})[alternative] = None
    return Synonyms(MappingProxyType({term: tuple(found) for term, found in rules.items()}), tuple(problems))


def _shown(line: str) -> str:
    start = clean(line[: 4 * _SHOWN])
    cut = len(start) > _SHOWN or len(line.strip()) > 4 * _SHOWN
    return start[:_SHOWN] + "…" * cut


def _pairs(line: str) -> list[tuple[SynonymTerm, SynonymTerm]]:
    """Return each term of a line with each of its alternatives.

    :raises ValueError: saying what was expected.
    """
    if not line or line.startswith("#"):
        return []
    if len(line) > LONGEST_LINE:
        raise ValueError(f"expected at most {LONGEST_LINE} characters, not {len(line)}")
    if _NOT_TEXT.search(line):
        raise ValueError("expected text in UTF-8")
    sides = _sides(line)
    if len(sides) > 2:
        raise ValueError(f"expected one => at most, not {len(sides) - 1}")
    if len(sides) == 2 and any(not "".join(side).strip() for side in sides):
        raise ValueError("expected a term on each side of =>")
    left, right = [_term(term) for term in sides[0]], [_term(term) for term in sides[-1]]
    pairs = [(term, other) for term in left for other in right if term != other]
    if not pairs:
        raise ValueError("expected two different terms at least")
    return pairs


def _sides(line: str) -> list[list[str]]:
    """Return the terms on each side of every `=>`, as written but for the backslashes that guard a character."""
    sides = [[""]]
    for piece in _PIECE.findall(line):
        if piece == "=>":
            sides.append([""])
        elif piece == ",":
            sides[-1].append("")
        else:
            sides[-1][-1] += piece[1] if piece[0] == "\\" and len(piece) == 2 else piece
    return sides


def _term(text: str) -> SynonymTerm:
    if _LATE_COMMENT.search(text):
        raise ValueError("expected a comment on a line of its own")
    term = tuple(syllables(text))
    if not term:
        raise ValueError("expected a letter or digit in every term between commas")
    if len(term) > LONGEST_TERM:
        raise ValueError(f"expected at most {LONGEST_TERM} syllables a term, not {len(term)}")
    return term


class SynonymFile(FileFollower[Synonyms]):
    """Follows a file of synonyms: what is saved counts from the next search on, in every process.

    :param path: None where there is no such file.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, _said, NO_SYNONYMS, "synonyms")


def _said(content: bytes, name: str) -> Synonyms:
    return parse(content.decode("utf-8", "surrogateescape"), name)
