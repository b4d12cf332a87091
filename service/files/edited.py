"""An editors' file that several processes may change: locked by one at a time, replaced atomically.

Owns the lock and the replacement. Knows nothing of the file's content.
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
    """Lock a file for editing, waiting for other editors, and yield its real path, with links resolved.

    Every edit replaces the file. So once the lock is acquired, it counts only if the locked file is still in place. The
    system releases the lock when the process ends, however it ends.

    :raises OSError: if the file cannot be opened.
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
    """Replace a file atomically by one with this content, keeping its mode and owner."""
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
