"""Sessions of the newsroom's pages: the content of the cookie, and the tokens of forms.

Owns the cookie's content, the secret that signs it, and the forms' tokens against forgery. A session holds the id of
the key used to sign in, never the key. `security.gate` checks whether that key is still valid.
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
"""The key id of a session before signing in, so that the sign-in form has a session of its own."""

PERSON = "person"
"""The key id of a session through the newsroom's provider. No key has such an id."""

_BYTES = 32


@dataclass(frozen=True)
class Session:
    """The session of one browser.

    :param cookie: The content of its cookie.
    :param key_id: The id of the key used to sign in, `NOBODY` before signing in, `PERSON` for the provider.
    :param id: A random id.
    :param until: When it ends, seconds since 1970.
    """

    cookie: str
    key_id: str
    id: str
    until: float


class Sessions:
    """Begins sessions and recognises them. Nothing is stored here, so every process recognises all.

    :param secret: Returns the signing secret (`secret_of`).
    :param seconds: The duration of a session.
    :param clock: Seconds since 1970.
    """

    def __init__(self, secret: Callable[[], bytes], seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self.seconds = seconds
        self._clock = clock

    def begin(self, key_id: str = NOBODY) -> Session:
        """Begin a session with a unique cookie."""
        number = secrets.token_hex(16)
        cookie = self._serializer().dumps([key_id, number])
        return Session(str(cookie), key_id, number, self._clock() + self.seconds)

    def of(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, None if the cookie is foreign, altered or too old."""
        try:
            (key_id, number), begun = self._serializer().loads(cookie or "", self.seconds, return_timestamp=True)
        except BadSignature:
            return None
        return Session(cookie or "", key_id, number, begun.timestamp() + self.seconds)

    def token(self, session: Session) -> str:
        """Return the token of a session's forms, which no other site can know."""
        return hmac.new(self._secret(), f"form {session.cookie}".encode(), hashlib.sha256).hexdigest()

    def is_of(self, session: Session, token: str) -> bool:
        """Return whether a form's token belongs to this session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode(errors="replace"))

    def _serializer(self) -> URLSafeTimedSerializer:
        clock = self._clock

        class SessionSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(clock())

        options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        return URLSafeTimedSerializer(self._secret(), "lienquan session", signer=SessionSigner, signer_kwargs=options)


def secret_of(home: Path, given: str | None = None, name: str = FILE) -> bytes:
    """Return the signing secret: the configured one, else that of a file of the home, created if there is none.

    The first process to create the file wins, and all processes read the same. Deleting the file ends every session.

    :param name: The file's name, for other things with a secret of their own.
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
