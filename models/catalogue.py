"""Lists the known models and what each needs: its place, prompts, token limit and licence.

Owns the cards and the directory that models are kept in. Knows nothing of how a model is run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from models import bundled, hashing, hub
from models.errors import ModelError

DEFAULT = "bundled"
MODELS_VARIABLE = "LIENQUAN_MODELS"

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ModelCard:
    """A model as the catalogue knows it.

    :param key: The name that `--model` takes.
    :param source: A directory or a hub id that sentence-transformers loads; empty for a model made here.
    :param revision: Of a hub id: the commit that is fetched, 40 hexadecimal digits; else empty.
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
    revision: str = ""


_E5 = ModelCard("", "", "query: ", "passage: ", 512, "MIT")


def _of_hub(hub_id: str, revision: str) -> ModelCard:
    return replace(_E5, key=hub_id, source=hub_id, revision=revision)


KNOWN = {
    card.key: card
    for card in (
        replace(_E5, key=DEFAULT),
        _of_hub(bundled.HUB_ID, "fd1525a9fd15316a2d503bf26ab031a61d056e98"),
        _of_hub("intfloat/multilingual-e5-base", "d13f1b27baf31030b7fd040960d60d909913633f"),
        _of_hub("intfloat/multilingual-e5-large", "ab10c1a7f42e74530fe7ae5be82e6d4f11a719eb"),
        ModelCard(hashing.NAME, "", "", "", None, "MIT"),
    )
}


def find(
    name: str,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    max_tokens: int | None = None,
) -> ModelCard:
    """Return the card of a known model, or a new one for a directory or any hub id with its commit.

    The keyword values replace the card's where they are given.

    :raises ModelError: if the name is neither known, nor a directory, nor of the form of a hub id with a commit.
    """
    if name in KNOWN:
        card = KNOWN[name]
    elif name and Path(name).is_dir():
        card = ModelCard(name, str(Path(name).resolve()))
    else:
        card = _at_commit(name)
    if max_tokens is not None and max_tokens < 8:
        raise ModelError(f"max_tokens: {max_tokens}: expected at least 8")
    given = {"query_prompt": query_prompt, "document_prompt": document_prompt, "max_tokens": max_tokens}
    return replace(card, **{field: value for field, value in given.items() if value is not None})  # type: ignore[arg-type]


def _at_commit(name: str) -> ModelCard:
    """Return the card of OWNER/NAME@COMMIT. A branch is refused: its weights may change."""
    hub_id, _, revision = name.partition("@")
    if not _HUB_ID.fullmatch(hub_id):
        known = ", ".join(KNOWN)
        raise ModelError(f"model: {name!r}: expected one of {known}, a directory, or a hub id OWNER/NAME@COMMIT")
    if not hub.is_commit(revision):
        raise ModelError(
            f"model: {name!r}: expected {hub_id}@COMMIT, with the 40 hexadecimal digits of one commit, as the model's "
            "page on the hub lists them under Files, History"
        )
    card = KNOWN.get(hub_id, ModelCard(name, hub_id))
    return replace(card, key=name, revision=revision)


def models_home() -> Path:
    """Return the directory that made models are kept in: LIENQUAN_MODELS, else the user's cache."""
    if given := os.environ.get(MODELS_VARIABLE):
        return Path(given).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lienquan" / "models"
