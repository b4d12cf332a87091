"""The options of search and related lists that an operator and the editors set, from the settings and their files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from indexer.language.lexicon import Abbreviation, ParsedLines, Renaming, parse_abbreviations, parse_renamings
from indexer.relations import content_classes
from indexer.relations.content_classes import ClassMap
from service.files.followed import FileFollower
from service.query.synonyms import NO_SYNONYMS, SynonymFile, Synonyms
from service.ranking.presets import Defaults
from service.rules.file import RuleFile
from service.rules.lines import NO_RULES, Rules
from service.settings import Settings

logger = logging.getLogger(__name__)

NO_ABBREVIATIONS: ParsedLines[Abbreviation] = ParsedLines(())
NO_RENAMINGS: ParsedLines[Renaming] = ParsedLines(())


class AbbreviationFile(FileFollower[ParsedLines[Abbreviation]]):
    """Follows a file of editors' abbreviations.

    :param path: None if there is no such file.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, parse_abbreviations, NO_ABBREVIATIONS, "abbreviations")


class RenamingFile(FileFollower[ParsedLines[Renaming]]):
    """Follows a file of renamed places.

    :param path: None if there is no such file.
    """

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, parse_renamings, NO_RENAMINGS, "renamings")


@dataclass(frozen=True)
class Options:
    """The operator's options of search and related lists.

    :param synonyms: Returns the editors' current synonyms.
    :param abbreviations: Returns the current abbreviations of the editors' file.
    :param renamings: Returns the current renamings of the editors' file.
    :param rules: Returns the editors' current rules for related lists.
    :param classes: The content classes of sections and tags, from the newsroom's file.
    :param related: The options of related lists.
    """

    synonyms: Callable[[], Synonyms] = lambda: NO_SYNONYMS
    abbreviations: Callable[[], ParsedLines[Abbreviation]] = lambda: NO_ABBREVIATIONS
    renamings: Callable[[], ParsedLines[Renaming]] = lambda: NO_RENAMINGS
    rules: Callable[[], Rules] = lambda: NO_RULES
    classes: ClassMap = content_classes.NO_RULES
    related: Defaults = field(default_factory=Defaults)

    @property
    def revision(self) -> str:
        """Return a string that differs for other options of related lists and other releases."""
        classes = sorted((*key, kind.name) for key, kind in self.classes.rules.items())
        return hashlib.sha256(repr((version("lienquan"), self.related, classes)).encode()).hexdigest()[:12]

    @classmethod
    def of(cls, settings: Settings) -> Options:
        """Return the options from the settings. Faults in the editors' files are logged; their valid lines count."""
        return cls(
            SynonymFile(settings.synonyms).current,
            AbbreviationFile(settings.abbreviations).current,
            RenamingFile(settings.renamings).current,
            RuleFile(settings.rules).current,
            _classes(settings.classes),
            Defaults(settings.min_related, settings.fallbacks, settings.duplicates),
        )


def _classes(path: Path | None) -> ClassMap:
    """Return the content classes of the newsroom's file; log its faults."""
    if path is None:
        return content_classes.NO_RULES
    try:
        found = content_classes.parse(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))
    except OSError as error:
        logger.error("%s: cannot be read: %s", path, error)
        return content_classes.NO_RULES
    for problem in found.problems:
        logger.error("%s", problem)
    return found
