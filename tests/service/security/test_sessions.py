"""Sessions: what a cookie is worth once it is altered, old or of another service, and the secret behind it."""

import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer

from service.errors import NotReady
from service.security.sessions import FILE, NOBODY, Sessions, secret_of

SECRET = b"x" * 32
NOW = 1_700_000_000


def sessions(secret=SECRET, seconds=100, now=NOW):
    return Sessions(lambda: secret, seconds, lambda: now)


def test_a_session_is_known_again_by_whoever_has_the_secret():
    begun = sessions().begin("0123456789ab")
    assert sessions(now=NOW + 50).of(begun.cookie) == begun
    assert (begun.key_id, begun.until) == ("0123456789ab", NOW + 100)
    assert sessions().begin().key_id == NOBODY


def test_each_has_a_cookie_of_its_own():
    assert len({sessions().begin("a").cookie for _ in range(50)}) == 50


@pytest.mark.parametrize(("later", "there"), [(0, True), (100, True), (101, False), (10**6, False), (-1, False)])
def test_its_life_is_limited(later, there):
    begun = sessions().begin("a")
    assert (sessions(now=NOW + later).of(begun.cookie) is not None) is there


def test_another_secret_s_is_none():
    assert sessions(b"y" * 32).of(sessions().begin("a").cookie) is None


def test_another_signature_with_the_same_secret_is_none():
    assert sessions().of(URLSafeTimedSerializer(SECRET, "else").dumps(["a", "b"])) is None


def test_every_letter_counts():
    cookie = sessions().begin("a").cookie
    for at in range(len(cookie)):
        changed = cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :]
        found = sessions().of(changed)
        # the last letter of base64 has bits that say nothing
        assert found is None or at == len(cookie) - 1


@given(st.one_of(st.none(), st.text()))
def test_nothing_else_is_a_session(cookie):
    assert sessions().of(cookie) is None


def test_a_form_is_of_one_session_alone():
    one, two = sessions().begin("a"), sessions().begin("a")
    assert sessions().is_of(one, sessions().token(one))
    for token in (sessions().token(two), "", one.cookie, sessions(b"y" * 32).token(one), "é", "\ud800"):
        assert not sessions().is_of(one, token)


class TestSecret:
    def test_it_is_made_once_for_its_owner_alone(self, tmp_path):
        made = secret_of(tmp_path)
        assert len(made) == 64
        assert secret_of(tmp_path) == made
        assert [path.name for path in tmp_path.iterdir()] == [FILE]
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
        (tmp_path / FILE).unlink()
        assert secret_of(tmp_path) != made

    def test_what_is_set_stands_instead(self, tmp_path):
        assert secret_of(tmp_path / "none", "s" * 32) == b"s" * 32
        assert not (tmp_path / "none").exists()

    def test_a_home_is_made_where_there_is_none(self, tmp_path):
        assert secret_of(tmp_path / "a" / "b") == secret_of(tmp_path / "a" / "b")

    @pytest.mark.parametrize("content", [b"", b"short", b" " * 100])
    def test_one_that_is_too_short_is_refused(self, tmp_path, content):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(NotReady, match=r"session\.key cannot be read"):
            secret_of(tmp_path)
        assert (tmp_path / FILE).read_bytes() == content

    def test_where_nothing_can_be_written(self, tmp_path):
        (tmp_path / "file").write_text("x")
        with pytest.raises(NotReady, match=r"session\.key cannot be"):
            secret_of(tmp_path / "file" / "home")

    def test_all_that_make_it_at_once_have_the_same(self, tmp_path):
        code = """
import sys, pathlib
from service.security.sessions import secret_of
print(secret_of(pathlib.Path(sys.argv[1])).hex())
"""
        command = [sys.executable, "-c", code, tmp_path]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        assert len({process.communicate(timeout=60)[0] for process in started}) == 1
        assert [path.name for path in tmp_path.iterdir()] == [FILE]
