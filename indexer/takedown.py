"""Where the text of an article lies on disk, and how it is got rid of.

Knows nothing of who may take an article down, nor why; that is in the journal.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing

from indexer import store
from indexer.build import BuildOptions, build
from indexer.errors import BuildRefused, SnapshotError
from indexer.ingest import live_home
from indexer.journal import Journal
from indexer.snapshot import Home, read_manifest
from indexer.store import Store
from models.encoder import Encoder

_WAIT_SECONDS = 60.0
_LOOK_SECONDS = 0.2


def holders(home: Home, article_id: str) -> list[str]:
    """Return the ids of the snapshots that have the text of an article, deleted or not, oldest first."""
    return [name for name in home.ids() if _holds(home, name, article_id)]


def _holds(home: Home, name: str, article_id: str) -> bool:
    try:
        directory = home.directory(name)
        stores = [directory / entry.name / store.FILE for entry in read_manifest(directory).segments]
    except SnapshotError:
        return False  # what cannot be read is served to nobody; `purge` deletes it
    for path in stores:
        with closing(Store(path)) as opened:
            if opened.row_of(article_id) is not None:
                return True
    return False


def purge(home: Home, article_id: str, encoder: Callable[[], Encoder], wait: float = _WAIT_SECONDS) -> list[str]:
    """Have no file of a home hold the text of an article that was taken down, and return which snapshots are deleted.

    Writes the archive anew without it, deletes every older snapshot that has it, and every live one.

    :param wait: For how many seconds to wait for another build, and for a process that ingests to let go.
    :raises BuildRefused: if either does not; what was deleted until then stays so.
    """
    options = BuildOptions(whole=False, rewrite=True, keep=len(home.ids()) + 1, wait=wait)
    build(home, [], encoder, options)
    with home.lock(wait):
        current = home.current()
        doomed = [name for name in holders(home, article_id) if name != current]
        for name in doomed:
            shutil.rmtree(home.snapshots / name)
    _purge_live(home, article_id, wait)
    with closing(Journal(home.path)) as journal:
        journal.scrub()
    return doomed


def _purge_live(home: Home, article_id: str, wait: float) -> None:
    """Delete the live snapshots that have the text; a process that ingests does so itself once it sees the new base."""
    live, until = live_home(home), time.monotonic() + wait
    while holding := holders(live, article_id):
        try:
            with live.lock():
                for name in holding:
                    shutil.rmtree(live.snapshots / name)
        except BuildRefused:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_SECONDS)
