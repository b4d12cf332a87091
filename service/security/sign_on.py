"""Signing in to the newsroom's pages through its provider, and the role of each person.

Owns the order of the steps, and the roles that claims give. `oidc` verifies tokens, `flows` owns the browser's cookie,
`people` stores sessions. Knows nothing of Flask.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from indexer.articles.article import shown
from service.errors import Overloaded, SignOnRefused
from service.security.flows import SECONDS, Flow, Flows
from service.security.people import LONGEST_NAME, PeopleStore, Person, Role, hashed
from service.security.sessions import PERSON, Session, Sessions

logger = logging.getLogger(__name__)

START, BACK = "/newsroom/sign-in/start", "/newsroom/sign-in/callback"
"""The paths of the way to the provider and back."""

AT_ONCE = 4
"""The most requests of a process that wait for the provider, so that a slow one does not take all threads."""

_NAMES = ("name", "preferred_username", "email")
_LONGEST_CODE = 4096


class ProviderProtocol(Protocol):
    """The methods of a provider (`oidc.Provider`, which is imported only if there is one)."""

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Return the address to which a browser is sent to sign in."""
        ...

    def check_issuer(self, given: str | None) -> None:
        """Check that an answer names this provider as its issuer."""
        ...

    def claims(self, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        """Return the claims about the person who came back with a code."""
        ...

    def logged_out(self, text: str) -> Any:
        """Return the notice in a logout token."""
        ...

    def sign_out_url(self) -> str | None:
        """Return the address for signing out of the provider too."""
        ...


@dataclass(frozen=True)
class Roles:
    """The roles of people.

    :param claim: The claim with a person's groups; `a.b` is `b` within `a`.
    :param editors: Groups, or e-mail addresses, which count only if the provider has verified them.
    :param chiefs: The same for chiefs; a person who is both is a chief.
    """

    claim: str
    editors: tuple[str, ...]
    chiefs: tuple[str, ...]

    def of(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the role of a person with these claims, None if they have no role."""
        groups = set(_texts(_within(claims, self.claim)))
        email = claims.get("email")
        mine = email.casefold() if isinstance(email, str) and claims.get("email_verified") is True else None
        for role, listed in (("chief", self.chiefs), ("editor", self.editors)):
            if any(one in groups or (mine is not None and "@" in one and one.casefold() == mine) for one in listed):
                return "chief" if role == "chief" else "editor"
        return None


class SignOnResult(NamedTuple):
    """The result of a sign-in through the provider.

    :param flow: The flow, with the requested page and its language.
    """

    session: Session
    person: Person
    flow: Flow


class SignOn:
    """Sends browsers to the provider and takes them back. Safe to share between threads.

    :param name: The provider's name on pages.
    :param issuer: The provider's own name.
    :param clock: Seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        issuer: str,
        provider: ProviderProtocol,
        roles: Roles,
        flows: Flows,
        people: PeopleStore,
        sessions: Sessions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._issuer = issuer
        self._provider = provider
        self._roles = roles
        self._flows = flows
        self.people = people
        self._sessions = sessions
        self._clock = clock
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def start(self, onward: str, lang: str) -> tuple[str, Flow]:
        """Return the address to which a browser is sent, and the flow for its cookie.

        :raises SignOnRefused: if the provider cannot be reached.
        """
        flow = self._flows.begin(onward, lang)
        with self._place():
            return self._provider.authorization_url(flow.state, flow.nonce, flow.verifier), flow

    def flow(self, cookie: str | None) -> Flow | None:
        """Return the flow of a browser, None if there is none."""
        return self._flows.of(cookie)

    def finish(self, cookie: str | None, answer: Mapping[str, Sequence[str]]) -> SignOnResult:
        """Return the new session of a browser that comes back from the provider.

        :param cookie: The cookie that it got when it went there.
        :param answer: Every value of every parameter that it brings back.
        :raises SignOnRefused: if anything is invalid.
        """
        flow = self._flows.of(cookie)
        given = {name: values[0] for name, values in answer.items() if len(values) == 1}
        if flow is None or not hmac.compare_digest(
            flow.state.encode(), given.get("state", "").encode(errors="replace")
        ):
            raise SignOnRefused("stale", "state: expected that of a sign-in which this browser began, once")
        with self._place():
            return self._finish(flow, given)

    def _finish(self, flow: Flow, given: Mapping[str, str]) -> SignOnResult:
        self._provider.check_issuer(given.get("iss"))
        if not self.people.use(f"flow {flow.id}", self._clock() + SECONDS):
            raise SignOnRefused("stale", "state: expected that of a sign-in which is not over")
        if "error" in given:
            declined = given["error"] in {"access_denied", "login_required", "interaction_required"}
            raise SignOnRefused(
                "declined" if declined else "token", f"error: {shown(given['error'])}: of the provider's"
            )
        code = given.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignOnRefused("token", f"code: {len(code)} characters: expected 1 to {_LONGEST_CODE}")
        claims = self._provider.claims(code, flow.nonce, flow.verifier)
        role = self._roles.of(claims)
        subject = hashed(self._issuer, claims["sub"])
        if role is None:
            raise SignOnRefused("role", f"{subject[:12]}: expected somebody of the groups of editors or chiefs")
        person = Person(subject, _name(claims) or subject[:12], role)
        session, there = self._sessions.begin(PERSON), claims.get("sid")
        there = hashed(self._issuer, there) if isinstance(there, str) else None
        self.people.begin(session.id, person, there, session.until)
        return SignOnResult(session, person, flow)

    def end_elsewhere(self, token: str) -> int:
        """End the sessions that the provider has signed out, and return their number.

        :param token: The provider's logout token.
        :raises SignOnRefused: if it is not the provider's, or was used before.
        """
        with self._place():
            notice = self._provider.logged_out(token)
        if not self.people.use(f"logout {hashed(self._issuer, notice.token_id)}", self._clock() + SECONDS):
            raise SignOnRefused("stale", "jti: expected a token that was not here before")
        return self.people.end_all(*(name and hashed(self._issuer, name) for name in (notice.subject, notice.session)))

    def sign_out_url(self) -> str | None:
        """Return the address for signing out of the provider too, None if unknown."""
        try:
            with self._place():
                return self._provider.sign_out_url()
        except (SignOnRefused, Overloaded) as error:
            logger.warning("where to sign out of the provider is not known: %s", error.detail)
            return None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Overloaded
        try:
            yield
        finally:
            self._places.release()


def configuration(roles: Roles, issuer: str, client_id: str, acr: Sequence[str]) -> str:
    """Return a mark that changes with any setting that decides on rights."""
    said = json.dumps([asdict(roles), issuer, client_id, list(acr)])
    return hashlib.sha256(said.encode()).hexdigest()


def host(issuer: str) -> str:
    """Return the default name of a provider: its host."""
    return urlsplit(issuer).hostname or issuer


def _within(claims: Mapping[str, Any], claim: str) -> Any:
    """Return a claim, or a part of one by a path with dots. A claim whose own name has dots comes first."""
    found: Any = claims
    if claim in claims:
        return claims[claim]
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> list[str]:
    """Return the texts of a claim that is a text or a list of texts."""
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _name(claims: Mapping[str, Any]) -> str | None:
    """Return a person's name, fit to be shown."""
    for key in _NAMES:
        if isinstance(claims.get(key), str):
            name = "".join(letter for letter in " ".join(claims[key].split()) if letter.isprintable())[:LONGEST_NAME]
            if name:
                return name
    return None
