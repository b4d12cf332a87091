"""The OpenID Connect provider of a newsroom: its description and the claims of people who signed in, all verified.

Owns the exchange with the provider and every check of a token: signature, issuer, audience, times, nonce. The one
importer of Authlib and of joserfc, which Authlib's documentation names for tokens. Knows nothing of Flask, of browsers,
nor of what a person may do here.

Only https is used, except with a provider on this machine. Every answer is limited in size and time, and redirects are
not followed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.common.security import is_secure_transport
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.claims import JWTClaims
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import JWSRegistry

from indexer.articles.article import shown
from indexer.sources.fetching import FetchError, FetchLimits, FetchResponse, fetch, send
from service.errors import SignOnRefused

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""The algorithms that may sign a token. Never one with a shared secret, and never `none`."""

LEEWAY = 30
"""The most seconds by which the provider's clock may differ."""

KEPT = 3600
"""Seconds for which the provider's description and keys are cached."""

PATIENCE = 5
"""Seconds without requests to a provider that has just failed, and without fetching keys again for a token of unknown
origin."""

_BOUNDS = FetchLimits(size=2**18, seconds=5, redirects=0, private=True)
_LONGEST_TOKEN = 2**15
_MOST_KEYS = 50
_SHORTEST_RSA = 340
"""Letters of a modulus of 2,048 bits, of which the first may be zero."""
_FRESH = 120
"""Seconds for which a logout token is valid."""
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"

Claims = dict[str, Any]


@dataclass(frozen=True)
class Registration:
    """The registration of this service at the provider.

    :param issuer: The provider's own name, an https address.
    :param redirect_uri: The address to which it sends browsers back.
    :param scopes: The requested scopes, including `openid`.
    :param acr: At least one of these must be the token's `acr` or among its `amr`; any sign-in is accepted if empty.
    """

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid",)
    acr: tuple[str, ...] = ()


class LogoutNotice(NamedTuple):
    """The provider's notice of a sign-out: of one session of a subject, or of all.

    :param token_id: Unique for each notice.
    """

    subject: str | None
    session: str | None
    token_id: str


class Provider:
    """One provider. Safe to share between threads. Every method may raise `SignOnRefused`.

    :param clock: Seconds since 1970.
    """

    def __init__(self, registration: Registration, clock: Callable[[], float] = time.time) -> None:
        self._own = registration
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Claims = {}
        self._metadata_until = 0.0
        self._keys: dict[str | None, Key] = {}
        self._keys_at = -1e9
        self._failed_at = -1e9

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Return the address to which a browser is sent to sign in.

        :param verifier: PKCE's verifier; only its hash is sent.
        """
        more = {}
        supported = self._described().get("acr_values_supported")
        wanted = [one for one in self._own.acr if not isinstance(supported, list) or one in supported]
        if wanted:
            more["acr_values"] = " ".join(wanted)
        client = OAuth2Client(
            None,
            self._own.client_id,
            scope=" ".join(self._own.scopes),
            redirect_uri=self._own.redirect_uri,
            code_challenge_method="S256",
        )
        endpoint = self._endpoint("authorization_endpoint")
        url, _ = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, nonce=nonce, **more)
        return str(url)

    def check_issuer(self, given: str | None) -> None:
        """Check that an answer names this provider as its issuer (RFC 9207), against mixed-up providers.

        :raises SignOnRefused: if it does not.
        """
        expected = self._described().get("authorization_response_iss_parameter_supported") is True
        if given != self._own.issuer and (expected or given is not None):
            raise SignOnRefused("token", f"iss: {shown(given)}: expected {self._own.issuer}")

    def claims(self, code: str, nonce: str, verifier: str) -> Claims:
        """Return the provider's verified claims about the person who came back with a code.

        :param nonce: The nonce sent, which must be in the token.
        :raises SignOnRefused: if the code is refused, or a claim does not verify.
        """
        answered = self._exchange(code, verifier)
        text, access = answered.get("id_token"), answered.get("access_token")
        if not isinstance(text, str):
            raise SignOnRefused("token", "id_token: nothing: expected a token")
        token = self._verified(text, known=True)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"essential": True, "value": self._own.issuer}, "aud": self._audience()},
            params={"nonce": nonce, "client_id": self._own.client_id, "access_token": access},
        )
        self._validate(claims)
        _one_text(claims, "iss", "sub")
        self._check_strength(claims)
        beside = self._user_info(claims["sub"], access)
        if "email" in claims:  # the address and its verification must come from the same place
            beside.pop("email_verified", None)
        return {**beside, **claims}

    def logged_out(self, text: str) -> LogoutNotice:
        """Return the notice in a logout token (OpenID Connect Back-Channel Logout 1.0).

        :raises SignOnRefused: if the token does not verify.
        """
        token = self._verified(text, known=False)
        options = {
            "iss": {"essential": True, "value": self._own.issuer},
            "aud": self._audience(),
            **{name: {"essential": True} for name in ("iat", "jti", "events")},
        }
        claims = JWTClaims(token.claims, token.header, options=options)
        self._validate(claims)
        _one_text(claims, "iss", "jti")
        events, subject, session = claims["events"], claims.get("sub"), claims.get("sid")
        if not isinstance(events, dict) or _LOGOUT not in events or "nonce" in claims:
            raise SignOnRefused("token", "events: expected those of a logout token")
        if self._clock() - claims["iat"] > LEEWAY + _FRESH:
            raise SignOnRefused("token", "iat: expected a token made a moment ago")
        if not (isinstance(subject, str) or isinstance(session, str)):
            raise SignOnRefused("token", "sub, sid: expected one of them")
        return LogoutNotice(
            subject if isinstance(subject, str) else None, session if isinstance(session, str) else None, claims["jti"]
        )

    def sign_out_url(self) -> str | None:
        """Return the address for signing out of the provider too, None if it has none."""
        if not self._described().get("end_session_endpoint"):
            return None
        url = self._endpoint("end_session_endpoint")
        return url + ("&" if urlsplit(url).query else "?") + urlencode({"client_id": self._own.client_id})

    def _described(self) -> Claims:
        """Return the provider's description of itself."""
        with self._lock:
            if self._clock() < self._metadata_until:
                return self._metadata
            try:
                found = self._fetched(get_well_known_url(self._own.issuer, external=True))
                if found.get("issuer") != self._own.issuer:
                    raise SignOnRefused(
                        "unreachable", f"issuer: {shown(found.get('issuer'))}: expected that of oidc_issuer"
                    )
            except SignOnRefused as error:
                if not self._metadata:
                    raise
                logger.warning("the provider's description is not renewed: %s", error.detail)
                self._metadata_until = self._clock() + PATIENCE
                return self._metadata
            self._metadata, self._metadata_until = found, self._clock() + KEPT
            return found

    def _endpoint(self, name: str) -> str:
        """Return one of the provider's addresses."""
        found = self._described().get(name)
        if not isinstance(found, str) or not self._is_safe(found):
            raise SignOnRefused("unreachable", f"{name}: {shown(found)}: expected an https address")
        return found

    def _is_safe(self, url: str) -> bool:
        """Return whether an address uses https; any is accepted for a provider on this machine."""
        local = urlsplit(self._own.issuer).scheme == "http"
        return url.startswith("https://") or (local and bool(is_secure_transport(url)))

    def _fetched(self, url: str, authorization: str | None = None) -> Claims:
        headers = {"Accept": "application/json"} | ({"Authorization": authorization} if authorization else {})
        if abs(self._clock() - self._failed_at) < PATIENCE:
            raise SignOnRefused("unreachable", "the provider did not answer a moment ago")
        try:
            return _object(fetch(url, headers, _BOUNDS))
        except FetchError as error:
            self._failed_at = self._clock()
            raise SignOnRefused("unreachable", f"{urlsplit(url).path}: {error}") from None

    def _exchange(self, code: str, verifier: str) -> Claims:
        """Return the tokens that the provider gives for a code."""
        url = self._endpoint("token_endpoint")
        own = {"code": code, "redirect_uri": self._own.redirect_uri, "code_verifier": verifier}
        body = prepare_token_request("authorization_code", "", **own)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        supported = self._described().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" in supported:  # its parts are form-encoded by RFC 6749, section 2.3.1
            auth = ClientAuth(quote_plus(self._own.client_id), quote_plus(self._own.secret), "client_secret_basic")
        else:
            auth = ClientAuth(self._own.client_id, self._own.secret, "client_secret_post")
        url, headers, body = auth.prepare("POST", url, headers, body)
        try:
            answer = send(url, body.encode(), headers, _BOUNDS)
        except FetchError as error:
            raise SignOnRefused("unreachable", f"token_endpoint: {error}") from None
        if answer.status in {400, 401, 403}:
            raise SignOnRefused("token", f"token_endpoint: status {answer.status}: {_error_of(answer)}")
        try:
            return _object(answer)
        except FetchError as error:
            raise SignOnRefused("unreachable", f"token_endpoint: {error}") from None

    def _user_info(self, subject: str, access: Any) -> Claims:
        """Return the provider's further claims about a person, beside the token; empty if there are none."""
        if not isinstance(access, str) or not self._described().get("userinfo_endpoint"):
            return {}
        try:
            found = self._fetched(self._endpoint("userinfo_endpoint"), f"Bearer {access}")
        except SignOnRefused as error:
            logger.warning("the token alone tells who signs in: %s", error.detail)
            return {}
        if found.get("sub") != subject:
            raise SignOnRefused("token", "sub: of userinfo: expected that of the token")
        return found

    def _verified(self, text: str, known: bool) -> jwt.Token:
        """Return a token whose signature was verified.

        :param known: Whether it came from the provider itself, so that its keys may be fetched again at once.
        """
        try:
            if len(text) > _LONGEST_TOKEN:
                raise ValueError("too long")
            header = jws.extract_compact(text.encode()).headers()
            if header.get("alg") not in ALGORITHMS:
                told = f"alg: {shown(header.get('alg'))}: expected one of {', '.join(ALGORITHMS)}"
                raise SignOnRefused("token", told)
            return jwt.decode(text, self._key(header.get("kid"), known), registry=_REGISTRY)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise SignOnRefused("token", f"a token that is not the provider's: {type(error).__name__}") from None

    def _key(self, kid: Any, known: bool) -> Key:
        """Return one of the provider's keys. If it is unknown, fetch the keys again, once."""
        now = self._clock()
        with self._lock:
            keys, age = self._keys, abs(now - self._keys_at)
        found = keys.get(kid) if isinstance(kid, str) or kid is None else None
        if age >= KEPT or (found is None and (known or age >= PATIENCE)):
            keys = _keys_of(self._fetched(self._endpoint("jwks_uri")))
            with self._lock:
                self._keys, self._keys_at = keys, now
            found = keys.get(kid) if isinstance(kid, str) or kid is None else None
        if found is None:
            raise SignOnRefused("token", f"kid: {shown(kid)}: expected one of the provider's keys")
        return found

    def _audience(self) -> dict[str, Any]:
        return {"essential": True, "value": self._own.client_id}

    def _validate(self, claims: JWTClaims) -> None:
        try:
            claims.validate(int(self._clock()), LEEWAY)
        except ExpiredTokenError:
            raise SignOnRefused("token", "exp: expected a token that has not expired") from None
        except JoseError as error:
            raise SignOnRefused("token", f"{error.description or error.error}") from None
        except (ValueError, TypeError, OverflowError) as error:
            raise SignOnRefused("token", f"claims: {type(error).__name__}") from None

    def _check_strength(self, claims: Mapping[str, Any]) -> None:
        """Check that the sign-in was as strong as required."""
        methods = claims.get("amr")
        found = [claims.get("acr"), *(methods if isinstance(methods, list) else [])]
        if self._own.acr and not any(one in found for one in self._own.acr):
            told = f"acr, amr: {shown(found)}: expected one of {', '.join(self._own.acr)}"
            raise SignOnRefused("strength", told)


class _Registry(JWSRegistry):
    """The accepted algorithms, without joserfc's warning of EdDSA, which RFC 9864 renames."""

    def get_alg(self, name: str) -> Any:
        """Return one of them."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _Registry(algorithms=ALGORITHMS)


def _one_text(claims: Mapping[str, Any], *names: str) -> None:
    """Check that claims are single texts, since Authlib also accepts a list that contains the expected text."""
    for name in names:
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise SignOnRefused("token", f"{name}: {shown(claims.get(name))}: expected a text")


def _object(answer: FetchResponse) -> Claims:
    """Return an answer's JSON object.

    :raises FetchError: if it is not a JSON object.
    """
    try:
        found = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FetchError(f"status {answer.status}: expected an object of JSON")
    return found


def _error_of(answer: FetchResponse) -> str:
    """Return an OAuth error's code, and nothing else of the answer, which may repeat what was sent."""
    try:
        found = json.loads(answer.body).get("error")
    except (ValueError, AttributeError, RecursionError):
        found = None
    return shown(found) if isinstance(found, str) else "without a code"


def _keys_of(found: Claims) -> dict[str | None, Key]:
    """Return the keys that may sign, by their ids; a single key also under None."""
    listed = found.get("keys")
    keys: dict[str | None, Key] = {}
    for one in (listed if isinstance(listed, list) else [])[:_MOST_KEYS]:
        if not isinstance(one, dict) or not _may_sign(one):
            continue
        try:
            key = JWKRegistry.import_key(one)
            key.ensure_kid()
        except (JoseError, ValueError, TypeError, KeyError) as error:
            logger.warning("a key of the provider is left out: %s", type(error).__name__)
            continue
        keys.setdefault(key.kid, key)
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    return keys


def _may_sign(key: Claims) -> bool:
    if key.get("kty") == "RSA":
        return key.get("use", "sig") == "sig" and len(str(key.get("n", ""))) >= _SHORTEST_RSA
    return key.get("kty") in {"EC", "OKP"} and key.get("use", "sig") == "sig"
