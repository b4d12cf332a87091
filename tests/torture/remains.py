"""What is left of a text in a home: every byte of every file, and what formats hold otherwise than as it is written.

Looked for are words in UTF-8, escaped as JSON has it, folded, as terms of the word index (whose dictionary stores what
words have in common once), as the CRC-32 by which term vectors know a word, and vectors as their bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tantivy

from indexer.text.folding import fold
from indexer.text.syllables import folded, syllables

FIELDS = ("exact", "folded", "title", "whole_title", "typed_title", "title_words")
_CODES = (".u32", "vocabulary.npy")


def remains(home: Path, words: Iterable[str], vectors: Iterable[bytes] = ()) -> list[str]:
    """Return where in a home something of some unusual words is left: file and what was found.

    :param words: Each of one syllable, and of no other article nor of the product's own lists.
    :param vectors: The bytes of the article's vectors.
    """
    found = []
    wanted = sorted(set(words))
    needles = {needle for word in wanted for form in (word, word.lower(), fold(word)) for needle in _written(form)}
    needles |= set(vectors)
    codes = np.array([zlib.crc32(token.encode()) for word in wanted for token in _tokens(word)], dtype=np.uint32)
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        found += [f"{path.relative_to(home)}: {needle!r}" for needle in needles if needle in content]
        if path.name.endswith(_CODES) and path.stat().st_size:
            held = np.fromfile(path, np.uint32) if path.suffix == ".u32" else np.load(path)
            found += [f"{path.relative_to(home)}: CRC-32 of a word"] * bool(np.isin(codes, held).any())
        if path.name == "meta.json" and path.parent.name == "words":
            found += [f"{path.parent.relative_to(home)}: term {term}" for term in _terms(path.parent, wanted)]
    return found


def _written(word: str) -> tuple[bytes, bytes]:
    return word.encode(), json.dumps(word)[1:-1].encode()


def _tokens(word: str) -> set[str]:
    return {token for syllable in syllables(word) for token in (syllable, folded(syllable))}


def _terms(directory: Path, words: Iterable[str]) -> list[str]:
    """Return the terms of a word index that are one of some words, whether an article has them still or not."""
    searcher = tantivy.Index.open(str(directory)).searcher()
    tokens = {token for word in words for token in _tokens(word)}
    return [f"{field}:{token}" for field in FIELDS for token in tokens if searcher.doc_freq(field, token)]
