"""A file of an editor's that several processes may change: held by one at a time, replaced as a whole or not at all.

Owns the lock and the replacement; knows nothing of what the file says.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def held(path: Path, mode: str) -> Iterator[Path]:
    """Hold a file for editing, waiting for whoever has it, and yield where it really is, behind links.

    Every edit puts a new file in the old one's place, so that a lock is worth something only on the file that is there
    once the lock is had. The system lets go of it when the process ends, however it ends.
    """
    real = path.resolve()
    while True:
        if real.exists() and not real.is_file():
            raise OSError(f"{path}: it is not a file")
        with real.open(mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), real):
                yield real
                return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def put(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of one, with its mode and owner. Atomic: before or after."""
    before = path.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
