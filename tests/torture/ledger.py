"""What a CMS writes by the API, and what must be there of it: what was acknowledged, or what may have come through."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.torture.generations import Line, generation_of, line
from tests.torture.serving import request

Version = int | None
"""The generation that an article says it is of (`generations`); None where it is gone."""

ANY = -1
"""Stands for whatever version a source has given an article that the API did not touch yet."""

_KINDS = {"put": 5, "delete": 2, "bulk": 2}
_BULK = 6


class Ledger:
    """Of which version each article may be now: one once a change is acknowledged, two while its answer is missing."""

    def __init__(self, sourced: Sequence[str] = ()) -> None:
        self._lock = threading.Lock()
        self._may: dict[str, frozenset[Version]] = dict.fromkeys(sourced, frozenset({ANY}))
        self._begun: Counter[str] = Counter()
        self._versions = itertools.count(1)
        self.acknowledged: Counter[str] = Counter()
        """How many changes of each kind were."""

    def version(self) -> int:
        """Return a version that no article was of before."""
        with self._lock:
            return next(self._versions)

    def begin(self, changes: Mapping[str, Version]) -> None:
        """Take note of what is about to be asked for."""
        with self._lock:
            for name, version in changes.items():
                self._may[name] = self._may.get(name, frozenset({None})) | {version}
                self._begun[name] += 1

    def end(self, changes: Mapping[str, Version]) -> None:
        """Take note of what was acknowledged."""
        with self._lock:
            for name, version in changes.items():
                self._may[name] = frozenset({version})
                self.acknowledged["deleted" if version is None else "put"] += 1

    def may(self) -> dict[str, frozenset[Version]]:
        """Return of which versions each article may be."""
        with self._lock:
            return dict(self._may)

    def gone(self) -> set[tuple[str, int]]:
        """Return which articles must not be seen; those in the answers of before and after a request not in it."""
        with self._lock:
            return {(name, self._begun[name]) for name, may in self._may.items() if may == {None}}


def article(name: str, version: int) -> Line:
    """Return an article that says in each of its texts of which version it is."""
    at = int("".join(letter for letter in name if letter.isdigit()))
    made = line(at, version)
    return made | {"id": name, "url": f"https://bao.example/{name}.html", "aliases": [], "published_at": None}


def version_of(article: Mapping[str, object]) -> int:
    """Return the version of an article.

    :raises ValueError: if its texts are of several.
    """
    texts = [str(article[field]) for field in ("title", "lead", "body") if article.get(field)]
    found = {generation_of(text) for text in texts}
    if len(found) != 1:
        raise ValueError(f"{article['id']}: of versions {sorted(found)} at once")
    return found.pop()


class Writer(threading.Thread):
    """Puts and deletes articles of its own, one request after the other, until told to stop.

    :param names: The ids of the articles that it alone writes.
    :param pause: Seconds between two requests.
    """

    def __init__(
        self, port: int, key: str, ledger: Ledger, names: Sequence[str], seed: int, pause: float = 0.002
    ) -> None:
        super().__init__(daemon=True)
        self._port, self._key, self._ledger, self._names, self._pause = port, key, ledger, names, pause
        self._rng = random.Random(seed)
        self._stop_asked = threading.Event()
        self.wrong: list[str] = []

    def stop(self) -> None:
        """Have it stop, and wait until it has."""
        self._stop_asked.set()
        self.join()

    def run(self) -> None:
        """Write."""
        while not self._stop_asked.is_set():
            (kind,) = self._rng.choices(list(_KINDS), list(_KINDS.values()))
            names = self._rng.sample(self._names, min(_BULK, len(self._names)) if kind == "bulk" else 1)
            deleted = kind == "delete" or (kind == "bulk" and self._rng.random() < 0.3)
            changes = {name: None if deleted else self._ledger.version() for name in names}
            self._ledger.begin(changes)
            try:
                fault = send(self._port, self._key, changes, bulk=kind == "bulk")
            except (OSError, http.client.HTTPException, ValueError) as error:  # killed under it: it may have been made
                if isinstance(error, TimeoutError):
                    self.wrong.append(f"{changes}: {error!r}")
                time.sleep(0.02)
                continue
            if fault is None:
                self._ledger.end(changes)
            else:
                self.wrong.append(fault)
            time.sleep(self._pause)


def send(port: int, key: str, changes: Mapping[str, Version], bulk: bool = False) -> str | None:
    """Send changes, of a bulk all at once, else the one that there is; return what is wrong with the answer.

    :raises OSError: if there is no answer, `HTTPException` or `ValueError` if it breaks off.
    """
    if bulk:
        lines = [json.dumps(_as_line(name, version)) for name, version in changes.items()]
        status, content = request(port, "/api/v1/articles:bulk", "\n".join(lines).encode(), "POST", key)
        told = [json.loads(one) for one in content.splitlines()] if status == 200 else []
        good = [one["id"] for one in told if one["status"] in (200, 201, 204) and one["applied"]] == list(changes)
        return None if good else f"bulk of {dict(changes)}: {status}: {content[:300]!r}"
    ((name, version),) = changes.items()
    method, body = ("DELETE", None) if version is None else ("PUT", json.dumps(article(name, version)).encode())
    status, content = request(port, f"/api/v1/articles/{name}", body, method, key)
    good = status == 204 if version is None else status in (200, 201) and json.loads(content) == {"applied": True}
    return None if good else f"{method} {name}: {status}: {content[:300]!r}"


def _as_line(name: str, version: Version) -> Line:
    if version is None:
        return {"op": "delete", "id": name}
    return {"op": "put", "article": article(name, version)}
