"""The store of keys: their form, what is kept of them, and what happens when several use it, or it is damaged."""

import hashlib
import os
import re
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import NotReady
from service.files import database
from service.security.bounds import UNBOUND, Bounds
from service.security.keys import DAY, FILE, LONGEST_NAME, USE_SECONDS, KeyStore


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.5

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    return KeyStore(tmp_path, clock)


def rows(home, sql, *values):
    with closing(sqlite3.connect(home / FILE)) as db:
        found = db.execute(sql, values).fetchall()
        db.commit()
    return found


class TestMaking:
    def test_form_and_content(self, store):
        key, text = store.create("  CMS  của báo ", ["rules", "ingest", "rules"])
        assert re.fullmatch(r"lq_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", text)
        assert text.split("_")[1] == key.id
        assert (key.name, key.scopes, key.created) == ("CMS của báo", ("ingest", "rules"), 1_700_000_000)
        assert (key.last_used, key.revoked) == (None, None)
        assert store.all() == [key]

    def test_keys_differ(self, store):
        texts = {store.create("CMS", ["ingest"])[1] for _ in range(20)}
        assert len({text.split("_", 2)[1] for text in texts}) == len({text.split("_", 2)[2] for text in texts}) == 20

    def test_the_secret_is_nowhere_in_the_home(self, store, tmp_path):
        _, text = store.create("CMS", ["ingest"])
        store.find(text)
        secret = text.split("_", 2)[2]
        assert rows(tmp_path, "SELECT hash FROM keys") == [(hashlib.sha256(secret.encode()).digest(),)]
        for path in tmp_path.rglob("*"):
            assert secret.encode() not in path.read_bytes()

    def test_only_its_owner_may_read_it(self, store, tmp_path):
        before = os.umask(0)
        try:
            store.create("CMS", ["ingest"])
            with closing(sqlite3.connect(tmp_path / FILE)) as db:
                db.execute("UPDATE keys SET name = 'x'")
                db.commit()
                modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        finally:
            os.umask(before)
        assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
        assert {path.name for path in tmp_path.iterdir()} == {FILE}

    def test_it_is_synced_and_written_ahead(self, store, tmp_path):
        store.create("CMS", ["ingest"])
        assert rows(tmp_path, "PRAGMA journal_mode") == [("wal",)]
        with store._opened() as db:
            assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL

    def test_a_home_that_is_not_there_is_made(self, tmp_path):
        KeyStore(tmp_path / "a" / "b").create("CMS", ["ingest"])
        assert (tmp_path / "a" / "b" / FILE).exists()

    @pytest.mark.parametrize("name", ["", "  ", "a\0b", "x" * (LONGEST_NAME + 1), "\ud800", "a\u202eb"])
    def test_a_name_is_for_people_to_read(self, store, tmp_path, name):
        with pytest.raises(ValueError, match=r"^name: .*: expected 1 to 100 characters"):
            store.create(name, ["ingest"])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("scopes", [[], ["all"], ["ingest", "admin"]])
    def test_scopes_are_known_ones(self, store, scopes):
        with pytest.raises(ValueError, match=r"^scope: .*: expected one or more of ingest, reset, rules, newsroom"):
            store.create("CMS", scopes)


class TestFinding:
    def test_nothing_is_made_by_looking(self, store, tmp_path):
        assert store.find("lq_" + "0" * 12 + "_" + "a" * 43) is None
        assert (store.all(), store.ever("ingest"), store.of_session("0" * 12, "x")) == ([], False, None)
        assert list(tmp_path.iterdir()) == []

    def test_the_right_one_of_several(self, store):
        made = [store.create(name, ["ingest"]) for name in "abc"]
        assert [store.find(text).id for _, text in made] == [key.id for key, _ in made]

    def test_an_id_with_another_s_secret(self, store):
        (_, one), (_, two) = store.create("a", ["ingest"]), store.create("b", ["ingest"])
        assert store.find("_".join([*one.split("_", 2)[:2], two.split("_", 2)[2]])) is None

    def test_one_letter_off(self, store):
        _, text = store.create("a", ["ingest"])
        for at in range(len(text)):
            other = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
            assert store.find(other) is None

    @pytest.mark.parametrize(
        "change", [str.upper, lambda t: t + " ", lambda t: t + "\n", lambda t: t[:-1], lambda _: ""]
    )
    def test_letter_by_letter(self, store, change):
        _, text = store.create("a", ["ingest"])
        assert store.find(change(text)) is None

    @given(st.text())
    def test_no_other_text_is_a_key(self, tmp_path_factory, text):
        store = KeyStore(tmp_path_factory.getbasetemp() / "any")
        if not store.all():
            store.create("a", ["ingest"])
        assert store.find(text) is None
        assert store.find(f"lq_{text}_{text}") is None

    def test_secrets_are_compared_in_constant_time_known_or_not(self, store, monkeypatch):
        _, text = store.create("a", ["ingest"])
        compared = []
        monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append((len(a), len(b))) or a == b)
        store.find(text)
        store.find("lq_" + "0" * 12 + text[15:])
        assert compared == [(32, 32), (32, 32)]


class TestUse:
    def test_it_is_written_at_most_once_a_minute(self, store, clock):
        _, text = store.create("a", ["ingest"])
        start = int(clock.now)
        for later, expected in ((0, 0), (1, 0), (USE_SECONDS - 1, 0), (USE_SECONDS, 60), (90, 60), (120, 120)):
            clock.now = start + later
            store.find(text)
            assert store.all()[0].last_used == start + expected

    def test_a_clock_that_goes_back_does_not_stop_it(self, store, clock):
        _, text = store.create("a", ["ingest"])
        store.find(text)
        clock.now -= 1000
        store.find(text)
        assert store.all()[0].last_used == int(clock.now)

    def test_a_wrong_secret_and_a_revoked_key_are_no_use(self, store):
        key, text = store.create("a", ["ingest"])
        store.find(text[:-1] + ("a" if text[-1] != "a" else "b"))
        store.revoke(key.id)
        store.find(text)
        assert store.all()[0].last_used is None

    def test_a_use_that_cannot_be_written_is_a_use(self, store, tmp_path, caplog):
        key, text = store.create("a", ["ingest"])
        rows(tmp_path, "CREATE TRIGGER full BEFORE UPDATE ON keys BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        assert store.find(text) == key
        assert f"the last use of key {key.id} could not be written" in caplog.text
        assert text not in caplog.text


class TestRevoking:
    def test_it_counts_for_every_store_at_once(self, store, tmp_path, clock):
        other = KeyStore(tmp_path)
        key, text = store.create("a", ["ingest"])
        assert other.find(text).revoked is None
        clock.now += 5
        assert store.revoke(key.id).revoked == int(clock.now)
        assert other.find(text).revoked == int(clock.now)

    def test_once_and_for_good(self, store, clock):
        key, _ = store.create("a", ["newsroom"])
        first = store.revoke(key.id)
        clock.now += 100
        assert store.revoke(key.id) == first
        assert store.ever("newsroom")
        assert not store.ever("ingest")

    @pytest.mark.parametrize("key_id", ["", "0" * 12, "'; DROP TABLE keys --", "\ud800"])
    def test_an_id_that_is_none(self, store, key_id):
        store.create("a", ["ingest"])
        with pytest.raises((ValueError, NotReady)):
            store.revoke(key_id)
        assert len(store.all()) == 1


class TestSessions:
    def test_an_ended_one_opens_nothing_in_any_process(self, store, tmp_path, clock):
        key, _ = store.create("a", ["newsroom"])
        assert store.of_session(key.id, "s1").id == key.id
        assert store.all()[0].last_used == int(clock.now)
        store.end("s1", clock.now + 10)
        store.end("s1", clock.now + 10)
        assert KeyStore(tmp_path).of_session(key.id, "s1") is None
        assert store.of_session(key.id, "s2").id == key.id

    def test_what_has_ended_by_itself_is_forgotten(self, store, tmp_path, clock):
        store.create("a", ["newsroom"])
        store.end("s1", clock.now + 10)
        clock.now += 11
        store.end("s2", clock.now + 10)
        assert rows(tmp_path, "SELECT session FROM ended") == [("s2",)]


class TestTrouble:
    @pytest.mark.parametrize("content", [b"", b"not a database" * 100])
    def test_a_damaged_file_lets_nobody_in(self, store, tmp_path, caplog, content):
        _, text = store.create("a", ["ingest"])
        (tmp_path / FILE).write_bytes(content)
        for ask in (
            store.all,
            lambda: store.find(text),
            lambda: store.of_session("x", "y"),
            lambda: store.ever("rules"),
        ):
            with pytest.raises(NotReady, match="the store of keys cannot be used"):
                ask()
        assert str(tmp_path / FILE) in caplog.text
        assert text not in caplog.text

    def test_a_store_that_cannot_be_made_is_said_to_be_so(self, store, tmp_path, caplog, monkeypatch):
        monkeypatch.setattr("service.security.keys._SCHEMA", "CREATE TABLE keys")
        with pytest.raises(NotReady, match="the store of keys cannot be used"):
            store.create("a", ["ingest"])
        assert f"{tmp_path / FILE}: cannot be used: " in caplog.text
        assert list(tmp_path.iterdir()) == []

    def test_a_newer_format_is_refused(self, store, tmp_path, caplog):
        store.create("a", ["ingest"])
        rows(tmp_path, "PRAGMA user_version = 3")
        with pytest.raises(NotReady):
            store.all()
        assert "format 3: expected 2" in caplog.text

    def test_a_file_put_in_its_place_counts_at_once(self, store, tmp_path):
        _, text = store.create("a", ["ingest"])
        KeyStore(tmp_path / "other").create("b", ["ingest"])
        (tmp_path / "other" / FILE).replace(tmp_path / FILE)
        assert store.find(text) is None
        assert [key.name for key in store.all()] == ["b"]

    def test_many_make_the_first_at_once(self, tmp_path):
        code = """
import sys, pathlib
from service.security.keys import KeyStore
print(KeyStore(pathlib.Path(sys.argv[1])).create(sys.argv[2], ["ingest"])[1])
"""
        started = [
            subprocess.Popen([sys.executable, "-c", code, tmp_path, f"n{at}"], stdout=subprocess.PIPE, text=True)
            for at in range(4)
        ]
        texts = [process.communicate(timeout=60)[0].strip() for process in started]
        store = KeyStore(tmp_path)
        assert [store.find(text).name for text in texts] == ["n0", "n1", "n2", "n3"]
        assert {path.name for path in tmp_path.iterdir()} == {FILE}

    def test_many_use_and_revoke_at_once(self, store, tmp_path):
        made = [store.create(f"n{at}", ["ingest"]) for at in range(8)]

        def use(at):
            key, text = made[at % 8]
            return store.revoke(key.id) if at % 3 == 0 else store.find(text)

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(use, range(80)))
        assert all(key.revoked for key in store.all())


class TestExpiry:
    def test_it_opens_nothing_from_its_end_on(self, store, tmp_path, clock):
        key, text = store.create("a", ["ingest"], expires=1_700_000_100)
        assert store.find(text).counts
        clock.now = 1_700_000_099.9
        assert KeyStore(tmp_path, clock).find(text).counts
        clock.now = 1_700_000_100
        found = KeyStore(tmp_path, clock).find(text)
        assert (found.id, found.expired, found.counts) == (key.id, True, False)

    def test_a_use_after_its_end_is_none(self, store, clock):
        _, text = store.create("a", ["ingest"], expires=1_700_000_100)
        clock.now += 500
        store.find(text)
        assert store.all()[0].last_used is None

    def test_it_cannot_have_ended_before_it_begins(self, store, tmp_path):
        with pytest.raises(ValueError, match=r"^expires: 2023-11-14T22:13:20\+00:00: expected a time that lies ahead"):
            store.create("a", ["ingest"], expires=1_700_000_000)
        assert list(tmp_path.iterdir()) == []


class TestRotating:
    BOUNDS = Bounds.of(["203.0.113.0/24"], ["Thể thao"], (), 7)

    def test_both_count_until_the_overlap_is_over(self, store, clock):
        before, old = store.create("CMS", ["ingest", "read"], expires=1_700_086_400, bounds=self.BOUNDS)
        clock.now += 1000
        key, new, ended = store.rotate(before.id, 600)
        assert (key.name, key.scopes, key.bounds, key.follows) == ("CMS", ("ingest", "read"), self.BOUNDS, before.id)
        assert key.expires == 1_700_001_000 + 86_400
        assert (ended.id, ended.expires) == (before.id, 1_700_001_600)
        assert store.find(old).counts
        assert store.find(new).counts
        clock.now = 1_700_001_600
        assert (store.find(old).counts, store.find(new).counts) == (False, True)

    def test_the_one_before_lasts_no_longer_than_it_did(self, store, clock):
        before, _ = store.create("CMS", ["ingest"], expires=1_700_000_100)
        assert store.rotate(before.id, 600)[2].expires == 1_700_000_100

    def test_one_without_an_end_has_a_successor_without(self, store):
        before, _ = store.create("CMS", ["ingest"])
        assert store.rotate(before.id, 0)[0].expires is None
        assert not store.get(before.id).counts

    def test_what_opens_nothing_has_no_successor(self, store, clock):
        revoked, ended = store.create("a", ["ingest"])[0], store.create("b", ["ingest"], expires=1_700_000_010)[0]
        store.revoke(revoked.id)
        clock.now += 20
        for key in (revoked, ended):
            with pytest.raises(ValueError, match=f"^id: '{key.id}': expected a key that is not"):
                store.rotate(key.id, 600)
        with pytest.raises(ValueError, match="expected the id of a key"):
            store.rotate("khong-co", 600)
        assert len(store.all()) == 2

    def test_one_has_one_successor(self, store, clock):
        """A second would last as long as the first one's overlap, not as long as the key was made for."""
        before, _ = store.create("CMS", ["ingest"], expires=1_700_086_400)
        key, _, _ = store.rotate(before.id, 600)
        with pytest.raises(ValueError, match=f"expected the key that follows it, {key.id}"):
            store.rotate(before.id, 600)
        assert store.rotate(key.id, 600)[0].follows == key.id


def test_resetting_is_a_way_of_writing(store):
    with pytest.raises(ValueError, match=r"^scope: reset: expected ingest beside it"):
        store.create("a", ["reset", "read"])
    assert store.create("a", ["reset", "ingest"], bounds=Bounds.of((), ["A"]))[0].scopes == ("ingest", "reset")


class TestBoundKeys:
    @pytest.mark.parametrize("scopes", [["read"], ["ingest", "rules"], ["ingest", "newsroom"], ["newsroom"]])
    def test_what_is_bound_to_articles_only_writes_them(self, store, scopes):
        with pytest.raises(ValueError, match=r"^scope: .*: expected scope ingest, and neither rules nor newsroom"):
            store.create("a", scopes, bounds=Bounds.of((), ["A"]))

    def test_bounds_that_cannot_be_read_let_nobody_in(self, store, tmp_path):
        _, text = store.create("a", ["ingest"])
        rows(tmp_path, "UPDATE keys SET bounds = '{}'")
        with pytest.raises(NotReady):
            store.find(text)


class TestDeletes:
    def test_so_many_in_a_day_in_all_processes(self, store, tmp_path, clock):
        key, _ = store.create("a", ["ingest"], bounds=Bounds.of(deletes=10))
        other = KeyStore(tmp_path, clock)
        assert [store.take_deletes(key, 4), other.take_deletes(key, 4), store.take_deletes(key, 4)] == [4, 4, 2]
        assert store.take_deletes(key, 1) == 0
        clock.now += DAY - 3600
        assert store.take_deletes(key, 1) == 0
        clock.now += 3600
        assert store.take_deletes(key, 99) == 10

    def test_another_key_has_its_own_and_one_without_a_bound_has_any(self, store, tmp_path):
        one, two = (store.create(name, ["ingest"], bounds=Bounds.of(deletes=1))[0] for name in "ab")
        free, _ = store.create("c", ["ingest"])
        assert [store.take_deletes(key, 5) for key in (one, two, free)] == [1, 1, 5]

    def test_racing_ones_are_no_more_than_there_are(self, store, tmp_path):
        key, _ = store.create("a", ["ingest"], bounds=Bounds.of(deletes=25))
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: KeyStore(tmp_path).take_deletes(key, 1), range(40))) == 25


OLD = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
    last_used INTEGER, revoked INTEGER
) STRICT;
CREATE TABLE ended (session TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
PRAGMA user_version = 1;
"""


class TestAHomeOfBefore:
    @pytest.fixture
    def text(self, tmp_path):
        database.make(tmp_path / FILE, OLD)
        digest = hashlib.sha256(b"a" * 43).digest()
        values = ("0" * 12, digest, "CMS", "ingest rules", 1_600_000_000, 1_650_000_000)
        rows(tmp_path, "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)", *values)
        rows(tmp_path, "INSERT INTO ended VALUES ('s1', 1800000000)")
        return "lq_" + "0" * 12 + "_" + "a" * 43

    def test_its_keys_open_what_they_did(self, store, tmp_path, text):
        key = store.find(text)
        assert (key.name, key.scopes, key.created, key.counts) == ("CMS", ("ingest", "rules"), 1_600_000_000, True)
        assert (key.bounds, key.expires, key.follows) == (UNBOUND, None, None)
        assert store.of_session(key.id, "s1") is None
        assert store.take_deletes(key, 10**6) == 10**6
        assert rows(tmp_path, "PRAGMA user_version") == [(2,)]
        assert store.create("b", ["read"], bounds=Bounds.of(["10.0.0.0/8"]))[0] in store.all()

    def test_many_upgrade_it_at_once(self, tmp_path, text):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: KeyStore(tmp_path).find(text), range(16)))
        assert {key.name for key in found} == {"CMS"}

    def test_an_upgrade_that_fails_leaves_it_as_it_was(self, store, tmp_path, text, monkeypatch):
        monkeypatch.setattr("service.security.keys._UPGRADES", {1: ("ALTER TABLE keys ADD COLUMN expires", "nonsense")})
        with pytest.raises(NotReady):
            store.find(text)
        assert rows(tmp_path, "PRAGMA user_version") == [(1,)]
        assert "expires" not in [row[1] for row in rows(tmp_path, "PRAGMA table_info(keys)")]


def test_a_file_whose_names_are_no_text_lets_nobody_in(store, tmp_path):
    """SQLite's message then holds bytes that Python cannot decode."""
    store.create("a", ["ingest"])
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content.replace(b"CREATE TABLE ended", b"CREATE TABLE \xe5nded"))
    with pytest.raises(NotReady):
        store.all()
