"""The newsroom's vocabulary: files of synonyms, abbreviations and renamed places, and changes to their lines.

Owns the form of lines and their changes. One editor at a time locks the file. All other lines are kept byte for byte.
Author and time are written into the file itself, in comments that begin with `#:`, so that a change and its entry are
one write.

    #: {"at": "2026-04-01T09:30:00+07:00", "by": "Lan", "did": "changed", "was": "a => b", "is": "a => b, c"}

Knows nothing of HTTP or of what a line does to a search.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from indexer.articles.article import VIETNAM, shown
from indexer.language import lexicon
from service.errors import BadRequest, CannotWrite, Changed, FieldError
from service.files.edited import held, put
from service.files.followed import FileContents, regular
from service.query import synonyms
from service.settings import Settings

VocabularyKind = Literal["synonyms", "abbreviations", "renamings"]
KINDS: tuple[VocabularyKind, ...] = get_args(VocabularyKind)

_ENTRY = "#: "
_END = re.compile("(\r\n?|\n)")
_HEADERS: Mapping[VocabularyKind, tuple[str, ...]] = {
    "abbreviations": lexicon.ABBREVIATION_COLUMNS,
    "renamings": lexicon.RENAMING_COLUMNS,
}


def parse(kind: VocabularyKind, content: bytes, name: str) -> FileContents:
    """Parse a file of this kind."""
    parsers: dict[VocabularyKind, Callable[[bytes, str], FileContents]] = {
        "synonyms": lambda content, name: synonyms.parse(content.decode("utf-8", "surrogateescape"), name),
        "abbreviations": lexicon.parse_abbreviations,
        "renamings": lexicon.parse_renamings,
    }
    return parsers[kind](content, name)


class VocabularyLine(NamedTuple):
    """A line with a mapping, valid or not.

    :param number: From 1.
    :param problem: Why it is invalid, None if it is valid.
    """

    number: int
    text: str
    problem: str | None


@dataclass(frozen=True)
class LineChange:
    """A change to one line.

    :param number: The number of the line, None for a new line.
    :param was: The expected old text, so that nobody changes a line that they have not seen.
    :param text: The new text, None to remove the line.
    """

    number: int | None
    was: str
    text: str | None


class WordFile:
    """One of the newsroom's files.

    :param path: None if the settings name no file.
    """

    def __init__(self, kind: VocabularyKind, path: Path | None) -> None:
        self.kind = kind
        self.path = path

    @classmethod
    def of(cls, settings: Settings, kind: VocabularyKind) -> WordFile:
        """Return the file that the settings name."""
        return cls(kind, getattr(settings, kind))

    def lines(self) -> list[VocabularyLine]:
        """Return the lines with mappings, in the order of the file.

        :raises CannotWrite: if the file cannot be read.
        """
        content = self._content()
        problems = self._problems(content)
        texts = enumerate(_pieces(content)[::2], 1)
        return [VocabularyLine(number, text, problems.get(number)) for number, text in texts if self._maps(text)]

    def history(self) -> list[dict[str, Any]]:
        """Return all changes, with authors and times, the latest first.

        :raises CannotWrite: if the file cannot be read.
        """
        found = []
        for text in _pieces(self._content())[::2]:
            if text.startswith(_ENTRY):
                try:
                    entry = json.loads(text.removeprefix(_ENTRY))
                    found.append({"did": entry["did"], "by": entry["by"], "at": datetime.fromisoformat(entry["at"]),
                                  "was": entry.get("was"), "is": entry.get("is")})  # fmt: skip
                except (ValueError, KeyError, TypeError):
                    continue  # something else that somebody wrote there
        return found[::-1]

    def changed(self, change: LineChange) -> FileContents:
        """Return the content of the file after a change, without making it.

        :raises BadRequest: if the new line is invalid.
        :raises Changed: if the old line differs from the expected one.
        :raises CannotWrite: if the file cannot be read.
        """
        self._check(change.text)
        return parse(self.kind, self._edited(self._content(), change).encode("utf-8", "surrogateescape"), self.name)

    def change(self, change: LineChange, by: str, now: datetime | None = None) -> None:
        """Make a change atomically.

        :raises BadRequest: if the new line is invalid, or there is no file to write to.
        :raises Changed: if the old line differs from the expected one.
        :raises CannotWrite: if the file cannot be written; then it is unchanged.
        """
        if self.path is None:
            name = f"LIENQUAN_{self.kind.upper()}"
            raise BadRequest([FieldError(name, "not set", "expected the path of a file in the settings")])
        self._check(change.text)
        did = "added" if change.number is None else "removed" if change.text is None else "changed"
        at = (now or datetime.now(UTC)).astimezone(VIETNAM).isoformat(timespec="seconds")
        entry = {"at": at, "by": by, "did": did, "was": change.was or None, "is": change.text}
        said = json.dumps({name: value for name, value in entry.items() if value is not None}, ensure_ascii=False)
        try:
            with held(self.path, "ab") as real:
                edited = self._edited(real.read_bytes().decode("utf-8", "surrogateescape"), change)
                put(real, f"{_ended(edited)}{_ENTRY}{said}\n".encode("utf-8", "surrogateescape"))
        except (OSError, UnicodeEncodeError) as error:
            raise CannotWrite(f"{self.name}: cannot be written: {error}") from error

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.name if self.path else self.kind

    def _content(self) -> str:
        if self.path is None or not self.path.exists():
            return ""
        try:
            return regular(self.path).decode("utf-8", "surrogateescape")
        except OSError as error:
            raise CannotWrite(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def _problems(self, content: str) -> dict[int, str]:
        found = parse(self.kind, content.encode("utf-8", "surrogateescape"), "line").problems
        numbered = (problem.removeprefix("line:").partition(": ") for problem in found)
        return {int(number): said for number, _, said in numbered if number.isdecimal()}

    def _maps(self, text: str) -> bool:
        line = text.removeprefix("\ufeff").strip()
        return bool(line) and not line.startswith("#") and not self._is_header(line)

    def _is_header(self, text: str) -> bool:
        columns = _HEADERS.get(self.kind)
        return columns is not None and text.lower().split("\t")[0].strip('" ') == columns[0]

    def _edited(self, content: str, change: LineChange) -> str:
        """Return the content with one line changed.

        :raises BadRequest: if the new line exists already.
        :raises Changed: if the old line differs from the expected one.
        """
        pieces = _pieces(content)
        if change.number is None:
            for number, text in enumerate(pieces[::2], 1):
                if text.strip() == change.text:
                    raise BadRequest(
                        [FieldError("line", shown(text), f"expected a new one, it is line {number} already")]
                    )
            columns = _HEADERS.get(self.kind)
            if columns and not any(map(self._is_header, pieces[::2])):
                content = "\t".join(columns) + "\n" + content
            return f"{_ended(content)}{change.text}\n"
        at = 2 * (change.number - 1)
        if not 0 <= at < len(pieces) or pieces[at].strip() != change.was.strip() or not self._maps(pieces[at]):
            raise Changed(FieldError("line", str(change.number), f"expected {shown(change.was)} there still"))
        if change.text is None:
            del pieces[at : at + 2]
        else:
            pieces[at] = change.text
        return "".join(pieces)

    def _check(self, text: str | None) -> None:
        """Accept only a valid mapping, or None for a removal.

        :raises BadRequest: with what was expected.
        """
        if text is None:
            return
        columns = _HEADERS.get(self.kind)
        header = "\t".join(columns) + "\n" if columns else ""
        whole = _END.search(text) is None and self._maps(text)
        found = parse(self.kind, (header + text).encode("utf-8", "surrogateescape"), "line") if whole else None
        if found is None or found.problems or not found.rules:
            said = found.problems[0].partition(": ")[2] if found and found.problems else "expected a line that maps"
            raise BadRequest([FieldError("line", shown(text), said.removeprefix(f"'{text}': "))])


def _pieces(content: str) -> list[str]:
    """Return the lines of a file and their line ends, alternating."""
    return _END.split(content)


def _ended(content: str) -> str:
    return content if not content or content.endswith(("\n", "\r")) else content + "\n"
