"""The newsroom's pages once there are keys: signing in and out, and everything that must not get in."""

import logging
import re
import time
from dataclasses import replace
from urllib.parse import quote

import pytest
from lxml import html
from pydantic import ValidationError

from service.errors import Forbidden, SignedOut, StaleForm, TooMany, WrongKey
from service.pages import entering
from service.security import gate
from service.security.audit import AuditLog
from service.security.audit_entries import ANYONE, Actor
from service.security.bounds import Bounds
from service.security.gate import BrowserRequest, Doorkeeper
from service.security.keys import FILE, Key, KeyStore
from service.security.people import Person
from service.security.sessions import NOBODY, Sessions
from service.settings import Settings
from service.wording.drafts import DraftWords
from service.wording.strings import Strings

VI, EN = (Strings.in_language(code) for code in ("vi", "en"))

HOME, DRAFT = "/newsroom/", "/newsroom/draft"
SIGN_IN, SIGN_OUT = "/newsroom/sign-in", "/newsroom/sign-out"
HTML = {"Accept": "text/html"}
LINES = [{"id": "a", "title": "Lò gốm đỏ lửa"}, {"id": "b", "title": "Lò gốm tắt lửa"}]
SECRET = "hồ sơ mật về bể phốt"
FAR = {"REMOTE_ADDR": "203.0.113.9"}
"""An editor's own machine, as it is seen without a proxy in between."""


@pytest.fixture(scope="module")
def service(client_of):
    return client_of(LINES, min_related=0, trusted_hops=1).application


@pytest.fixture(scope="module")
def store(service):
    return KeyStore(service.config["SETTINGS"].home)


@pytest.fixture
def key(store):
    """Return a key of the newsroom's, and its text."""
    return store.create("Bàn thời sự", ["newsroom"])


@pytest.fixture
def browser(service, key):
    """Return a browser with no cookies yet, at a service that has a key of the newsroom's."""
    return service.test_client()


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


def csrf(response):
    """Return what the first form of a page carries."""
    return tree(response).xpath("//input[@name='csrf']/@value")[0]


def get(client, path=DRAFT, peer=FAR, **headers):
    return client.get(path, headers=HTML | headers, environ_base=peer)


def post(client, path, form, host="localhost", scheme="http", peer=FAR, **headers):
    given = {**HTML, "Host": host, "Origin": f"{scheme}://{host}", **headers}
    return client.post(path, data=form, headers=given, environ_base=peer)


def sign_in(client, text, **more):
    form = {"csrf": csrf(get(client, SIGN_IN)), "key": text}
    return post(client, SIGN_IN, form | more)


def cookies(response):
    return [one for one in response.headers.getlist("Set-Cookie") if one.startswith(entering.COOKIE + "=")]


def value(response):
    return re.match(r"[^=]+=([^;]*)", cookies(response)[0])[1]


class TestSigningIn:
    def test_it_is_asked_everywhere_and_leads_to_where_one_wanted(self, browser, key):
        for peer in (FAR, {"REMOTE_ADDR": "127.0.0.1"}):
            asked = get(browser, peer=peer)
            assert (asked.status_code, asked.location) == (303, f"{SIGN_IN}?next=/newsroom/draft")
        form = get(browser, asked.location)
        assert (form.status_code, form.headers["Cache-Control"]) == (200, "no-store")
        given = dict(tree(form).xpath("//form[@method='post']")[0].form_values())
        assert given["next"] == DRAFT
        done = post(browser, SIGN_IN, given | {"key": key[1]})
        assert (done.status_code, done.location) == (303, DRAFT)
        page = get(browser)
        assert page.status_code == 200
        assert "Đang dùng khóa “Bàn thời sự”" in page.text

    def test_a_draft_can_be_sent_then(self, browser, key):
        sign_in(browser, f" {key[1]}\n")
        answered = post(browser, DRAFT, {"csrf": csrf(get(browser)), "title": "Lò gốm"})
        assert answered.status_code == 200
        assert tree(answered).xpath("//ol[@class='hits']/li")
        assert answered.headers["Cache-Control"] == "no-store"

    def test_the_cookie(self, browser, key):
        (cookie,) = cookies(sign_in(browser, key[1]))
        attributes = {part.strip().split("=")[0]: part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite", "Path", "Max-Age"} <= set(attributes)
        assert (attributes["SameSite"], attributes["Path"]) == ("SameSite=Lax", "Path=/newsroom")
        assert 43_190 <= int(attributes["Max-Age"].split("=")[1]) <= 43_200
        assert "Secure" not in attributes
        assert key[1].split("_", 2)[2] not in cookie

    def test_over_https_it_is_sent_over_https_alone(self, service, key):
        for headers in ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "tim.bao.example"}, {}):
            client = service.test_client()
            first = client.get(SIGN_IN, headers=HTML | headers, environ_base=FAR)
            assert ("Secure" in cookies(first)[0]) is bool(headers)
            origin = headers.get("X-Forwarded-Host", "localhost")
            form = {"csrf": csrf(first), "key": key[1]}
            done = client.post(
                SIGN_IN,
                data=form,
                headers=HTML | headers | {"Origin": f"https://{origin}", "Cookie": f"{entering.COOKIE}={value(first)}"},
                environ_base=FAR,
            )
            assert done.status_code == 303
            assert "Secure" in cookies(done)[0]

    def test_public_pages_know_nothing_of_it(self, browser, key):
        sign_in(browser, key[1])
        for path in ("/", "/search?q=gốm", "/api/v1/search?q=gốm", "/articles/a"):
            response = get(browser, path)
            assert cookies(response) == []
            assert "Cookie" not in response.headers.get("Vary", "")

    def test_in_english(self, browser, key):
        asked = get(browser, f"{DRAFT}?lang=en")
        form = get(browser, asked.location)
        assert tree(form).xpath("//h1/text()") == [EN.sign_in]
        given = dict(tree(form).xpath("//form[@method='post']")[0].form_values())
        done = post(browser, tree(form).xpath("//form[@method='post']/@action")[0], given | {"key": key[1]})
        assert done.location == f"{DRAFT}?lang=en"

    def test_whoever_is_signed_in_need_not_again(self, browser, key):
        sign_in(browser, key[1])
        assert get(browser, SIGN_IN).location == HOME

    @pytest.mark.parametrize(
        "wanted",
        [
            *(
                "https://xau.example",
                "//xau.example",
                "/\\xau.example",
                "/newsroom//xau.example",
                "/newsroom/../search",
            ),
            *(
                "javascript:alert(1)",
                "/newsroom/draft\r\nX: y",
                "/newsroom/draft?x",
                "/search",
                "/newsroom@xau.example",
            ),
            *(
                "/newsroom/articles/../sign-out",
                "/newsroom/articles/%2e%2e",
                "/newsroom/articles/%2E%2E",
                "/newsroom/articles/..",
                "/newsroom/articles/.",
                "/newsroom/articles//xau.example",
                "/newsroom/articles/%2F%2Fxau.example",
                "/newsroom/articles/%2fxau.example",
                "/newsroom/articles/a%5Cb%2F",
                "/newsroom/articles/a\\b",
                "/newsroom/articles/a?next=//xau.example",
                "/newsroom/articles/a#x",
                "/newsroom/articles/a@xau.example",
                "/newsroom/articles/a%0D%0AX:%20y",
                "/newsroom/articles/a\r\nX: y",
                "/newsroom/articles/%00",
                "/newsroom/articles/gốm",
                "/newsroom/articles/%ff",
                "/newsroom/articles/%ED%A0%80",
                "/newsroom/articles/%61",  # another way to write what needs none
                "/newsroom/articles/a%2d",
                "/newsroom/articles/%20a",
                "/newsroom/articles/a%",
                "/newsroom/articles/" + "a" * 129,
                "/articles/a",
            ),
        ],
    )
    def test_it_leads_nowhere_else(self, browser, key, wanted):
        form = get(browser, f"{SIGN_IN}?next={quote(wanted)}")
        assert not tree(form).xpath("//input[@name='next']")
        done = post(browser, f"{SIGN_IN}?next={quote(wanted)}", {"csrf": csrf(form), "key": key[1], "next": wanted})
        assert done.location == HOME

    def test_the_form_is_for_people(self, browser):
        page = tree(get(browser, SIGN_IN))
        (field,) = page.xpath("//input[@id='key']")
        assert (field.get("type"), field.get("autocomplete")) == ("password", "current-password")
        assert page.xpath("//label[@for='key']/text()") == [VI.sign_in_key]
        assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
        source = get(browser, SIGN_IN).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", source)


class TestWrongKeys:
    def test_none_of_them_gets_in(self, browser, key, store, caplog):
        caplog.set_level(logging.DEBUG)
        revoked, gone = store.create("x", ["newsroom"])
        store.revoke(revoked.id)
        other = store.create("x", ["ingest", "rules"])[1]
        for text in ("", key[1][:-1], key[0].id, gone, other, f"Bearer {key[1]}"):
            response = sign_in(browser, text)
            assert response.status_code == 403
            assert VI.sign_in_wrong in tree(response).xpath("//*[@role='alert']")[0].text_content()
            assert get(browser).status_code == 303
            secret = text.split("_", 2)[-1]
            assert not secret or secret not in response.text.replace(key[0].id, "") + caplog.text

    def test_too_many_have_to_wait_and_others_do_not(self, service, key):
        client, peer = service.test_client(), {"REMOTE_ADDR": "198.51.100.77"}
        form = {"csrf": csrf(get(client, SIGN_IN, peer))}
        statuses = [post(client, SIGN_IN, form | {"key": "x"}, peer=peer).status_code for _ in range(12)]
        assert statuses == [403] * 10 + [429] * 2
        refused = post(client, SIGN_IN, form | {"key": key[1][:-1]}, peer=peer)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 61
        assert VI.errors[429][0] in refused.text
        assert sign_in(service.test_client(), key[1]).status_code == 303

    def test_the_right_key_is_let_in_whatever_was_tried_before(self, service, key):
        """A whole newsroom may have one address, and an attacker in it."""
        client, peer = service.test_client(), {"REMOTE_ADDR": "198.51.100.78"}
        form = {"csrf": csrf(get(client, SIGN_IN, peer))}
        statuses = {post(client, SIGN_IN, form | {"key": f"x{at}"}, peer=peer).status_code for at in range(15)}
        assert statuses == {403, 429}
        assert post(client, SIGN_IN, form | {"key": key[1]}, peer=peer).status_code == 303
        assert get(client, DRAFT, peer).status_code == 200
        assert post(service.test_client(), SIGN_IN, form | {"key": "x"}, peer=peer).status_code == 403  # no form of his

    def test_a_key_that_is_far_too_long_is_not_looked_for(self, browser, store, monkeypatch):
        form = {"csrf": csrf(get(browser, SIGN_IN))}
        monkeypatch.setattr(KeyStore, "find", lambda *_: pytest.fail("looked for"))
        assert post(browser, SIGN_IN, form | {"key": "lq_" + "x" * 100_000}).status_code == 403


class TestForgery:
    def test_signing_in_makes_another_session(self, browser, key):
        """Session fixation: what a browser had before signing in is worth nothing after."""
        before = value(get(browser, SIGN_IN))
        after = value(sign_in(browser, key[1]))
        assert before != after
        thief = browser.application.test_client()
        thief.set_cookie(entering.COOKIE, before, path="/newsroom")
        assert get(thief).status_code == 303

    @pytest.mark.parametrize("of", ["another secret", "nobody", "no key", "altered", "empty", "a key's text"])
    def test_a_cookie_of_one_s_own_making(self, browser, key, service, of):
        home = service.config["SETTINGS"].home
        real = (home / "session.key").read_bytes() if (home / "session.key").exists() else b""
        signed = Sessions(lambda: real or b"x" * 64, 100)
        made = {
            "another secret": Sessions(lambda: b"y" * 64, 100).begin(key[0].id).cookie,
            "nobody": signed.begin(NOBODY).cookie,
            "no key": signed.begin("0" * 12).cookie,
            "altered": signed.begin(key[0].id).cookie[:-8] + "AAAAAAAA",
            "empty": "",
            "a key's text": key[1],
        }[of]
        browser.set_cookie(entering.COOKIE, made, path="/newsroom")
        assert get(browser).status_code == 303

    def test_a_session_ends(self, client_of):
        client = client_of(LINES, session_hours=1, session_secret="s" * 32)
        key, text = KeyStore(client.application.config["SETTINGS"].home).create("x", ["newsroom"])
        assert re.search("Max-Age=3(600|59[0-9]);", cookies(sign_in(client, text))[0])
        for ago, status in ((3_500, 200), (3_602, 303)):  # a browser would have thrown the second away
            old = Sessions(lambda: b"s" * 32, 3600, lambda ago=ago: time.time() - ago).begin(key.id)
            client.set_cookie(entering.COOKIE, old.cookie, path="/newsroom")
            assert get(client).status_code == status

    @pytest.mark.parametrize("given", [{}, {"csrf": ""}, {"csrf": "x" * 64}, {"csrf": ["", ""]}])
    def test_a_form_without_what_it_must_carry(self, browser, key, given):
        sign_in(browser, key[1])
        response = post(browser, DRAFT, given | {"title": SECRET})
        assert response.status_code == 403
        assert VI.form_stale in tree(response).xpath("//*[@role='alert']")[0].text_content()
        assert not tree(response).xpath("//ol/li")
        again = dict(tree(response).xpath("//form[@id='draft']")[0].form_values())
        assert again["title"] == SECRET  # nothing that was typed is lost
        assert post(browser, DRAFT, again).status_code == 200

    def test_a_form_of_another_session(self, browser, key, service):
        other = service.test_client()
        sign_in(other, key[1])
        sign_in(browser, key[1])
        assert post(browser, DRAFT, {"csrf": csrf(get(other)), "title": "x"}).status_code == 403
        assert post(browser, SIGN_OUT, {"csrf": csrf(get(other))}).status_code == 303
        assert get(browser).status_code == 200  # still signed in

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://xau.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_another_site_s_form(self, browser, key, headers):
        assert (
            post(browser, SIGN_IN, {"csrf": csrf(get(browser, SIGN_IN)), "key": key[1]}, **headers).status_code == 403
        )
        sign_in(browser, key[1])
        token = csrf(get(browser))
        for path in (DRAFT, SIGN_OUT):
            response = post(browser, path, {"csrf": token, "title": SECRET}, **headers)
            assert response.status_code == 403
            assert SECRET not in response.text
        assert get(browser).status_code == 200

    def test_signing_somebody_in_from_elsewhere(self, service, key):
        """Login forgery: the attacker's token with the victim's cookie, or with none."""
        attacker, victim = service.test_client(), service.test_client()
        token = csrf(get(attacker, SIGN_IN))
        get(victim, SIGN_IN)
        for client in (victim, service.test_client()):
            response = post(client, SIGN_IN, {"csrf": token, "key": key[1]})
            assert response.status_code == 403
            assert VI.form_stale in response.text
            assert get(client).status_code == 303

    def test_a_key_in_a_header_is_no_sign_in(self, browser, key):
        assert get(browser, Authorization=f"Bearer {key[1]}").status_code == 303


class TestLeaving:
    def test_signing_out_ends_the_session_and_not_the_cookie_alone(self, browser, key):
        sign_in(browser, key[1])
        kept = browser.get_cookie(entering.COOKIE, path="/newsroom").value
        done = post(browser, SIGN_OUT, {"csrf": csrf(get(browser))})
        assert (done.status_code, done.location) == (303, SIGN_IN)
        assert browser.get_cookie(entering.COOKIE, path="/newsroom") is None
        assert get(browser).status_code == 303
        browser.set_cookie(entering.COOKIE, kept, path="/newsroom")
        assert get(browser).status_code == 303

    def test_a_link_cannot_sign_out(self, browser, key):
        sign_in(browser, key[1])
        assert get(browser, SIGN_OUT).status_code == 405
        assert get(browser).status_code == 200

    def test_a_revoked_key_is_out_at_once_and_in_every_worker(self, browser, key, store, client_of):
        sign_in(browser, key[1])
        assert get(browser).status_code == 200
        store.revoke(key[0].id)
        assert get(browser).status_code == 303
        assert sign_in(browser, key[1]).status_code == 403

    def test_a_key_that_has_ended_is_out_too(self, browser, key, store, client_of):
        sign_in(browser, key[1])
        store.rotate(key[0].id, 0)
        assert get(browser).status_code == 303
        assert sign_in(browser, key[1]).status_code == 403

    def test_a_key_of_other_addresses_is_neither_in_nor_stays_in(self, browser, key, store):
        _, text = store.create("tòa soạn", ["newsroom"], bounds=Bounds.of(["203.0.113.0/28"]))
        assert sign_in(browser, text).status_code == 303
        assert get(browser).status_code == 200
        elsewhere = {"REMOTE_ADDR": "203.0.113.99"}
        assert get(browser, peer=elsewhere).status_code == 303
        form = {"csrf": csrf(get(browser, SIGN_IN, peer=elsewhere)), "key": text}
        assert post(browser, SIGN_IN, form, peer=elsewhere).status_code == 403

    def test_a_draft_that_was_sent_too_late_stays_on_its_page(self, browser, key, store):
        sign_in(browser, key[1])
        form = {"csrf": csrf(get(browser)), "title": SECRET, "body": "thân bài", "preset": "headlines"}
        store.revoke(key[0].id)
        late = post(browser, DRAFT, form)
        assert late.status_code == 403
        alert = tree(late).xpath("//*[@role='alert']")[0]
        assert DraftWords.in_language("vi").signed_out in alert.text_content()
        assert alert.xpath(".//a/@href") == [SIGN_IN]
        assert not tree(late).xpath("//ol/li | //input[@name='csrf']")
        again = dict(tree(late).xpath("//form[@id='draft']")[0].form_values())
        assert (again["title"], again["body"].strip(), again["preset"]) == (SECRET, "thân bài", "headlines")
        sign_in(browser, store.create("x", ["newsroom"])[1])
        stale = post(browser, DRAFT, again)
        again = dict(tree(stale).xpath("//form[@id='draft']")[0].form_values())
        assert post(browser, DRAFT, again).status_code == 200

    def test_one_that_is_too_long_as_well(self, browser):
        assert post(browser, DRAFT, {"title": "x" * 300_000}).status_code == 413


@pytest.fixture(scope="module")
def closed(client_of):
    """Return a client of a service without keys whose newsroom is not open."""
    return client_of(LINES, open_newsroom=False)


class TestRecorded:
    def test_who_came_and_left_and_who_did_not_get_in(self, client_of):
        browser = client_of(LINES)
        home = browser.application.config["SETTINGS"].home
        key, text = KeyStore(home).create("Lan", ["newsroom"])
        sign_in(browser, "lq_" + "0" * 12 + "_" + "a" * 43)
        sign_in(browser, text)
        post(browser, SIGN_OUT, {"csrf": csrf(get(browser))})
        told = [(one.action, one.actor, one.outcome, one.address) for one in AuditLog(home).entries()]
        lan = Actor(f"key:{key.id}", "Lan")
        assert told == [
            ("request.refused", ANYONE, "wrong key", "203.0.113.0/24"),
            ("session.begun", lan, "allowed", "203.0.113.0/24"),
            ("session.ended", lan, "done", "203.0.113.0/24"),
        ]

    def test_where_it_cannot_be_recorded_nobody_is_signed_in(self, client_of):
        browser = client_of(LINES)
        home = browser.application.config["SETTINGS"].home
        _, text = KeyStore(home).create("Lan", ["newsroom"])
        (home / "audit.sqlite").write_bytes(b"x" * 8192)
        answered = sign_in(browser, text)
        assert (answered.status_code, cookies(answered)) == (503, [])
        assert get(browser).status_code == 303


class TestBeforeTheFirstKey:
    @pytest.mark.parametrize("path", [HOME, DRAFT, SIGN_IN, "/newsroom/articles/a", "/newsroom/index"])
    @pytest.mark.parametrize(("lang", "words", "command"), [("", VI, "--name TÊN"), ("?lang=en", EN, "--name NAME")])
    def test_a_page_says_how_to_make_one(self, closed, path, lang, words, command):
        answer = get(closed, path + lang, peer={"REMOTE_ADDR": "127.0.0.1"})
        assert (answer.status_code, answer.headers["Cache-Control"]) == (403, "no-store")
        page = tree(answer)
        assert page.xpath("//h1/text()") == [words.no_key[0]]
        assert f"lienquan keys create --scope newsroom {command}" in page.xpath("//p[@class='lead']")[0].text_content()
        assert not page.xpath("//form[@method='post']")

    def test_nothing_is_done_either(self, closed):
        here = {"REMOTE_ADDR": "127.0.0.1"}
        for path in (DRAFT, SIGN_IN, SIGN_OUT, "/newsroom/index/roll-back"):
            answer = post(closed, path, {"title": SECRET, "key": "x", "csrf": ""}, peer=here)
            assert answer.status_code in (403, 404, 405)
            assert SECRET not in answer.text

    def test_a_program_is_told_too(self, closed):
        answer = closed.get(DRAFT, headers={"Accept": "application/json"})
        assert answer.status_code == 403
        assert "keys create --scope newsroom" in answer.text

    def test_the_first_key_opens_it_without_a_restart(self, client_of):
        client = client_of(LINES, open_newsroom=False)
        assert get(client).status_code == 403
        _, text = KeyStore(client.application.config["SETTINGS"].home).create("x", ["newsroom"])
        assert get(client).status_code == 303
        assert sign_in(client, text).status_code == 303
        assert get(client).status_code == 200

    def test_it_is_closed_by_default(self):
        assert Settings().open_newsroom is False

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
    def test_where_it_may_be_open(self, host):
        assert Settings(open_newsroom=True, host=host).open_newsroom

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "bao.example", "localhost.bao.example", "", "127.1"])
    def test_where_it_may_not(self, host):
        with pytest.raises(ValidationError, match=re.escape(f"open_newsroom is true: host is {host!r}: expected")):
            Settings(open_newsroom=True, host=host)
        assert Settings(host=host).host == host

    def test_not_behind_a_proxy(self):
        with pytest.raises(ValidationError, match="trusted_hops is 1: expected 0"):
            Settings(open_newsroom=True, trusted_hops=1)


@pytest.mark.parametrize(
    ("peer", "told", "named"),
    [
        ("127.0.0.1", "203.0.113.9", "X-Forwarded-For"),  # by its proxy, on this machine
        ("203.0.113.9", "127.0.0.1", "peer"),  # by himself
    ],
)
def test_what_a_trusted_proxy_says_is_not_taken_for_the_connection(client_of, peer, told, named):
    client = client_of(trusted_hops=1)
    headers = {"Host": "localhost", "X-Forwarded-For": told}
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == 403
    assert answer.json["errors"][0]["field"] == named


class TestWhereOneMay:
    def test_once_there_was_a_key_nothing_opens_by_itself_again(self, client_of):
        client = client_of(LINES)
        here = {"REMOTE_ADDR": "127.0.0.1"}
        store = KeyStore(client.application.config["SETTINGS"].home)
        store.create("CMS", ["ingest"])
        assert get(client, peer=here).status_code == 200  # a key for other things changes nothing
        assert get(client, SIGN_IN, peer=here).location == HOME
        assert get(client, peer=FAR).status_code == get(client, SIGN_IN, peer=FAR).status_code == 403
        made, _ = store.create("x", ["newsroom"])
        store.revoke(made.id)
        assert get(client, peer=here).status_code == 303

    def test_through_a_proxy(self, browser, key):
        proxied = {"X-Forwarded-For": "198.51.100.3", "X-Forwarded-Host": "tim.bao.example", "Via": "1.1 x"}
        first = get(browser, SIGN_IN, **proxied)
        assert first.status_code == 200
        form = {"csrf": csrf(first), "key": key[1]}
        assert post(browser, SIGN_IN, form, **proxied | {"Origin": "https://tim.bao.example"}).status_code == 303
        assert post(browser, SIGN_IN, form, **proxied | {"Origin": "https://localhost"}).status_code == 403

    def test_switched_off_there_is_nothing(self, client_of):
        client = client_of(LINES, newsroom=False)
        KeyStore(client.application.config["SETTINGS"].home).create("x", ["newsroom"])
        for path in (DRAFT, SIGN_IN):
            for peer in (FAR, {"REMOTE_ADDR": "127.0.0.1"}):
                assert get(client, path, peer=peer).status_code == 404
        assert post(client, SIGN_IN, {}).status_code == post(client, SIGN_OUT, {}).status_code == 404
        assert get(client, "/").status_code == 200

    def test_every_page_of_the_newsroom_is_guarded(self, service, browser):
        rules = [rule for rule in service.url_map.iter_rules() if rule.rule.startswith("/newsroom")]
        assert len(rules) >= 5
        for rule in rules:
            if rule.endpoint in entering._FOR_ALL:
                continue
            assert rule.endpoint.startswith("pages.")
            for method in rule.methods - {"OPTIONS"}:
                given = {**HTML, "Origin": "http://localhost"}
                path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
                answer = browser.open(path, method=method, headers=given, environ_base=FAR)
                assert answer.status_code in (303, 403), (rule, method)

    def test_a_store_that_cannot_be_read_lets_nobody_in(self, client_of):
        client = client_of(LINES)
        home = client.application.config["SETTINGS"].home
        (home / FILE).write_bytes(b"damaged" * 1000)
        answer = get(client, peer={"REMOTE_ADDR": "127.0.0.1"})
        assert answer.status_code == 503
        assert str(home) not in answer.text
        assert get(client, "/").status_code == 200

    def test_a_home_that_cannot_be_written_is_said(self, client_of):
        client = client_of(LINES)
        home = client.application.config["SETTINGS"].home
        KeyStore(home).create("x", ["newsroom"])
        (home / "session.key").mkdir()
        assert get(client, SIGN_IN).status_code == 503


class TestWithoutFlask:
    """The gate by itself, with a clock."""

    @pytest.fixture
    def clock(self):
        return [1_700_000_000.0]

    @pytest.fixture
    def made(self, tmp_path, clock):
        store = KeyStore(tmp_path, lambda: clock[0])
        _, text = store.create("x", ["newsroom"])
        return Doorkeeper(store, Sessions(lambda: b"s" * 32, 100, lambda: clock[0]), lambda: clock[0]), text

    @staticmethod
    def asked(cookie=None, method="POST", reader="203.0.113.9", **headers):
        return BrowserRequest(
            method, reader, "10.0.0.1", "HTTP/1.1", ({"Host": "tim.bao.example"} | headers).get, cookie
        )

    def test_in_and_out(self, made, clock):
        gate, text = made
        begun = gate.beginning(self.asked())
        session = gate.sign_in(self.asked(begun.session.cookie), text, gate.token(begun))
        visitor = gate.visitor(self.asked(session.cookie))
        assert (visitor.session, visitor.who.name) == (session, "x")
        gate.check_form(visitor, gate.token(visitor))
        clock[0] += 101
        with pytest.raises(SignedOut):
            gate.visitor(self.asked(session.cookie))
        clock[0] -= 101
        gate.sign_out(visitor)
        with pytest.raises(SignedOut):
            gate.visitor(self.asked(session.cookie))

    def test_the_form_s_session_is_used_again(self, made):
        gate, _ = made
        begun = gate.beginning(self.asked())
        assert gate.beginning(self.asked(begun.session.cookie)).session == begun.session

    def test_refusals(self, made):
        gate, text = made
        begun = gate.beginning(self.asked())
        cookie, token = begun.session.cookie, gate.token(begun)
        with pytest.raises(Forbidden):
            gate.sign_in(self.asked(cookie, Origin="https://xau.example"), text, token)
        with pytest.raises(StaleForm):
            gate.sign_in(self.asked(None), text, token)
        with pytest.raises(WrongKey):
            gate.sign_in(self.asked(cookie), text[:-1], token)

    def test_wrong_keys_of_one_address_are_counted_right_ones_are_not(self, made):
        gate, text = made
        begun = gate.beginning(self.asked())
        cookie, token = begun.session.cookie, gate.token(begun)
        for _ in range(20):
            gate.sign_in(self.asked(cookie), text, token)
        for at in range(10):
            with pytest.raises(WrongKey):
                gate.sign_in(self.asked(cookie, reader=f"2001:db8::{at}"), "x", token)
        with pytest.raises(TooMany):
            gate.sign_in(self.asked(cookie, reader="2001:db8::ffff"), "x", token)
        gate.sign_in(self.asked(cookie, reader="2001:db8::ffff"), text, token)
        gate.sign_in(self.asked(cookie), text, token)


@pytest.mark.parametrize(
    "path",
    [
        *("/newsroom/draft", "/newsroom/", "/newsroom/a/b-c", "/newsroom/articles", "/newsroom/articles/"),
        *("/newsroom/articles/lo-gom_1.html~", "/newsroom/articles/" + "a" * 128, "/newsroom/articles/..."),
        "/newsroom/articles/" + quote("gốm 100% & <b>?a=1#2\\3%2F", safe=""),
    ],
)
def test_what_is_inside(path):
    assert gate.inside(path) == path
    assert gate.inside(path + "\n") is None


def test_the_secret_is_shown_nowhere_and_is_long(monkeypatch):
    monkeypatch.setenv("LIENQUAN_SESSION_SECRET", "bimat" * 10)
    assert "bimat" not in repr(Settings()) + str(Settings().model_dump()) + Settings().model_dump_json()
    monkeypatch.setenv("LIENQUAN_SESSION_SECRET", "bimat")
    with pytest.raises(ValidationError, match="session_secret"):
        Settings()


def test_what_a_visitor_may():
    key = Key(id="a", name="b", scopes=("newsroom", "rules"), created=0, last_used=None, revoked=None)
    assert [gate.Visitor(None, key).may(scope) for scope in ("newsroom", "rules", "ingest")] == [True, True, False]
    assert gate.Visitor().may("ingest")
    assert gate.Visitor(None, key).may("pins")
    assert not gate.Visitor(None, replace(key, scopes=("newsroom", "ingest"))).may("pins")


@pytest.mark.parametrize(
    ("role", "allowed"), [("editor", {"newsroom", "pins"}), ("chief", {"newsroom", "pins", "rules", "ingest"})]
)
def test_what_a_person_may(role, allowed):
    visitor = gate.Visitor(None, Person("a" * 64, "Lan", role))
    assert {one for one in ("newsroom", "pins", "rules", "ingest") if visitor.may(one)} == allowed
    assert visitor.author == "Lan (aaaaaaaaaaaa)"
