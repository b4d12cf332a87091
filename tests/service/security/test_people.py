"""Who is signed in through the newsroom's provider: what is kept, for how long, and that things are used once."""

import sqlite3
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import NotReady
from service.security.flows import SECONDS, Flows
from service.security.people import FILE, PeopleStore, Person, hashed
from service.security.sessions import Sessions
from service.security.sign_on import Roles, _name, configuration

LAN, HUONG = Person("a" * 64, "Lan", "editor"), Person("b" * 64, "Hương", "chief")


@pytest.fixture
def clock():
    return [1_700_000_000.0]


@pytest.fixture
def store(tmp_path, clock):
    return PeopleStore(tmp_path, "cấu hình", lambda: clock[0])


class TestSessions:
    def test_begun_and_ended(self, store, clock):
        store.begin("s", LAN, None, clock[0] + 100)
        assert store.of_session("s") == LAN
        assert store.of_session("t") is None
        store.end("s")
        assert store.of_session("s") is None

    def test_one_ends_by_itself_and_is_forgotten(self, store, clock, tmp_path):
        store.begin("s", LAN, None, clock[0] + 100)
        clock[0] += 100
        assert store.of_session("s") is None
        clock[0] += 1
        store.begin("t", HUONG, None, clock[0] + 100)
        with sqlite3.connect(tmp_path / FILE) as db:
            assert db.execute("SELECT id FROM sessions").fetchall() == [("t",)]

    def test_under_another_configuration_it_is_none(self, store, clock, tmp_path):
        store.begin("s", LAN, None, clock[0] + 100)
        assert PeopleStore(tmp_path, "khác", lambda: clock[0]).of_session("s") is None
        assert PeopleStore(tmp_path, "cấu hình", lambda: clock[0]).of_session("s") == LAN

    def test_all_of_a_person_or_of_a_session_there(self, store, clock):
        for name, person, there in (("1", LAN, "x"), ("2", LAN, "y"), ("3", HUONG, "x"), ("4", HUONG, None)):
            store.begin(name, person, there, clock[0] + 100)
        assert store.end_all(None, None) == 0
        assert store.end_all("c" * 64, None) == store.end_all(LAN.subject, "z") == 0
        assert store.end_all(LAN.subject, "x") == 1
        assert store.end_all(None, "x") == 1
        assert [store.of_session(name) for name in "1234"] == [None, LAN, None, HUONG]
        assert store.end_all(LAN.subject, None) == 1

    def test_it_is_its_owner_s(self, store, clock, tmp_path):
        store.begin("s", LAN, None, clock[0] + 100)
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600

    def test_a_damaged_store_lets_nobody_in(self, store, clock, tmp_path):
        store.begin("s", LAN, None, clock[0] + 100)
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / FILE).write_bytes(b"broken".ljust(4096))
        for do in (lambda: store.of_session("s"), lambda: store.use("x", 1), lambda: store.end("s")):
            with pytest.raises(NotReady):
                do()


class TestUsedOnce:
    def test_however_many_try_at_once(self, store, clock):
        found, gate = [], threading.Barrier(8)

        def use():
            gate.wait()
            found.append(store.use("mã", clock[0] + 100))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [False] * 7 + [True]

    def test_what_is_over_is_forgotten(self, store, clock, tmp_path):
        assert store.use("a", clock[0] + 10)
        clock[0] += 11
        assert store.use("b", clock[0] + 10)
        with sqlite3.connect(tmp_path / FILE) as db:
            assert db.execute("SELECT id FROM used").fetchall() == [("b",)]


class TestFlows:
    @pytest.fixture
    def flows(self, clock):
        return Flows(lambda: b"s" * 32, lambda: clock[0])

    def test_a_browser_is_known_again(self, flows, clock):
        flow = flows.begin("/newsroom/draft", "en")
        assert flows.of(flow.cookie) == flow
        assert (flow.onward, flow.lang) == ("/newsroom/draft", "en")
        assert len({flow.state, flow.nonce, flow.verifier, flows.begin().state}) == 4
        for secret in (flow.state, flow.nonce, flow.verifier):
            assert len(secret) == 43
            assert secret not in flow.cookie
        clock[0] += SECONDS
        assert flows.of(flow.cookie) == flow
        clock[0] += 1
        assert flows.of(flow.cookie) is None

    def test_one_of_another_secret_or_kind(self, flows, clock):
        other = Flows(lambda: b"t" * 32, lambda: clock[0]).begin()
        session = Sessions(lambda: b"s" * 32, 100, lambda: clock[0]).begin()
        for cookie in (other.cookie, session.cookie, "", None, flows.begin().cookie[:-8] + "AAAAAAAA"):
            assert flows.of(cookie) is None

    @given(st.text())
    def test_nothing_else_is_one(self, text):
        assert Flows(lambda: b"s" * 32).of(text) is None


class TestRoles:
    ROLES = Roles("groups", ("bien-tap", "minh@bao.example"), ("thu-ky", "Huong@Bao.example"))

    @pytest.mark.parametrize(
        ("claims", "role"),
        [
            ({}, None),
            ({"groups": []}, None),
            ({"groups": ["bien-tap"]}, "editor"),
            ({"groups": "bien-tap"}, "editor"),
            ({"groups": ["BIEN-TAP", "bien-tap-2", "bien"]}, None),
            ({"groups": ["bien-tap", "thu-ky"]}, "chief"),
            ({"groups": {"bien-tap": True}}, None),
            ({"groups": [["bien-tap"], 7, None]}, None),
            ({"groups": None}, None),
            ({"email": "minh@bao.example"}, None),
            ({"email": "minh@bao.example", "email_verified": "true"}, None),
            ({"email": "MINH@bao.example", "email_verified": True}, "editor"),
            ({"email": "huong@bao.example", "email_verified": True}, "chief"),
            ({"email": "bien-tap", "email_verified": True}, None),
            ({"email": ["minh@bao.example"], "email_verified": True}, None),
        ],
    )
    def test_who_is_what(self, claims, role):
        assert self.ROLES.of(claims) == role

    @pytest.mark.parametrize(
        ("claim", "claims"),
        [
            ("realm_access.roles", {"realm_access": {"roles": ["x"]}}),
            ("https://bao.example/roles", {"https://bao.example/roles": ["x"]}),
            ("a.b", {"a.b": ["x"], "a": {"b": ["y"]}}),
        ],
    )
    def test_where_groups_are_said(self, claim, claims):
        assert Roles(claim, ("x",), ()).of(claims) == "editor"
        assert Roles(claim, ("y",), ()).of(claims) is None
        assert Roles(claim + ".c", ("x",), ()).of(claims) is None

    @given(
        st.dictionaries(st.sampled_from(["groups", "email", "email_verified"]), st.none() | st.booleans() | st.text())
    )
    def test_nobody_by_chance(self, claims):
        assert self.ROLES.of(claims) is None or claims["groups"] in {"bien-tap", "thu-ky"}

    def test_every_setting_counts(self):
        made = {
            configuration(roles, issuer, client, acr)
            for roles in (self.ROLES, Roles("g", ("bien-tap",), ()), Roles("g", (), ("bien-tap",)))
            for issuer in ("https://a.example", "https://b.example")
            for client in ("x", "y")
            for acr in ((), ("mfa",))
        }
        assert len(made) == 24


def test_a_name_that_can_be_shown():
    assert _name({"name": "  Nguyễn \n Thị\tLan\u202e\x00 "}) == "Nguyễn Thị Lan"
    assert _name({"name": "\u200b", "preferred_username": "lan"}) == "lan"
    assert _name({"name": 7, "email": "lan@bao.example"}) == "lan@bao.example"
    assert _name({"name": ""}) is None
    assert len(_name({"name": "x" * 5000})) == 100


def test_subjects_of_two_providers_are_two():
    given = [("https://a.example", "1"), ("https://b.example", "1"), ("https://a.example", "2")]
    assert len({hashed(*names) for names in given}) == 3
