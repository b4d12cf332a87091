"""Access to the newsroom's pages, for those who sign in with a key or through the newsroom's provider.

Before the first key, and without a provider, nobody has access. If the service was started with an open newsroom, a
browser on this machine has. Owns signing in with a key, signing out, and the tokens of forms. `sign_on` owns the
provider. Knows nothing of Flask, nor of the pages' content.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import TypeAdapter

from indexer.articles.article import ArticleId
from service.errors import FieldError, Forbidden, NoKeyYet, SignedOut, StaleForm, TooMany, WrongKey
from service.security import local
from service.security.access import SAFE, Header, foreign
from service.security.addresses import client
from service.security.keys import Key, KeyStore
from service.security.people import PeopleStore, Permission, Person
from service.security.sessions import NOBODY, PERSON, Session, Sessions

ATTEMPTS = "10/minute"
"""The limit of wrong keys from one address, in each worker; further ones get 429.

No number of attempts finds a key of 256 bits. A right key is always accepted, even after wrong ones: a whole newsroom
may share one address, and a person with wrong keys must not lock the others out.
"""

_LONGEST = 200
"""The most characters of a text that is looked up as a key."""

_PAGE = re.compile(r"/newsroom/[a-z/-]*")
_OF_ARTICLES = "/newsroom/articles/"
_ID: TypeAdapter[str] = TypeAdapter(ArticleId)


class BrowserRequest(NamedTuple):
    """The parts of a request that decide on access.

    :param reader: The client's address, by the trusted proxies.
    :param peer: The address at the other end of the connection, regardless of headers.
    :param protocol: Such as HTTP/1.1.
    :param cookie: The session's cookie.
    """

    method: str
    reader: str | None
    peer: str | None
    protocol: str | None
    header: Header
    cookie: str | None


class Visitor(NamedTuple):
    """A visitor who is let in.

    :param session: None if nobody has to sign in.
    :param who: The key or the person of the sign-in; None before it, and if nobody has to sign in.
    """

    session: Session | None = None
    who: Key | Person | None = None

    def may(self, permission: Permission) -> bool:
        """Return whether the visitor has a permission. If nobody has to sign in, every visitor has all."""
        if self.who is None:
            return True
        return permission in self.who.scopes or (permission == "pins" and "rules" in self.who.scopes)

    @property
    def author(self) -> str | None:
        """Return the visitor's name in files of the newsroom, None if nobody has to sign in.

        A key's name was chosen by its maker. People choose their names at the provider, so their id, which they cannot
        choose, is added.
        """
        if isinstance(self.who, Person):
            return f"{self.who.name} ({self.who.id})"
        return None if self.who is None else self.who.name


class Doorkeeper:
    """Lets in, signs in and out.

    :param clock: Seconds since 1970.
    :param people: The people signed in through the provider, None if there is no provider.
    :param opens: Whether a browser on this machine has access until the first key of the newsroom is made.
    """

    def __init__(
        self,
        keys: KeyStore,
        sessions: Sessions,
        clock: Callable[[], float] = time.time,
        opens: bool = False,
        people: PeopleStore | None = None,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._people = people
        self._opens = opens
        self._clock = clock
        self._tries = MovingWindowRateLimiter(MemoryStorage())
        self._limit = parse(ATTEMPTS)

    def visitor(self, asked: BrowserRequest) -> Visitor:
        """Return the visitor.

        :raises Forbidden: if it comes from another site, or not from this machine although nobody has to sign in.
        :raises NoKeyYet: if there is no key to sign in with.
        :raises SignedOut: if nobody is signed in.
        """
        if self._is_open(asked):
            return Visitor()
        session = self._sessions.of(asked.cookie)
        if session is not None and session.key_id != NOBODY:
            who = self._who(session, asked)
            if who is not None:
                return Visitor(session, who)
        raise SignedOut("nobody is signed in: expected a key of scope newsroom, or somebody of the newsroom")

    def _who(self, session: Session, asked: BrowserRequest) -> Key | Person | None:
        """Return who signed in, None if their access has ended."""
        if session.key_id == PERSON:
            return None if self._people is None else self._people.of_session(session.id)
        key = self._keys.of_session(session.key_id, session.id)
        return key if key is not None and _counts(key, asked) else None

    def takes_keys(self) -> bool:
        """Return whether there ever was a key to sign in with."""
        return self._keys.ever("newsroom")

    def token(self, visitor: Visitor) -> str | None:
        """Return the token of a visitor's forms, None if nobody has to sign in and there is no session."""
        return None if visitor.session is None else self._sessions.token(visitor.session)

    def check_form(self, visitor: Visitor, token: str) -> None:
        """Check that a form belongs to a visitor's session.

        :raises StaleForm: if it does not.
        """
        if visitor.session is not None and not self._sessions.is_of(visitor.session, token):
            raise StaleForm("csrf: expected the form of this session")

    def beginning(self, asked: BrowserRequest) -> Visitor:
        """Return a visitor who is about to sign in, with a session for the form only: the current or a new one.

        :raises Forbidden: if it comes from another site, or not from this machine although nobody has to sign in.
        :raises NoKeyYet: if there is no key to sign in with.
        """
        self._is_open(asked)
        session = self._sessions.of(asked.cookie)
        return Visitor(self._sessions.begin() if session is None or session.key_id != NOBODY else session)

    def sign_in(self, asked: BrowserRequest, text: str, token: str) -> Session:
        """Sign in with a key of the newsroom, and return a new session, other than the form's.

        :param text: The key.
        :param token: The form's token.
        :raises StaleForm: if the form is of another session.
        :raises WrongKey: if the key is not valid.
        :raises TooMany: if it is not valid, and this address has sent too many such keys.
        """
        self.check_form(self.beginning(asked), token)
        text = text.strip()
        key = self._keys.find(text) if len(text) <= _LONGEST else None
        if key is not None and _counts(key, asked):
            return self._sessions.begin(key.id)
        who = client(asked.reader)
        if not self._tries.hit(self._limit, who):
            seconds = int(self._tries.get_window_stats(self._limit, who).reset_time - self._clock()) + 1
            raise TooMany(FieldError("key", "another wrong key", f"expected at most {self._limit}"), seconds)
        raise WrongKey("key: expected one of scope newsroom that is not revoked or expired, from where it may be used")

    def sign_out(self, visitor: Visitor) -> None:
        """End a session for everyone with its cookie."""
        if visitor.session is None:
            return
        if visitor.session.key_id != PERSON:
            self._keys.end(visitor.session.id, visitor.session.until)
        elif self._people is not None:
            self._people.end(visitor.session.id)

    def _is_open(self, asked: BrowserRequest) -> bool:
        """Return whether nobody has to sign in: the newsroom is open until its first key, and no key was ever made.

        If there is a provider, everybody has to sign in.

        :raises Forbidden: if it comes from another site, or not from this machine although the newsroom is open.
        :raises NoKeyYet: if it is not open, and there never was a key.
        """
        keyless = self._people is None and not self._keys.ever("newsroom")
        if keyless and not self._opens:
            raise NoKeyYet
        if keyless:
            fault = local.refusal(asked.method, asked.peer, asked.protocol, asked.header)
        else:
            fault = None if asked.method in SAFE else foreign(asked.header)
        if fault is not None:
            raise Forbidden([fault])
        return keyless


def inside(path: str | None) -> str | None:
    """Return the address of a page of the newsroom, None if it would lead anywhere else.

    :param path: Percent-encoded exactly as by `quote`; other encodings are refused.
    """
    if not path or "//" in path:
        return None
    if path.startswith(_OF_ARTICLES) and path != _OF_ARTICLES:
        return path if _is_id(path.removeprefix(_OF_ARTICLES)) else None
    return path if _PAGE.fullmatch(path) else None


def _is_id(encoded: str) -> bool:
    try:
        name = _ID.validate_python(unquote(encoded, errors="strict"))
    except ValueError:  # also for bytes that are not text
        return False
    return quote(name, safe="") == encoded


def _counts(key: Key, asked: BrowserRequest) -> bool:
    return key.counts and "newsroom" in key.scopes and key.bounds.admits(asked.reader)
