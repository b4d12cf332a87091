"""Signing in to the newsroom's pages through a real provider: npm's oidc-provider, certified, started here.

It was chosen for being certified by the OpenID Foundation and installed by npm alone in seconds; of PyPI's, canaille
wants a database and a configuration of its own and speaks by the same Authlib as the service, and oidc-provider-mock
checks nothing. What a provider would never say is in `test_oidc`, with a stub.
"""

import logging
import re
import sqlite3
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html
from werkzeug.serving import make_server

from service.app import create_app
from service.errors import NotRecorded, SignOnRefused
from service.pages import entering, signing_on
from service.security import oidc
from service.security.keys import KeyStore
from service.security.people import FILE
from service.security.sign_on import BACK, START
from service.wording.sign_on import SignOnWords
from tests.identity_provider import (
    CLIENT,
    SECRET,
    ProviderBrowser,
    free_port,
    keys_of_all_kinds,
    real_provider,
    rsa_key,
)

VI, EN = (SignOnWords.in_language(code) for code in ("vi", "en"))

HOME, DRAFT, SIGN_IN, SIGN_OUT = "/newsroom/", "/newsroom/draft", "/newsroom/sign-in", "/newsroom/sign-out"
HTML = {"Accept": "text/html"}
LINES = [
    {"id": "a", "title": "Lò gốm đỏ lửa", "section": "Làng nghề"},
    {"id": "b", "title": "Lò gốm tắt lửa", "section": "Làng nghề"},
]
OPTIONS = {
    "oidc_client_id": CLIENT,
    "oidc_client_secret": SECRET,
    "oidc_editors": ["bien-tap", "minh@bao.example"],
    "oidc_chiefs": ["thu-ky"],
    "oidc_name": "Tài khoản báo",
}


@pytest.fixture(scope="module")
def public_url():
    """Return where browsers reach the service. Answers that have no cookies with them come from there, too."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def provider(public_url):
    with real_provider(public_url) as started:
        yield started


@pytest.fixture(scope="module")
def service_of(client_of, provider, public_url):
    def make(**more):
        options = {"min_related": 0, "public_url": public_url, "oidc_issuer": provider.issuer, **OPTIONS, **more}
        return client_of(LINES, **options).application

    return make


@pytest.fixture(scope="module")
def service(service_of, tmp_path_factory):
    return service_of(rules=tmp_path_factory.mktemp("rules") / "rules.jsonl")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Have providers that were down be asked again at once."""
    monkeypatch.setattr(oidc, "PATIENCE", 0)


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


def get(client, path, **headers):
    return client.get(path, headers=HTML | headers)


def post(client, path, form):
    return client.post(path, data=form, headers=HTML | {"Origin": "http://localhost"})


def there(client, wanted="", **headers):
    """Return where the provider is, as a browser is sent there."""
    answer = get(client, START + wanted, **headers)
    assert answer.status_code == 303, answer.text
    return answer.location


def back(client, service, name, wanted=""):
    """Return the answer to a browser that comes back from the provider."""
    public = service.config["SETTINGS"].public_url
    url = ProviderBrowser().sign_in(there(client, wanted), name, public + BACK)
    return get(client, url.removeprefix(public))


def cookie(client, name=entering.COOKIE, path="/newsroom"):
    found = client.get_cookie(name, path=path)
    return None if found is None else found.value


def csrf(client, path=DRAFT):
    return tree(get(client, path)).xpath("//input[@name='csrf']/@value")[0]


def refusal(answer):
    """Return why somebody was not let in."""
    assert answer.status_code == 303, answer.text
    assert urlsplit(answer.location).path == SIGN_IN
    return parse_qs(urlsplit(answer.location).query)["refused"][0]


class TestSigningIn:
    def test_an_editor_gets_to_the_page_they_wanted(self, service):
        client = service.test_client()
        asked = get(client, DRAFT)
        page = tree(get(client, asked.location))
        (button,) = page.xpath("//a[contains(@class, 'provider')]")
        assert button.text == "Đăng nhập bằng Tài khoản báo"
        assert not page.xpath("//input[@id='key']")  # there is no key
        assert button.get("href") == f"{START}?next={DRAFT}"
        before = cookie(client)
        answer = back(client, service, "lan", f"?next={DRAFT}")
        assert (answer.status_code, answer.location) == (303, DRAFT)
        assert cookie(client) != before
        assert cookie(client, signing_on.COOKIE, SIGN_IN) is None
        shown = get(client, DRAFT)
        assert shown.status_code == 200
        assert tree(shown).xpath("//form[@class='account']/span/text()") == ["Nguyễn Thị Lan, biên tập viên"]

    def test_what_is_sent_to_the_provider(self, service, provider, public_url):
        asked = parse_qs(urlsplit(there(service.test_client(), f"?next={DRAFT}")).query)
        expected = {
            "response_type": ["code"],
            "client_id": [CLIENT],
            "redirect_uri": [public_url + BACK],
            "scope": ["openid profile email"],
            "code_challenge_method": ["S256"],
        }
        assert {name: asked[name] for name in expected} == expected
        for name in ("state", "nonce", "code_challenge"):
            assert re.fullmatch(r"[\w-]{43}", asked[name][0])
        assert set(asked) == {*expected, "state", "nonce", "code_challenge"}  # not which page is wanted

    def test_the_host_header_decides_nothing(self, service, public_url):
        for host in ("xau.example", "127.0.0.1"):
            asked = parse_qs(urlsplit(there(service.test_client(), Host=host)).query)
            assert asked["redirect_uri"] == [public_url + BACK]

    def test_cookies(self, service, service_of, provider):
        for made, secure in ((service, False), (service_of(public_url="https://tim.bao.example"), True)):
            answer = get(made.test_client(), START)
            (line,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(signing_on.COOKIE)]
            parts = {part.strip() for part in line.split(";")[1:]}
            assert {"HttpOnly", "SameSite=Lax", "Path=/newsroom/sign-in", "Max-Age=600"} <= parts
            assert ("Secure" in parts) is secure
            assert answer.headers["Cache-Control"] == "no-store"

    def test_the_session_lasts_as_long_as_is_set(self, service_of):
        service = service_of(session_hours=0.1)
        client = service.test_client()
        answer = back(client, service, "lan")
        (line,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(entering.COOKIE)]
        assert 350 <= int(re.search(r"Max-Age=(\d+)", line)[1]) <= 360
        assert re.search("HttpOnly.*SameSite=Lax", line)
        with sqlite3.connect(service.config["SETTINGS"].home / FILE) as db:
            db.execute("UPDATE sessions SET until = ?", (int(time.time()) - 1,))
        assert get(client, DRAFT).status_code == 303

    def test_nothing_of_the_provider_s_names_is_kept(self, service):
        back(service.test_client(), service, "lan")
        kept = b"".join(path.read_bytes() for path in service.config["SETTINGS"].home.glob(f"{FILE}*"))
        assert "Nguyễn Thị Lan".encode() in kept
        assert b"bien-tap" not in kept
        assert b"lan@bao.example" not in kept

    def test_in_english(self, service):
        client = service.test_client()
        (button,) = tree(get(client, f"{SIGN_IN}?lang=en&next={DRAFT}")).xpath("//a[contains(@class, 'provider')]")
        assert button.text == EN.enter.format(name="Tài khoản báo")
        answer = back(client, service, "lan", button.get("href").removeprefix(START))
        assert answer.location == f"{DRAFT}?lang=en"
        answer = back(client, service, "khach", button.get("href").removeprefix(START))
        assert EN.refused["role"].format(name="Tài khoản báo") in get(service.test_client(), answer.location).text

    @pytest.mark.parametrize("wanted", ["https://xau.example", "//xau.example", "/newsroom/../search", "/search"])
    def test_it_leads_nowhere_else(self, service, wanted):
        assert back(service.test_client(), service, "lan", f"?next={wanted}").location == HOME

    def test_both_ways_where_there_is_a_key_too(self, service_of):
        service = service_of()
        _, text = KeyStore(service.config["SETTINGS"].home).create("Bàn đêm", ["newsroom"])
        client = service.test_client()
        page = tree(get(client, SIGN_IN))
        assert page.xpath("//a[contains(@class, 'provider')]")
        assert page.xpath("//form[@class='draft']//button/text()") == [VI.with_key]
        form = {"csrf": page.xpath("//input[@name='csrf']/@value")[0], "key": text}
        assert post(client, SIGN_IN, form).location == HOME
        assert get(client, DRAFT).status_code == 200
        assert back(service.test_client(), service, "lan").location == HOME

    def test_without_a_provider_there_is_none_of_it(self, client_of):
        client = client_of(LINES)
        client_of(LINES)
        KeyStore(client.application.config["SETTINGS"].home).create("x", ["newsroom"])
        assert not tree(get(client, SIGN_IN)).xpath("//a[contains(@class, 'provider')]")
        for answer in (get(client, START), get(client, BACK), client.post("/newsroom/sign-out/elsewhere")):
            assert answer.status_code == 404


class TestRoles:
    def test_who_is_what(self, service):
        for name, role in (("lan", "editor"), ("minh", "editor"), ("huong", "chief")):
            client = service.test_client()
            back(client, service, name)
            (said,) = tree(get(client, DRAFT)).xpath("//form[@class='account']/span/text()")
            assert said.endswith(f", {VI.roles[role]}")

    @pytest.mark.parametrize("name", ["khach", "gia"])
    def test_nobody_of_the_newsroom(self, service, name, caplog):
        """The second has an editor's address, which the provider never verified."""
        client = service.test_client()
        answer = back(client, service, name, f"?next={DRAFT}")
        assert refusal(answer) == "role"
        assert VI.refused["role"].format(name="Tài khoản báo") in get(client, answer.location).text
        assert get(client, DRAFT).status_code == 303

    def test_pages_hide_and_the_server_refuses_what_is_not_theirs(self, service):
        editor, chief = service.test_client(), service.test_client()
        back(editor, service, "lan")
        back(chief, service, "huong")
        block = "/newsroom/articles/a"
        lists = [tree(get(one, block)).xpath("(//select[@name='lists'])[1]/option/@value") for one in (editor, chief)]
        assert lists == [["article"], ["article", "section", "all"]]
        forms = {}
        for wide in ("article", "section", "all"):
            page = get(chief, f"{block}?do=block&article=b&lists={wide}")
            forms[wide] = dict(tree(page).xpath("//form[@method='post' and @class='draft']")[0].form_values())
        for wide in ("section", "all"):
            preview = tree(get(editor, f"{block}?do=block&article=b&lists={wide}"))
            assert not preview.xpath("//form[@method='post' and @class='draft']")
            assert post(editor, block, forms[wide] | {"csrf": csrf(editor)}).status_code == 403
        own = post(editor, block, forms["article"] | {"csrf": csrf(editor)})
        assert own.status_code == 303, own.text
        shown = get(editor, own.location)
        assert "Nguyễn Thị Lan (" in shown.text  # the history, with what nobody can choose
        page = get(chief, f"{block}?do=pin&article=b&position=1&lists=all")
        wide = dict(tree(page).xpath("//form[@method='post' and @class='draft']")[0].form_values())
        everywhere = post(chief, block, wide).location
        name = parse_qs(urlsplit(everywhere).query)["saved"][0]
        removals = tree(get(editor, block)).xpath("//button[@value='remove']/../input[@name='rule']/@value")
        assert name not in removals
        assert len(removals) == 1
        seen = dict(tree(get(chief, f"{block}?do=remove&rule={name}")).xpath("//form[@method='post']")[1].form_values())
        assert post(editor, block, seen | {"csrf": csrf(editor)}).status_code == 403
        assert post(chief, block, seen).status_code == 303

    def test_words_and_snapshots_are_the_chief_s(self, service_of, tmp_path):
        (tmp_path / "synonyms.txt").write_text("")
        service = service_of(synonyms=tmp_path / "synonyms.txt")
        change = {"what": "synonyms", "left": "lò", "way": "both", "right": "bếp", "do": "save"}
        for name, status in (("lan", 403), ("huong", 303)):
            client = service.test_client()
            back(client, service, name)
            answer = post(client, "/newsroom/synonyms", change | {"csrf": csrf(client)})
            assert answer.status_code == status, answer.text
            assert get(client, "/newsroom/index").status_code == 200
            expected = 403 if name == "lan" else 404  # there is no such snapshot
            assert get(client, "/newsroom/index/rollback?to=x").status_code == expected

    def test_other_settings_end_sessions(self, service_of):
        """Somebody who is taken off the list is out with the restart, not hours later."""
        service = service_of()
        client = service.test_client()
        back(client, service, "lan")
        kept = cookie(client)
        settings = service.config["SETTINGS"].model_copy(update={"oidc_editors": ("nhom-moi",)})
        again = create_app(settings, service.extensions["lienquan"]).test_client()
        again.set_cookie(entering.COOKIE, kept, path="/newsroom")
        assert get(again, DRAFT).status_code == 303
        assert get(client, DRAFT).status_code == 200


class TestForgery:
    def test_state_and_code_of_another_browser(self, service, public_url):
        """Login forgery: the attacker's answer in the victim's browser, which has set out itself, or has not."""
        attacker = service.test_client()
        url = ProviderBrowser().sign_in(there(attacker), "lan", public_url + BACK).removeprefix(public_url)
        for begun in (False, True):
            victim = service.test_client()
            if begun:
                there(victim)
            assert refusal(get(victim, url)) == "stale"
            assert get(victim, DRAFT).status_code == 303
        assert get(attacker, url).location == HOME

    def test_an_answer_counts_once(self, service, public_url):
        client = service.test_client()
        url = ProviderBrowser().sign_in(there(client), "lan", public_url + BACK).removeprefix(public_url)
        kept = cookie(client, signing_on.COOKIE, SIGN_IN)
        assert get(client, url).location == HOME
        again = service.test_client()
        again.set_cookie(signing_on.COOKIE, kept, path=SIGN_IN)
        assert refusal(get(again, url)) == "stale"

    @pytest.mark.parametrize("name", ["state", "iss", "code"])
    def test_what_was_changed_on_the_way(self, service, public_url, name):
        client = service.test_client()
        url = ProviderBrowser().sign_in(there(client), "lan", public_url + BACK).removeprefix(public_url)
        for changed in (re.sub(rf"([?&]){name}=[^&]*", r"\1x=y", url), re.sub(rf"([?&]){name}=", rf"\1{name}=x", url)):
            assert refusal(get(client, changed)) in ({"stale"} if name == "state" else {"token", "stale"})
        assert get(client, DRAFT).status_code == 303

    def test_two_of_a_parameter(self, service, public_url):
        client = service.test_client()
        url = ProviderBrowser().sign_in(there(client), "lan", public_url + BACK).removeprefix(public_url)
        state = parse_qs(urlsplit(url).query)["state"][0]
        assert refusal(get(client, f"{url}&state={state}")) == "stale"

    def test_a_session_that_was_there_before_is_worth_nothing(self, service):
        client = service.test_client()
        get(client, SIGN_IN)
        before = cookie(client)
        back(client, service, "lan")
        thief = service.test_client()
        thief.set_cookie(entering.COOKIE, before, path="/newsroom")
        assert get(thief, DRAFT).status_code == 303

    def test_another_site_cannot_have_somebody_set_out(self, service):
        for site in ("cross-site", "same-site"):
            answer = get(service.test_client(), START, **{"Sec-Fetch-Site": site})
            assert answer.location == SIGN_IN
            assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "given", ["", "?state=x", "?error=access_denied", "?code=x&state=x", "?code=%00&state=%ff", "?state=&code="]
    )
    def test_a_browser_that_never_set_out(self, service, given):
        assert refusal(get(service.test_client(), BACK + given)) == "stale"

    @pytest.mark.parametrize(
        "text",
        ["", "%00", "%ff", "%ED%A0%80", "a%0D%0AX:%20y", "%F0%9F%8E%89", "x" * 5000, "9" * 400, "[]", "%22%3E%3Cb"],
    )
    def test_odd_requests_are_refused_in_words(self, service, text):
        client = service.test_client()
        there(client)
        state = parse_qs(urlsplit(there(client)).query)["state"][0]
        for asked in (f"code={text}&state={state}", f"error={text}&state={state}", f"state={text}", f"iss={text}"):
            answer = get(client, f"{BACK}?{asked}&{text}={text}")
            assert answer.status_code == 303, answer.text
            assert urlsplit(answer.location).path == SIGN_IN
        assert urlsplit(get(client, f"{SIGN_IN}?refused={text}&left={text}").location or SIGN_IN).path == SIGN_IN
        assert get(client, f"{START}?next={text}&lang={text}").status_code == 303
        client.set_cookie(signing_on.COOKIE, text[:3000] or "x", path=SIGN_IN)
        assert refusal(get(client, f"{BACK}?state={text}")) == "stale"
        assert client.post("/newsroom/sign-out/elsewhere", data=f"logout_token={text}").status_code == 400

    def test_secrets_are_in_no_log_and_on_no_page(self, service, public_url, caplog):
        caplog.set_level(logging.DEBUG, "service")
        client = service.test_client()
        url = ProviderBrowser().sign_in(there(client), "khach", public_url + BACK).removeprefix(public_url)
        answer = get(client, url)
        code = parse_qs(urlsplit(url).query)["code"][0]
        for text in (caplog.text, answer.text, answer.location, get(client, answer.location).text):
            assert code not in text
            assert SECRET not in text


class TestTheAuditLog:
    def test_who_came_in_and_went_and_who_did_not(self, service_of):
        service = service_of()
        client, stranger = service.test_client(), service.test_client()
        back(client, service, "lan")
        post(client, SIGN_OUT, {"csrf": csrf(client)})
        back(stranger, service, "khach")
        service.test_client().post("/newsroom/sign-out/elsewhere", data={"logout_token": "x.y.z"})
        entries = list(service.extensions["lienquan_audit"].entries())
        told = [(one.action, one.actor.id.partition(":")[0], one.actor.name, one.outcome) for one in entries]
        assert told == [
            ("session.begun", "oidc", "Nguyễn Thị Lan", "allowed"),
            ("session.ended", "oidc", "Nguyễn Thị Lan", "done"),
            ("request.refused", "anyone", "", "sign-on: role"),
            ("request.refused", "anyone", "", "logout token"),
        ]
        assert entries[0].detail["role"] == "editor"
        assert entries[0].actor == entries[1].actor

    def test_nobody_comes_in_who_is_not_written_down(self, service_of, monkeypatch):
        service = service_of()

        def full(*args, **more):
            raise NotRecorded("no room")

        monkeypatch.setattr(service.extensions["lienquan_audit"], "record", full)
        client = service.test_client()
        before = cookie(client)
        answer = back(client, service, "lan")
        assert answer.status_code == 503
        assert cookie(client) == before
        assert get(client, DRAFT).status_code == 303


class TestTheProvider:
    def test_it_may_change_its_keys(self, service, provider):
        back(service.test_client(), service, "lan")
        provider.start({"RS256": rsa_key()})
        client = service.test_client()
        assert back(client, service, "lan").location == HOME
        assert get(client, DRAFT).status_code == 200

    @pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
    def test_other_algorithms(self, service, provider, algorithm):
        provider.start(keys_of_all_kinds(), algorithm)
        assert back(service.test_client(), service, "lan").location == HOME
        provider.start()

    def test_a_token_that_has_expired(self, service, provider, monkeypatch):
        provider.start(seconds=1)
        monkeypatch.setattr(oidc, "LEEWAY", -2)  # as if half a minute and more had passed
        assert refusal(back(service.test_client(), service, "lan")) == "token"
        provider.start()

    def test_it_is_down(self, service_of, provider, public_url):
        """From the first, it says so at once; after somebody has set out, when they come back."""
        service = service_of()
        provider.stop()
        client = service.test_client()
        answer = get(client, f"{START}?next={DRAFT}")
        assert refusal(answer) == "unreachable"
        page = get(client, answer.location)
        assert VI.refused["unreachable"].format(name="Tài khoản báo") in page.text
        assert tree(page).xpath("//a[contains(@class, 'provider')]/@href") == [f"{START}?next={DRAFT}"]
        provider.start()
        url = ProviderBrowser().sign_in(there(client), "lan", public_url + BACK).removeprefix(public_url)
        provider.stop()
        assert refusal(get(client, url)) == "unreachable"
        provider.start()
        assert back(client, service, "lan").location == HOME

    def test_those_who_are_in_stay_in_while_it_is_down(self, service, provider):
        client = service.test_client()
        back(client, service, "lan")
        provider.stop()
        assert get(client, DRAFT).status_code == 200
        provider.start()

    def test_somebody_gives_up_there(self, service, public_url):
        client = service.test_client()
        url = ProviderBrowser().abort(there(client), public_url + BACK).removeprefix(public_url)
        answer = get(client, url)
        assert refusal(answer) == "declined"
        assert VI.refused["declined"].format(name="Tài khoản báo") in get(client, answer.location).text

    def test_a_way_to_sign_in_may_be_asked_for(self, service_of):
        """This provider signs in by password alone and says nothing of how."""
        service = service_of(oidc_acr=["mfa"])
        client = service.test_client()
        assert parse_qs(urlsplit(there(client)).query)["acr_values"] == ["mfa"]
        assert refusal(back(client, service, "lan")) == "strength"

    def test_a_wrong_secret_of_the_service_s(self, service_of):
        service = service_of(oidc_client_secret="x" * 40)
        assert refusal(back(service.test_client(), service, "lan")) == "token"


class TestLeaving:
    def test_signing_out_ends_the_session_and_offers_to_leave_the_provider(self, service, provider):
        client = service.test_client()
        back(client, service, "lan")
        kept = cookie(client)
        answer = post(client, SIGN_OUT, {"csrf": csrf(client)})
        assert answer.location == f"{SIGN_IN}?left=provider"
        page = tree(get(client, answer.location))
        (link,) = page.xpath("//*[@role='status']//a/@href")
        assert link == f"{provider.issuer}/session/end?client_id={CLIENT}"
        client.set_cookie(entering.COOKIE, kept, path="/newsroom")
        assert get(client, DRAFT).status_code == 303

    def test_in_every_process(self, service):
        other = create_app(service.config["SETTINGS"], service.extensions["lienquan"])
        client, elsewhere = service.test_client(), other.test_client()
        back(client, service, "lan")
        elsewhere.set_cookie(entering.COOKIE, cookie(client), path="/newsroom")
        assert get(elsewhere, DRAFT).status_code == 200
        post(client, SIGN_OUT, {"csrf": csrf(client)})
        assert get(elsewhere, DRAFT).status_code == 303

    def test_the_provider_signs_somebody_out(self, service, provider, public_url):
        """Back-channel logout: the provider tells the service itself, which listens for a moment."""
        server = make_server("127.0.0.1", urlsplit(public_url).port, service, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            client, other, browser = service.test_client(), service.test_client(), ProviderBrowser()
            url = browser.sign_in(there(client), "lan", public_url + BACK)
            assert get(client, url.removeprefix(public_url)).location == HOME
            back(other, service, "huong")
            browser.leave(f"{provider.issuer}/session/end?client_id={CLIENT}")
            until = time.monotonic() + 10
            while get(client, DRAFT).status_code == 200:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert get(other, DRAFT).status_code == 200
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_a_place_for_each_of_those_who_wait(service_of, monkeypatch):
    """However slow the provider is, four wait for it and the next is told to come back; others are answered."""
    service = service_of()
    held, release = threading.Semaphore(0), threading.Event()

    def slow(self, code, nonce, verifier):
        held.release()
        release.wait(20)
        raise SignOnRefused("unreachable", "at last")

    monkeypatch.setattr(oidc.Provider, "claims", slow)
    answers, clients = [], [service.test_client() for _ in range(5)]
    urls = [f"{BACK}?code=x&iss={{}}&state=" + parse_qs(urlsplit(there(one)).query)["state"][0] for one in clients]
    issuer = service.config["SETTINGS"].oidc_issuer
    threads = [
        threading.Thread(target=lambda at=at: answers.append(get(clients[at], urls[at].format(issuer)).status_code))
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert held.acquire(timeout=20)
    assert get(clients[4], urls[4].format(issuer)).status_code == 503
    assert get(clients[4], "/healthz").status_code == 200
    release.set()
    for thread in threads:
        thread.join()
    assert answers == [303] * 4
