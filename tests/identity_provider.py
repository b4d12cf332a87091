"""Providers of OpenID Connect for the tests of signing in: a real one, and one that says whatever a test wants.

The real one is npm's `oidc-provider`, which the OpenID Foundation has certified: a program by others, so that both
sides having the same misunderstanding is not taken for agreement. `tests/programs.sh` installs it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from lxml import html

from tests.interpreters import interpreter
from tests.web_server import Request, Site

ROOT = Path(__file__).parent / "provider"
CLIENT, SECRET = "lienquan", "bí mật+% của tòa soạn 0123456789".encode().hex()
PEOPLE = {
    "lan": {"name": "Nguyễn Thị Lan", "groups": ["bien-tap", "khac"], "email": "lan@bao.example"},
    "huong": {"name": "Trần Hương", "groups": ["thu-ky"]},
    "khach": {"name": "Khách", "groups": ["quang-cao"]},
    "minh": {"name": "Minh", "groups": [], "email": "Minh@bao.example", "email_verified": True},
    "gia": {"name": "Giả", "groups": [], "email": "minh@bao.example", "email_verified": False},
}


def rsa_key() -> RSAKey:
    """Return a key as providers have them."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def keys_of_all_kinds() -> dict[str, Key]:
    """Return a key for each algorithm that is taken."""
    return {
        "RS256": rsa_key(),
        "ES256": ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True),
        "EdDSA": OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True),
    }


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class RealProvider:
    """npm's oidc-provider in a process of its own, on one port, started anew with other keys where a test wants."""

    def __init__(self, public_url: str) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.public_url = public_url
        self._process: subprocess.Popen[str] | None = None

    def start(self, keys: Mapping[str, Key] | None = None, algorithm: str = "RS256", seconds: int = 60) -> None:
        """Start it, for the first time or anew; it remembers nobody then.

        :param seconds: For how long its tokens count.
        """
        self.stop()
        node, keys = _node(), keys or {"RS256": rsa_key()}
        client = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [f"{self.public_url}/newsroom/sign-in/callback"],
            "backchannel_logout_uri": f"{self.public_url}/newsroom/sign-out/elsewhere",
            "backchannel_logout_session_required": True,
            "id_token_signed_response_alg": algorithm,
        }
        private = {"keys": [key.as_dict(private=True) for key in keys.values()]}
        given = {"port": self.port, "client": client, "keys": private, "people": PEOPLE, "seconds": seconds}
        command = [node, str(ROOT / "provider.mjs"), json.dumps(given)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """Stop it, as a provider that is down."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


def _node() -> str:
    """Return Node, or end the test where it or the provider is not there."""
    node = interpreter("node")
    if not (ROOT / "node_modules/oidc-provider").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm's oidc-provider: run tests/programs.sh")
    return node


class ProviderBrowser:
    """A browser at the provider alone: its cookies, its forms."""

    def __init__(self) -> None:
        self._http = urllib3.PoolManager()
        self._cookies: dict[str, str] = {}

    def sign_in(self, url: str, name: str, until: str) -> str:
        """Go through the provider's forms and return the address that it sends the browser back to.

        :param until: How that begins.
        """
        page = self.ask("GET", url)
        for _ in range(12):
            location = page.headers.get("Location")
            if location:
                url = urljoin(url, location)
                if url.startswith(until):
                    return url
                page = self.ask("GET", url)
                continue
            form = html.fromstring(page.data.decode()).forms[0]
            given = {key: value or "" for key, value in form.form_values()}
            if "login" in form.fields:
                given |= {"login": name, "password": "x"}
            url = urljoin(url, form.action)
            page = self.ask("POST", url, given)
        raise AssertionError(f"still at {url}: {page.status}")

    def abort(self, url: str, until: str) -> str:
        """Give up at the provider's form, and return where it sends the browser back to."""
        page = self.ask("GET", url)
        url = urljoin(url, page.headers["Location"])
        found = html.fromstring(self.ask("GET", url).data.decode())
        (link,) = [one for one in found.xpath("//a/@href") if one.endswith("/abort")]
        for _ in range(5):
            url = urljoin(url, link)
            if url.startswith(until):
                return url
            link = self.ask("GET", url).headers["Location"]
        raise AssertionError(url)

    def leave(self, url: str) -> str:
        """Sign out at the provider, and return what its page says in the end."""
        page = self.ask("GET", url)
        form = html.fromstring(page.data.decode()).forms[0]
        given = dict(form.form_values()) | {"logout": "yes"}
        url = urljoin(url, form.action)
        page = self.ask("POST", url, given)
        while "Location" in page.headers:
            url = urljoin(url, page.headers["Location"])
            page = self.ask("GET", url)
        return str(page.data.decode())

    def ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> Any:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body = None if form is None else urlencode(form)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._http.request(method, url, body=body, headers=headers, redirect=False)
        for one in answer.headers.getlist("Set-Cookie"):
            found = re.match(r"([^=]+)=([^;]*)", one)
            assert found is not None
            if found[2]:
                self._cookies[found[1]] = found[2]
            else:
                self._cookies.pop(found[1], None)
        return answer


class StubProvider:
    """A provider that says whatever a test wants: its description, its keys and its tokens can all be changed.

    :param site: Where it is served.
    """

    def __init__(self, site: Site, keys: Mapping[str, Key]) -> None:
        self.issuer = site.url
        self.keys = dict(keys)
        self.site = site
        self.described: dict[str, Any] = {
            "issuer": site.url,
            "authorization_endpoint": f"{site.url}/auth",
            "token_endpoint": f"{site.url}/token",
            "jwks_uri": f"{site.url}/jwks",
        }
        self.token: Any = ""
        self.more: dict[str, Any] = {"access_token": "x" * 20, "token_type": "Bearer"}
        self.form: dict[str, str] = {}
        site.pages["/.well-known/openid-configuration"] = lambda request: give(request, self.described)
        site.pages["/jwks"] = lambda request: give(request, self.jwks())
        site.pages["/token"] = self._answer

    def jwks(self) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}

    def _answer(self, request: Request) -> None:
        length = int(request.headers.get("Content-Length", 0))
        self.form = dict(parse_qsl(request.rfile.read(length).decode()))
        give(request, {"id_token": self.token, **self.more})

    def signed(self, nonce: Any, algorithm: str = "RS256", key: Key | None = None, **changed: Any) -> str:
        """Return a token; claims that are changed to None are left out."""
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "lan", "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        key = key or self.keys[algorithm]
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])

    def asked(self, path: str) -> int:
        """Return how often something was asked for."""
        return [urlsplit(one).path for one in self.site.asked].count(path)


def give(request: Request, content: Any) -> None:
    """Answer with JSON."""
    request.give(json.dumps(content), 200, Content_Type="application/json")


@contextmanager
def real_provider(public_url: str) -> Iterator[RealProvider]:
    """Yield the real provider, running."""
    made = RealProvider(public_url)
    try:
        made.start()
        yield made
    finally:
        made.stop()
