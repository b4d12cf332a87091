"""Which models there are, and what each needs: where it lies, its prompts, its token limit, its licence.

Owns the cards and the directory that models are kept in. Knows nothing of how a model is run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from models import bundled, hashing
from models.errors import ModelError

DEFAULT = "bundled"
MODELS_VARIABLE = "LIENQUAN_MODELS"


@dataclass(frozen=True)
class ModelCard:
    """A model as the catalogue knows it.

    :param key: The name that `--model` takes.
    :param source: A directory or a hub id that sentence-transformers loads; empty for a model made here.
    :param query_prompt: Prefix of a query; None takes the model's own.
    :param document_prompt: Prefix of a document; None takes the model's own.
    :param max_tokens: Token limit; None takes the model's own.
    :param licence: SPDX id, or what is known.
    """

    key: str
    source: str
    query_prompt: str | None = None
    document_prompt: str | None = None
    max_tokens: int | None = None
    licence: str = "unknown"


_E5 = ModelCard("", "", "query: ", "passage: ", 512, "MIT")
KNOWN = {
    card.key: card
    for card in (
        replace(_E5, key=DEFAULT),
        replace(_E5, key=bundled.HUB_ID, source=bundled.HUB_ID),
        replace(_E5, key="intfloat/multilingual-e5-base", source="intfloat/multilingual-e5-base"),
        replace(_E5, key="intfloat/multilingual-e5-large", source="intfloat/multilingual-e5-large"),
        ModelCard("BAAI/bge-m3", "BAAI/bge-m3", "", "", 1024, "MIT"),
        ModelCard(hashing.NAME, "", "", "", None, "MIT"),
    )
}


def find(
    name: str,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    max_tokens: int | None = None,
) -> ModelCard:
    """Return the card of a known model, or a new one for a directory or any hub id.

    The keyword values, where given, stand instead of the card's.

    :raises ModelError: if the name is neither known, nor a directory, nor of the form of a hub id.
    """
    if name in KNOWN:
        card = KNOWN[name]
    elif name and Path(name).is_dir():
        card = ModelCard(name, str(Path(name).resolve()))
    elif name.count("/") == 1 and not name.startswith((".", "/", "~")) and " " not in name:
        card = ModelCard(name, name)
    else:
        raise ModelError(f"model: {name!r}: expected one of {', '.join(KNOWN)}, a directory, or a hub id OWNER/NAME")
    if max_tokens is not None and max_tokens < 8:
        raise ModelError(f"max_tokens: {max_tokens}: expected at least 8")
    given = {"query_prompt": query_prompt, "document_prompt": document_prompt, "max_tokens": max_tokens}
    return replace(card, **{field: value for field, value in given.items() if value is not None})  # type: ignore[arg-type]


def models_home() -> Path:
    """Return the directory that made models are kept in: LIENQUAN_MODELS, else the user's cache."""
    if given := os.environ.get(MODELS_VARIABLE):
        return Path(given).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lienquan" / "models"
