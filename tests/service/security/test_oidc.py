"""What a provider's answers must be like: hostile tokens of every kind, from a stub that signs what a test wants."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from service.errors import SignOnRefused
from service.security import oidc
from service.security.oidc import Provider, Registration
from tests import web_server
from tests.identity_provider import CLIENT, SECRET, StubProvider, give, keys_of_all_kinds, rsa_key

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

NONCE, VERIFIER = "n" * 43, "v" * 43
BACK = "https://tim.bao.example/newsroom/sign-in/callback"
KEYS = keys_of_all_kinds()


@pytest.fixture
def stub():
    with web_server.serve() as site:
        yield StubProvider(site, KEYS)


@pytest.fixture
def clock():
    return [time.time()]


@pytest.fixture
def provider(stub, clock):
    return Provider(Registration(stub.issuer, CLIENT, SECRET, BACK, ("openid", "profile")), lambda: clock[0])


def refused(provider, code="c"):
    """Return why what the provider says is not taken."""
    with pytest.raises(SignOnRefused) as caught:
        provider.claims(code, NONCE, VERIFIER)
    return caught.value.reason


def encoded(content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def claims_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


class TestTokens:
    @pytest.mark.parametrize("algorithm", oidc.ALGORITHMS)
    def test_one_as_it_must_be(self, stub, provider, algorithm):
        stub.token = stub.signed(NONCE, algorithm, name="Lan")
        found = provider.claims("mã số", NONCE, VERIFIER)
        assert (found["sub"], found["name"]) == ("lan", "Lan")
        assert stub.form == {
            "grant_type": "authorization_code",
            "code": "mã số",
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        }

    @pytest.mark.parametrize(
        "changed",
        [
            {"iss": "https://xau.example"},
            {"iss": None},
            {"iss": ""},
            {"iss": ["http://127.0.0.1"]},
            {"aud": "another"},
            {"aud": ["another"]},
            {"aud": None},
            {"aud": []},
            {"aud": [CLIENT, "another"]},  # and no azp
            {"aud": [CLIENT, "another"], "azp": "another"},
            {"azp": "another"},
            {"sub": None},
            {"sub": ""},
            {"sub": 7},
            {"sub": ["lan"]},
            {"nonce": None},
            {"nonce": "another"},
            {"nonce": [NONCE]},
            {"exp": None},
            {"exp": 0},
            {"exp": "9999999999"},
            {"exp": True},
            {"iat": None},
            {"iat": "x"},
            {"at_hash": "x"},
            {"amr": "pwd"},
            {"auth_time": "x"},
        ],
    )
    def test_claims_that_are_not(self, stub, provider, changed):
        stub.token = stub.signed(changed.get("nonce", NONCE), **{k: v for k, v in changed.items() if k != "nonce"})
        assert refused(provider) == "token"

    @pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("iat", 3600), ("nbf", 3600)])
    def test_a_time_that_is_not(self, stub, provider, claim, seconds):
        stub.token = stub.signed(NONCE, **{claim: int(time.time()) + seconds})
        assert refused(provider) == "token"

    def test_an_issuer_in_a_list_is_no_issuer(self, stub, provider):
        stub.token = stub.signed(NONCE, iss=[stub.issuer])
        assert refused(provider) == "token"

    def test_several_audiences_with_us_as_the_party(self, stub, provider):
        stub.token = stub.signed(NONCE, aud=[CLIENT, "another"], azp=CLIENT)
        assert provider.claims("c", NONCE, VERIFIER)["sub"] == "lan"

    def test_clocks_may_differ_a_little(self, stub, provider):
        now = int(time.time())
        for more in ({"exp": now - 15}, {"iat": now + 15}, {"nbf": now + 15}):
            stub.token = stub.signed(NONCE, **more)
            assert provider.claims("c", NONCE, VERIFIER)["sub"] == "lan"

    def test_unsigned(self, stub, provider):
        payload = encoded(claims_of(stub.signed(NONCE)))
        for name in ("none", "None", "NONE", ""):
            header = encoded({"alg": name, "kid": KEYS["RS256"].kid})
            for signature in ("", "AAAA"):
                stub.token = f"{header}.{payload}.{signature}"
                assert refused(provider) == "token"

    @pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
    def test_signed_with_what_everybody_knows(self, stub, provider, algorithm):
        """The public key as the secret of an HMAC, in each form in which one might take it; and the client's secret."""
        public = KEYS["RS256"].public_key
        forms = [
            *(
                public.public_bytes(serialization.Encoding.PEM, form)
                for form in (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
            ),
            json.dumps(KEYS["RS256"].as_dict(private=False)).encode(),
            SECRET.encode(),
            b"",
        ]
        payload = encoded(claims_of(stub.signed(NONCE)))
        for secret, kid in itertools.product(forms, (KEYS["RS256"].kid, None)):
            head = f"{encoded({'alg': algorithm} | ({'kid': kid} if kid else {}))}.{payload}"
            made = hmac.new(secret, head.encode(), {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm])
            stub.token = f"{head}.{encoded(made.digest())}"
            assert refused(provider) == "token"

    def test_a_secret_among_the_keys_signs_nothing(self, stub, provider):
        shared = OctKey.generate_key(256, {"kid": "shared", "alg": "HS256"})
        stub.site.pages["/jwks"] = lambda request: give(request, {"keys": [shared.as_dict(private=True)]})
        stub.token = jwt.encode({"alg": "HS256", "kid": "shared"}, claims_of(stub.signed(NONCE)), shared)
        assert refused(provider) == "token"

    def test_signed_by_somebody_else(self, stub, provider):
        other = rsa_key()
        stub.token = stub.signed(NONCE, key=other)  # whose kid nobody knows
        assert refused(provider) == "token"
        impostor = RSAKey.import_key(other.as_dict(private=True) | {"kid": KEYS["RS256"].kid})
        stub.token = stub.signed(NONCE, key=impostor)
        assert refused(provider) == "token"

    def test_a_key_that_the_token_brings_itself(self, stub, provider):
        other, claims = rsa_key(), claims_of(stub.signed(NONCE))
        for more in (
            {"jwk": other.as_dict(private=False)},
            {"jku": f"{stub.issuer}/mine"},
            {"x5u": f"{stub.issuer}/mine"},
            {"jwk": other.as_dict(private=False), "kid": other.kid},
        ):
            stub.token = jwt.encode({"alg": "RS256", **more}, claims, other)
            assert refused(provider) == "token"
        assert stub.asked("/mine") == 0

    def test_a_key_of_another_kind(self, stub, provider):
        """The algorithm that the header names is not the key's."""
        claims = claims_of(stub.signed(NONCE))
        for algorithm, kid in itertools.permutations(KEYS, 2):
            head = f"{encoded({'alg': algorithm, 'kid': KEYS[kid].kid})}.{encoded(claims)}"
            stub.token = f"{head}.{encoded(b'x' * 64)}"
            assert refused(provider) == "token"

    def test_changed_after_signing(self, stub, provider):
        head, payload, signature = stub.signed(NONCE).split(".")
        other = encoded(claims_of(stub.signed(NONCE)) | {"sub": "huong"})
        for token in (
            f"{head}.{other}.{signature}",
            f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
            f"{head}.{payload}.",
            f"{head}.{payload}",
            f"{head}.{payload}.{signature}.x",
            f".{payload}.{signature}",
        ):
            stub.token = token
            assert refused(provider) == "token"

    @pytest.mark.parametrize("token", [None, "", 7, ["x"], {"a": 1}, "x", "a.b.c", "....", "é.é.é", "x" * 40_000])
    def test_no_token(self, stub, provider, token):
        stub.token = token
        assert refused(provider) == "token"

    @pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"{", b"[" * 5000, b'{"exp": 1e999}', b"\xff"])
    def test_a_payload_that_is_none(self, stub, provider, payload):
        key = KEYS["RS256"]
        stub.token = jws.serialize_compact({"alg": "RS256", "kid": key.kid}, payload, key)
        assert refused(provider) == "token"

    def test_one_key_without_an_id(self, stub, provider):
        only = rsa_key()
        public = {name: value for name, value in only.as_dict(private=False).items() if name != "kid"}
        stub.site.pages["/jwks"] = lambda request: give(request, {"keys": [public]})
        stub.token = jwt.encode({"alg": "RS256"}, claims_of(stub.signed(NONCE)), only)
        assert provider.claims("c", NONCE, VERIFIER)["sub"] == "lan"

    @pytest.mark.filterwarnings("ignore:Key size should be")
    def test_keys_that_may_not_sign(self, stub, provider):
        short = RSAKey.generate_key(1024, {"kid": "short"})
        unfit = [
            short.as_dict(private=False),
            KEYS["RS256"].as_dict(private=False) | {"use": "enc", "kid": "enc"},
            {"kty": "RSA", "kid": "empty"},
            {"kty": "xx", "kid": "odd"},
            "x",
            None,
        ]
        stub.site.pages["/jwks"] = lambda request: give(request, {"keys": unfit})
        claims = claims_of(stub.signed(NONCE))
        for kid, key in (("short", short), ("enc", KEYS["RS256"]), ("empty", KEYS["RS256"])):
            signing = RSAKey.import_key(key.as_dict(private=True) | {"kid": kid})
            stub.token = jwt.encode({"alg": "RS256", "kid": kid}, claims, signing)
            assert refused(provider) == "token"


@given(st.text(alphabet="abcXYZ019-_.=", max_size=60))
def test_texts_that_are_no_token(text):
    provider = Provider(Registration("http://127.0.0.1:1", CLIENT, SECRET, BACK))
    with pytest.raises(SignOnRefused) as caught:
        provider._verified(text, known=False)
    assert caught.value.reason == "token"


class TestHowStrongly:
    @pytest.fixture
    def strict(self, stub):
        return Provider(Registration(stub.issuer, CLIENT, SECRET, BACK, acr=("mfa", "urn:vang")))

    @pytest.mark.parametrize(
        ("said", "enough"),
        [
            ({}, False),
            ({"acr": "1"}, False),
            ({"amr": ["pwd"]}, False),
            ({"acr": ["mfa"]}, False),
            ({"acr": "mfa urn:vang"}, False),
            ({"amr": [["mfa"], 7, None]}, False),
            ({"acr": "urn:vang"}, True),
            ({"amr": ["pwd", "mfa"]}, True),
            ({"acr": "0", "amr": ["mfa"]}, True),
        ],
    )
    def test_one_of_those_that_are_asked_for(self, stub, strict, said, enough):
        stub.token = stub.signed(NONCE, **said)
        if enough:
            assert strict.claims("c", NONCE, VERIFIER)["sub"] == "lan"
        else:
            assert refused(strict) == "strength"

    @pytest.mark.parametrize(
        ("supported", "sent"),
        [(None, ["mfa urn:vang"]), (["urn:vang", "x"], ["urn:vang"]), ([], None), ("x", ["mfa urn:vang"])],
    )
    def test_what_the_provider_knows_is_asked_for(self, stub, strict, supported, sent):
        stub.described["acr_values_supported"] = supported
        asked = parse_qs(urlsplit(strict.authorization_url("s", "n", VERIFIER)).query)
        assert asked.get("acr_values") == sent


class TestKeys:
    def test_they_are_asked_for_once(self, stub, provider):
        for _ in range(3):
            stub.token = stub.signed(NONCE)
            provider.claims("c", NONCE, VERIFIER)
        assert stub.asked("/jwks") == stub.asked("/.well-known/openid-configuration") == 1

    def test_again_after_an_hour(self, stub, provider, clock):
        stub.token = stub.signed(NONCE, exp=int(clock[0]) + 9_000)
        provider.claims("c", NONCE, VERIFIER)
        clock[0] += 3_700
        provider.claims("c", NONCE, VERIFIER)
        assert stub.asked("/jwks") == stub.asked("/.well-known/openid-configuration") == 2

    def test_an_unknown_one_is_looked_for_once(self, stub, provider):
        stub.token = stub.signed(NONCE)
        provider.claims("c", NONCE, VERIFIER)
        new = rsa_key()
        stub.token = stub.signed(NONCE, key=new)
        assert refused(provider) == "token"
        assert stub.asked("/jwks") == 2
        stub.keys = {"RS256": new}
        assert provider.claims("c", NONCE, VERIFIER)["sub"] == "lan"
        assert stub.asked("/jwks") == 3

    def test_one_that_was_taken_away_counts_no_more(self, stub, provider, clock):
        stub.token = stub.signed(NONCE, exp=int(clock[0]) + 9_000)
        provider.claims("c", NONCE, VERIFIER)
        stub.keys = {"RS256": rsa_key()}
        clock[0] += 3_700
        assert refused(provider) == "token"

    def test_whoever_sends_logout_tokens_cannot_have_them_asked_for_at_will(self, stub, provider, clock):
        for _ in range(5):
            with pytest.raises(SignOnRefused):
                provider.logged_out(stub.signed(None, key=rsa_key()))
        assert stub.asked("/jwks") == 1
        clock[0] += oidc.PATIENCE + 1
        with pytest.raises(SignOnRefused):
            provider.logged_out(stub.signed(None, key=rsa_key()))
        assert stub.asked("/jwks") == 2


class TestWhatItSaysOfItself:
    def test_another_issuer(self, stub, provider):
        stub.described["issuer"] = "https://xau.example"
        assert refused(provider) == "unreachable"

    @pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint"])
    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            7,
            "http://xau.invalid/x",
            "ftp://127.0.0.1/x",
            "file:///etc/passwd",
            "//127.0.0.1",
            "javascript:alert(1)",
        ],
    )
    def test_addresses_that_are_not_safe(self, stub, provider, name, value):
        stub.described[name] = value
        stub.token = stub.signed(NONCE)
        ask = provider.authorization_url if name == "authorization_endpoint" else provider.claims
        with pytest.raises(SignOnRefused, match=name):
            ask("x", NONCE, VERIFIER)

    def test_http_is_for_a_provider_on_this_machine_alone(self):
        far = Provider(Registration("https://dang-nhap.bao.example", CLIENT, SECRET, BACK))
        assert far._is_safe("https://khoa.bao.example/jwks")
        assert not far._is_safe("http://127.0.0.1/jwks")

    @pytest.mark.parametrize(
        "answer",
        [
            *(b"", b"[]", b"{", b"null", b"x" * 300_000, b"[" * 100_000, b'{"a": "\\ud800"'),
            web_server.slowly,
            web_server.slow_head,
            lambda request: request.give(b"{}", 500),
            lambda request: request.give(b"{}", 302, Location="/elsewhere"),
            lambda request: request.connection.close(),
        ],
    )
    @pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
    def test_answers_that_are_none(self, stub, provider, path, answer, monkeypatch):
        monkeypatch.setattr(oidc, "_BOUNDS", replace(oidc._BOUNDS, seconds=0.5))
        stub.token = stub.signed(NONCE)
        stub.site.pages[path] = answer
        stub.site.pages["/elsewhere"] = lambda request: give(request, stub.described)
        started = time.monotonic()
        assert refused(provider) == "unreachable"
        assert time.monotonic() - started < 10
        assert stub.asked("/elsewhere") == 0

    def test_it_is_not_asked_again_at_once(self, stub, provider, clock):
        stub.site.pages["/.well-known/openid-configuration"] = lambda request: request.give(b"", 500)
        for _ in range(3):
            assert refused(provider) == "unreachable"
        assert stub.asked("/.well-known/openid-configuration") == 1
        clock[0] += oidc.PATIENCE + 1
        assert refused(provider) == "unreachable"
        assert stub.asked("/.well-known/openid-configuration") == 2

    def test_what_was_known_does_for_the_time_that_it_is_down(self, stub, provider, clock):
        stub.token = stub.signed(NONCE, exp=int(clock[0]) + 9_000)
        provider.authorization_url("s", "n", VERIFIER)
        stub.site.pages["/.well-known/openid-configuration"] = lambda request: request.give(b"", 500)
        clock[0] += 3_700
        assert provider.authorization_url("s", "n", VERIFIER).startswith(f"{stub.issuer}/auth?")

    @pytest.mark.parametrize(
        "body", [b'{"error": "invalid_grant"}', b"{}", b"[]", b"", b"x", b'{"error": ["\\ud800"]}']
    )
    def test_a_code_that_it_does_not_take(self, stub, provider, body):
        stub.site.pages["/token"] = lambda request: request.give(body, 400)
        assert refused(provider) == "token"

    def test_how_the_service_says_who_it_is(self, stub, provider):
        stub.token = stub.signed(NONCE)
        provider.claims("c", NONCE, VERIFIER)
        assert (
            stub.site.requests[-2]["Authorization"]
            == "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        )
        stub.described["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        other = Provider(Registration(stub.issuer, CLIENT, "%+é", BACK))
        other.claims("c", NONCE, VERIFIER)
        assert (stub.form["client_id"], stub.form["client_secret"]) == (CLIENT, "%+é")
        stub.described["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
        Provider(Registration(stub.issuer, CLIENT, "%+é:", BACK)).claims("c", NONCE, VERIFIER)
        told = next(one for one in reversed(stub.site.requests) if "Authorization" in one)["Authorization"]
        assert base64.b64decode(told.split()[1]).decode() == f"{CLIENT}:%25%2B%C3%A9%3A"

    @pytest.mark.parametrize(
        ("announced", "said", "taken"),
        [
            (None, None, True),
            (True, None, False),
            (True, "https://xau.example", False),
            (None, "https://xau.example", False),
            (True, "", False),
            (True, True, True),
            (None, True, True),
        ],
    )
    def test_another_provider_mixed_in(self, stub, provider, announced, said, taken):
        """RFC 9207: who says that it will say its name has to."""
        stub.described["authorization_response_iss_parameter_supported"] = announced
        said = stub.issuer if said is True else said
        if taken:
            provider.check_issuer(said)
        else:
            with pytest.raises(SignOnRefused):
                provider.check_issuer(said)

    def test_where_to_sign_out(self, stub, provider, clock):
        assert provider.sign_out_url() is None
        for address, expected in (("/out", "/out?client_id=lienquan"), ("/out?x=1", "/out?x=1&client_id=lienquan")):
            clock[0] += 3_700
            stub.described["end_session_endpoint"] = stub.issuer + address
            assert provider.sign_out_url() == stub.issuer + expected
        clock[0] += 3_700
        stub.described["end_session_endpoint"] = "javascript:alert(1)"
        with pytest.raises(SignOnRefused):
            provider.sign_out_url()


class TestBesideTheToken:
    def test_what_the_token_does_not_say(self, stub, provider):
        stub.described["userinfo_endpoint"] = f"{stub.issuer}/me"
        stub.token = stub.signed(NONCE, name="Lan")
        stub.site.pages["/me"] = lambda request: give(
            request, {"sub": "lan", "name": "Khác", "groups": ["x"], "email": "a@b.example", "email_verified": True}
        )
        found = provider.claims("c", NONCE, VERIFIER)
        assert (found["name"], found["groups"], found["email_verified"]) == ("Lan", ["x"], True)
        assert stub.site.requests[-1]["Authorization"] == "Bearer " + "x" * 20

    def test_whether_an_address_is_verified_is_for_the_same_place_to_say(self, stub, provider):
        stub.described["userinfo_endpoint"] = f"{stub.issuer}/me"
        stub.token = stub.signed(NONCE, email="chief@bao.example")
        stub.site.pages["/me"] = lambda request: give(
            request, {"sub": "lan", "email": "lan@bao.example", "email_verified": True}
        )
        assert "email_verified" not in provider.claims("c", NONCE, VERIFIER)

    def test_of_somebody_else(self, stub, provider):
        stub.described["userinfo_endpoint"] = f"{stub.issuer}/me"
        stub.token = stub.signed(NONCE)
        for said in ({"sub": "huong", "groups": ["x"]}, {"groups": ["x"]}):
            stub.site.pages["/me"] = lambda request, said=said: give(request, said)
            assert refused(provider) == "token"

    def test_it_does_without(self, stub, provider):
        stub.described["userinfo_endpoint"] = f"{stub.issuer}/me"
        stub.token = stub.signed(NONCE)
        stub.site.pages["/me"] = lambda request: request.give(b"", 401)
        assert provider.claims("c", NONCE, VERIFIER)["sub"] == "lan"


class TestSignedOutElsewhere:
    EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}

    def notice(self, stub, **changed):
        said = {"events": self.EVENTS, "jti": "1", "sid": "s", **changed}
        return stub.signed(said.pop("nonce", None), **said)

    def test_one_as_it_must_be(self, stub, provider):
        assert provider.logged_out(self.notice(stub)) == ("lan", "s", "1")
        assert provider.logged_out(self.notice(stub, sub=None)) == (None, "s", "1")
        assert provider.logged_out(self.notice(stub, sid=None, exp=None)) == ("lan", None, "1")

    @pytest.mark.parametrize(
        "changed",
        [
            {"events": None},
            {"events": {}},
            {"events": []},
            {"events": {"x": {}}},
            {"events": list(EVENTS)},
            {"nonce": NONCE},
            {"jti": None},
            {"jti": 7},
            {"sub": None, "sid": None},
            {"sub": 7, "sid": ["s"]},
            {"iss": "https://xau.example"},
            {"aud": "another"},
            {"iat": None},
        ],
    )
    def test_one_that_is_not(self, stub, provider, changed):
        with pytest.raises(SignOnRefused) as caught:
            provider.logged_out(self.notice(stub, **changed))
        assert caught.value.reason == "token"

    @pytest.mark.parametrize(("claim", "seconds"), [("iat", -600), ("iat", 600), ("exp", -60)])
    def test_one_of_another_time(self, stub, provider, claim, seconds):
        with pytest.raises(SignOnRefused) as caught:
            provider.logged_out(self.notice(stub, **{claim: int(time.time()) + seconds}))
        assert caught.value.reason == "token"

    def test_an_id_token_signs_nobody_out(self, stub, provider):
        with pytest.raises(SignOnRefused):
            provider.logged_out(stub.signed(NONCE))
        stub.token = self.notice(stub)  # nor the other way round
        assert refused(provider) == "token"


def test_the_secret_is_not_in_what_is_printed():
    assert SECRET not in repr(Registration("https://x.example", CLIENT, SECRET, BACK))
