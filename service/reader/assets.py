"""The files of `static`, held in memory under an address that changes with them, so that browsers need not ask again.

Knows nothing of Flask. Modules of JavaScript import each other by relative addresses, so all files share one version,
which stands in front of their names: no file has to be rewritten.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_TYPES = {".css": "text/css", ".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}
"""Said here, because what `mimetypes` says depends on the machine."""

_VERSION_CHARS = 12

EMBEDDED = {"lienquan-related.js": "v1"}
"""What pages of other sites load, and in place of a version what their address says: how it may be used."""

FOR_A_YEAR = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600, stale-while-revalidate=86400"
ASK_FIRST = "no-cache"


@dataclass(frozen=True)
class Asset:
    """A file.

    :param packed: The same by gzip, None where that is no smaller.
    """

    content: bytes
    packed: bytes | None
    content_type: str

    @cached_property
    def tag(self) -> str:
        """Return what tells the content from another."""
        return hashlib.sha256(self.content).hexdigest()[:_VERSION_CHARS]


class Assets:
    """The files of a directory as they were when the process started.

    :param directory: Without directories in it.
    """

    def __init__(self, directory: Path) -> None:
        contents = {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}
        digest = hashlib.sha256()
        for name, content in contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:_VERSION_CHARS]
        self._assets = {name: _asset(name, content) for name, content in contents.items()}

    def find(self, name: str) -> Asset | None:
        """Return a file by its name, None where there is none."""
        return self._assets.get(name)

    def kept(self, version: str, name: str) -> str:
        """Return for how long caches may keep what stands at an address, as `Cache-Control`.

        A page made before the service was upgraded may ask for another version; it gets today's file.
        """
        if version == self.version:
            return FOR_A_YEAR
        return FOR_AN_HOUR if EMBEDDED.get(name) == version else ASK_FIRST


def _asset(name: str, content: bytes) -> Asset:
    mimetype = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if mimetype not in _TYPES.values():
        return Asset(content, None, mimetype)
    packed = gzip.compress(content, mtime=0)
    return Asset(content, packed if len(packed) < len(content) else None, f"{mimetype}; charset=utf-8")
