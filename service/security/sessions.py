"""Who is signed in to the newsroom's pages: what the cookie holds, and what a form must bring to be of this session.

Owns the cookie's content, the secret that signs it and what forms carry against forgery. A session is the id of the
key that somebody signed in with, never the key; whether that key still opens anything is `security.gate`'s question.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

from indexer.files import private
from service.errors import NotReady
from service.files.whole import put_once

FILE = "session.key"

NOBODY = ""
"""Stands where a key's id would: not signed in yet, so that the form to sign in has a session of its own."""

PERSON = "person"
"""Stands there where somebody signed in through the newsroom's provider, not with a key: no key has such an id."""

_BYTES = 32


@dataclass(frozen=True)
class Session:
    """One browser's.

    :param cookie: What it is known by.
    :param key_id: The key that was signed in with, `NOBODY` where none was, `PERSON` where no key was needed.
    :param id: Random.
    :param until: When it ends, seconds since 1970.
    """

    cookie: str
    key_id: str
    id: str
    until: float


class Sessions:
    """Begins sessions and knows them again; nothing is kept of them here, so every process knows all.

    :param secret: Returns what they are signed with (`secret_of`).
    :param seconds: How long one lasts.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self.seconds = seconds
        self._clock = clock

    def begin(self, key_id: str = NOBODY) -> Session:
        """Begin a session, with a cookie that no other ever had."""
        number = secrets.token_hex(16)
        cookie = self._serializer().dumps([key_id, number])
        return Session(str(cookie), key_id, number, self._clock() + self.seconds)

    def of(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, None where it is none of ours, altered or too old."""
        try:
            (key_id, number), begun = self._serializer().loads(cookie or "", self.seconds, return_timestamp=True)
        except BadSignature:
            return None
        return Session(cookie or "", key_id, number, begun.timestamp() + self.seconds)

    def token(self, session: Session) -> str:
        """Return what the forms of a session carry, and no other site can know."""
        return hmac.new(self._secret(), f"form {session.cookie}".encode(), hashlib.sha256).hexdigest()

    def is_of(self, session: Session, token: str) -> bool:
        """Return whether a form is one of this session's."""
        return hmac.compare_digest(self.token(session).encode(), token.encode(errors="replace"))

    def _serializer(self) -> URLSafeTimedSerializer:
        clock = self._clock

        class SessionSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeTimedSerializer(self._secret(), "lienquan session", signer=SessionSigner, signer_kwargs=options)


def secret_of(home: Path, given: str | None = None, name: str = FILE) -> bytes:
    """Return what sessions are signed with: what was set, else a file of the home, made where there is none.

    Whoever makes it first wins, and all processes read the same. Taking the file away ends every session.

    :param name: The file's, for whatever else is signed with a secret of its own.
    :raises NotReady: if it can be neither read nor made.
    """
    if given is not None:
        return given.encode()
    path = home / name
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise NotReady(f"{name} cannot be read: {error.strerror or error}") from None
    try:
        private.make_home(home)
        with tempfile.NamedTemporaryFile(prefix=f".{name}.", dir=home) as file:  # of mode 0600
            file.write(secrets.token_hex(_BYTES).encode())
            file.flush()
            put_once(Path(file.name), path)
        return _read(path)
    except OSError as error:
        raise NotReady(f"{name} cannot be made: {error.strerror or error}") from None


def _read(path: Path) -> bytes:
    found = path.read_bytes().strip()
    if len(found) < _BYTES:
        raise OSError(f"{len(found)} bytes: expected {_BYTES} or more")
    return found
