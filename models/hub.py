"""Models that others made, fetched at one commit. Only files that can be read without running their code are taken.

The one importer of huggingface_hub. Owns which files of a model are fetched and what makes a directory unfit. Knows
nothing of how a model is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from models.errors import ModelError

FETCHED = ("*.json", "*.txt", "*.model", "*.codes", "*.safetensors")
"""Configuration, vocabularies and weights as plain numbers. No Python, and no pickles, since a pickle can run code."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PICKLED = "pytorch_model*.bin"
_PLAIN = "*.safetensors"
_OWN = "sentence_transformers."
"""Modules of this package are known code. Any other name could be imported from the model's own directory."""


def is_commit(revision: str) -> bool:
    """Return whether a revision is a commit. A branch or a tag may move; a commit does not."""
    return _COMMIT.fullmatch(revision) is not None


def download(hub_id: str, revision: str) -> Path:
    """Return the directory of a model; fetch it from the hub if it is not on this disk.

    :param revision: A commit.
    :raises ModelError: if it cannot be fetched.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(FETCHED)))
    except Exception as error:  # the hub client raises a dozen kinds of errors, for networks and for names
        raise ModelError(f"model {hub_id + '@' + revision!r}: cannot be had from the hub: {error}") from error


def is_fetched(hub_id: str, revision: str) -> bool:
    """Return whether a model is on this disk. Fetches nothing."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot_download(hub_id, revision=revision, allow_patterns=list(FETCHED), local_files_only=True)
    except LocalEntryNotFoundError:
        return False
    return True


def check(directory: Path) -> None:
    """Refuse a model that can only be read by running its author's code.

    :raises ModelError: if the weights exist only as a pickle, or a part of the model is a class of its own.
    """
    if not any(directory.rglob(_PLAIN)):
        raise ModelError(f"model {directory}: no {_PLAIN} in it: expected weights in this form alone")
    for path in sorted(directory.rglob(_PICKLED)):
        if not any(path.parent.glob(_PLAIN)):
            expected = f"expected {_PLAIN} beside it: a pickle is a program, and is never loaded"
            raise ModelError(f"{path}: {expected}")
    for path, name in _classes(directory):
        if not name.startswith(_OWN):
            raise ModelError(f"{path}: {name!r}: expected a class of sentence_transformers: no other code is run")


def _classes(directory: Path) -> Iterator[tuple[Path, str]]:
    """Yield the classes that sentence-transformers would load for a model, each with the file that names it."""
    for path in sorted(directory.rglob("modules.json")):
        parts = _read(path)
        for part in parts if isinstance(parts, list) else [parts]:
            yield path, str(part.get("type")) if isinstance(part, dict) else str(part)
    for path in sorted(directory.rglob("router_config.json")):
        found = _read(path)
        types = found.get("types") if isinstance(found, dict) else None
        for name in types.values() if isinstance(types, dict) else [types]:
            yield path, str(name)
    for path in sorted(directory.rglob("wordembedding_config.json")):
        found = _read(path)
        yield path, str(found.get("tokenizer_class") if isinstance(found, dict) else found)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
