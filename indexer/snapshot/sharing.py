"""Files that two snapshots share, by hard link."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from indexer.index import registry


def share_directory(source: Path, target: Path) -> None:
    """Put a directory's files into another snapshot (`share_file`)."""
    target.mkdir()
    locks = registry.lexical_index().locks
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir():
                share_directory(source / entry.name, target / entry.name)
            elif entry.name not in locks:
                share_file(entry.path, f"{target}/{entry.name}")


def share_file(source: Path | str, target: Path | str) -> None:
    """Put one file into another snapshot by hard link, or by copy if the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
